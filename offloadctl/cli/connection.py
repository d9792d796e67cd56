"""The options by which every command reaches a cluster, and the session that they open.

@app.command()
@with_connection
def topic(topics: list[str], connection: ConnectionFlags) -> ExitCode:
    with connect(connection) as session:
        session.allow_change()
        ...session.ports...
"""

import functools
import inspect
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar, get_type_hints

import typer

from offloadctl.cli.output import say
from offloadctl.config.contexts import config_path, load_contexts
from offloadctl.config.layers import CONFIG_VARIABLE, ConnectionFlags
from offloadctl.config.resolve import Resolved, require_files, resolve
from offloadctl.errors import BrokerError, SettingsError
from offloadctl.model.settings import Context
from offloadctl.ports import BrokerAdmin, Clock, Ports
from offloadctl.report.origin import Origin
from offloadctl.wiring import check_cluster, guard_mutation, open_ports

__all__ = [
    "PANEL",
    "ConnectionFlags",
    "Session",
    "complete_contexts",
    "connect",
    "others",
    "resolved",
    "with_connection",
]

_TRIED: Final = "4.0."

PANEL: Final = "Connection"

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Session:
    """An open connection, and the settings that made it."""

    ports: Ports
    settings: Resolved
    cluster_proven: bool = True
    """False if the context names a cluster, and the broker does not say whether it belongs to it."""
    _told: list[str | None] = field(default_factory=list)
    """The cluster, once the broker was asked for it; None if it tells none."""

    @property
    def context(self) -> Context:
        """The context in use."""
        return self.settings.context

    def origin(self, *, may_ask: bool = True) -> Origin:
        """Where documents come from; without a cluster in the context the broker is asked for its own, once.

        Whoever was interrupted must not ask: perhaps it was for waiting for this very broker. And whoever interrupts
        the question still gets the report: its work is done.
        """
        if may_ask:
            with suppress(KeyboardInterrupt):
                self._learn_cluster()
        cluster = self.context.cluster or next(iter(self._told), None)
        return Origin(self.context.name, cluster, self.settings.addresses_from)

    def warn_of_untested_version(self) -> None:
        """Say so if this tool was never tried on the broker's version; a broker that does not tell it is fine."""
        with suppress(BrokerError):
            version = self.ports.admin.broker_version()
            if not version.startswith(_TRIED):
                say(f"warning: the broker is Pulsar {version}; this tool was tried on {_TRIED}x, and goes on")

    def allow_change(self) -> None:
        """Refuse unless the context may be changed; every command that changes something asks first."""
        guard_change(self.settings, cluster_proven=self.cluster_proven)
        # Before the work: later nobody asks, so that no interruption is taken for one of the question.
        self._learn_cluster()

    def _learn_cluster(self) -> None:
        if self.context.cluster is None and not self._told:
            with suppress(BrokerError):
                self._told.append(self.ports.admin.own_cluster())


def with_connection(command: Callable[..., R]) -> Callable[..., R]:
    """Give a command all connection options; it receives them as one value, its parameter `connection`."""
    signature = inspect.signature(command)
    hints = get_type_hints(command, include_extras=True)
    own = [
        parameter.replace(annotation=hints.get(name, parameter.annotation), kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in signature.parameters.items()
        if name != "connection"
    ]
    options = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in _OPTIONS.items()
    ]

    @functools.wraps(command)
    def wrapper(**values: Any) -> R:
        flags = {name: values.pop(name) for name in _OPTIONS}
        return command(connection=_flags(flags), **values)

    # Typer reads both: the signature for names and defaults, the annotations for types.
    wrapper.__signature__ = inspect.Signature([*own, *options])  # type: ignore[attr-defined]
    wrapper.__annotations__ = {one.name: one.annotation for one in (*own, *options)}
    return wrapper


@contextmanager
def connect(flags: ConnectionFlags, *, clock: Clock | None = None) -> Iterator[Session]:
    """A session for these options; refused when the broker belongs to another cluster than the context names."""
    settings = resolved(flags)
    with open_ports(settings.context, clock=clock) as ports:
        proven = check_cluster(ports.admin, settings.context)
        if not proven:
            say(
                f"warning: the broker knows cluster {settings.context.cluster!r} and others, and does not say which"
                " is its own; only a super-user is told"
            )
        yield Session(ports, settings, cluster_proven=proven)


@contextmanager
def others(names: Sequence[str]) -> Iterator[tuple[BrokerAdmin, ...]]:
    """The admin services of other contexts, for reading; variables that name our own cluster do not count for them."""
    ours = {CONFIG_VARIABLE}
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("OFFLOADCTL_") or name in ours
    }
    with ExitStack() as stack:
        contexts = [resolve(ConnectionFlags(context=name, read_only=True), environment).context for name in names]
        opened = [stack.enter_context(open_ports(context)) for context in contexts]
        for ports, context in zip(opened, contexts, strict=True):
            check_cluster(ports.admin, context)
        yield tuple(ports.admin for ports in opened)


