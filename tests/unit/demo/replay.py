"""Recordings of a real broker, asked again of a simulated one, and compared."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

from offloadctl.adapters.memory import ManualClock, MemoryObjectStore
from offloadctl.demo.broker import Access, Broker, Request, Response
from offloadctl.demo.broker.access import Grant
from offloadctl.demo.cluster_state import SimulatedCluster
from offloadctl.demo.ledgers import SimulatedLedger
from offloadctl.demo.policies import JsonValue
from offloadctl.demo.tuning import Tuning
from offloadctl.format.entry import BROKER_METADATA_MAGIC, BrokerEntryMetadata
from offloadctl.model.names import TopicName
from tests.recordings import Recording, _recording, recordings

_BOOKIE: Final = re.compile(r"127\.0\.0\.1:\d+")
RECORDED: Final = Path(__file__).parent / "recorded"
BUCKET: Final = "pulsar-offload-bucket"

# Times, chance, and what no simulation keeps: they are there and have the right type, no more.
VOLATILE: Final = frozenset(
    {
        "creationDate",
        "modificationDate",
        "timestamp",
        "lastLedgerCreatedTimestamp",
        "lastOffloadSuccessTimeStamp",
        "offloadedContextUuid",
        "publishRateLimitedTimes",
        "servlet",
        "startTimestamp",
        "lastUpdate",
        "usage",
        "limit",
        "maxResourceUsage",
        "brokerUrl",
        "nativeUrl",
        "pulsarServiceUrl",
        "brokerServiceUrl",
        "lastLedgerSwitchTimestamp",
        "messagesConsumedCounter",
    }
)


@cache
def all_recordings() -> tuple[Recording, ...]:
    """The shared ones and those beside this file."""
    return recordings() + tuple(
        _recording(file.stem, number, entry)
        for file in sorted(RECORDED.glob("*.json"))
        for number, entry in enumerate(json.loads(file.read_text()))
    )


@dataclass
class Stage:
    """A simulated cluster that is brought into the states in which a real one was recorded."""

    brokers: tuple[str, ...]
    properties: Mapping[str, JsonValue] = field(default_factory=dict)
    tuning: Tuning = field(default_factory=Tuning)
    tokens: Mapping[str, Grant] = field(default_factory=dict)
    super_users: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self.clock = ManualClock(datetime(2026, 11, 24, 2, tzinfo=UTC))
        self.store = MemoryObjectStore(BUCKET, now=self.clock.now)
        self.cluster = SimulatedCluster(
            self.clock, [self.store], brokers=self.brokers, properties=self.properties, tuning=self.tuning, seed=1
        )
        access = Access(self.tokens, self.super_users) if self.tokens else None
        self.asked = Broker(self.cluster, self.brokers[0], access)

    def ask(self, recording: Recording, token: str = "") -> Response:
        headers = {"accept": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
        return self.asked.answer(
            Request(recording.method, recording.path, recording.params, recording.body or b"", headers)
        )

    def next_ledger(self, ledger_id: int) -> None:
        """A real cluster's other topics take ledger ids too."""
        self.cluster.next_ledger_id = ledger_id

    def wait(self, seconds: float = 3) -> None:
        self.clock.advance(timedelta(seconds=seconds))

    def publish(self, name: str, *sizes: tuple[int, int]) -> None:
        """So many entries of so many bytes together, one pair after the other."""
        for count, total in sizes:
            self.cluster.publish(TopicName.parse(name), sized(count, total))


