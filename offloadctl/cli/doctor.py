"""`doctor cluster`, `doctor topic`, `doctor s3` and `doctor iam`."""

from typing import Annotated

import typer

from offloadctl.cli.connection import ConnectionFlags, connect, guard_change, resolved, with_connection
from offloadctl.cli.help import GroupedGroup
from offloadctl.cli.output import OutputFormat, OutputOption, emit, emit_document, emit_result
from offloadctl.errors import UsageError
from offloadctl.exitcodes import ExitCode
from offloadctl.model.doctor import DoctorReport
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.settings import BasicAuth, BrokerSettings, OAuth2Auth, TokenAuth
from offloadctl.report.origin import Origin

app = typer.Typer(
    name="doctor",
    cls=GroupedGroup,
    no_args_is_help=True,
    help="Why does it not work? Looks at a cluster, a topic or a bucket, and says what is wrong and what to do.",
)


@app.command("cluster")
@with_connection
def cluster(
    *,
    namespaces: Annotated[
        list[str] | None,
        typer.Option(
            "--namespace", "-n", metavar="T/NS", help="Only these namespaces; may be repeated.", show_default=False
        ),
    ] = None,
    output: OutputOption = OutputFormat.TABLE,
    connection: ConnectionFlags,
) -> ExitCode:
    """A cluster: reach, rights, policies.

    Exit code 0: nothing but notes; 3: errors, warnings, unknowns; 1: out of reach.
    """
    from offloadctl.operations.doctor_cluster import ClusterDoctor  # noqa: PLC0415 - only when it is needed

    names = [NamespaceName.parse(text) for text in namespaces or ()]
    with connect(connection) as session:
        identity = _identity(session.context.broker)
        report = ClusterDoctor(session.ports.admin, identity, names).visit()
        return _show(session.origin(may_ask=False), (report,), output)


@app.command("topic")
@with_connection
def topic(
    topics: Annotated[
        list[str],
        typer.Argument(
            metavar="TOPIC...", help="persistent://t/ns/x, t/ns/x, or x of public/default.", show_default=False
        ),
    ],
    *,
    load_topics: Annotated[
        bool, typer.Option("--load-topics", help="Let brokers load topics that nobody uses, for a complete answer.")
    ] = False,
    output: OutputOption = OutputFormat.TABLE,
    connection: ConnectionFlags,
) -> ExitCode:
    """A topic: nothing moves, it hangs, disks fill.

    Exit code 0: nothing but notes; 3: errors, warnings, unknowns; 4: damage; 1: out of reach.
    """
    from offloadctl.operations.doctor_topic import TopicDoctor  # noqa: PLC0415 - it loads protobuf

    names = dict.fromkeys(TopicName.parse(text) for text in topics)
    with connect(connection) as session:
        doctor = TopicDoctor(session.ports, may_load=load_topics)
        return _show(session.origin(may_ask=False), tuple(doctor.visit(name) for name in names), output)


@app.command("s3")
@with_connection
def s3(
    *,
    write_probe: Annotated[
        bool,
        typer.Option("--write-probe", help="Also put and delete an object, under a key that can be none of Pulsar's."),
    ] = False,
    output: OutputOption = OutputFormat.TABLE,
    connection: ConnectionFlags,
) -> ExitCode:
    """A bucket: our rights, and its settings.

    Nothing is written without --write-probe. It speaks for our identity, not for the brokers'.
    """
    from offloadctl.operations.doctor_s3 import BucketDoctor  # noqa: PLC0415 - only when it is needed
    from offloadctl.wiring import open_buckets  # noqa: PLC0415

    settings = resolved(connection)
    _require_buckets(settings.context.buckets)
    if write_probe:
        guard_change(settings)
    with open_buckets(settings.context) as buckets:
        reports = tuple(BucketDoctor(store, probe).visit(store if write_probe else None) for store, probe in buckets)
        return _show(Origin(settings.context.name), reports, output)


@app.command("iam")
@with_connection
def iam(*, output: OutputOption = OutputFormat.TABLE, connection: ConnectionFlags) -> ExitCode:
    """AWS policies for brokers, and for us."""
    from offloadctl.plan.iam import broker_policy, reader_policy  # noqa: PLC0415 - only when it is needed

    settings = resolved(connection)
    _require_buckets(settings.context.buckets)
    names = [bucket.name for bucket in settings.context.buckets]
    policies = {"brokers": broker_policy(names), "offloadctl": reader_policy(names)}
    if output.is_document:
        from offloadctl.report.learning_documents import IamPolicies  # noqa: PLC0415 - msgspec is slow to load

        document = IamPolicies(brokers=dict(policies["brokers"]), offloadctl=dict(policies["offloadctl"]))
        emit_result(output, document=lambda: document, lines=lambda: [document], text=lambda **_: ())
        return ExitCode.OK
    emit("# for the brokers: write, read, and delete what retention lets go")
    emit_document(policies["brokers"], OutputFormat.JSON)
    emit("# for offloadctl: read only")
    emit_document(policies["offloadctl"], OutputFormat.JSON)
    return ExitCode.OK


def _require_buckets(buckets: tuple[object, ...]) -> None:
    if not buckets:
        raise UsageError("no bucket is known", hint="name it: --bucket NAME, or in the context")


def _identity(broker: BrokerSettings) -> str:
    match broker.auth:
        case TokenAuth():
            return "the owner of a token"
        case BasicAuth(user=user):
            return f"user {user}"
        case OAuth2Auth(client_id=client):
            return f"OAuth2 client {client}"
        case _:
            return (
                "the owner of a certificate" if broker.tls.certificate_file is not None else "nobody (no credentials)"
            )


def _show(origin: Origin, reports: tuple[DoctorReport, ...], output: OutputFormat) -> ExitCode:
    from offloadctl.report import doctor as documents  # noqa: PLC0415 - msgspec and rich are slow to load
    from offloadctl.report.doctor_text import doctor_text  # noqa: PLC0415

    visits = documents.Visits(origin, reports)
    document = documents.doctor_document(visits)
    emit_result(
        output,
        document=lambda: document,
        lines=lambda: document.subjects,
        text=lambda *, wide: doctor_text(visits, wide=wide),
    )
    return visits.exit_code
