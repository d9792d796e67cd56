"""The only builder of adapters: a Context becomes Ports. Everything slow to load is loaded here, when it is needed."""

import shlex
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from offloadctl.config.given import Origin, OriginKind
from offloadctl.errors import (
    ClusterMismatch,
    ProtectedContext,
    ReadOnlyContext,
    SettingsError,
)
from offloadctl.model.settings import BucketSettings, Context
from offloadctl.ports import (
    BrokerAdmin,
    BucketProbe,
    Clock,
    MessageReader,
    ObjectStore,
    Ports,
    WritableObjectStore,
)

if TYPE_CHECKING:
    from offloadctl.adapters.promql import Prometheus
    from offloadctl.adapters.pulsar_client import PulsarMessages
    from offloadctl.adapters.pulsar_connection import PulsarConnection
    from offloadctl.adapters.s3 import S3Store
    from offloadctl.adapters.sqlite_checks import SqliteChecks
    from offloadctl.adapters.sqlite_file import SqliteFile
    from offloadctl.adapters.sqlite_findings import SqliteFindings
    from offloadctl.model.journal import Actor
    from offloadctl.operations.collect import BulkCollector
    from offloadctl.operations.offload_run import OffloadTopics
    from offloadctl.operations.usual import UsualCollector
    from offloadctl.operations.workers import Stop
    from offloadctl.plan.lease_dangers import LeaseDanger
    from offloadctl.ports.journal import History, Journal
    from offloadctl.ports.lease import Lease
    from offloadctl.ports.schedule import Collector, DecisionHistory, DecisionLog

_BROKER_URL: Final = (
    "set broker_url, as in pulsar://host:6650: offloadctl context set NAME broker_url=..., or OFFLOADCTL_BROKER_URL"
)


@contextmanager
def open_ports(context: Context, *, clock: Clock | None = None) -> Iterator[Ports]:
    """The ports of a context, closed again at the end; nothing is sent before an operation asks for it."""
    from offloadctl.adapters.pulsar_rest import PulsarRest  # noqa: PLC0415 - `--help` must not load requests
    from offloadctl.adapters.system import SystemClock  # noqa: PLC0415

    used = clock if clock is not None else SystemClock()
    with ExitStack() as stack:
        stores = tuple(stack.enter_context(_store(bucket)) for bucket in context.buckets)
        admin = stack.enter_context(PulsarRest(context.broker, used, context_name=context.name))
        messages = stack.enter_context(_messages(context, used)) if context.broker.broker_url is not None else None
        yield Ports(admin=admin, clock=used, stores=stores, messages=messages)


@contextmanager
def open_buckets(context: Context) -> Iterator[tuple[tuple[WritableObjectStore, BucketProbe], ...]]:
    """Each bucket of a context, with what tells its configuration; only for whoever examines buckets themselves."""
    from offloadctl.adapters.s3_probe import S3Probe  # noqa: PLC0415 - boto3 is slow to load
    from offloadctl.adapters.system import SystemClock  # noqa: PLC0415

    with ExitStack() as stack:
        yield tuple((stack.enter_context(_store(one)), S3Probe(one, SystemClock())) for one in context.buckets)


@contextmanager
def open_findings(context: Context, *, read_only: bool = False) -> Iterator["SqliteFindings | None"]:
    """What checks have found and covered so far; None where nothing is remembered. Opened when it is used."""
    from offloadctl.adapters.sqlite_findings import SqliteFindings  # noqa: PLC0415 - sqlite3 is slow to load

    with _checks_file(context, read_only=read_only) as file:
        yield SqliteFindings(file) if file is not None else None


@contextmanager
def open_journal(context: Context, clock: Clock) -> "Iterator[Journal]":
    """The journal of runs; nothing is written before a run begins."""
    from offloadctl.adapters.sqlite_journal import SqliteJournal  # noqa: PLC0415 - `--help` must not load sqlite3

    journal = SqliteJournal(_state_of(context), clock)
    try:
        yield journal
    finally:
        journal.close()


