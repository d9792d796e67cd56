"""What the words mean that this program prints: exit codes, outcomes, fates, findings, errors, Pulsar's own terms."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from offloadctl import errors
from offloadctl.brokerconf.findings import Rule
from offloadctl.brokerconf.lint import RULES as LINT_RULES
from offloadctl.brokerconf.settings import SETTINGS
from offloadctl.check.catalogue import KINDS as FINDING_KINDS
from offloadctl.errors import BadValue, OffloadctlError
from offloadctl.exitcodes import ExitCode
from offloadctl.model.check import CheckStatus, Level, Verdict
from offloadctl.model.check_diff import Change
from offloadctl.model.offload import Confirmation, Fate, Outcome
from offloadctl.model.policies import PolicyLevel
from offloadctl.plan.offload_policies import DangerKind
from offloadctl.printed_words import PRINTED_WORDS


@dataclass(frozen=True, slots=True)
class Explanation:
    """One word: what sort of word it is, and its meaning."""

    word: str
    sort: str
    text: str


_TERMS: Final = {
    "managed-ledger": (
        "What holds a persistent topic, or one partition of it: a list of BookKeeper ledgers, oldest first."
    ),
    "ledger": "A file of entries in BookKeeper, written once. A topic's last ledger is open; the others are closed.",
    "entry": "What a producer's message or batch becomes in a ledger; `position` is its address, ledger:entry.",
    "open-ledger": (
        "The ledger that is being written to. It is never offloaded, whatever the threshold. It closes when it is "
        "full or old enough (managedLedgerMaxEntriesPerLedger and its neighbours), or when its topic is unloaded."
    ),
    "size-threshold": (
        "So many bytes of the newest data stay in BookKeeper. The newest ledgers whose sum does not exceed it stay, "
        "the open ledger's bytes and those of offloaded ledgers counted; everything closed before them moves."
    ),
    "deletion-lag": (
        "How long BookKeeper keeps its copy after an offload is complete (managedLedgerOffloadDeletionLagMs, 4 h by "
        "default). Negative: for ever. Only then comes the disk space back, at the next retention check and after "
        "the bookies' garbage collection."
    ),
    "data-object": "`<uuid>-ledger-<id>`: the ledger's entries in blocks of at most the configured block size.",
    "index-object": "`<uuid>-ledger-<id>-index`: where each block begins, and the ledger's metadata. Written last.",
    "offload-context": (
        "What the metadata says of a ledger's offload: the uuid of the attempt, and `complete` once it is over. "
        "`isOffloaded` of internal-info says only that there is one, even of an attempt that died."
    ),
    "offload-status": (
        "The broker's claim about the last offload by hand since it loaded the topic. It is kept in one broker's "
        "memory, forgotten by an unload, and SUCCESS for objects that were cut short."
    ),
    "in-flight": "An offload was begun and is not complete: it is running, it failed, or a crash left it.",
    "eligible": "Closed, not offloaded, not empty, and not the last of the list: what threshold 0 would move.",
    "doubly-stored": (
        "In S3 and still in BookKeeper too, until the deletion lag has passed. No REST call tells exactly."
    ),
    "served": (
        "Some broker has loaded the topic. Asking one for an idle topic's internalStats loads it, which closes its "
        "open ledger and may trim or offload it; that is why commands that only read leave idle topics alone."
    ),
    "born-with": (
        "A value that each offload policy holds whoever made it, be it for a threshold only. It wins over the broker's "
        "own like any other value, so offload-policies repeats what it would hide."
    ),
    "threshold-0": (
        "Offload everything that is closed, at once. In a policy it means the same, for each ledger to come."
    ),
}

_PROGRESS: Final = {
    Confirmation.CONFIRMED: "Complete in the metadata, and both objects are in S3 as they must be.",
    Confirmation.UNCONFIRMED: "Complete in the metadata; its objects were not looked at.",
    Confirmation.DAMAGED: "Complete in the metadata, and its objects are not the whole ledger: see the findings.",
    Confirmation.NOT_MOVED: "Planned, and not complete after the run.",
    Confirmation.TRIMMED: "Gone from the topic: retention deleted it during the run, and its objects with it.",
}

_FATES: Final = {
    Fate.MOVES: "It will be offloaded.",
    Fate.ALREADY_OFFLOADED: "It is in S3 already. pulsar-admin's rule counts its bytes all the same.",
    Fate.KEPT: "It stays in BookKeeper: neither the size nor the age that was asked for is reached.",
    Fate.OPEN: "It is being written to; an open ledger is never offloaded.",
    Fate.LAST: "The last ledger of the list is never offloaded by hand, not even that of a terminated topic.",
    Fate.EMPTY: "It has no entries; brokers refuse to offload such ledgers.",
    Fate.NO_LENGTH: "It has entries and a recorded length of 0; brokers before 4.1 leave such ledgers out.",
    Fate.UNKNOWN: "An offload was begun; complete or not is unknown until the topic is loaded.",
}

_DANGERS: Final = {
    DangerKind.COPIES_DELETABLE: (
        "BookKeeper's copies of offloaded ledgers could be deleted sooner. A clean check of their objects at the level"
        " blocks allows it, or --accept-unverified."
    ),
    DangerKind.OFFLOADED_DELETABLE: (
        "Offloaded data could go sooner, from the bucket too. A clean check of its objects at the level blocks allows"
        " it, or --accept-unverified."
    ),
    DangerKind.DATA_GOES: (
        "At a lower retention brokers delete whole ledgers at their next look, wherever they are. --yes allows it."
    ),
    DangerKind.UNREADABLE: (
        "Offloaded ledgers are read with the driver and the endpoint in force now, not with those that wrote them."
        " --yes allows it."
    ),
    DangerKind.OFFLOADS_MORE: "A lower threshold moves more ledgers when the next one closes. --yes allows it.",
    DangerKind.HIDES_UNKNOWN: (
        "A first policy brings sizes of its own along, and what the brokers have is not known. Set the sizes, too; or"
        " --yes."
    ),
    DangerKind.UNPROVEN_DRIVER: (
        "A driver, or a directory of offloaders, that is not the brokers' own: no REST call tells what is there."
        " Without it a topic whose own policy names the driver cannot be loaded at all. --yes allows it."
    ),
    DangerKind.NEW_ERROR: "The linter finds an error in what would be in force that is not there now. --yes allows it.",
}

_LEVELS: Final = {
    PolicyLevel.TOPIC: "The topic's own policy; it wins, field by field.",
    PolicyLevel.GLOBAL_TOPIC: (
        "The topic's policy for all clusters of a geo-replicated instance; it counts as a whole, and only where the"
        " topic has none of its own."
    ),
    PolicyLevel.NAMESPACE: "The namespace's policy, for all topics that have none of their own.",
    PolicyLevel.OLDER_FIELD: (
        "offload_threshold and its neighbours, from before there were policies: they count where the policy is silent."
    ),
    PolicyLevel.BROKER: "broker.conf, read when the broker starts.",
    PolicyLevel.BUILT_IN: "What Pulsar takes when nothing is set anywhere.",
}


def explain(word: str, more: Iterable[Explanation] = ()) -> tuple[Explanation, ...]:
    """Everything known under that word; BadValue with the nearest words if there is nothing."""
    wanted = _key(word)
    everything = (*everything_known(), *more)
    if wanted in ("exitcodes", "exitcode"):
        return tuple(one for one in everything if one.sort == "exit code")
    by_key: dict[str, list[Explanation]] = {}
    for one in everything:
        by_key.setdefault(_key(one.word), []).append(one)
    keys = (wanted, *_singulars(wanted), _key(f"schedule-{wanted}"))
    found = tuple(one for key in keys for one in by_key.get(key, ()))
    if not found:
        near = [by_key[key][0].word for key in get_close_matches(wanted, by_key, n=3, cutoff=0.5)]
        hint = f"did you mean {', '.join(near)}?" if near else "offloadctl explain, without a word, lists them"
        raise BadValue(f"nothing is known about {word!r}", hint=hint)
    return found


def everything_known() -> tuple[Explanation, ...]:
    """All words that need no settings."""
    return (
        *(Explanation(str(int(code)), "exit code", code.meaning) for code in ExitCode),
        *(Explanation(one.value, "outcome", _outcome(one)) for one in Outcome),
        *(Explanation(one.value, "ledger in a plan", text) for one, text in _FATES.items()),
        *(Explanation(one.value, "ledger after a run", text) for one, text in _PROGRESS.items()),
        *(Explanation(one.value, "ledger after a check", one.meaning) for one in Verdict),
        *(Explanation(one.value, "finding in two reports", one.meaning) for one in Change),
        *(Explanation(one.value, "level of a check", f"Looks at {one.meaning}.") for one in Level),
        *(Explanation(one.value, "coverage of a check", one.meaning) for one in CheckStatus),
        *(
            Explanation(one.code, f"finding, {one.severity.value}", f"{one.what} {one.means} {one.do}")
            for one in FINDING_KINDS.values()
        ),
        *(Explanation(one.value, "danger of a policy change", text) for one, text in _DANGERS.items()),
        *(Explanation(one.value, "level of policies", text) for one, text in _LEVELS.items()),
        *(Explanation(one.code, "error", _error(one)) for one in _error_classes(OffloadctlError)),
        *(Explanation(word, "term", text) for word, text in _TERMS.items()),
        *(Explanation(str(word), sort, text) for sort, words in PRINTED_WORDS.items() for word, text in words.items()),
        *(Explanation(one.id, f"rule of broker-conf lint, {one.severity}", _rule(one)) for one in LINT_RULES.values()),
        *(Explanation(one.key, "key of broker.conf", one.about) for one in SETTINGS),
    )


def _rule(rule: Rule) -> str:
    about = "; ".join((*([rule.versions] if rule.versions else []), *(f"apache/pulsar#{one}" for one in rule.issues)))
    return f"{rule.what} What the broker does: {rule.broker} What to do: {rule.fix}" + (f" ({about})" if about else "")


def _outcome(outcome: Outcome) -> str:
    return f"{outcome.meaning} Exit code {int(outcome.exit_code)}."


def _error(kind: type[OffloadctlError]) -> str:
    text = (kind.__doc__ or "").strip().splitlines()[0]
    again = " Trying again may help." if kind.retryable else ""
    return f"{text} Exit code {int(kind.exit_code)}.{again}"


def _error_classes(kind: type[OffloadctlError]) -> Iterable[type[OffloadctlError]]:
    for one in kind.__subclasses__():
        if one.__module__ == errors.__name__:
            yield one
            yield from _error_classes(one)


def _singulars(key: str) -> Iterable[str]:
    """What a plural may be the plural of."""
    if key.endswith("ies"):
        yield key.removesuffix("ies") + "y"
    if key.endswith("s"):
        yield key.removesuffix("s")


def _key(word: str) -> str:
    """`coolDown`, `cool-down`, `COOL_DOWN` and `cool down` are the same word."""
    return re.sub(r"[-_ ]", "", word.strip().lower())
