"""What schedules print, word for word; a part of `printed_words.py`."""

from collections.abc import Mapping
from typing import Final

from offloadctl.model.decision import EntryKind, Fate, Truth, Verdict
from offloadctl.model.measures import Learning, Measure, Unit
from offloadctl.model.schedule import Direction, Extent, Missed
from offloadctl.model.topic_action import TopicState, TopicVerb

_DECISIONS: Final[Mapping[str, str]] = {
    Verdict.FIRED: "A schedule's run begins.",
    Verdict.HELD: "A schedule would begin a run, and something stands in the way: a gate, a pause, a run, a limit.",
    Verdict.UNKNOWN: "A number that a schedule needs cannot be had, and so it does not begin.",
    Verdict.QUIET: "A schedule has nothing to do.",
}

_TRUTHS: Final[Mapping[str, str]] = {
    Truth.TRUE: "It is so.",
    Truth.FALSE: "It is not so.",
    Truth.UNKNOWN: "Nobody knows whether it is so: the number cannot be had, is too old, or is only a bound.",
}

_CRON_FATES: Final[Mapping[str, str]] = {
    Fate.SERVED: "A run was begun for the cron time, perhaps for others as well.",
    Fate.NOT_NEEDED: "At the cron time the other conditions did not hold.",
    Fate.MERGED: "A later cron time stands for it.",
    Fate.TOO_LATE: "Nothing could be done within startWithin of the cron time, so it was left out.",
    Fate.PAUSED: "The schedule was paused, or off, at the cron time.",
}

_MEASURES: Final[Mapping[str, str]] = {
    Measure.LOCAL_BYTES: "Bytes in BookKeeper that are not offloaded yet, replication left out.",
    Measure.OLDEST_ELIGIBLE: "How long ago the oldest ledger was closed that an offload would move.",
    Measure.BACKLOG_BYTES: "Bytes that some subscription has not acknowledged.",
    Measure.BACKLOG_MESSAGES: "Entries that some subscription has not acknowledged, as Pulsar counts: a batch is one.",
    Measure.UNREAD_FOR: "How long nobody has read anything of a topic.",
    Measure.COLD_READS: "Bytes a second that brokers fetch from the bucket for readers.",
    Measure.BROKER_CPU: "A broker's share of its processors, by its load report.",
    Measure.BROKER_MEMORY: "A broker's heap in use, of the largest heap allowed.",
    Measure.BROKER_DIRECT_MEMORY: "A broker's direct memory in use, of the most allowed.",
    Measure.BOOKIE_DISK: "The share of a ledger directory's disk that is in use.",
    Measure.S3_ERRORS: "Writes of offloaded data that failed, a minute.",
    Measure.PROMQL: "What a PromQL expression gives.",
}

_UNITS: Final[Mapping[str, str]] = {
    Unit.BYTES: "A number counts bytes.",
    Unit.SHARE: "A number is a share; 1.0 is all of it.",
    Unit.SECONDS: "A number counts seconds.",
    Unit.MESSAGES: "A number counts messages.",
    Unit.BYTES_A_SECOND: "A number counts bytes a second.",
    Unit.A_MINUTE: "A number counts how often something happens in a minute.",
    Unit.NUMBER: "A number whose unit only its source knows.",
}

_MISSED: Final[Mapping[str, str]] = {
    Missed.SKIP: "Cron times at which nothing could be done are left out once they are later than startWithin.",
    Missed.ONCE: "One run makes up for all cron times at which nothing could be done.",
    Missed.CATCH_UP: "Each cron time at which nothing could be done has a run of its own, the oldest first.",
}

_CONDITIONS: Final[Mapping[str, str]] = {
    Direction.ABOVE: "A condition holds while a number is more than the threshold.",
    Direction.BELOW: "A condition holds while a number is less than the threshold.",
    Extent.TOPIC: "A condition looks at each topic by itself.",
    Extent.NAMESPACE: "A condition looks at each namespace's topics together.",
    Extent.SCOPE: "A condition looks at all topics of a schedule together.",
}

_ENTRIES: Final[Mapping[str, str]] = {
    EntryKind.DECIDED: "A decision of a schedule that is another than before, or that gives cron times their fates.",
    EntryKind.INTENT: "A schedule's run is about to begin, or to begin again.",
    EntryKind.RESULT: "How a schedule's run ended.",
    EntryKind.HANDED_OVER: "A schedule's run was told to end before its work was done; the next evaluation goes on.",
    EntryKind.PAUSED: "Somebody told a schedule, or all of them, to do nothing.",
    EntryKind.RESUMED: "Somebody told a schedule, or all of them, to go on.",
    EntryKind.TAKEN: "An instance took the lease: it runs the schedules from then on.",
}

_TOPIC_STATES: Final[Mapping[str, str]] = {
    TopicState.PLANNED: "A schedule's run would roll the topic over, or trim it.",
    TopicState.LEFT: "A schedule's run leaves the topic alone: there is nothing to do, or not now.",
    TopicState.REFUSED: "A schedule's run leaves the topic alone: a safety rule stands in the way.",
    TopicState.DONE: "The topic was rolled over, or trimmed, and its ledgers show it as far as brokers tell.",
    TopicState.UNCONFIRMED: "The broker was asked, and the topic's ledgers do not show it.",
    TopicState.FAILED: "The broker could not be asked about the topic, or has refused.",
}

_TOPIC_VERBS: Final[Mapping[str, str]] = {
    TopicVerb.ROLL_OVER: "A schedule has brokers close the last ledger of topics where nobody writes; takes --allow.",
    TopicVerb.TRIM: "A schedule has brokers apply retention and deletion lag now, where all is proved; takes --allow.",
}

_LEARNING: Final[Mapping[str, str]] = {
    Learning.LEARNT: "What is usual of a number was learnt from what Prometheus has recorded.",
    Learning.KEPT: "More is known of a number already than Prometheus has recorded.",
    Learning.NOTHING: "Nothing is known of what is usual of a number.",
}

SCHEDULE_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "decision of a schedule": _DECISIONS,
    "whether a condition holds": _TRUTHS,
    "fate of a cron time": _CRON_FATES,
    "measure of a schedule": _MEASURES,
    "unit": _UNITS,
    "what is missed": _MISSED,
    "condition of a schedule": _CONDITIONS,
    "entry of the decision log": _ENTRIES,
    "what is done to a topic": _TOPIC_VERBS,
    "what became of a topic": _TOPIC_STATES,
    "what came of learning": _LEARNING,
}
"""By the sort of word."""