@contextmanager
def recorded(
    context: Context, clock: Clock, work: "OffloadTopics", *, actor: "Actor", cluster: str, command: str
) -> Iterator["OffloadTopics"]:
    """The same work as a run in the journal; StateError before anything is asked of a topic if there can be none."""
    from offloadctl.model.journal import RunStart  # noqa: PLC0415 - only where something is written down
    from offloadctl.operations.run_record import recording  # noqa: PLC0415 - protobuf is slow to load

    start = RunStart(
        context=context.name,
        cluster=cluster,
        actor=actor,
        command=command,
        wish=work.offload.wish,
        reason=work.reason,
        plan_hash=work.plan_hash,
    )
    with open_journal(context, clock) as journal, recording(journal, start) as record:
        yield replace(work, record=record)


@contextmanager
def open_collector(context: Context, ports: Ports, *, stop: "Stop | None" = None) -> Iterator["BulkCollector"]:
    """Where schedules have their numbers from. It remembers from one look to the next: whoever looks often keeps it."""
    from offloadctl.adapters.cluster_numbers import PulsarNumbers  # noqa: PLC0415 - requests is slow to load
    from offloadctl.operations.collect import BulkCollector  # noqa: PLC0415
    from offloadctl.operations.workers import Stop  # noqa: PLC0415

    with ExitStack() as stack:
        numbers = stack.enter_context(PulsarNumbers(context.broker, ports.clock, bookie_urls=context.bookie_urls))
        url = context.prometheus_url
        queries = stack.enter_context(open_prometheus(url, context)) if url is not None else None
        yield BulkCollector(ports.admin, numbers, ports.clock, queries, stop or Stop())


@contextmanager
def open_usual(
    context: Context, collector: "Collector", clock: Clock, tell: Callable[[str], None], *, read_only: bool = False
) -> Iterator["UsualCollector"]:
    """The same numbers with what is usual of them: learnt by looking, and kept at the end. Opened when it is used.

    A file that cannot be used makes what is usual unknown, or lets it be forgotten; nothing fails, and `tell` hears it.
    """
    from offloadctl.adapters.sqlite_file import SqliteFile  # noqa: PLC0415 - sqlite3 is slow to load
    from offloadctl.adapters.sqlite_usual import USUAL, USUAL_FILE, WHAT, SqliteUsual  # noqa: PLC0415
    from offloadctl.operations.usual import UsualCollector  # noqa: PLC0415

    if context.state is None:
        yield UsualCollector(collector, tell=tell)
        return
    file = SqliteFile(context.state / USUAL_FILE, USUAL, what=WHAT, read_only=read_only)
    made = UsualCollector(collector, SqliteUsual(file), tell=tell)
    try:
        yield made
    finally:
        if not read_only:
            made.keep(clock.now())
        file.close()


@contextmanager
def open_lease(context: Context, clock: Clock, holder: str) -> "Iterator[Lease]":
    """Who of several instances acts: the lease topic's, or whoever locks the state directory's file.

    Without a lease topic it is had at once, or LeaseHeld tells that another process has it.
    """
    if context.lease_topic is None:
        from offloadctl.adapters.local_lease import LocalLease  # noqa: PLC0415 - only where something is run

        with only_scheduler(context), open_decision_log(context, clock) as log:
            yield LocalLease(log, str(_scheduler_lock(context)))
        return
    from offloadctl.adapters.lease_topic import TopicLease  # noqa: PLC0415 - only where something is run

    with TopicLease(_lease_connection(context, clock), context.lease_topic, holder) as lease:
        yield lease


def lease_dangers(context: Context, clock: Clock) -> "tuple[LeaseDanger, ...]":
    """What brokers may do to the lease topic and the pauses beside it; a BrokerError if they do not tell."""
    if context.lease_topic is None:
        return ()
    from offloadctl.adapters.lease_policies import LeasePolicies  # noqa: PLC0415 - only with a lease topic
    from offloadctl.adapters.lease_tail import pauses_beside  # noqa: PLC0415
    from offloadctl.plan.lease_dangers import dangers  # noqa: PLC0415

    with LeasePolicies(context.broker, clock) as policies:
        topics = (context.lease_topic, pauses_beside(context.lease_topic))
        return tuple(found for topic in topics for found in dangers(policies.of(topic)))


