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

_KEYS: Final[Mapping[str, str]] = {
    "kind": "`kind: Schedule`: what a document of the file is.",
    "apiVersion": "`apiVersion: offloadctl/v1`: which version of the file's language it is written in.",
    "description": "What the schedule is for, for people.",
    "enabled": "false: the schedule does nothing, and its cron times pass.",
    "scope": "The topics that a schedule is about: topics, namespaces, tenants, or all.",
    "tenants": "A scope: all topics of these tenants.",
    "all": "In a scope, true: all topics of the cluster. In a condition: each of these holds.",
    "any": "In a condition: one of these holds.",
    "match": "A regular expression that is searched for in tenant/namespace/topic.",
    "labels": "Properties that a topic's namespace must have.",
    "exclude": "What is left out of the scope.",
    "when": "The condition on which a schedule's run begins.",
    "cron": "Times by the clock on the wall: minute, hour, day of month, month, day of week.",
    "timeZone": "By whose clock on the wall: a name as in Europe/Berlin.",
    "jitter": "Each cron time is put off by a part of this.",
    "above": "A condition holds while a number is more than this.",
    "below": "A condition holds while a number is less than this.",
    "aboveUsual": "So many robust standard deviations above what is usual of a number at this hour of the week.",
    "belowUsual": "So many robust standard deviations below what is usual of a number at this hour of the week.",
    "until": "Once a condition holds, it holds until this is passed: the hysteresis. Else until its threshold is.",
    "for": "How long a condition must have held without a break before it counts.",
    "of": "What a number is summed up over before it is compared: topic, namespace or scope.",
    "query": "The PromQL expression that gives the numbers.",
    "gates": "What must be the case for a run to begin. A gate that is unknown is closed.",
    "blackout": "A gate that is closed in these hours.",
    "dates": "A gate that is closed on these days, both included.",
    "days": "The days of the week on which the hours begin.",
    "limits": "How much a schedule does at once: topics, topics of a broker, bytes of a run and of an hour.",
    "topicsAtOnce": "So many topics are acted on at the same time.",
    "perBroker": "So many topics of one broker are acted on at the same time.",
    "bytesAnHour": "So many bytes are moved in any hour; what would exceed it waits.",
    "bytesARun": "So many bytes are moved by one run.",
    "topicsARun": "One run acts on so many topics; the next one goes on.",
    "action": "What a schedule's run does: offload, check, rollOver or trim.",
    "offload": "Offload, the topics with the most reclaimable bytes first.",
    "check": "Prove that what was offloaded is whole.",
    "olderThan": "Offload what was closed so long ago.",
    "timeout": "How long to wait for each topic.",
    "budget": "What a check may cost: requests, duration and rate. What is left is for the next run.",
    "duration": "A check ends after so long.",
    "rate": "A check sends buckets so many requests a second.",
    "maxAge": "A check leaves out what was found clean so deep within this time, and is unchanged.",
    "idleFor": "Roll over what nobody has written to for so long.",
    "whileConnected": "Roll over topics with producers or consumers, too: they are disconnected, and connect again.",
    "loadTopics": "Act on topics that no broker serves, too: a broker loads them for it.",
    "missed": "What becomes of cron times at which nothing could be done: skip, once, catch-up.",
    "startWithin": "A run may begin so long after its cron time; later than that the time is missed.",
    "coolDown": "After a run, conditions on numbers alone start none for so long. Cron times do not wait.",
}

_REASONS: Final[Mapping[str, str]] = {
    "condition": "The condition of a schedule holds, and the text says by which numbers.",
    "cool-down": "The last run ended less than coolDown ago, and no cron time is due.",
    "gate-closed": "A gate is closed, and the text says by which numbers.",
    "gate-unknown": "Whether a gate is open is unknown, and so it is closed.",
    "bytes-an-hour": "The schedule has moved as many bytes within the hour as it may (bytesAnHour).",
    "running": "A run of the schedule has not ended.",
    "quiet": "The condition of the schedule does not hold.",
    "no-topics": "The scope of the schedule has no topics that could be acted on.",
    "disabled": "The schedule is off: `enabled: false`.",
    "asked": "Somebody asked for the run by hand.",
    "limit": "The run has acted on as many topics as it may (topicsARun); the next one goes on.",
    "gone": "The topic is not there any more.",
    "load": "No broker serves the topic; loading it closes its last ledger.",
    "idle": "Nobody has written to the topic for idleFor, so its last ledger can be closed.",
    "not-loaded": "No broker serves the topic, and loadTopics is not set.",
    "terminated": "The topic is terminated: brokers never give its last ledger an end.",
    "nothing-open": "No ledger of the topic is open.",
    "changed-lately": "The topic's metadata was written within idleFor: what is in its last ledger may be as young.",
    "empty": "There are no entries.",
    "unknown-when": "It is not known when the last ledger was written to.",
    "written-lately": "Somebody has written to the topic within idleFor.",
    "connected": "Clients are connected, whom an unload disconnects; whileConnected allows it.",
    "nothing-due": "Neither retention nor the deletion lag would let anything of the topic go now.",
    "unverified": "What is in the store is not proved to be whole, and so BookKeeper's copies stay.",
    "due": "Retention or the deletion lag lets something of the topic go now.",
}

_EVENTS: Final[Mapping[str, str]] = {
    "started": "The service has read its file and begins.",
    "listening": "Metrics, probes and status are served at this address.",
    "reloaded": "The file of schedules was changed and read; the new ones are in force.",
    "reload-failed": "The file of schedules cannot be used, `error` says why; those that were in force go on.",
    "decided": "What a schedule decided, if that differs from before.",
    "evaluation-failed": "No schedule could be evaluated, `error` says why; it is tried again shortly.",
    "not-evaluated": "One schedule could not be evaluated, `error` says why; the others were.",
    "run-begun": "A run of a schedule begins; `run` is its id in the log and for `schedule explain`.",
    "run-ended": "A run of a schedule has ended, with its exit code.",
    "run-handed-over": "A run was told to end before its work was done; whoever has the schedules next goes on.",
    "run-failed": "A run ended in an error nobody foresaw; it is begun again.",
    "result-not-written": "The lease was lost before a run's result was written; who has it now begins it again.",
    "standing-by": "Another instance has the lease; this one waits for it.",
    "lease-acquired": "This instance has the lease: it runs the schedules from now on.",
    "lease-lost": "Another instance may have the lease, `why` says more: this one stops its runs and stands by.",
    "lease-handed-back": "The instance ends and has given the lease back, so that another takes over at once.",
    "lease-out-of-reach": "The lease topic cannot be reached, so nobody knows who has the lease; it is tried again.",
    "lease-in-danger": "A setting of the lease topic would lose what is decided; `mend` says what to change.",
    "lease-not-examined": "Whether settings of the lease topic are safe could not be asked.",
    "checks-unreadable": "What checks have found cannot be read from the state, so metrics do not tell it.",
    "survey-failed": "The brokers' numbers for the metrics could not be had; it is tried again.",
    "usual": "What is usual of the numbers cannot be kept or read; `error` says why.",
    "library": "A library warned of something, in its own words.",
    "signal": "The process was sent a signal.",
    "ending": "The service ends: runs have until the grace is over.",
    "ended": "The service has ended.",
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
    "key of a file of schedules": _KEYS,
    "reason of a schedule": _REASONS,
    "event of the service's log": _EVENTS,
}
"""By the sort of word."""
