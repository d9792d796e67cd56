"""How the lease of a context is opened: by its topic, or by the file of its state; and what is missing for it."""

import sys
from pathlib import Path

import pytest

from offloadctl.adapters.memory import ManualClock
from offloadctl.errors import LeaseHeld, MissingExtra, SettingsError
from offloadctl.model.names import TopicName
from offloadctl.model.settings import BrokerSettings, Context
from offloadctl.wiring import lease_dangers, open_decision_history, open_decision_log, open_lease

TOPIC = TopicName("acme", "ops", "__offloadctl_lease")
REACHED = BrokerSettings(broker_url="pulsar://127.0.0.1:1")


def test_without_a_topic_whoever_locks_the_file_has_it_at_once_and_nobody_else(tmp_path: Path) -> None:
    context = Context("default", state=tmp_path)

    with open_lease(context, ManualClock(), "one") as lease:
        term = lease.wait(0)
        with pytest.raises(LeaseHeld), open_lease(context, ManualClock(), "two"):
            pass

    assert term is not None
    assert term.lost == ""
    assert lease.location == str(tmp_path / "scheduler.lock")
    assert lease_dangers(context, ManualClock()) == ()


def test_a_topic_needs_the_address_of_the_binary_protocol(tmp_path: Path) -> None:
    context = Context("default", state=tmp_path, lease_topic=TOPIC)

    opened = open_lease(context, ManualClock(), "one")
    with pytest.raises(SettingsError, match="__offloadctl_lease needs") as caught, opened:
        pass

    assert "OFFLOADCTL_BROKER_URL" in caught.value.hint


def test_a_topic_needs_the_library_and_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pulsar", None)
    context = Context("default", REACHED, lease_topic=TOPIC)

    for opened in (open_lease(context, ManualClock(), "one"), open_decision_log(context, ManualClock())):
        with pytest.raises(MissingExtra, match="a lease topic needs") as caught, opened:
            pass
        assert "offloadctl[serve]" in caught.value.hint


def test_a_history_on_a_topic_is_not_asked_for_before_it_is_read() -> None:
    with open_decision_history(Context("default", REACHED, lease_topic=TOPIC)) as log:
        assert log is not None
