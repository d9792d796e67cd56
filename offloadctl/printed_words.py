"""What else is printed, word for word: states of others, bounds, weights, and the heads and labels of the tables."""

from collections.abc import Mapping
from typing import Final

from offloadctl.brokerconf.findings import LintSeverity
from offloadctl.format.keys import ObjectRole
from offloadctl.model.cursor_place import Readable
from offloadctl.model.doctor import Weight
from offloadctl.model.finding import Severity
from offloadctl.model.journal import RunState, StepState
from offloadctl.model.ledger import OffloadProgress, OffloadState
from offloadctl.model.standing import Movement
from offloadctl.model.status import Bound
from offloadctl.plan.offload_policies import Why
from offloadctl.plan.policy_outcome import ChangeState
from offloadctl.printed_schedule_words import SCHEDULE_WORDS

_CLAIMS: Final[Mapping[str, str]] = {
    OffloadState.NOT_RUN: (
        "No offload by hand since this broker loaded the topic. It says nothing of earlier ones, nor of the ledgers."
    ),
    OffloadState.RUNNING: (
        "An offload by hand was begun and has not ended. After some mistakes of configuration it stays so for ever, "
        "until the topic is unloaded: look whether ledgers still move."
    ),
    OffloadState.SUCCESS: "The last offload by hand ended without an exception, even where an object was cut short.",
    OffloadState.ERROR: "The last offload by hand ended with an exception; its text follows. `doctor topic` reads it.",
}

_MOVEMENTS: Final[Mapping[str, str]] = {
    Movement.MOVING: "A ledger was completed a short while ago, or an upload is open and grows.",
    Movement.QUEUED: (
        "The broker has begun the ledger, no upload of it is open, and other topics of the same broker go on: it waits "
        "for one of the broker's offload threads, 2 by default."
    ),
    Movement.STANDING_STILL: (
        "RUNNING, and nothing of it has moved for a minute or more: no ledger was completed, no part has arrived."
    ),
    Movement.UNCLEAR: (
        "RUNNING since a short while, and no upload of it is open or could be looked at: it may wait, or have died."
    ),
}

_PROGRESS: Final[Mapping[str, str]] = {
    OffloadProgress.LOCAL: "In BookKeeper only: no offload was ever begun.",
    OffloadProgress.IN_FLIGHT: "An offload was begun and is not complete: it runs, it failed, or a crash left it.",
    OffloadProgress.OFFLOADED: "The offload is complete, says the broker that serves the topic.",
    OffloadProgress.BEGUN: (
        "An offload was begun; complete or not is unknown, since no broker serves the topic. "
        "--load-topics allows that one is asked."
    ),
    OffloadProgress.JUDGED: (
        "An offload was begun, no broker serves the topic, and both objects are in the bucket, of the right size: it "
        "counts as complete. Only the serving broker could say so for sure."
    ),
}

_BOUNDS: Final[Mapping[str, str]] = {
    Bound.EXACT: "The number is what it is.",
    Bound.AT_LEAST: "Nobody can know the number exactly: it is this or more.",
    Bound.AT_MOST: "Nobody can know the number exactly: it is this or less.",
}

_SEVERITIES: Final[Mapping[str, str]] = {
    Severity.WARNING: "Readers notice nothing, or little. Alone it makes the exit code 3.",
    Severity.DAMAGE: "Data is missing or broken: readers hang, fail or skip there. The exit code is 4.",
}

_WEIGHTS: Final[Mapping[str, str]] = {
    Weight.FINE: "Looked at, and as it should be.",
    Weight.NOTE: "Good to know; alone it leaves the exit code 0.",
    Weight.UNKNOWN: "It could not be looked at, and so nobody may call it fine. Exit code 3.",
    Weight.WARNING: "It works, and is likely to hurt. Exit code 3.",
    Weight.ERROR: "Something does not work. Exit code 3.",
    Weight.FAILURE: "The broker or the store cannot be reached, or denies what all else depends on. Exit code 1.",
    Weight.DAMAGE: "Data in the store is missing or broken. Exit code 4.",
}

