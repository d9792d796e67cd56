"""The table of docs/outcomes.md: each end that a run can have, what forces it in a test, and who has shown it.

python -m tests.outcomes > docs/outcomes.md
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from offloadctl.model.offload import Outcome

UNIT: Final = "tests/unit/operations"
REAL: Final = "tests/integration"

_OURS: Final = "no broker has a part in it"


@dataclass(frozen=True, slots=True)
class Shown:
    """What forces an outcome: on the embedded cluster, on a real broker, and what Pulsar's own offloader has shown."""

    embedded: str
    real: str = ""
    true_offloader: str = ""


OUTCOMES: Final[Mapping[Outcome, Shown]] = {
    Outcome.PLANNED: Shown(
        f"{UNIT}/test_offload_scope.py::test_planning_idle_topics_loads_none",
        f"{REAL}/test_same_plan_as_pulsar_admin.py::test_every_threshold_moves_what_we_would_have_planned",
    ),
    Outcome.NOTHING_TO_DO: Shown(
        f"{UNIT}/test_offload_outcomes.py::test_nothing_to_do",
        f"{REAL}/test_offload_partitions.py::test_every_partition_of_a_topic_is_offloaded_and_confirmed",
    ),
    Outcome.UNKNOWN: Shown(
        f"{UNIT}/test_idle_offloads.py::test_without_a_bucket_nobody_knows_and_the_bucket_is_offered"
    ),
    Outcome.LEFT: Shown(f"{UNIT}/test_offload_scope.py::test_the_largest_are_taken_until_enough_is_planned", "", _OURS),
    Outcome.ACCEPTED: Shown(f"{UNIT}/test_offload_outcomes.py::test_accepted_and_busy", "", "yes: 204, recorded"),
    Outcome.BUSY: Shown(f"{UNIT}/test_offload_outcomes.py::test_accepted_and_busy", "", "yes: 409, recorded"),
    Outcome.CONFIRMED: Shown(
        f"{UNIT}/test_offload_outcomes.py::test_confirmed",
        f"{REAL}/test_offload_partitions.py::test_every_partition_of_a_topic_is_offloaded_and_confirmed",
        "yes: SUCCESS recorded, with its objects",
    ),
    Outcome.UNCONFIRMED: Shown(
        f"{UNIT}/test_offload_outcomes.py::test_done_and_not_confirmed",
        f"{REAL}/test_offload_stores.py::test_what_we_may_not_read_is_done_and_not_confirmed",
        _OURS,
    ),
    Outcome.FEWER: Shown(f"{UNIT}/test_offload_outcomes.py::test_fewer_than_planned"),
    Outcome.TRIMMED: Shown(
        f"{UNIT}/test_offload_outcomes.py::test_trimmed",
        f"{REAL}/test_offload_interrupted.py::test_a_ledger_that_is_trimmed_is_told_apart",
    ),
    Outcome.AUTOMATIC_RUN: Shown(
        f"{UNIT}/test_offload_outcomes.py::"
        "test_an_automatic_run_in_the_way_for_longer_than_the_wait_is_told_with_the_attempts",
        f"{REAL}/test_offload_partitions.py::test_an_automatic_run_in_the_way_is_waited_for_and_told",
        "the automatic run is recorded; the refusal is not",
    ),
    Outcome.UNLOADED: Shown(
        f"{UNIT}/test_offload_outcomes.py::test_unloaded",
        f"{REAL}/test_offload_interrupted.py::test_a_topic_that_is_unloaded_forgets_its_run_and_the_next_one_succeeds",
        "yes: NOT_RUN after an unload, recorded",
    ),
    Outcome.DELETED: Shown(
        f"{UNIT}/test_offload_outcomes.py::test_deleted",
        f"{REAL}/test_offload_interrupted.py::test_a_topic_that_is_deleted_is_said_to_be",
        "that a deleted topic takes its objects along is recorded",
    ),
    Outcome.FAILED: Shown(
        f"{UNIT}/test_offload_outcomes.py::test_an_error_is_decoded_and_what_moved_in_spite_of_it_is_told",
        f"{REAL}/test_offload_stores.py::"
        "test_a_store_that_stands_still_for_30_seconds_fails_the_run_and_the_next_one_succeeds",
        "yes: ERROR, Read timed out, recorded",
    ),
    Outcome.TIMED_OUT: Shown(
        f"{UNIT}/test_offload_outcomes.py::test_timed_out",
        f"{REAL}/test_offload_stores.py::test_a_driver_without_its_credentials_stands_still_and_the_hint_says_why",
        "yes: RUNNING for ever without credentials, seen live",
    ),
    Outcome.STALLED: Shown(
        f"{UNIT}/test_standstill.py::test_a_task_that_has_died_is_given_up_since_no_upload_was_ever_opened",
        f"{REAL}/test_offload_outcomes.py::test_an_upload_that_stands_still_is_given_up_with_what_has_arrived",
        "yes: RUNNING for ever without credentials, seen live",
    ),
    Outcome.DAMAGED: Shown(
        f"{UNIT}/test_offload_outcomes.py::test_damaged",
        f"{REAL}/test_offload_damage.py::test_an_entry_too_large_for_its_block_is_damage_and_not_success",
        "yes: a truncated ledger and a lost index, recorded",
    ),
    Outcome.REFUSED: Shown(f"{UNIT}/test_offload_outcomes.py::test_refused", "", _OURS),
    Outcome.INTERRUPTED: Shown(f"{UNIT}/test_offload_outcomes.py::test_interrupted", "", _OURS),
    Outcome.NOT_STARTED: Shown(
        f"{UNIT}/test_offload_scope.py::test_what_an_interruption_leaves_is_a_true_report", "", _OURS
    ),
    Outcome.ABANDONED: Shown(
        f"{UNIT}/test_recorded.py::test_what_a_dead_run_never_sent_is_abandoned_and_done",
        f"{REAL}/test_offload_killed.py::test_what_a_killed_command_has_begun_is_joined_and_judged_by_the_next_one",
        _OURS,
    ),
}

