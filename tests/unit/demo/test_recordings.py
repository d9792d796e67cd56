"""The simulated broker held to the real one: the same requests in the same states get the same answers.

Each chain below is one cluster's life. Between the requests its hooks do what the recorder did beside REST: publish,
wait, crash a broker. Ledger ids that a real cluster gave to its own topics are skipped by hand.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

import pytest

from offloadctl.demo.broker.access import Grant
from offloadctl.demo.policies import THRESHOLD, THRESHOLD_IN_SECONDS, JsonValue
from offloadctl.demo.subscriptions import acknowledge, subscribe
from offloadctl.demo.tuning import Tuning, broker_properties
from offloadctl.format.keys import index_key
from offloadctl.model.ledger import Position
from offloadctl.model.names import NamespaceName, TopicName
from tests.recordings import Recording
from tests.unit.demo.replay import BUCKET, Hook, Stage, all_recordings, differences, indexed

Key = tuple[str, int]

OUT_OF_SCOPE: Final[Mapping[Key, str]] = {
    ("01-cluster", 17): "broker-stats/metrics holds nothing about offload, and nothing here asks for it",
    ("10-ledgers", 140): "it lists the broker's own system topics; test_served_topics compares the fields",
    ("10-ledgers", 141): "this broker has a load manager though it is alone; 01-cluster#16 and 06-two-brokers#25 do",
    ("07-authentication", 56): "the recorder cut the answer; 01-cluster#12 has the whole one",
}


@dataclass
class Chain:
    """Recordings that follow each other in one cluster, and what happens before some of them."""

    stage: Stage
    sources: tuple[str, ...]
    hooks: dict[Key, Hook] = field(default_factory=dict)
    tokens: Mapping[str, str] = field(default_factory=dict)
    """By the beginning of a recording's note."""

    def replay(self) -> list[str]:
        found = []
        for recording in sorted(all_recordings(), key=lambda one: (self._place(one), one.number)):
            key = (recording.source, recording.number)
            if recording.source in self.sources and key not in OUT_OF_SCOPE:
                self.hooks.get(key, _nothing)(self.stage)
                found += differences(recording, self.stage.ask(recording, self._token(recording)))
        return found

    def _place(self, recording: Recording) -> int:
        return self.sources.index(recording.source) if recording.source in self.sources else -1

    def _token(self, recording: Recording) -> str:
        return next((token for note, token in self.tokens.items() if recording.note.startswith(note)), "")


def _nothing(_: Stage) -> None:
    pass


def _wait(stage: Stage) -> None:
    stage.wait()


KEEP_ALL: Final = {"retentionTimeInMinutes": -1, "retentionSizeInMB": -1}


def _local_broker(*, max_block_size: int = 5_242_880, deletion_lag_ms: int = 3_600_000) -> dict[str, JsonValue]:
    """The broker.conf of the recordings beside this file: tests/stack/broker/standalone.conf."""
    properties = broker_properties(
        BUCKET,
        endpoint="http://127.0.0.1:29100",
        driver="S3",
        max_block_size=max_block_size,
        deletion_lag_ms=deletion_lag_ms,
    )
    generic = {"managedLedgerOffloadReadBufferSizeInBytes": 1_048_576}
    return properties | generic | {THRESHOLD: -1, THRESHOLD_IN_SECONDS: -1}


def _recorded_broker(**more: JsonValue) -> dict[str, JsonValue]:
    """The broker.conf of the recorded brokers."""
    properties = broker_properties(
        BUCKET, region="us-west-2", driver="S3", max_block_size=5242880, deletion_lag_ms=60000
    )
    return properties | more


_PULSARS_DEFAULTS: Final = Tuning(retention_minutes=0, retention_mebibytes=0)
_AS_RECORDED: Final = replace(_PULSARS_DEFAULTS, backlog_quota_bytes=10 * 1024**3)


def cluster() -> Chain:
    return Chain(Stage(("127.0.0.1:8080",), _recorded_broker(), _AS_RECORDED), ("01-cluster",))


def a_topic_and_its_partitioned_neighbour() -> Chain:
    def publish(stage: Stage) -> None:
        topic = TopicName.parse("public/rec/t1")
        stage.cluster.create_topic(topic)
        stage.next_ledger(31)
        stage.publish("public/rec/t1", (1000, 1_046_762), (1000, 1_048_000), (500, 524_000))

    def publish_to_partitions(stage: Stage) -> None:
        stage.next_ledger(35)
        for number in range(3):
            stage.cluster.serve(TopicName.parse(f"public/rec/pt-partition-{number}"))
        for number, size in enumerate((547_503, 547_500, 547_503)):
            stage.publish(f"public/rec/pt-partition-{number}", (1000, size))

    return Chain(
        Stage(("127.0.0.1:8080",), _recorded_broker(), _AS_RECORDED),
        ("02-namespace", "03-topic-offload", "04-partitioned-and-topic-policies"),
        {
            ("03-topic-offload", 0): publish,
            ("03-topic-offload", 20): _wait,
            ("04-partitioned-and-topic-policies", 3): publish_to_partitions,
        },
    )


