"""The generated protobuf code is what the .proto files say."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto, FileDescriptorSet

from offloadctl.format.proto import entry_scan_pb2, pulsar_pb2

ROOT = Path(__file__).resolve().parents[3]
GENERATED = {module.DESCRIPTOR.name: module.DESCRIPTOR for module in (pulsar_pb2, entry_scan_pb2)}
PULSAR = "offloadctl/format/proto/pulsar.proto"

each_proto = pytest.mark.parametrize("proto", GENERATED)


def generated(proto: str) -> FileDescriptorProto:
    return without_json_names(FileDescriptorProto.FromString(GENERATED[proto].serialized_pb))


def compiled(proto: str, source: Path, out: Path) -> FileDescriptorProto:
    """What protoc makes of a .proto now."""
    subprocess.run(
        [
            sys.executable,
            "-m",
            "grpc_tools.protoc",
            "-I",
            str(source),
            f"--descriptor_set_out={out / 'pulsar.desc'}",
            proto,
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


def test_every_proto_is_looked_at() -> None:
    assert set(GENERATED) == {str(path.relative_to(ROOT)) for path in (ROOT / "offloadctl").rglob("*.proto")}


@each_proto
def test_the_generated_code_is_in_step_with_the_proto(proto: str, tmp_path: Path) -> None:
    pytest.importorskip("grpc_tools", reason="grpcio-tools brings protoc")

    assert compiled(proto, ROOT, tmp_path) == generated(proto)


def test_a_changed_proto_would_be_noticed(tmp_path: Path) -> None:
    pytest.importorskip("grpc_tools", reason="grpcio-tools brings protoc")
    changed = tmp_path / PULSAR
    changed.parent.mkdir(parents=True)
    changed.write_text((ROOT / PULSAR).read_text().replace("uint64 broker_timestamp", "int64 broker_timestamp"))

    assert compiled(PULSAR, tmp_path, tmp_path) != generated(PULSAR)


@each_proto
def test_the_type_stubs_know_each_message_and_field(proto: str) -> None:
    stubs = ast.parse((ROOT / proto.replace(".proto", "_pb2.pyi")).read_text())
    classes = {node.name: node for node in ast.walk(stubs) if isinstance(node, ast.ClassDef)}

    for message in all_messages(generated(proto)):
        annotated = {
            node.target.id
            for node in classes[message.name].body
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
        }
        assert {field.name for field in message.field} <= annotated


def test_the_columns_of_many_entries_are_fields_of_one() -> None:
    columns, fields = entry_scan_pb2.MetadataColumns.DESCRIPTOR.fields, pulsar_pb2.MessageMetadata.DESCRIPTOR.fields

    assert {(field.name, field.number) for field in columns} <= {(field.name, field.number) for field in fields}


def test_the_proto_is_part_of_the_package() -> None:
    assert resources.files("offloadctl.format.proto").joinpath("pulsar.proto").is_file()