@contextmanager
def open_decision_log(context: Context, clock: Clock) -> "Iterator[DecisionLog]":
    """Where it is written down what is decided: the journal. With a lease topic, pauses alone are written so."""
    if context.lease_topic is not None:
        from offloadctl.adapters.lease_history import PauseLog  # noqa: PLC0415 - only with a lease topic

        yield PauseLog(_lease_connection(context, clock), context.lease_topic)
        return
    from offloadctl.adapters.decision_logs import JournalDecisionLog  # noqa: PLC0415 - msgspec is slow to load

    with open_journal(context, clock) as journal:
        yield JournalDecisionLog(journal)


@contextmanager
def open_decision_history(context: Context) -> "Iterator[DecisionHistory]":
    """The same for whoever only reads."""
    if context.lease_topic is not None:
        from offloadctl.adapters.lease_history import TopicHistory  # noqa: PLC0415 - only with a lease topic
        from offloadctl.adapters.system import SystemClock  # noqa: PLC0415

        yield TopicHistory(_lease_connection(context, SystemClock()), context.lease_topic)
        return
    from offloadctl.adapters.decision_logs import JournalDecisionHistory  # noqa: PLC0415 - msgspec is slow to load

    with open_history(context) as history:
        yield JournalDecisionHistory(history)


@contextmanager
def only_scheduler(context: Context) -> Iterator[None]:
    """Be the only process that runs schedules by this state directory; LeaseHeld if there is another one."""
    from offloadctl.adapters.only_one import only_one  # noqa: PLC0415 - only where something is run
    from offloadctl.adapters.system import this_process  # noqa: PLC0415

    with only_one(_scheduler_lock(context), what="runs schedules", who=this_process().words):
        yield


def open_prometheus(url: str, context: Context | None = None) -> "Prometheus":
    """Whoever answers PromQL there; none of the context's credentials are sent."""
    from offloadctl.adapters.promql import Prometheus  # noqa: PLC0415 - requests is slow to load

    return Prometheus(url, context.broker if context is not None else None)


@contextmanager
def open_history(context: Context) -> "Iterator[History]":
    """The same for whoever only reads; of a journal that is not there nothing was ever written."""
    from offloadctl.adapters.sqlite_journal import SqliteHistory  # noqa: PLC0415 - `--help` must not load sqlite3

    history = SqliteHistory(_state_of(context))
    try:
        yield history
    finally:
        history.close()


@contextmanager
def open_checks(context: Context, *, read_only: bool = False) -> Iterator["SqliteChecks | None"]:
    """What checks have verified so far, and their runs; None where nothing is remembered. Opened when it is used."""
    from offloadctl.adapters.sqlite_checks import SqliteChecks  # noqa: PLC0415 - sqlite3 is slow to load

    with _checks_file(context, read_only=read_only) as file:
        if file is None:
            yield None
            return
        with closing(SqliteChecks(file)) as checks:
            yield checks


@contextmanager
def _checks_file(context: Context, *, read_only: bool) -> Iterator["SqliteFile | None"]:
    """Nothing of it is opened before it is used."""
    if context.state is None:
        yield None
        return
    from offloadctl.adapters.checks_shape import CHECKS, CHECKS_FILE, WHAT  # noqa: PLC0415 - sqlite3 is slow to load
    from offloadctl.adapters.sqlite_file import SqliteFile  # noqa: PLC0415

    with closing(SqliteFile(context.state / CHECKS_FILE, CHECKS, what=WHAT, read_only=read_only)) as file:
        yield file


def require_messages(ports: Ports) -> MessageReader:
    """Whoever reads messages; a SettingsError or MissingExtra, before anything is done, if nobody can."""
    if ports.messages is None:
        raise SettingsError(
            "no address of the binary protocol is known, and messages are read by that",
            hint=_BROKER_URL,
        )
    from offloadctl.adapters.pulsar_client import require_library  # noqa: PLC0415 - only where messages are read

    require_library()
    return ports.messages