def sized(count: int, total: int) -> Iterator[bytes]:
    """Entries that make that many bytes together: a real producer's first ones are a little shorter."""
    size = -(-total // count)
    short = size * count - total
    for number in range(count):
        yield bytes(size - (number < short))


def indexed(first: int, count: int, size: int) -> Iterator[bytes]:
    """Entries with broker metadata in front, as long as the recorded ones: index and sequence id grow together."""
    for index in range(first, first + count):
        metadata = BrokerEntryMetadata(1_795_486_815_000, index).build()
        head = BROKER_METADATA_MAGIC + len(metadata).to_bytes(4) + metadata
        yield head + bytes(size - (2 if index < 128 else 0) - len(head))


def differences(recording: Recording, response: Response) -> list[str]:
    """How the answer differs from the recorded one; nothing if it does not."""
    found = []
    if response.status != recording.status:
        found.append(f"status {response.status}, recorded {recording.status}: {response.body[:300]!r}")
    for name, value in recording.headers.items():
        if response.headers.get(name) != value:
            found.append(f"{name} {response.headers.get(name)!r}, recorded {value!r}")
    if "Content-Type" not in recording.headers and response.content_type:
        found.append(f"Content-Type {response.content_type!r}, recorded none")
    found += _body_differences(recording, response)
    return [f"{recording} ({recording.note}): {what}" for what in found]


def _body_differences(recording: Recording, response: Response) -> Iterator[str]:
    recorded, answered = recording.response, _parsed(response.body)
    if isinstance(recorded, str) and isinstance(answered, str):
        yield from _text_differences(recorded, answered, recording.headers.get("Content-Type", ""))
    else:
        yield from _differences(recorded, answered, "")


def _text_differences(recorded: str, answered: str, content_type: str) -> Iterator[str]:
    if content_type == "text/plain":
        # Jackson tells the column and every class; that it is Jackson who speaks, and of what, is enough.
        same = recorded.split()[:2] == answered.split()[:2] and "\n at [Source" in answered
    elif content_type.startswith("text/plain;"):
        same = recorded.startswith("# TYPE ") and answered.startswith("# TYPE ")
    else:
        same = recorded == answered
    if not same:
        yield f"{answered!r}, recorded {recorded!r}"


def _differences(recorded: Any, answered: Any, where: str) -> Iterator[str]:
    if type(recorded) is not type(answered):
        yield f"{where}: {answered!r}, recorded {recorded!r}"
    elif isinstance(recorded, dict):
        yield from _dict_differences(recorded, answered, where)
    elif isinstance(recorded, list):
        yield from _list_differences(recorded, answered, where)
    elif not _same_scalar(where.rpartition(".")[2], recorded, answered):
        yield f"{where}: {answered!r}, recorded {recorded!r}"


def _dict_differences(recorded: dict[str, Any], answered: dict[str, Any], where: str) -> Iterator[str]:
    if recorded.keys() != answered.keys():
        missing, more = recorded.keys() - answered.keys(), answered.keys() - recorded.keys()
        yield f"{where}: without {sorted(missing)}, with {sorted(more)}"
    for key in recorded.keys() & answered.keys():
        yield from _differences(recorded[key], answered[key], f"{where}.{key}")


def _list_differences(recorded: list[Any], answered: list[Any], where: str) -> Iterator[str]:
    if any(isinstance(one, dict) for one in recorded):
        if len(recorded) != len(answered):
            yield f"{where}: {len(answered)}, recorded {len(recorded)}"
        for number, (one, other) in enumerate(zip(recorded, answered, strict=False)):
            yield from _differences(one, other, f"{where}.{number}")
    elif sorted(recorded) != sorted(answered):
        # Names come from sets.
        yield f"{where}: {answered!r}, recorded {recorded!r}"


def _same_scalar(name: str, recorded: Any, answered: Any) -> bool:
    if name in VOLATILE:
        return True
    if name == "metadata":
        return _without_chance(recorded) == _without_chance(answered)
    if name == "reason" and "Stacktrace:" in recorded:
        return _message(recorded) == _message(answered)
    return bool(recorded == answered)


def _message(reason: str) -> str:
    """Of a stack trace only its message is compared; a servlet's number in it is chance."""
    return re.sub(r"ServletContainer-\w+", "ServletContainer", reason.partition("Stacktrace:")[0])


def _without_chance(metadata: str) -> list[str]:
    """BookKeeper's text about a ledger without the bookie that has it and the order of a Java map."""
    return sorted(re.split(r"[{}, ]+", _BOOKIE.sub("bookie", metadata)))


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode()


Hook = Callable[[Stage], None]


def last_ledger(stage: Stage, name: str) -> SimulatedLedger:
    return stage.cluster.existing(TopicName.parse(name)).last
