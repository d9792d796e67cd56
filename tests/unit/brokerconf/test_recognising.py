"""What is a broker's configuration, and what is any other text."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offloadctl.brokerconf.entries import Layout
from offloadctl.brokerconf.reading import read
from offloadctl.brokerconf.recognising import require_broker
from offloadctl.brokerconf.settings import BY_KEY
from offloadctl.errors import BadValue

README = Path(__file__).parents[3] / "README.md"


@pytest.mark.parametrize(
    "text",
    [
        "managedLedgerOffloadDriver=aws-s3\n",
        "managedLedgerOfloadDriver=aws-s3\n",
        "clusterName=prod\nanything=else\n",
        "metadataStoreUrl: zk:one:2181\n",
        "bookkeeperClientTimeoutInSeconds = 30\n",
        "PULSAR_MEM=-Xmx1g\nPULSAR_PREFIX_anything=1\n",
        "JAVA_HOME=/java\nexport managedLedgerOffloadDriver=aws-s3\n",
    ],
)
def test_one_key_of_pulsar_s_is_enough(text: str) -> None:
    conf = read(text.encode())

    assert require_broker(conf) is conf


@given(key=st.sampled_from(sorted(BY_KEY)), noise=st.lists(st.from_regex(r"[a-z]{3,9}=[a-z]*", fullmatch=True)))
def test_every_key_of_the_table_is_enough_among_others(key: str, noise: list[str]) -> None:
    conf = read("\n".join([*noise, f"{key}=x"]).encode(), layout=Layout.CONF)

    assert require_broker(conf) is conf


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "other keys: 0"),
        (b"# nothing\n\n", "other keys: 0"),
        (b"foo\n", "other keys: 1"),
        (b"offloadctl offload topic\n", "other keys: 1"),
        (b"zkServers=one:2181\nledgerDirectories=/data\n", "other keys: 2"),
        (b"PULSAR_MEM=-Xmx1g\nJAVA_HOME=/java\n", "other variables: 2"),
    ],
)
def test_other_text_is_none(data: bytes, found: str) -> None:
    with pytest.raises(BadValue, match=f"this is no broker.conf: expected keys such as .*{found}"):
        require_broker(read(data))


def test_prose_is_none() -> None:
    with pytest.raises(BadValue, match=r"this is no broker\.conf"):
        require_broker(read(README.read_bytes(), layout=Layout.CONF))
