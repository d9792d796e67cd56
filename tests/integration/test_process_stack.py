"""The stack of `python -m tests.stack`: plain processes for work by hand, that serve, end and leave nothing behind."""

from pathlib import Path

import pytest
import requests

from tests.integration.containers import free_port
from tests.integration.stack import Stack, Topic
from tests.stack import local, topics

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("own_containers")]


def test_processes_serve_offload_and_end(tmp_path: Path) -> None:
    ports = local.Ports(web=free_port(), broker=free_port(), bookie=free_port(), s3=free_port())
    stack = Stack(ports.admin_url, ports.broker_url, ports.s3_url, local.BUCKET, local.ACCESS_KEY, local.SECRET_KEY)
    topic = Topic(stack, f"persistent://{topics.NAMESPACE}/by-hand")

    with local.start_minio(tmp_path / "minio", ports) as minio:
        local.ensure_bucket(ports)
        with local.start_broker(tmp_path / "broker", ports) as broker:
            topics.ensure_namespace(ports)
            sent = topics.close_ledgers(ports, topic.name, ledgers=2, messages=20)
            status = topic.offload()
            topic.unload()

            assert status["status"] == "SUCCESS", status
            assert [ledger["offloaded"] for ledger in topic.served_ledgers()][:2] == [True, True]
            assert topics.consume(ports, topic.name, len(sent)) == sent

    assert minio.process.poll() is not None
    assert broker.process.poll() is not None
    with pytest.raises(requests.ConnectionError):
        requests.get(ports.admin_url, timeout=2)
