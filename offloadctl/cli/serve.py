"""`offloadctl serve`."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from offloadctl.cli.connection import ConnectionFlags, connect, with_connection
from offloadctl.cli.schedule_topics import Allow, allowed_of
from offloadctl.cli.serve_process import daemon_of
from offloadctl.errors import BadValue, SettingsError
from offloadctl.exitcodes import ExitCode
from offloadctl.model.price import Prices
from offloadctl.redaction import Secret
from offloadctl.service.turns import settle
from offloadctl.units import parse_duration

if TYPE_CHECKING:
    from offloadctl.service.daemon import Daemon
    from offloadctl.service.web_server import Address

Price = Annotated[
    list[str] | None,
    typer.Option(
        "--price",
        metavar="WHAT=PRICE",
        help="Another price for what /metrics tells of cost, as for check: get=0.0004, list=0.005, transfer=0.09.",
        show_default=False,
    ),
]


@with_connection
def serve(
    *,
    file: Annotated[
        Path,
        typer.Option("--file", "-f", metavar="FILE", help="The file of schedules, `kind: Schedule`.", dir_okay=False),
    ],
    every: Annotated[
        str, typer.Option("--every", metavar="DURATION", help="How often conditions on numbers are evaluated.")
    ] = "5m",
    grace: Annotated[
        str,
        typer.Option(
            "--grace", metavar="DURATION", help="So long may runs go on after SIGTERM, before they are handed over."
        ),
    ] = "60s",
    listen: Annotated[
        str,
        typer.Option(
            "--listen", metavar="ADDRESS", help="Where /metrics, /healthz, /readyz and the last decisions are; or none."
        ),
    ] = "127.0.0.1:9477",
    listen_token_file: Annotated[
        Path | None,
        typer.Option(
            "--listen-token-file",
            metavar="FILE",
            help="A file with the token that reads the pages; needed where others get there.",
            show_default=False,
        ),
    ] = None,
    allow: Allow = None,
    price: Price = None,
    connection: ConnectionFlags,
) -> ExitCode:
    """Evaluate schedules again and again, and do what they decide, until SIGTERM or Ctrl-C.

    What is decided is written down before anything is sent: after a crash the next process goes on with it. SIGHUP,
    or a change of the file, has it read again; one that cannot be used changes nothing. Log lines are on stderr, as
    JSON where that is no terminal. With a lease topic (lease_topic of the context) one of several instances acts, and
    the others stand by. Exit code 8, without one: another process runs the schedules of this state directory.
    """
    interval, patience = _above_zero(every, "--every"), _duration(grace, "--grace")
    pages, allowed = _pages_of(listen, listen_token_file), allowed_of(allow)
    prices = Prices.parse(price or ())
    with connect(connection) as session, ExitStack() as stack:
        daemon = stack.enter_context(daemon_of(session, file, interval, patience, allowed))
        if pages is not None:
            stack.enter_context(_shown(daemon, *pages, interval, prices))
        daemon.run()
    return ExitCode.OK


def _pages_of(listen: str, token_file: Path | None) -> "tuple[Address, Secret | None] | None":
    """Where the pages are to be, and what reads them; None: nowhere."""
    if listen == "none":
        return None
    from offloadctl.service.web_server import Address, require_token  # noqa: PLC0415 - only where something is run

    address, token = Address.parse(listen), _token(token_file)
    require_token(address, token)
    return address, token


def _token(file: Path | None) -> Secret | None:
    if file is None:
        return None
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"cannot read a token from {file}: {type(error).__name__}") from error
    if not text:
        raise SettingsError(f"{file} holds no token", hint="write one there: openssl rand -hex 32")
    return Secret(text)


@contextmanager
def _shown(
    daemon: "Daemon", address: "Address", token: Secret | None, every: timedelta, prices: Prices
) -> Iterator[None]:
    from offloadctl.service.web import Pages  # noqa: PLC0415 - prometheus_client is slow to load
    from offloadctl.service.web_server import listening  # noqa: PLC0415

    with listening(address, Pages(daemon.board.facts, daemon.clock, every, token, prices)) as at:
        daemon.tell("listening", address=str(at), needs_token=token is not None)
        settle()
        yield


def _above_zero(text: str, option: str) -> timedelta:
    found = _duration(text, option)
    if found < timedelta(seconds=1):
        raise BadValue(f"{option} {text} is too often", hint="give a second at least: 30s, 5m")
    return found


def _duration(text: str, option: str) -> timedelta:
    try:
        return parse_duration(text)
    except BadValue as error:
        raise BadValue(f"{option}: {error.message}", hint=error.hint) from error