def automatic_runs_and_a_lost_index() -> Chain:
    def create_namespace(stage: Stage) -> None:
        stage.cluster.tuning = replace(stage.cluster.tuning, broker_entry_index=True)
        stage.cluster.create_namespace(NamespaceName("public", "life")).retention = dict(KEEP_ALL)

    def publish(name: str, first_ledger: int, count: int) -> Hook:
        def hook(stage: Stage) -> None:
            topic = TopicName.parse(name)
            stage.cluster.create_topic(topic)
            stage.next_ledger(first_ledger)
            stage.cluster.publish(topic, indexed(0, count, 554))
            stage.wait()

        return hook

    def lose_the_first_index(stage: Stage) -> None:
        ledger = stage.cluster.existing(TopicName.parse("public/life/broken")).ascending[0]
        assert ledger.context is not None
        stage.store.delete(index_key(ledger.context.uuid, ledger.ledger_id))

    return Chain(
        Stage(("127.0.0.1:8080",), _recorded_broker(), _AS_RECORDED),
        ("05-lifecycle",),
        {
            ("05-lifecycle", 0): create_namespace,
            ("05-lifecycle", 1): publish("public/life/auto", 133, 3300),
            ("05-lifecycle", 6): publish("public/life/broken", 137, 2200),
            ("05-lifecycle", 8): lose_the_first_index,
        },
    )


def two_brokers() -> Chain:
    def publish(stage: Stage) -> None:
        first, second = stage.brokers
        for name, owner, ledger_id in (("x1", first, 3), ("x2", second, 0), ("x4", second, 7)):
            stage.cluster.move_bundle(TopicName.parse(name), owner)
            if ledger_id:
                stage.next_ledger(ledger_id)
                stage.cluster.create_topic(TopicName.parse(name))
                stage.publish(name, (1000, 145_762), (200, 29_400))

    stage = Stage(("127.0.0.1:28081", "127.0.0.1:28082"))
    return Chain(stage, ("06-two-brokers",), {("06-two-brokers", 0): publish})


def authentication() -> Chain:
    def publish(stage: Stage) -> None:
        stage.cluster.create_topic(TopicName.parse("a1"))
        stage.publish("a1", (1, 36))

    expired = datetime(2026, 11, 24, 1, tzinfo=UTC)
    stage = Stage(
        ("127.0.0.1:18080",),
        tokens={"old": Grant("admin", expired), "bobs": Grant("bob"), "admins": Grant("admin")},
        super_users=frozenset({"admin"}),
    )
    tokens = {"garbage": "rubbish", "expired": "old", "role without rights": "bobs", "super user": "admins"}
    return Chain(stage, ("07-authentication",), {("07-authentication", 0): publish}, tokens)