_READABLE: Final[Mapping[str, str]] = {
    Readable.YES: "What the subscription reads next is in S3, and as deep as was looked nothing is wrong with it.",
    Readable.NO: "What the subscription reads next is in S3, and damaged.",
    Readable.UNKNOWN: "What the subscription reads next could not be looked at, or not enough of it.",
    Readable.NOT_IN_S3: "What the subscription reads next is in BookKeeper, and a check does not look there.",
    Readable.AT_THE_END: "The subscription has acknowledged everything.",
}

_CHANGES: Final[Mapping[str, str]] = {
    ChangeState.UNCHANGED: "It is so already; nothing was sent.",
    ChangeState.PLANNED: "Shown only; nothing was sent.",
    ChangeState.REFUSED: "Something stands in the way; nothing was sent.",
    ChangeState.CONFIRMED: "Sent, and read back as it was meant.",
    ChangeState.UNCONFIRMED: "Sent, and not read back as it was meant.",
    ChangeState.FAILED: "The broker refused, or could not be reached; what was sent before may count.",
}

_WHYS: Final[Mapping[str, str]] = {
    Why.ASKED: "The field changes because it was asked for.",
    Why.PINNED: "A policy is born with another value for it, which would win; so the one in force is repeated.",
    Why.REQUIRED: "The broker accepts no policy without driver and bucket.",
}

_RUN_STATES: Final[Mapping[str, str]] = {
    RunState.GOING_ON: "The run's process is alive and at work.",
    RunState.ENDED: "The run has said how it ended; the outcomes tell what came of it.",
    RunState.BROKEN_OFF: (
        "The run's process is gone without a word, by kill -9 or a power cut. The next run that meets its topics joins "
        "what still goes on, or judges it by ledgers and objects."
    ),
}

_STEP_STATES: Final[Mapping[str, str]] = {
    StepState.PLANNED: "Nothing was sent for the topic so far; its run comes to it.",
    StepState.NEVER_SENT: "Nothing was sent for the topic: its run was broken off before.",
    StepState.SENT: "The request was about to be sent, and its run is at work on it.",
    StepState.UNFINISHED: (
        "The request was about to be sent when the run was broken off. What came of it the next run finds out."
    ),
    StepState.ENDED: "The step has an outcome.",
}

_CHECKSUMS: Final[Mapping[str, str]] = {
    # ChecksumState's; its module loads protobuf.
    "ok": "The entry's own checksum (CRC32C, made by its producer) is that of its bytes.",
    "absent": "The entry's producer sent no checksum: nothing is wrong, and nothing proves it whole.",
    "bad": "The entry's bytes are not those that its producer sent.",
}

_ROLES: Final[Mapping[str, str]] = {
    ObjectRole.DATA: "The data object, `<uuid>-ledger-<id>`: the entries.",
    ObjectRole.INDEX: "The index object, `<uuid>-ledger-<id>-index`: where each block begins.",
}

_LINT: Final[Mapping[str, str]] = {
    LintSeverity.ERROR: "The broker does not start, offload does not work, or data is lost.",
    LintSeverity.WARNING: "It works otherwise than the file seems to say, or is likely to hurt.",
    LintSeverity.NOTE: "Good to know; alone it leaves the exit code 0.",
}

