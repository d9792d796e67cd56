"""Every answer that a real broker was recorded to give to a call of ours, and what the adapter makes of it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from operator import attrgetter
from typing import Any
from uuid import UUID

import pytest

from offloadctl.adapters.pulsar_rest import PulsarRest
from offloadctl.errors import BrokerError, Busy, NotAuthenticated, NotAuthorised, NotFound, Rejected
from offloadctl.model.ledger import (
    OffloadState,
    OffloadStatus,
    Position,
    ServedLedger,
    ServedLedgers,
    StoredLedger,
    StoredLedgers,
)
from offloadctl.model.names import TopicName
from offloadctl.units import ByteSize
from tests.recordings import Recording, recordings
from tests.rest_fakes import Answer, Asked, Bench, bench, json_answer, refusal

BEFORE = Position(33, 0)


# -- what the recorded JSON means, said once more and in another way than the adapter says it


def stored(info: Mapping[str, Any]) -> StoredLedgers:
    def ledger(one: Mapping[str, Any]) -> StoredLedger:
        closed = "entries" in one
        return StoredLedger(
            one["ledgerId"],
            one["entries"] if closed else None,
            ByteSize(one["size"]) if closed else None,
            datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=one["timestamp"]) if closed else None,
            UUID(one["offloadedContextUuid"]) if one["isOffloaded"] else None,
        )

    ledgers = tuple(ledger(one) for one in sorted(info["ledgers"], key=_ledger_id))
    # Milliseconds without the zeros at their end, always in UTC.
    day, _, fraction = info["modificationDate"].removesuffix("Z").partition(".")
    modified = datetime.strptime(day, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    return StoredLedgers(
        info["version"], ledgers, modified_at=modified + timedelta(milliseconds=int(fraction.ljust(3, "0")))
    )


def stored_by_partition(info: Mapping[str, Any]) -> dict[TopicName, StoredLedgers]:
    return {TopicName.parse(name): stored(one) for name, one in info["partitions"].items()}


def served(stats: Mapping[str, Any]) -> ServedLedgers:
    ledgers = (
        ServedLedger(one["ledgerId"], one["entries"], ByteSize(one["size"]), one["offloaded"])
        for one in sorted(stats["ledgers"], key=_ledger_id)
    )
    last = stats["lastConfirmedEntry"].split(":")
    return ServedLedgers(
        tuple(ledgers),
        stats["currentLedgerEntries"],
        ByteSize(stats["currentLedgerSize"]),
        stats["state"],
        Position(int(last[0]), int(last[1])),
    )


def status(process: Mapping[str, Any]) -> OffloadStatus:
    first = process["firstUnoffloadedMessage"]
    position = Position(first["ledgerId"], first["entryId"]) if process["status"] == "SUCCESS" else None
    return OffloadStatus(OffloadState[process["status"]], process["lastError"], position)


def _ledger_id(one: Mapping[str, Any]) -> int:
    found: int = one["ledgerId"]
    return found


# -- which of our calls meets which recordings


@dataclass(frozen=True)
class Use:
    """One call of the adapter: the requests that it sends, how it is made, what its good answer means."""

    method: str
    path: str
    call: Callable[[PulsarRest, TopicName], object]
    meaning: Callable[[Any], object]
    params: Mapping[str, str] | None = None

    def meets(self, method: str, path: str, params: Mapping[str, str]) -> bool:
        return method == self.method and re.fullmatch(self.path, path) is not None and params == (self.params or {})


TOPIC = r"/persistent/[^/]+/[^/]+/[^/]+"
USES = {
    "clusters": Use("GET", "/clusters", lambda rest, _: rest.clusters(), tuple),
    "own_cluster": Use(
        "GET", "/brokers/configuration/runtime", lambda rest, _: rest.own_cluster(), lambda found: found["clusterName"]
    ),
    "version": Use("GET", "/brokers/version", lambda rest, _: rest.broker_version(), str),
    "brokers": Use("GET", "/brokers/standalone", lambda rest, _: rest._transport.list_brokers(), tuple),
    "partitions": Use(
        "GET", f"{TOPIC}/partitions", lambda rest, topic: rest.partition_count(topic), lambda found: found["partitions"]
    ),
    "internal-info": Use("GET", f"{TOPIC}/internal-info", lambda rest, topic: rest.stored_ledgers(topic), stored),
    "internal-info of a partitioned topic": Use(
        "GET",
        f"{TOPIC}/internal-info",
        lambda rest, topic: rest.stored_ledgers_by_partition(topic),
        stored_by_partition,
    ),
    "internalStats": Use("GET", f"{TOPIC}/internalStats", lambda rest, topic: rest.served_ledgers(topic), served),
    "offload-status": Use("GET", f"{TOPIC}/offload", lambda rest, topic: rest.offload_status(topic), status),
    "offload": Use("PUT", f"{TOPIC}/offload", lambda rest, topic: rest.trigger_offload(topic, BEFORE), lambda _: None),
    "offloadPolicies": Use(
        "GET",
        f"{TOPIC}/offloadPolicies",
        # Their fields are many, and their rules a test's own: test_rest_policies.py.
        lambda rest, topic: attrgetter("driver", "bucket")(rest.offload_policies(topic)),
        lambda found: (found["managedLedgerOffloadDriver"], found["managedLedgerOffloadBucket"]),
        params={"applied": "true"},
    ),
    "topics of a namespace": Use(
        "GET",
        "/persistent/[^/]+/[^/]+",
        lambda rest, topic: rest._has_managed_ledger(topic),
        lambda _: True,
        params={"includeSystemTopic": "true"},
    ),
    "served topics": Use("GET", "/broker-stats/topics", lambda rest, _: rest.served_topics(), lambda _: None),
}

# Recorded for other readers: nothing of the adapter asks for these.
UNUSED = (
    r"GET /clusters/.+",
    r"GET /tenants.*",
    r"(GET|PUT|POST|DELETE) /namespaces/.+",
    r"GET /brokers/(leaderBroker|health|ready|internal-configuration|configuration|configuration/values)",
    r"POST /brokers/configuration/.+",
    r"GET /broker-stats/(load-report|metrics)",
    r"GET /persistent/[^/]+/[^/]+(/partitioned)?",
    # With a parameter that is none, to see what becomes of it in a redirect.
    rf"GET {TOPIC}/offload",
    rf"GET {TOPIC}/(stats|partitioned-stats|partitioned-internalStats|internalStats|offloadPolicies)",
    rf"(POST|DELETE) {TOPIC}/offloadPolicies",
    rf"PUT {TOPIC}/(unload|partitions)",
    rf"DELETE {TOPIC}",
    r"GET /non-persistent/.+",
    r"GET /(lookup/v2/.+|metrics/)",
)


def path_of(recording: Recording) -> str:
    return recording.path.removeprefix("/admin/v2")


def use_of(recording: Recording) -> str | None:
    """The name of our call that may get this answer; None if no call of ours asks that."""
    if path_of(recording).endswith("/internal-info") and "partitions" in recording.response:
        return "internal-info of a partitioned topic"
    path, params = path_of(recording), recording.params
    return next((name for name, use in USES.items() if use.meets(recording.method, path, params)), None)


def is_whole(recording: Recording) -> bool:
    """The recorder cut long answers after it had turned them into Python's notation; no broker said what is left."""
    return not recording.response_body.startswith(b"{'")


