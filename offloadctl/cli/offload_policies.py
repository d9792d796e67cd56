"""`offload-policies get`, `effective`, `set`, `unset`, `apply`, `diff` and `export`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from offloadctl.cli.connection import ConnectionFlags, Session, connect, with_connection
from offloadctl.cli.help import GroupedGroup
from offloadctl.cli.output import OutputFormat, OutputOption, emit_result, say
from offloadctl.cli.scope import with_scope
from offloadctl.errors import BadValue, UsageError
from offloadctl.exitcodes import ExitCode
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.scope import Scope

if TYPE_CHECKING:
    from offloadctl.model.policies import PolicyLevels, PolicyScope, PolicyValue
    from offloadctl.plan.offload_policies import PolicyPlan, PolicyWish
    from offloadctl.plan.policy_outcome import Approval

app = typer.Typer(
    name="offload-policies",
    cls=GroupedGroup,
    no_args_is_help=True,
    help="Pulsar's offload policies of namespaces and topics: what is in force, and changing it.",
)

TopicArgument = Annotated[
    str | None,
    typer.Argument(metavar="[TOPIC]", help="A topic; or a namespace with -n.", show_default=False),
]
Namespace = Annotated[
    str | None, typer.Option("--namespace", "-n", metavar="T/NS", help="The namespace.", show_default=False)
]
Targets = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[TOPIC] [NAME]...",
        help="The topic, but for -n; and fields by their names in policies, in broker.conf, or in short.",
        show_default=False,
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change and the requests; send nothing.")]
Yes = Annotated[
    bool,
    typer.Option("--yes", help="Agree to what is dangerous: more is offloaded, reads go elsewhere, a new error."),
]
AcceptUnverified = Annotated[
    bool,
    typer.Option(
        "--accept-unverified",
        help="Let BookKeeper's copies go although nobody proved that the store's are whole; the journal keeps that.",
    ),
]
Global = Annotated[
    bool,
    typer.Option("--global", help="The topic's global policy: for every cluster that its namespace is replicated to."),
]
File = Annotated[str, typer.Option("--file", "-f", metavar="FILE", help="Policies in YAML; - is standard input.")]
Prune = Annotated[bool, typer.Option("--prune", help="Take away the fields that the file does not name.")]


@app.command("get")
@with_connection
def get(
    topic: TopicArgument = None,
    *,
    namespace: Namespace = None,
    is_global: Global = False,
    output: OutputOption = OutputFormat.TABLE,
    connection: ConnectionFlags,
) -> ExitCode:
    """What a namespace or topic itself has."""
    scope = one_scope(topic, namespace, is_global=is_global)
    with connect(connection) as session:
        _show_policies(session, _read_own(session, [(scope, is_global)]), output)
    return ExitCode.OK


@app.command("effective")
@with_connection
def effective(
    topic: TopicArgument = None,
    *,
    namespace: Namespace = None,
    output: OutputOption = OutputFormat.TABLE,
    connection: ConnectionFlags,
) -> ExitCode:
    """What is in force, and where it comes from.

    In plain words, too: when data moves, when its first copy goes, when all of it goes.
    Exit code 3: something is wrong with what is in force.
    """
    from offloadctl.report import policies as documents  # noqa: PLC0415 - msgspec and rich are slow to load
    from offloadctl.report.policies_text import effective_text  # noqa: PLC0415

    scope = one_scope(topic, namespace)
    with connect(connection) as session:
        report = documents.EffectiveReport.of(read_levels(session, scope))
        origin = session.origin()
        emit_result(
            output,
            document=lambda: documents.effective_document(report, origin),
            lines=lambda: [documents.effective_document(report, origin)],
            text=lambda *, wide: effective_text(report, origin, wide=wide),
        )
    return report.exit_code


@app.command("set")
@with_connection
def set_(
    arguments: Annotated[
        list[str],
        typer.Argument(
            metavar="[TOPIC] NAME=VALUE...",
            help="The topic, but for -n; and fields: size-threshold=10G deletion-lag=4h; NAME=- asks for it.",
            show_default=False,
        ),
    ],
    *,
    namespace: Namespace = None,
    is_global: Global = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    accept_unverified: AcceptUnverified = False,
    output: OutputOption = OutputFormat.TABLE,
    connection: ConnectionFlags,
) -> ExitCode:
    """Set fields; all others stay in force.

    A policy is born with values of its own, which would hide the broker's: they are repeated. For example:
    offload-policies set -n acme/shop size-threshold=10G deletion-lag=4h
    """
    from offloadctl.plan.offload_policies import PolicyWish  # noqa: PLC0415 - only when it is needed

    topic, texts = _taken_apart(arguments, namespace, is_name=lambda text: "=" in text)
    scope = one_scope(topic, namespace, is_global=is_global)
    given = _given(texts)
    with connect(connection) as session:
        fields = _parsed(given, read_levels(session, scope))
        approval = _approval(yes=yes, accept_unverified=accept_unverified)
        wish = PolicyWish(scope, fields, is_global=is_global)
        return _change(session, [wish], approval, output, dry_run=dry_run)


@app.command("unset")
@with_connection
def unset(
    arguments: Targets = None,
    *,
    namespace: Namespace = None,
    is_global: Global = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    accept_unverified: AcceptUnverified = False,
    output: OutputOption = OutputFormat.TABLE,
    connection: ConnectionFlags,
) -> ExitCode:
    """Remove fields, or the whole policy.

    The level below counts again then. That is not -1, which means off or never. Of a namespace
    the older fields are cleared, too.
    """
    from offloadctl.brokerconf.policy_fields import field_named  # noqa: PLC0415 - only when it is needed
    from offloadctl.plan.offload_policies import PolicyWish  # noqa: PLC0415

    topic, names = _taken_apart(arguments or [], namespace, is_name=lambda _: False)
    scope = one_scope(topic, namespace, is_global=is_global)
    with connect(connection) as session:
        driver = _driver(read_levels(session, scope)) if names else ""
        fields = frozenset(field_named(name, driver=driver).name for name in names)
        approval = _approval(yes=yes, accept_unverified=accept_unverified)
        wish = PolicyWish(scope, unset=fields, remove=not fields, is_global=is_global)
        return _change(session, [wish], approval, output, dry_run=dry_run)


@app.command("apply")
@with_connection
def apply(
    *,
    file: File,
    prune: Prune = False,
    is_global: Global = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    accept_unverified: AcceptUnverified = False,
    output: OutputOption = OutputFormat.TABLE,
    connection: ConnectionFlags,
) -> ExitCode:
    """Make policies what a file says.

    Only what differs is sent. Fields that the file does not name stay, but for --prune. `fields: null` removes
    a policy; `keep` leaves a credential as it is.
    """
    with connect(connection) as session:
        approval = _approval(yes=yes, accept_unverified=accept_unverified)
        wishes = _wishes(session, file, prune=prune, is_global=is_global)
        return _change(session, wishes, approval, output, dry_run=dry_run)


@app.command("diff")
@with_connection
def diff(
    *,
    file: File,
    prune: Prune = False,
    is_global: Global = False,
    output: OutputOption = OutputFormat.TABLE,
    connection: ConnectionFlags,
) -> ExitCode:
    """What `apply` would change. Exit code 0: nothing, 3: something."""
    with connect(connection) as session:
        wishes = _wishes(session, file, prune=prune, is_global=is_global)
        return _change(session, wishes, _approval(), output, dry_run=True, is_diff=True)


@app.command("export")
@with_connection
@with_scope
def export(*, scope: Scope, output: OutputOption = OutputFormat.YAML, connection: ConnectionFlags) -> ExitCode:
    """Policies as a file for `apply`.

    Of the topics named, or of namespaces and all their topics. Only what has a policy
    of its own is written; credentials as `keep`.
    """
    from offloadctl.operations.policy_levels import scopes_of  # noqa: PLC0415 - only when it is needed

    with connect(connection) as session:
        scopes = tuple(scopes_of(session.ports.admin, scope))
        both = ((one, is_global) for one in scopes for is_global in (False, True)[: 1 + isinstance(one, TopicName)])
        read = _read_own(session, both)
        levels = [one for one in read if one.own is not None]
        _show_policies(session, levels, output)
    return ExitCode.OK


def one_scope(topic: str | None, namespace: str | None, *, is_global: bool = False) -> "PolicyScope":
    """The topic or the namespace that was named."""
    from offloadctl.cli.policy_file import policy_topic  # noqa: PLC0415 - yaml is slow to load

    if (topic is None) == (namespace is None):
        raise UsageError("name a topic, or a namespace with -n; not both", hint="as in -n public/default")
    if is_global and topic is None:
        raise UsageError("--global is of topics only", hint="a namespace's policy is in every cluster anyway")
    if topic is not None and topic.count("/") == 1:
        raise UsageError(f"{topic!r} is not a topic name", hint=f"a namespace is named with -n: -n {topic}")
    return policy_topic(topic) if topic is not None else NamespaceName.parse(namespace or "")


def _taken_apart(
    arguments: Sequence[str], namespace: str | None, *, is_name: Callable[[str], bool]
) -> tuple[str | None, Sequence[str]]:
    """The topic, which comes first if there is no namespace, and the rest."""
    if namespace is not None or not arguments or is_name(arguments[0]):
        return None, arguments
    return arguments[0], arguments[1:]


def _given(texts: Sequence[str]) -> Mapping[str, str]:
    from offloadctl.cli.broker_conf_changes import given_values  # noqa: PLC0415 - only when it is needed

    if not texts:
        raise UsageError("say what to set: NAME=VALUE", hint="as in deletion-lag=4h")
    if not all(text.partition("=")[0].strip() and "=" in text for text in texts):
        # The text itself is not shown: it may well be a secret.
        raise UsageError("an argument is not NAME=VALUE", hint="write deletion-lag=4h")
    return given_values(texts)


def _parsed(given: Mapping[str, str], levels: "PolicyLevels") -> "dict[str, PolicyValue]":
    from offloadctl.brokerconf.policy_fields import DRIVER, field_named  # noqa: PLC0415 - only when it is needed

    driver = next((given[name] for name in (DRIVER, "driver") if name in given), _driver(levels))
    fields: dict[str, PolicyValue] = {}
    for name, text in given.items():
        field = field_named(name, driver=driver)
        if field.name in fields:
            raise UsageError(f"{field.name} is set twice", hint="set each field once")
        try:
            fields[field.name] = field.value(text)
        except BadValue as error:
            raise BadValue(f"{name}: {error.message}", hint=error.hint) from error
    return fields


def _driver(levels: "PolicyLevels") -> str:
    from offloadctl.brokerconf.policy_fields import DRIVER  # noqa: PLC0415 - only when it is needed
    from offloadctl.plan.policies_in_force import in_force  # noqa: PLC0415

    return in_force(levels).text(DRIVER)


def _wishes(session: Session, file: str, *, prune: bool, is_global: bool) -> "list[PolicyWish]":
    from offloadctl.cli.policy_file import read_policy_file  # noqa: PLC0415 - yaml is slow to load
    from offloadctl.plan.offload_policies import PolicyWish  # noqa: PLC0415

    wishes = []
    for one in read_policy_file(file, is_global=is_global):
        if one.fields is None:
            wishes.append(PolicyWish(one.scope, remove=True, is_global=one.is_global))
            continue
        try:
            fields = _parsed(one.fields, read_levels(session, one.scope))
        except BadValue as error:
            raise BadValue(f"{one.where}: {error.message}", hint=error.hint) from error
        wishes.append(PolicyWish(one.scope, fields, prune=prune, is_global=one.is_global))
    return wishes


def read_levels(session: Session, scope: "PolicyScope") -> "PolicyLevels":
    """A scope's own level and those below it, which `retention` has in common with this command."""
    from offloadctl.operations.policy_levels import PolicyReader  # noqa: PLC0415 - only when it is needed

    return PolicyReader(session.ports.admin).read(scope)