_COLUMNS: Final[Mapping[str, str]] = {
    "about": "What a key is for.",
    "admin url": "The address of the admin REST service.",
    "after": "The value that a change would leave; a dash: none.",
    "auth": "How a context proves who is asking: token, basic, oauth2, certificate or none.",
    "began": "When the run began, or how long ago.",
    "before": (
        "The message id, ledger:entry, that is sent to the broker: every closed ledger before it moves. Of a policy's "
        "change: the value as it was."
    ),
    "block": (
        "A piece of a data object, uploaded as one part: a header of 128 bytes, entries, padding. The index tells "
        "where each begins."
    ),
    "BookKeeper held": "The bytes on BookKeeper's disks, replication left out, before the deletion lag had passed.",
    "broker says": "The broker's claim about the last offload by hand: NOT_RUN, RUNNING, SUCCESS or ERROR.",
    "bucket": "The bucket where a ledger's objects are.",
    "buckets": "The buckets of a context, where its offloaded ledgers are looked for.",
    "by": "Who has acknowledged a finding, or given the command of a run, and on which host.",
    "checksum": "What an entry's own checksum says of its bytes: ok, absent or bad.",
    "closed": "Ledgers that no longer grow; of one ledger, when it was closed. Only closed ledgers move.",
    "code": "The kind of a finding: offloadctl explain CODE tells more.",
    "cluster": "The cluster that the broker must say it belongs to.",
    "command": "The command as it was given, without secrets.",
    "context": "The context whose settings the run had.",
    "covered": "Ledgers that were looked at as deep as was asked.",
    "current": "The context that is taken when none is named.",
    "damaged": "Ledgers whose objects are not what Pulsar wrote.",
    "default": "What Pulsar takes when the key is not set.",
    "fate": "What a plan has in store for a ledger, as moves, kept, open, last.",
    "field": "A field of an offload policy, as Pulsar spells it.",
    "first entry": "The id of the first entry of a block.",
    "from": "Where the value in force comes from.",
    "guards": "What keeps a context from changes that nobody meant: read_only, protected, cluster.",
    "hours": "Of so many hours it is known what a number was like; 720 at most.",
    "holds": "The bytes on BookKeeper's disks, replication left out, now.",
    "id": "The name of a finding, the same in each check.",
    "in S3": "The bytes of the objects. Where nobody looked at a bucket, what the ledgers imply.",
    "instead of": "The value that one further down has, which therefore does not count.",
    "is it so": "Whether a condition holds for this one: true, false or unknown.",
    "key": "The name of an object in a bucket, or of a setting.",
    "kind": "What sort of value a key takes.",
    "last entry": "The id of the last entry of a block.",
    "left out": "What a scope names and the command leaves alone, as system topics; what an import does not take.",
    "learning": "What came of learning from Prometheus what is usual: learnt, kept or nothing.",
    "length": "How many bytes it has.",
    "measure": "What a number measures, or the PromQL expression that gives it.",
    "messages": "What a consumer is given of an entry: a batch is one entry with many messages.",
    "moved": "The bytes of the ledgers whose offload is complete; of a step, of those that it was to move.",
    "name": "The name of a context or of a profile.",
    "name for --set": "What `broker-conf render --set` calls the key.",
    "noted": "How long ago something was written into the journal that is no run.",
    "number": "What was measured.",
    "offset": "How many bytes of the object lie before it.",
    "oldest": "How long ago the oldest eligible ledger was closed, or the oldest of those that would move.",
    "outcome": "How the run of one topic or partition ended.",
    "part": "The number of the part of the multipart upload that a block was.",
    "partition": "The number of a partition of a topic.",
    "partitions": "How many partitions of a topic were looked at; their ledgers are told together.",
    "problem": "What is wrong with a block.",
    "producer": "The name of the producer that published an entry.",
    "published": "When the producer published an entry, by its own clock.",
    "read": "The bytes that were read of the objects.",
    "reclaimed": "The bytes on BookKeeper's disks that came free.",
    "reason": "Why it was acknowledged.",
    "result": "What was found of a ledger or a topic, as confirmed, sound, damaged, not-covered.",
    "run": "The id of a run in the journal: when it began, in UTC, and six signs that make it unique.",
    "sequence": "The producer's number of an entry.",
    "setting": "A setting of a context, or of a bucket.",
    "since": "The first release that has the key; of a condition, since when it holds.",
    "size": "The bytes of the entries in BookKeeper, replication left out; of an object, its own.",
    "source": "Where a number comes from, or would come from: a metric, a call.",
    "taken": "A setting that an import takes over.",
    "threshold": "What a number is compared with; of what held already, the threshold that ends it.",
    "time": "How long it took.",
    "topic": "The topic: tenant/namespace/topic, where nothing stands before it a persistent one.",
    "twice": "Bytes that are in S3 and still in BookKeeper too, until the deletion lag has passed: doubly-stored.",
    "unfinished": "Ledgers whose offload was begun and is not complete (in-flight), or not known to be (begun).",
    "until": "When an acknowledgement ends; ended: its time is over, or something else was found since.",
    "uuid": "The name of one attempt to offload a ledger; both its objects bear it.",
    "value": "The value in force.",
    "what": "What an entry is besides: compressed, encrypted, a chunk, a broker's marker.",
    "where": "The topic, the ledger, the object and the offset of a finding.",
    "whose": "The topic, namespace, broker, bookie or series that a number is of.",
    "why": "The reason.",
    "zone": "The time zone by whose clock on the wall hours are the same.",
    "at": "When it was decided, or written down.",
    "decision": "What a schedule does: fired, held, unknown, quiet; or that it is paused or off.",
    "does": "What a run of a schedule does.",
    "entry": "What an entry of the decision log is about: decided, intent, result, paused, resumed.",
    "last run": "How long ago the last run of a schedule began.",
    "next": "The next cron time of a schedule, put off by its jitter.",
    "schedule": "The name of a schedule.",
    "topics": "The topics of a run.",
    "when": "The condition of a schedule.",
}