MET = [recording for recording in recordings() if use_of(recording) and is_whole(recording)]


@pytest.mark.parametrize("recording", [one for one in recordings() if not use_of(one)], ids=str)
def test_each_recording_is_a_call_of_ours_or_is_known_to_be_none(recording: Recording) -> None:
    asked = f"{recording.method} {path_of(recording)}"

    assert any(re.fullmatch(pattern, asked) for pattern in UNUSED), "say in USES or UNUSED whose this is"


def test_only_the_list_of_served_topics_was_never_recorded() -> None:
    without = set(USES) - {use_of(recording) for recording in recordings()}

    assert without == {"served topics", "topics of a namespace"}


def test_the_adapter_sends_no_request_that_the_recordings_were_not_searched_for() -> None:
    def broker(asked: Asked, clusters: tuple[str, ...]) -> Answer:
        if asked.path.endswith("/internal-info"):
            return json_answer({"servlet": "s", "message": "Request failed.", "url": "u", "status": "500"}, 500)
        if asked.path.endswith("/clusters"):
            return json_answer(clusters)
        if asked.path.endswith("/partitions"):
            return json_answer({"partitions": 2})
        return json_answer([])

    asked: list[Asked] = []
    topic = TopicName.parse("public/rec/t1")
    for clusters in (("standalone",), ("standalone", "other")):
        for use in USES.values():
            ours = bench(partial(broker, clusters=clusters))
            _outcome(ours, use, topic)
            asked.extend(ours.brokers.asked)

    uses = {
        (one.method, one.path.removeprefix("/admin/v2"), tuple((name, given[0]) for name, given in one.query.items()))
        for one in asked
    }
    # With several clusters the broker's own is meant.
    uses.discard(("GET", "/brokers", ()))
    for method, path, query in uses:
        params = dict(query)
        assert any(use.meets(method, path, params) for use in USES.values()), f"{method} {path} {params}"
    assert len(uses) >= len(USES) - 1