def killed_during_an_upload() -> Chain:
    def publish(stage: Stage) -> None:
        topic = TopicName.parse("public/crash/crash")
        stage.cluster.create_namespace(topic.namespace_name).retention = dict(KEEP_ALL)
        stage.cluster.create_topic(topic)
        stage.next_ledger(82)
        stage.cluster.publish(topic, [bytes(54_002_220 // 60)] * 60)
        stage.cluster.unload(topic)
        stage.publish(str(topic), (1, 41))

    def kill(stage: Stage) -> None:
        stage.cluster.crash_broker(stage.brokers[0])
        stage.cluster.tuning = replace(stage.cluster.tuning, broker_entry_index=True)
        stage.next_ledger(87)
        stage.cluster.serve(TopicName.parse("public/crash/crash"))

    return Chain(
        Stage(("127.0.0.1:8080",), _recorded_broker(), _AS_RECORDED),
        ("interrupted/rest-kill9", "interrupted/rest-kill9-recovery"),
        {
            ("interrupted/rest-kill9", 0): publish,
            ("interrupted/rest-kill9-recovery", 0): kill,
            ("interrupted/rest-kill9-recovery", 10): _wait,
        },
    )


def too_large_for_a_block() -> Chain:
    def publish(stage: Stage) -> None:
        topic = TopicName.parse("public/trunc/big")
        stage.cluster.tuning = replace(stage.cluster.tuning, broker_entry_index=True)
        stage.cluster.create_namespace(topic.namespace_name).retention = dict(KEEP_ALL)
        stage.cluster.create_topic(topic)
        stage.next_ledger(143)
        stage.cluster.publish(topic, [bytes(58)] * 3 + [bytes(5_243_206 - 6 * 58)] + [bytes(58)] * 3)
        stage.cluster.unload(topic)
        stage.publish(str(topic), (1, 56))

    return Chain(
        Stage(("127.0.0.1:8080",), _recorded_broker(), _AS_RECORDED),
        ("truncated/rest",),
        {("truncated/rest", 0): publish, ("truncated/rest", 3): _wait},
    )


def topics() -> Chain:
    def load_partitions(stage: Stage) -> None:
        for number in (1, 0, 2):
            stage.cluster.serve(TopicName.parse(f"public/more/many-partition-{number}"))

    def load_the_last_partition(stage: Stage) -> None:
        stage.cluster.serve(TopicName.parse("public/more/many-partition-4"))

    stage = Stage(("127.0.0.1:28180",), _local_broker(), _PULSARS_DEFAULTS)
    return Chain(
        stage, ("08-topics",), {("08-topics", 38): load_partitions, ("08-topics", 129): load_the_last_partition}
    )


def authorisation() -> Chain:
    def create(stage: Stage) -> None:
        stage.cluster.tenants["acme"] = ("adam",)
        shop = NamespaceName("acme", "shop")
        stage.cluster.create_namespace(shop).readers["connie"] = ["consume"]
        stage.cluster.create_topic(TopicName("acme", "shop", "a"))
        stage.cluster.serve(TopicName("acme", "shop", "a"))
        stage.cluster.create_partitioned_topic(TopicName("acme", "shop", "p"), 2)

    stage = Stage(
        ("127.0.0.1:28180",),
        _local_broker(max_block_size=6_291_456, deletion_lag_ms=60_000),
        _PULSARS_DEFAULTS,
        tokens={who: Grant(who) for who in ("bob", "connie", "adam")},
    )
    tokens = {f"as {who}": who for who in ("bob", "connie", "adam")}
    return Chain(stage, ("09-authorisation",), {("09-authorisation", 0): create}, tokens)


def ledgers() -> Chain:
    def publish(name: str, ledger_id: int, *sizes: tuple[int, int]) -> Hook:
        def hook(stage: Stage) -> None:
            stage.cluster.create_topic(TopicName.parse(name))
            if TopicName.parse(name) not in stage.cluster.loaded:
                stage.next_ledger(ledger_id)
            stage.publish(name, *sizes)

        return hook

    def next_ledger(ledger_id: int) -> Hook:
        return lambda stage: stage.next_ledger(ledger_id)

    hooks: dict[int, Hook] = {
        2: next_ledger(22),
        3: publish("public/led/a", 22, (1000, 535_872), (1000, 536_000), (200, 107_200)),
        78: publish("public/led/t", 27, (1000, 135_872), (5, 680)),
        102: publish("public/led/c", 35, (1000, 135_872), (100, 13_600)),
        125: publish("public/led/x", 37, (1000, 535_872)),
        133: next_ledger(41),
        134: publish("public/default/d", 41, (200, 107_072)),
        **dict.fromkeys((31, 42, 49, 69, 76, 85, 104, 131), _wait),
    }
    stage = Stage(("127.0.0.1:28180",), _local_broker(), _PULSARS_DEFAULTS)
    return Chain(stage, ("10-ledgers",), {("10-ledgers", number): hook for number, hook in hooks.items()})


def policies() -> Chain:
    stage = Stage(("127.0.0.1:28180",), _local_broker(), _PULSARS_DEFAULTS)
    return Chain(stage, ("11-policies",))


def subscriptions() -> Chain:
    held = TopicName.parse("public/subscriptions/held")

    def create_namespace(stage: Stage) -> None:
        stage.cluster.create_namespace(held.namespace_name).retention = dict(KEEP_ALL)
        stage.next_ledger(16)

    def publish(stage: Stage) -> None:
        for name in ("billing", "audit/eu"):
            subscribe(stage.cluster, held, name)
        stage.publish(str(held), (20, 2700))

    def acknowledge_seven(stage: Stage) -> None:
        acknowledge(stage.cluster, held, "billing", Position(16, 6))

    stage = Stage(("127.0.0.1:28180",), _local_broker(), _PULSARS_DEFAULTS)
    hooks: dict[Key, Hook] = {
        ("12-subscriptions", 0): create_namespace,
        ("12-subscriptions", 1): publish,
        ("12-subscriptions", 3): acknowledge_seven,
    }
    return Chain(stage, ("12-subscriptions",), hooks)


CHAINS: Final = (
    cluster,
    a_topic_and_its_partitioned_neighbour,
    automatic_runs_and_a_lost_index,
    two_brokers,
    authentication,
    killed_during_an_upload,
    too_large_for_a_block,
    topics,
    authorisation,
    ledgers,
    policies,
    subscriptions,
)


@pytest.mark.parametrize("chain", [pytest.param(chain, id=chain.__name__) for chain in CHAINS])
def test_a_simulated_broker_answers_as_the_real_one_did(chain: Callable[[], Chain]) -> None:
    assert chain().replay() == []


def test_each_recording_is_replayed_or_listed_with_a_reason() -> None:
    recorded = {(recording.source, recording.number) for recording in all_recordings()}
    sources = {source for chain in CHAINS for source in chain().sources}

    assert {source for source, _ in recorded} == sources
    assert OUT_OF_SCOPE.keys() <= recorded, "a reason for a recording that is not there"
    assert len(OUT_OF_SCOPE) < 10


def test_a_hook_belongs_to_a_recording() -> None:
    recorded = {(recording.source, recording.number) for recording in all_recordings()}

    assert {key for chain in CHAINS for key in chain().hooks} <= recorded


def test_another_answer_than_the_recorded_one_is_found() -> None:
    chain = topics()
    chain.stage.cluster.version = "9.9.9"
    chain.stage.cluster.create_topic(TopicName.parse("public/more/surprise"))

    assert any("surprise" in difference for difference in chain.replay())
