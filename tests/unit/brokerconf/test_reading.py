"""Files that bring settings to a broker: told apart, read with their lines, or refused in words."""

import json

import pytest
import yaml

from offloadctl.brokerconf.entries import BrokerConf, Layout
from offloadctl.brokerconf.reading import layout_of, read
from offloadctl.errors import BadValue

DRIVER, BUCKET, GENERAL_BUCKET = (
    "managedLedgerOffloadDriver",
    "s3ManagedLedgerOffloadBucket",
    "managedLedgerOffloadBucket",
)
P = "PULSAR_PREFIX_"

CONFIGMAP = f"""\
apiVersion: v1
kind: ConfigMap
metadata:
  name: broker
data:
  PULSAR_MEM: "-Xms64m"
  {P}{DRIVER}: aws-s3
  {BUCKET}: "cold"
"""
HELM = f"""\
# values.yaml
broker:
  replicaCount: 3
  configData:
    {P}{DRIVER}: "aws-s3"
    {P}{BUCKET}: cold
"""
COMPOSE = f"""\
services:
  zookeeper:
    image: pulsar
  broker:
    environment:
      - {P}{DRIVER}=aws-s3
      - {P}{BUCKET}=cold$$1
      - ACCESS_KEY_ID=a
"""
STATEFULSET = f"""\
apiVersion: apps/v1
kind: StatefulSet
spec:
  template:
    spec:
      containers:
        - name: broker
          env:
            - name: {P}{DRIVER}
              value: aws-s3
            - name: {P}{BUCKET}
              value: "cold"
            - name: AWS_SECRET_ACCESS_KEY
              valueFrom: {{secretKeyRef: {{name: aws, key: secret}}}}
"""
WHOLE_FILE = f"""\
apiVersion: v1
kind: ConfigMap
data:
  broker.conf: |
    # the broker
    {DRIVER}=aws-s3
    {BUCKET}=cold
"""


def text(conf: BrokerConf, key: str = BUCKET) -> str | None:
    return conf.text(key)


@pytest.mark.parametrize(
    ("data", "layout"),
    [
        (f"{DRIVER}=aws-s3\n", Layout.CONF),
        ("", Layout.CONF),
        ("# kind: of\n", Layout.CONF),
        (f"{P}{DRIVER}=aws-s3\n", Layout.ENV),
        (f"# the broker\nexport {P}{DRIVER}=aws-s3\n", Layout.ENV),
        (f"AWS_REGION=x\n{DRIVER}=aws-s3\n", Layout.ENV),
        (CONFIGMAP, Layout.YAML),
        (HELM, Layout.YAML),
        (COMPOSE, Layout.YAML),
        ("---\na: b\n", Layout.YAML),
    ],
)
def test_files_are_told_apart(data: str, layout: Layout) -> None:
    assert layout_of(data.encode()) is layout


@pytest.mark.parametrize(
    ("data", "line"), [(CONFIGMAP, 8), (HELM, 6), (STATEFULSET, 12), (f"{P}{DRIVER}=x\r\n{P}{BUCKET}=cold\r\n", 2)]
)
def test_variables_are_read_with_their_lines_wherever_they_stand(data: str, line: int) -> None:
    conf = read(data.encode())

    entry = conf.entry(BUCKET)
    assert entry is not None
    assert (entry.value, entry.line) == ("cold", line)


def test_a_dollar_of_a_compose_file_is_written_twice() -> None:
    conf = read(COMPOSE.encode())

    assert text(conf) == "cold$1"
    assert "ACCESS_KEY_ID" in conf.variables


def test_a_whole_file_in_a_configmap_is_read_as_one_with_the_lines_of_the_configmap() -> None:
    conf = read(WHOLE_FILE.encode())

    entry = conf.entry(BUCKET)
    assert entry is not None
    assert (conf.layout, conf.is_inside, entry.line) == (Layout.CONF, True, 7)


def test_variables_stand_on_the_images_own_file() -> None:
    conf = read(f"{P}{DRIVER}=aws-s3\n".encode())

    entry = conf.entry(BUCKET)
    assert entry is not None
    assert (entry.value, entry.line) == ("", None)
    assert conf.text("managedLedgerOffloadDeletionLagMs") == "14400000"


def test_a_variable_without_the_prefix_counts_only_if_the_images_file_has_the_key() -> None:
    conf = read(
        f"{P}{DRIVER}=S3\n{BUCKET}=cold\nmanagedLedgerOffloadRegion=eu\ntriggerOffloadOnTopicLoad=true\n".encode()
    )

    assert text(conf) == "cold"
    assert text(conf, "managedLedgerOffloadRegion") is None
    assert text(conf, "triggerOffloadOnTopicLoad") == "true"


def test_variables_are_trimmed_and_then_read_as_java_reads_a_file() -> None:
    conf = read(f"{P}{BUCKET}=  co\\u006cd \n{P}{GENERAL_BUCKET}=caf\u00e9\n".encode())

    assert text(conf) == "cold"
    assert text(conf, GENERAL_BUCKET) == "cafÃ©"


def test_quotes_are_a_shells_business_only_behind_export() -> None:
    shell = read(f"export {P}{BUCKET}='cold'\n".encode())
    env_file = read(f"{P}{BUCKET}='cold'\n".encode())

    assert text(shell) == "cold"
    assert text(env_file) == "'cold'"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (f"{DRIVER}=aws-s3".encode("utf-16"), "NUL"),
        (b"kind: ConfigMap\ndata: {\n", "looks like YAML, and is none"),
        (b"kind: ConfigMap\ndata:\n  a: b\n", "holds no settings"),
        (b"apiVersion: v1\ndata: \xff\n", "not UTF-8"),
        (b"---\n" + b"[" * 5000, "looks like YAML"),
        (b"---\na: *b\n", "looks like YAML"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(data: bytes, words: str) -> None:
    with pytest.raises(BadValue, match=words):
        read(data)


def test_yaml_that_is_inside_of_itself_is_read_once() -> None:
    conf = read(f"---\nenv: &all\n  {P}{BUCKET}: cold\n  again: *all\n".encode())

    assert text(conf) == "cold"


def test_a_broker_conf_is_latin_1() -> None:
    conf = read(b"s3ManagedLedgerOffloadBucket=caf\xe9\n")

    assert text(conf) == "café"


def test_what_kubectl_writes_as_json_is_read_like_its_yaml() -> None:
    text = json.dumps(yaml.safe_load(CONFIGMAP), indent=4)

    found = read(text.encode())

    assert found.layout is Layout.YAML
    assert (found.text(DRIVER), found.text(BUCKET)) == ("aws-s3", "cold")


@pytest.mark.parametrize("text", ["broker:\n  configData:\n    a: {{ .Values.a }}\n", "data:\n{{- if .x }}\n  a: b\n"])
def test_a_template_is_told_to_be_one(text: str) -> None:
    with pytest.raises(BadValue) as caught:
        read(text.encode())

    assert "helm template" in caught.value.hint