# -- what becomes of each


def replaying(recording: Recording) -> Bench:
    """A broker that gives the recorded answer to the recorded request, and knows little else."""

    def broker(asked: Asked) -> Answer:
        if (asked.method, asked.path) == (recording.method, recording.path) and "authoritative" not in asked.query:
            return Answer(recording.status, recording.response_body, recording.headers)
        if asked.path == "/admin/v2/clusters":
            return json_answer(["standalone", "other"] if use_of(recording) == "own_cluster" else ["standalone"])
        return refusal(404, f"asked {asked.method} {asked.url}")

    return bench(broker)


def outcome_of(recording: Recording) -> object:
    name = use_of(recording)
    assert name is not None
    parts = path_of(recording).split("/")
    topic = TopicName(*parts[2:5]) if len(parts) > 4 else TopicName("public", "rec", "t1")
    return _outcome(replaying(recording), USES[name], topic)


def _outcome(of: Bench, use: Use, topic: TopicName) -> object:
    try:
        return use.call(of.rest, topic)
    except BrokerError as exc:
        return exc


@pytest.mark.parametrize("recording", [one for one in MET if one.status in (200, 204)], ids=str)
def test_a_good_answer_becomes_the_value_that_it_means(recording: Recording) -> None:
    use = USES[use_of(recording) or ""]
    meaning = use.meaning(recording.response if recording.response_body else None)

    assert outcome_of(recording) == meaning


@pytest.mark.parametrize("recording", [one for one in MET if one.status == 307], ids=str)
def test_a_redirect_is_followed_to_the_letter(recording: Recording) -> None:
    replayed = replaying(recording)
    use, topic = USES[use_of(recording) or ""], TopicName(*path_of(recording).split("/")[2:5])

    outcome = _outcome(replayed, use, topic)

    assert isinstance(outcome, NotFound)
    first, second = [one for one in replayed.brokers.asked if one.path == recording.path]
    assert second.url == recording.headers["Location"]
    assert (second.method, second.body) == (first.method, first.body)
    assert second.headers.get("Content-Type") == first.headers.get("Content-Type")


NOBODY = ("no token", "garbage token", "expired token")
ERRORS: dict[tuple[int, str], type[Exception]] = {
    **{(401, who): NotAuthenticated for who in NOBODY},
    (401, "role without rights"): NotAuthorised,
    (404, "missing topic"): NotFound,
    (404, "missing ns"): NotFound,
    (404, "partitioned parent"): NotFound,
    (500, "missing topic"): NotFound,
    (500, "two brokers with one metadata store: asked 28081"): NotFound,
    (409, "second while running"): Busy,
    (400, "empty body"): Rejected,
    (400, "bad json"): Rejected,
}


@pytest.mark.parametrize("recording", [one for one in MET if one.status >= 400], ids=str)
def test_any_other_answer_becomes_the_error_that_it_means_with_the_brokers_own_reason(recording: Recording) -> None:
    outcome = outcome_of(recording)

    if use_of(recording) == "own_cluster" and recording.note == "role without rights":
        assert outcome is None
        return
    assert type(outcome) is ERRORS[recording.status, recording.note]
    assert outcome.status == recording.status  # type: ignore[attr-defined]
    if isinstance(recording.response, dict) and "reason" in recording.response:
        assert recording.response["reason"] in str(outcome)


def test_the_trigger_is_the_request_that_a_real_broker_accepted() -> None:
    accepted = [one for one in MET if use_of(one) == "offload" and one.status == 204 and not one.note]
    assert accepted

    for recording in accepted:
        ours = replaying(recording)
        body = re.fullmatch(rb'\{"ledgerId": (\d+), "entryId": (\d+), "partitionIndex": -1\}', recording.body or b"")
        assert body is not None
        before = Position(int(body[1]), int(body[2]))
        ours.rest.trigger_offload(TopicName(*path_of(recording).split("/")[2:5]), before)

        sent = ours.brokers.asked[-1]
        assert (sent.method, sent.path) == (recording.method, recording.path)
        assert (sent.body or b"").replace(b":", b": ").replace(b",", b", ") == recording.body
        assert sent.headers["Content-Type"] == "application/json"