_LABELS: Final[Mapping[str, str]] = {
    "acts on": "The topics that a schedule's run is for.",
    "after": "What counts after a change.",
    "before": "What the first of two reports found; of a change, what counted before it.",
    "because": "Why a step ended as it did, in the words of the run that found out.",
    "bookkeeper": "How BookKeeper kept the ledger, as the index object remembers it.",
    "broker": "What the broker does about it.",
    "bytes": "How much was read, of how much there is.",
    "copy": "What is known of BookKeeper's copy of a damaged ledger, which may still save it.",
    "client.conf": "The file of Pulsar's own tools that the settings come from.",
    "Context": "The context whose settings are in force.",
    "coverage": "How much of what was asked for was looked at: full, partial, failed; nothing of what was found.",
    "cron times": "What became of a schedule's cron times: each has exactly one fate.",
    "danger": "What a change may do that cannot be taken back, or that nobody may have meant.",
    "data": "The data object, as its index describes it; of policies and retention, when all of the data goes.",
    "disk space": "When BookKeeper's copies are deleted, and the disk space comes back.",
    "do": "What to do about it.",
    "do next": "The command that leads on.",
    "do now": "What to do about the damage, the most urgent first.",
    "due": "What brokers delete at their next look, from the bucket too: consumed, and beyond the retention.",
    "earlier": "Ledgers that earlier checks have verified, and that are unchanged since: --max-age spares a new look.",
    "end": "Why there are no more entries.",
    "error": "Why it could not be done.",
    "expected": "What Pulsar would have written there.",
    "File": "The file of contexts.",
    "found": "What is there instead of what was expected.",
    "gate": "What must be the case for a schedule's run to begin; unknown is closed.",
    "hint": "What to do about an error.",
    "gained": "What only the second of two reports looked at.",
    "id": "The name of a finding, the same in each check, and since when checks have found it.",
    "idle": "Topics that no broker has loaded; they are planned from the metadata alone.",
    "in flight": "Ledgers whose offload was begun and is not complete; readers do not use their objects.",
    "joined": "An offload of the topic was going on already; this command waited for it and sent none of its own.",
    "judged by": "The run that found out what became of a step whose own run had been broken off.",
    "kept": "What stays in BookKeeper, and why.",
    "lost": "What only the first of two reports looked at. Exit code 5.",
    "left": "Topics that the limits of this run (--free, --max-bytes) leave out.",
    "looked at": "How many topics and ledgers were looked at, of how many.",
    "made": "When BookKeeper made the ledger.",
    "may have": "Settings that a profile can take.",
    "means": "What a finding means for readers.",
    "metadata": "A pair of the object's user metadata.",
    "missing": "Offloaded ledgers of whose objects not both are in the configured buckets.",
    "modified": "When the object was written.",
    "more": "Findings that are counted and not shown.",
    "needs": "Settings that a profile must have.",
    "not listed": "Why some topics of a schedule's scope could not be listed, and so were not looked at.",
    "not proved": "What nobody can prove from outside.",
    "not seen": "What could not be looked at, and why: it is not known to be sound. Exit code 5.",
    "note": "What else there is to know.",
    "noted": "Who has acknowledged the finding, until when and why: so long it makes no check fail.",
    "notes": "What else there is to know of a profile.",
    "object": "The object in which a message lies.",
    "now": "What the second of two reports found.",
    "objects": "The two objects of a ledger, and how much of them was read.",
    "offloaded": "Ledgers whose offload was begun, complete or not: what of them retention keeps in the bucket.",
    "odd size": "Offloaded ledgers whose data object has not the size that the entries imply.",
    "others'": "Objects under keys that are not those of ledgers: somebody else's.",
    "plan": "The hash of the approved plan that was applied.",
    "payload": "The bytes of an entry as they are stored.",
    "proved": "What a change lets go is whole in S3, as far as a check at the level blocks can tell.",
    "read back": "Samples that were asked of the broker as a consumer would, and how many it gave.",
    "reader": "Where the subscription that was asked for stands, and whether it can read on.",
    "readers": "Subscriptions that have the damaged ledger still before them.",
    "reason": "The words that were given with --reason.",
    "request": "What is asked of the broker.",
    "restore": "How a deleted object can be brought back.",
    "result": "How it ended, in one line.",
    "retention": "How much is kept of what all subscriptions have consumed, and where that is set.",
    "sample": "The share of the ledgers that is looked at with --sample; the seed chooses which.",
    "seen": "The evidence.",
    "strays": "Ledgers' objects that no metadata names that was read.",
    "to": "What the offload writes, and where.",
    "topics": "How many topics are not shown.",
    "uploads": "Multipart uploads that were begun and not ended; they are paid for.",
    "when": "The condition of a schedule, each part with what is the case.",
    "why": "The reason.",
    "versions": "What a versioned bucket keeps of objects that are deleted or replaced: billed, and in no listing.",
    "where": "The ledger, the object and the offset of a finding.",
    "stands": "Of a run that goes on: whether it moves, waits for a thread of its broker, or stands still, and why.",
    "began": "When a run of a schedule began; each time that it was begun again; and why, where somebody asked for it.",
    "limit": "What limits leave for a run.",
    "paused": "Who has told a schedule to do nothing, until when, and why.",
}

