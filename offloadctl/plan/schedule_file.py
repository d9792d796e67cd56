"""`kind: Schedule`: what a file may say, as its JSON Schema has it."""

from typing import Annotated, Literal

import msgspec

Name = Annotated[
    str,
    msgspec.Meta(
        pattern="^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63, description="Lower-case letters, digits and dashes."
    ),
]
Size = Annotated[str | int, msgspec.Meta(description="4096, 100K, 10M, 16G, 2T.", examples=["10G"])]
Duration = Annotated[str, msgspec.Meta(description="90s, 10m, 2h, 7d, 1w.", examples=["10m"])]
Threshold = Annotated[
    str | int | float,
    msgspec.Meta(description="In the measure's unit: a size, a share as 80%, a duration, a number.", examples=["80%"]),
]
Zone = Annotated[str, msgspec.Meta(description="A time zone, as in Europe/Berlin.", examples=["Europe/Berlin"])]
Clock = Annotated[str, msgspec.Meta(description="A time by the clock on the wall, as in 22:00.", examples=["22:00"])]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Date = Annotated[str, msgspec.Meta(description="As in 2026-12-24.", examples=["2026-12-24"])]


class FilePart(msgspec.Struct, frozen=True, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """A piece of a file that people write."""


class OneOf(FilePart, frozen=True, kw_only=True):
    """A piece that has exactly one of its fields."""

    @property
    def given(self) -> tuple[str, ...]:
        """The fields that are there, by their names in the file."""
        return tuple(
            field.encode_name for field in msgspec.structs.fields(self) if getattr(self, field.name) is not None
        )


class ExcludePart(FilePart, frozen=True, kw_only=True):
    """What is left out of the scope."""

    namespaces: list[str] = []
    topics: list[str] = []
    match: str = ""
    """A regular expression that is searched for in tenant/namespace/topic."""


class ScopePart(FilePart, frozen=True, kw_only=True):
    """Which topics the schedule is about: topics, namespaces, tenants or all of them. System topics never are."""

    topics: list[str] = []
    namespaces: list[str] = []
    tenants: list[str] = []
    all: bool = False
    match: str = ""
    """A regular expression that is searched for in tenant/namespace/topic."""
    labels: dict[str, str] = {}
    """Properties that a topic's namespace must have."""
    exclude: ExcludePart = ExcludePart()


class CronPart(FilePart, frozen=True, kw_only=True):
    """Times by the clock on the wall."""

    at: str
    """Minute, hour, day of month, month, day of week; 0 and 7 are Sunday."""
    time_zone: Zone = "UTC"
    jitter: Duration = "0s"
    """Each time is put off by a part of this."""


class NumberPart(FilePart, frozen=True, kw_only=True):
    """A number against a threshold; exactly one of above, below, aboveUsual and belowUsual."""

    above: Threshold | None = None
    below: Threshold | None = None
    above_usual: float | None = None
    """So many robust standard deviations above what is usual at this hour of the week."""
    below_usual: float | None = None
    time_zone: Zone | None = None
    """By whose clock on the wall hours are the same. Default: the zone of every cron, hours, blackout and dates of the
    schedule, if that is one; else UTC."""
    until: Threshold | None = None
    """Once it holds, it holds until this is passed: the hysteresis. Default: the threshold itself."""
    for_: Annotated[Duration, msgspec.Meta(description="It must have been so for so long.")] = msgspec.field(
        name="for", default="0s"
    )


class TopicNumberPart(NumberPart, frozen=True, kw_only=True):
    """A number of topics."""

    of: Literal["topic", "namespace", "scope"] = "topic"
    """What it is summed up over before it is compared."""


class QueryPart(NumberPart, frozen=True, kw_only=True):
    """The numbers that a PromQL expression gives. None at all is unknown, and does not fire."""

    query: str


class Numbers(OneOf, frozen=True, kw_only=True):
    """What can be measured."""

    local_bytes: TopicNumberPart | None = None
    """In BookKeeper and not yet offloaded, replication left out."""
    oldest_eligible: TopicNumberPart | None = None
    """How long ago the oldest ledger was closed that an offload would move."""
    backlog_bytes: TopicNumberPart | None = None
    backlog_messages: TopicNumberPart | None = None
    unread_for: TopicNumberPart | None = None
    """How long nobody has read anything."""
    cold_reads: TopicNumberPart | None = None
    """Bytes a second that brokers fetch from the bucket for readers."""
    broker_cpu: NumberPart | None = None
    broker_memory: NumberPart | None = None
    broker_direct_memory: NumberPart | None = None
    bookie_disk: NumberPart | None = None
    s3_errors: NumberPart | None = None
    """Writes of offloaded data that failed, a minute."""
    promql: QueryPart | None = None


class WhenPart(Numbers, frozen=True, kw_only=True):
    """A condition: exactly one of these."""

    any: list["WhenPart"] | None = None
    """One of them holds."""
    all: list["WhenPart"] | None = None
    """All of them hold."""
    cron: str | CronPart | None = None


class HoursPart(FilePart, frozen=True, kw_only=True):
    """Some hours of some days; an end before the start is on the next day."""

    from_: Clock = msgspec.field(name="from")
    to: Clock
    days: list[Day] = []
    """The days on which the hours begin; none named: every day."""
    time_zone: Zone = "UTC"


class DatesPart(FilePart, frozen=True, kw_only=True):
    """Whole days, both included."""

    from_: Date = msgspec.field(name="from")
    to: Date
    time_zone: Zone = "UTC"


class GatePart(Numbers, frozen=True, kw_only=True):
    """What must be the case for a run to begin: exactly one of these. One that is unknown is closed."""

    hours: HoursPart | None = None
    """Open only then."""
    blackout: HoursPart | None = None
    """Closed then."""
    dates: DatesPart | None = None
    """Closed on these days."""


class LimitsPart(FilePart, frozen=True, kw_only=True):
    """How much at once."""

    topics_at_once: Annotated[int, msgspec.Meta(ge=1)] | None = None
    per_broker: Annotated[int, msgspec.Meta(ge=1)] | None = None
    bytes_an_hour: Size | None = None
    bytes_a_run: Size | None = None
    topics_a_run: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1000


class OffloadPart(FilePart, frozen=True, kw_only=True):
    """Offload, the most reclaimable bytes first."""

    size_threshold: Size | None = None
    """Keep so much of each topic's newest data in BookKeeper."""
    older_than: Duration | None = None
    """Offload what was closed so long ago."""
    timeout: Duration = "6h"
    """How long to wait for each topic."""


class BudgetPart(FilePart, frozen=True, kw_only=True):
    """What a check may cost."""

    requests: Annotated[int, msgspec.Meta(ge=1)] | None = None
    duration: Duration | None = None
    rate: Annotated[float, msgspec.Meta(gt=0)] | None = None
    """Requests to buckets a second."""


class CheckPart(FilePart, frozen=True, kw_only=True):
    """Prove that what was offloaded is whole."""

    level: Literal["listing", "index", "blocks", "entries"]
    budget: BudgetPart = BudgetPart()
    sample: str = ""
    """The share of the ledgers that each run looks at, another one each time, until all had their turn: 5%, 1/7."""
    max_age: Duration | None = None
    """Leave out what was found clean so deep within this time, and is unchanged: so a budget that is too small for all
    ledgers comes to all of them in turn."""


class RollOverPart(FilePart, frozen=True, kw_only=True):
    """Close the last ledger of topics to which nobody writes any more, by an unload. Takes --allow roll-over."""

    idle_for: Duration
    """So long nobody has written, by the time of the last message."""
    while_connected: bool = False
    """Unload topics with producers or consumers, too: they are disconnected, and connect again."""
    load_topics: bool = False
    """Load topics that no broker serves, which closes what they had open."""


class TrimPart(FilePart, frozen=True, kw_only=True):
    """Have brokers apply retention and deletion lag now, where a check finds all objects whole. Takes --allow trim."""

    load_topics: bool = False
    """Load topics that no broker serves: nobody trims them before."""


class ActionPart(OneOf, frozen=True, kw_only=True):
    """What is done: exactly one of these."""

    offload: OffloadPart | None = None
    check: CheckPart | None = None
    roll_over: RollOverPart | None = None
    trim: TrimPart | None = None


class Schedule(FilePart, frozen=True, kw_only=True):
    """When something is to be done, what must not be the case then, how much at once, and what."""

    api_version: Literal["offloadctl/v1"]
    kind: Literal["Schedule"]
    name: Name
    description: str = ""
    enabled: bool = True
    scope: ScopePart
    when: WhenPart
    gates: list[GatePart] = []
    """All of them must be open."""
    limits: LimitsPart = LimitsPart()
    action: ActionPart
    missed: Literal["skip", "once", "catch-up"] = "skip"
    """What becomes of cron times at which nothing could be done: left out when later than startWithin, made up for by
    one run, or by a run for each."""
    start_within: Duration = "10m"
    cool_down: Duration = "1h"
    """After a run, conditions on numbers alone start none for so long."""
