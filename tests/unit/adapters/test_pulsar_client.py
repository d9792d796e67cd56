"""Messages by pulsar-client, without a broker: what is said when there is none, or no library."""

import sys
from pathlib import Path

import pytest

from offloadctl.adapters.memory import ManualClock
from offloadctl.adapters.pulsar_client import PulsarMessages, require_library
from offloadctl.errors import BrokerUnreachable, MissingExtra
from offloadctl.model.ledger import Position
from offloadctl.model.names import TopicName
from offloadctl.model.settings import BrokerSettings, TokenAuth
from tests.sockets import closed_port

TOPIC = TopicName("acme", "shop", "orders")


def test_a_broker_that_is_not_there_is_unreachable_and_not_silent(capfd: pytest.CaptureFixture[str]) -> None:
    with (
        closed_port() as address,
        PulsarMessages(f"pulsar://{address}", BrokerSettings(connect_timeout=0.2), ManualClock()) as messages,
        pytest.raises(BrokerUnreachable, match="pulsar://127"),
    ):
        messages.first_from(TOPIC, Position(5, 0), timeout=0.2)

    assert capfd.readouterr() == ("", "")


def test_without_the_library_the_way_to_get_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pulsar", None)

    with pytest.raises(MissingExtra) as caught:
        require_library()

    assert "offloadctl[readback]" in caught.value.hint


def test_making_one_loads_nothing_and_asks_nobody(tmp_path: Path) -> None:
    settings = BrokerSettings(auth=TokenAuth(file=tmp_path / "none"))

    with PulsarMessages("pulsar://nowhere.invalid:6650", settings, ManualClock()) as messages:
        assert messages._client is None