_LOOSE: Final[Mapping[str, str]] = {
    "age": "How long ago the oldest ledger of a topic was closed that can move; `offload status --sort age`.",
    "cut": "An object that ends before the ledger does.",
    "driver": (
        "Which of Pulsar's offloaders moves the ledgers (managedLedgerOffloadDriver), as in aws-s3. "
        "Without one nothing moves."
    ),
    "info": "A line of the log of `serve` about what is as it should be; others are warning and error.",
    "journal": (
        "What runs were about to do, written down before they did it, and what came of it: --state; "
        "`offload history` reads it."
    ),
    "lag": "The deletion lag: how long BookKeeper keeps its copy after an offload is complete.",
    "lease": "The right of one instance to work on a cluster; a second instance exits with 8.",
    "level": "How deep a check looks: listing, index, blocks, entries or readback.",
    "message-id": "ledger:entry, the address of an entry; pulsar-admin writes it so too.",
    "not-asked": "Asking the broker would have made it load the topic. --load-topics allows that.",
    "orphan": "An object in the bucket that no ledger's metadata names.",
    "position": "ledger:entry, the address of an entry.",
    "subscription": "A consumer's place in a topic, kept by the broker: its cursor.",
    "threshold": "So many bytes of the newest data stay in BookKeeper: size-threshold.",
}

PRINTED_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "claim of a broker": _CLAIMS,
    "how a run stands": _MOVEMENTS,
    "ledger": _PROGRESS,
    "bound of a number": _BOUNDS,
    "severity of a finding": _SEVERITIES,
    "weight of a doctor's symptom": _WEIGHTS,
    "whether a subscription can read on": _READABLE,
    "outcome of a policy change": _CHANGES,
    "why a field changes": _WHYS,
    "state of a run": _RUN_STATES,
    "state of a run's step": _STEP_STATES,
    "checksum of an entry": _CHECKSUMS,
    "role of an object": _ROLES,
    "severity of broker-conf lint": _LINT,
    **SCHEDULE_WORDS,
    "column": _COLUMNS,
    "label": _LABELS,
    "term": _LOOSE,
}
"""By the sort of word."""