BESIDE: Final[Mapping[str, tuple[str, Shown]]] = {
    "joined": (
        "The broker was busy with another run by hand (409): it was waited for, and what it left was asked for again.",
        Shown(f"{UNIT}/test_offload_outcomes.py::test_joined", "", "yes: 409, recorded"),
    ),
    "queued": (
        "The ledger was begun and no upload of it is open; other topics of its broker go on: it waits for a thread.",
        Shown(f"{UNIT}/test_standstill.py::test_a_topic_that_waits_for_its_brokers_threads_is_queued_and_not_stalled"),
    ),
    "standing-still": (
        "RUNNING, and nothing of it has moved for a minute or more; after --stall-timeout it is stalled.",
        Shown(
            f"{UNIT}/test_standstill.py::test_an_upload_that_stops_growing_is_given_up_with_what_has_arrived_of_it",
            f"{REAL}/test_offload_outcomes.py::test_an_upload_that_stands_still_is_given_up_with_what_has_arrived",
        ),
    ),
    "automatic-run": (
        "An automatic run was in the way at first; the request was sent again, as often as `attempts` says.",
        Shown(
            f"{UNIT}/test_offload_outcomes.py::test_an_automatic_run_in_the_way_is_waited_for_and_asked_again",
            f"{REAL}/test_offload_partitions.py::test_an_automatic_run_in_the_way_is_waited_for_and_told",
        ),
    ),
    "moved-in-spite": (
        "An ERROR is that of the first ledger that failed; which ledgers moved all the same is listed.",
        Shown(f"{UNIT}/test_offload_outcomes.py::test_an_error_is_decoded_and_what_moved_in_spite_of_it_is_told"),
    ),
    "policy-changed": (
        "A warning: the policies changed between plan and end, with what changed; a good end then exits with 3.",
        Shown(
            f"{UNIT}/test_offload_outcomes.py::test_policies_that_changed_meanwhile_are_a_warning_that_says_what",
            f"{REAL}/test_offload_outcomes.py::test_policies_that_change_under_a_run_are_a_warning",
        ),
    ),
    "judged-complete": (
        "An idle topic's begun offload counts as complete: both objects are in the bucket, of the right size.",
        Shown(
            f"{UNIT}/test_idle_offloads.py::"
            "test_complete_offloads_of_idle_topics_leave_nothing_to_do_and_no_topic_is_loaded",
            f"{REAL}/test_offload_outcomes.py::test_idle_topics_that_are_offloaded_have_nothing_to_do_and_stay_idle",
        ),
    ),
    "judged-incomplete": (
        "An idle topic's begun offload has no index object, which is written last: the ledger moves again.",
        Shown(
            f"{UNIT}/test_idle_offloads.py::test_an_offload_without_an_index_object_is_not_complete_and_moves_again",
            "",
            "yes: a broker killed during an upload, recorded",
        ),
    ),
    "neighbours-stand-still": (
        "Beside `failed`: two topics of the namespace stand still on this broker, so nothing was sent.",
        Shown(f"{UNIT}/test_standstill.py::test_where_two_topics_stand_still_no_more_of_their_namespace_are_asked_for"),
    ),
    "no-owner": (
        "Beside `failed`: the topic's bundle is being unloaded, after a minute still, and was left alone.",
        Shown(
            f"{UNIT}/test_offload_scope.py::"
            "test_a_bundle_that_is_never_done_with_being_unloaded_is_told_and_nothing_is_sent"
        ),
    ),
}
"""Codes of reasons and warnings that stand beside an outcome."""