def guard_change(settings: Resolved, *, cluster_proven: bool = True) -> None:
    """Refuse unless what these settings lead to may be changed."""
    read_only = settings.in_force.get("read_only")
    guard_mutation(
        settings.context,
        explicit=settings.explicit_context,
        read_only_from=read_only.origin if read_only is not None else None,
        cluster_proven=cluster_proven,
    )


def resolved(flags: ConnectionFlags) -> Resolved:
    """The settings for these options and this environment; remarks about them go to stderr."""
    settings = resolve(flags, os.environ)
    require_files(settings.in_force)
    for warning in settings.warnings:
        say(f"warning: {warning}")
    return settings


def complete_contexts() -> list[str]:
    """The contexts there are, for the shell's completion."""
    try:
        return [context.name for context in load_contexts(config_path(os.environ)).contexts]
    except SettingsError:
        return []


def _option(*names: str, help: str, metavar: str | None = None) -> Any:  # noqa: A002 - as typer has it
    return typer.Option(*names, help=help, metavar=metavar, rich_help_panel=PANEL, show_default=False)


_OPTIONS: Final[dict[str, tuple[Any, object]]] = {
    "context": (
        Annotated[
            str | None,
            typer.Option(
                "--context",
                metavar="NAME",
                help="The context to use, instead of the current one.",
                rich_help_panel=PANEL,
                show_default=False,
                autocompletion=complete_contexts,
            ),
        ],
        None,
    ),
    "admin_urls": (
        Annotated[
            list[str] | None,
            _option("--admin-url", metavar="URL", help="Address of the admin REST service; may be repeated."),
        ],
        None,
    ),
    "token_file": (
        Annotated[Path | None, _option("--token-file", metavar="FILE", help="A file with a bearer token.")],
        None,
    ),
    "client_conf": (
        Annotated[
            Path | None,
            _option("--client-conf", metavar="FILE", help="Pulsar's client.conf, instead of the current context."),
        ],
        None,
    ),
    "cluster": (
        Annotated[
            str | None,
            _option("--cluster", metavar="NAME", help="The cluster that the broker must belong to."),
        ],
        None,
    ),
    "buckets": (
        Annotated[
            list[str] | None,
            _option(
                "--bucket",
                metavar="NAME[,KEY=VALUE...]",
                help="A bucket where ledgers go; repeatable. Keys: endpoint, region, profile, path_style, ca_file.",
            ),
        ],
        None,
    ),
    "s3_endpoint": (
        Annotated[str | None, _option("--s3-endpoint", metavar="URL", help="The S3 service, when it is not AWS.")],
        None,
    ),
    "s3_region": (Annotated[str | None, _option("--s3-region", metavar="NAME", help="The bucket's region.")], None),
    "s3_profile": (
        Annotated[str | None, _option("--s3-profile", metavar="NAME", help="A profile of ~/.aws for credentials.")],
        None,
    ),
    "s3_path_style": (
        Annotated[
            bool | None,
            _option("--s3-path-style/--s3-virtual-style", help="Where the bucket's name goes in addresses."),
        ],
        None,
    ),
    "s3_ca_file": (
        Annotated[Path | None, _option("--s3-ca-file", metavar="FILE", help="Certificates to trust for S3 (PEM).")],
        None,
    ),
    "tls_ca_file": (
        Annotated[Path | None, _option("--tls-ca-file", metavar="FILE", help="Certificates to trust (PEM).")],
        None,
    ),
    "tls_cert_file": (
        Annotated[Path | None, _option("--tls-cert-file", metavar="FILE", help="Our own certificate (PEM).")],
        None,
    ),
    "tls_key_file": (
        Annotated[Path | None, _option("--tls-key-file", metavar="FILE", help="The key of our own certificate (PEM).")],
        None,
    ),
    "tls_insecure": (
        Annotated[bool, _option("--tls-allow-insecure", help="Do not check the broker's certificate.")],
        False,
    ),
    "read_only": (Annotated[bool, _option("--read-only", help="Refuse everything that changes something.")], False),
    "state": (
        Annotated[
            Path | None,
            _option("--state", metavar="DIR", help="Where runs and checks are remembered between commands."),
        ],
        None,
    ),
    "debug": (Annotated[bool, _option("--debug", help="Show the traceback of an error.")], False),
}


def _flags(values: dict[str, Any]) -> ConnectionFlags:
    lists = {name: tuple(values[name] or ()) for name in ("admin_urls", "buckets")}
    return ConnectionFlags(**(values | lists))