def open_local_files() -> ObjectStore:
    """Files as objects, their paths as keys."""
    from offloadctl.adapters.local_files import LocalFiles  # noqa: PLC0415 - only when files are named

    return LocalFiles(Path.cwd())


def check_cluster(admin: BrokerAdmin, context: Context) -> bool:
    """Refuse when the broker belongs to another cluster than the context names; without a name nothing is asked.

    False if the broker knows the one that is named, and several, and will not say to which of them it belongs.
    """
    if context.cluster is None:
        return True
    own = admin.own_cluster()
    if own is None:
        known = admin.clusters()
        fits, found = context.cluster in known, f"knows only {', '.join(sorted(known)) or 'none'}"
    else:
        fits, found = context.cluster == own, f"belongs to {own!r}"
    if not fits:
        raise ClusterMismatch(
            f"context {context.name} is for cluster {context.cluster!r}, but the broker at"
            f" {context.broker.admin_urls[0]} {found}",
            hint="correct admin_urls or cluster: offloadctl context show",
        )
    return own is not None


def guard_mutation(
    context: Context, *, explicit: bool, read_only_from: Origin | None = None, cluster_proven: bool = True
) -> None:
    """Refuse a change in a read-only context, and in a protected one that was not named or whose cluster is a guess."""
    if context.broker.read_only:
        by, hint = _read_only_words(context.name, read_only_from)
        raise ReadOnlyContext(f"context {context.name} is read-only{by}, and this would change something", hint=hint)
    if context.protected and not explicit:
        raise ProtectedContext(
            f"context {context.name} is protected, and it was not named on the command line",
            hint=f"if you mean it, add --context {context.name}",
        )
    if context.protected and not cluster_proven:
        raise ProtectedContext(
            f"context {context.name} is protected, and the broker does not say that it belongs to {context.cluster!r}",
            hint="only a super-user is told; use such a token, or take the protection away: offloadctl context set "
            f"{shlex.quote(context.name)} protected=false",
        )


def _read_only_words(name: str, origin: Origin | None) -> tuple[str, str]:
    """Who said so, and how to take it back."""
    match origin.kind if origin is not None else None:
        case OriginKind.FLAG:
            return f" by {origin}", f"if you mean it, leave {origin} out"
        case OriginKind.VARIABLE:
            return f" by the variable {origin}", f"if you mean it, unset {origin}"
        case OriginKind.CONTEXT:
            return " by the context file", f"if you mean it: offloadctl context set {shlex.quote(name)} read_only=false"
        case _:
            return "", "offloadctl context show tells where read_only comes from"


def _scheduler_lock(context: Context) -> Path:
    return _state_of(context) / "scheduler.lock"


def _lease_connection(context: Context, clock: Clock) -> "PulsarConnection":
    from offloadctl.adapters.pulsar_connection import PulsarConnection  # noqa: PLC0415 - only with a lease topic

    if context.broker.broker_url is None:
        raise SettingsError(
            f"the lease topic {context.lease_topic} needs the address of the binary protocol", hint=_BROKER_URL
        )
    connection = PulsarConnection(context.broker.broker_url, context.broker, clock, "serve", "a lease topic")
    connection.library()
    return connection


def _state_of(context: Context) -> Path:
    if context.state is None:
        raise SettingsError("runs must be remembered somewhere", hint="give a directory: --state, or OFFLOADCTL_STATE")
    return context.state


def _messages(context: Context, clock: Clock) -> "PulsarMessages":
    from offloadctl.adapters.pulsar_client import PulsarMessages  # noqa: PLC0415 - only where a broker_url is given

    assert context.broker.broker_url is not None  # noqa: S101 - the caller has looked
    return PulsarMessages(context.broker.broker_url, context.broker, clock)


def _store(bucket: BucketSettings) -> "S3Store":
    from offloadctl.adapters.s3 import S3Store  # noqa: PLC0415 - boto3 is slow to load, and often there is no bucket

    return S3Store(bucket)