_HEAD: Final = """\
# How a run ends

Every run of a topic ends with one outcome, judged by its ledgers first, their objects second, and the broker's claim
last. `offloadctl explain WORD` tells each of them; the result says the cause in its reasons and what to do in its hint.
This page is made by `python -m tests.outcomes`, and a test keeps it true.

"Real broker" is a Pulsar 4.0.7 with the stand-in offloader of this project, which writes what Pulsar's own does; "its
own offloader" says what recordings of the true one have shown.

A run that the broker calls RUNNING is looked at while no ledger is completed, by about four requests in half a minute:
which ledger was begun (`internal-info`), whether an upload of its key is open, and which parts have arrived. A ledger
that was begun and has no upload waits for one of its broker's offload threads, or its task has died: it is **queued**
as long as other topics of the same command move on that broker, and **stalled** after `--stall-timeout` (30 minutes).
Without a bucket, uploads cannot be looked at, and the result says so.
"""


def page() -> str:
    """The whole document."""
    return "\n".join((_HEAD, *_outcomes(), "", *_beside())) + "\n"


def _outcomes() -> Iterator[str]:
    yield "| outcome | exit | meaning | forced on the embedded cluster by | on a real broker by | its own offloader |"
    yield "|---|---|---|---|---|---|"
    for outcome in Outcome:
        yield _row(f"`{outcome.value}` | {int(outcome.exit_code)} | {outcome.meaning}", OUTCOMES[outcome])


def _beside() -> Iterator[str]:
    yield "## Beside an outcome"
    yield ""
    yield "| code | meaning | forced on the embedded cluster by | on a real broker by | its own offloader |"
    yield "|---|---|---|---|---|"
    for code, (meaning, shown) in BESIDE.items():
        yield _row(f"`{code}` | {meaning}", shown)


def _row(first: str, shown: Shown) -> str:
    return f"| {first} | {_test(shown.embedded)} | {_test(shown.real)} | {shown.true_offloader or 'not shown'} |"


def _test(name: str) -> str:
    file, _, test = name.partition("::")
    return f"[{test.removeprefix('test_').replace('_', ' ')}](../{file})" if name else "-"


if __name__ == "__main__":
    print(page(), end="")