def _read_own(session: Session, scopes: "Iterable[tuple[PolicyScope, bool]]") -> "tuple[PolicyLevels, ...]":
    from offloadctl.operations.policy_levels import PolicyReader  # noqa: PLC0415 - only when it is needed

    reader = PolicyReader(session.ports.admin)
    return tuple(reader.read_own(scope, is_global=is_global) for scope, is_global in scopes)


def _approval(*, yes: bool = False, accept_unverified: bool = False) -> "Approval":
    from offloadctl.plan.policy_outcome import Approval  # noqa: PLC0415 - only when it is needed

    return Approval(unverified=accept_unverified, yes=yes)


def _change(
    session: Session,
    wishes: "Sequence[PolicyWish]",
    approval: "Approval",
    output: OutputFormat,
    *,
    dry_run: bool,
    is_diff: bool = False,
) -> ExitCode:
    from offloadctl.cli.policy_guard import guarding  # noqa: PLC0415 - only when it is needed
    from offloadctl.cli.progress_reading import reading_topics  # noqa: PLC0415 - as above
    from offloadctl.operations.offload_policies import ChangePolicies  # noqa: PLC0415 - as above
    from offloadctl.report import policies as documents  # noqa: PLC0415 - msgspec and rich are slow to load
    from offloadctl.report.policies_text import change_text, request_words, scope_name  # noqa: PLC0415

    if not dry_run:
        session.allow_change()
    origin = session.origin()

    def tell(plan: "PolicyPlan") -> None:
        for request in plan.requests:
            name = scope_name(plan.wish.scope, is_global=plan.wish.is_global)
            say(f"{origin}: {name}: {request_words(request)}")

    # One topic is acted on, and may be loaded for it; whole namespaces are left as they are.
    may_load = all(isinstance(one.scope, TopicName) for one in wishes)
    may_load = may_load and not dry_run
    with guarding(session, may_load=may_load) as (by_check, note), reading_topics(session.ports.clock) as reading:
        verify = (lambda _: "") if is_diff else by_check
        work = ChangePolicies(
            session.ports, verify, approval, dry_run=dry_run, on_change=tell, note=note, reading=reading
        )
        report = documents.ChangeReport(work.run(wishes), dry_run=dry_run, is_diff=is_diff)
    emit_result(
        output,
        document=lambda: documents.change_document(report, approval, origin),
        lines=lambda: documents.change_document(report, approval, origin).items,
        text=lambda *, wide: change_text(report, approval, origin, wide=wide),
    )
    return report.exit_code


def _show_policies(session: Session, levels: "Sequence[PolicyLevels]", output: OutputFormat) -> None:
    from offloadctl.report import policies as documents  # noqa: PLC0415 - msgspec and rich are slow to load
    from offloadctl.report.policies_text import policies_text  # noqa: PLC0415

    origin = session.origin()
    emit_result(
        output,
        document=lambda: documents.policies_document(levels, origin),
        lines=lambda: documents.policies_document(levels, origin).policies,
        text=lambda *, wide: policies_text(levels, origin, wide=wide),
    )
