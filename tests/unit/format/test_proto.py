"""The generated protobuf code is what the .proto says, and the .proto says what Pulsar does."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto, FileDescriptorSet

from offloadctl.format.proto import pulsar_pb2

ROOT = Path(__file__).resolve().parents[3]
PROTO = "offloadctl/format/proto/pulsar.proto"


def generated() -> FileDescriptorProto:
    return FileDescriptorProto.FromString(pulsar_pb2.DESCRIPTOR.serialized_pb)


def compiled(source: Path, out: Path) -> FileDescriptorProto:
    """What protoc makes of a .proto now."""
    subprocess.run(
        [
            sys.executable,
            "-m",
            "grpc_tools.protoc",
            "-I",
            str(source),
            f"--descriptor_set_out={out / 'pulsar.desc'}",
            PROTO,
        ],
        check=True,
        timeout=60,
    )
    (file,) = FileDescriptorSet.FromString((out / "pulsar.desc").read_bytes()).file
    return without_json_names(file)


def without_json_names(file: FileDescriptorProto) -> FileDescriptorProto:
    for message in all_messages(file):
        for field in message.field:
            field.ClearField("json_name")
    return file


def all_messages(holder: FileDescriptorProto | DescriptorProto) -> Iterator[DescriptorProto]:
    for message in holder.message_type if isinstance(holder, FileDescriptorProto) else holder.nested_type:
        yield message
        yield from all_messages(message)


def test_the_generated_code_is_in_step_with_the_proto(tmp_path: Path) -> None:
    pytest.importorskip("grpc_tools", reason="grpcio-tools brings protoc")

    assert compiled(ROOT, tmp_path) == without_json_names(generated())


def test_a_changed_proto_would_be_noticed(tmp_path: Path) -> None:
    pytest.importorskip("grpc_tools", reason="grpcio-tools brings protoc")
    changed = tmp_path / PROTO
    changed.parent.mkdir(parents=True)
    text = (ROOT / PROTO).read_text()
    changed.write_text(text.replace("uint64 broker_timestamp", "int64 broker_timestamp"))

    assert compiled(tmp_path, tmp_path) != without_json_names(generated())


def test_the_type_stubs_know_each_message_and_field() -> None:
    stubs = ast.parse((ROOT / PROTO.replace(".proto", "_pb2.pyi")).read_text())
    classes = {node.name: node for node in ast.walk(stubs) if isinstance(node, ast.ClassDef)}

    for message in all_messages(generated()):
        annotated = {
            node.target.id
            for node in classes[message.name].body
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
        }
        assert {field.name for field in message.field} <= annotated


def test_the_proto_is_part_of_the_package() -> None:
    assert resources.files("offloadctl.format.proto").joinpath("pulsar.proto").is_file()
