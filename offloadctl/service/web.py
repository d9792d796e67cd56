"""The pages: metrics, health, and the last decisions with what they go by. They read the board, and ask nobody.

/healthz /readyz   without a token: whether the process lives; whether it evaluates
/metrics           for Prometheus; /metrics?topics=20 tells of the 20 largest topics too
/                  the last decision of each schedule, for people
/decisions         the same as JSON, documents of kind ScheduleDecision
"""

import hmac
import io
from base64 import b64decode
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs

from offloadctl import __version__
from offloadctl.model.price import Prices
from offloadctl.ports import Clock
from offloadctl.redaction import Secret, scrub
from offloadctl.service.board import Facts
from offloadctl.service.metrics import Metrics
from offloadctl.service.totals import MOST_TOPICS

TEXT: Final = "text/plain; charset=utf-8"
JSON: Final = "application/json"
METRICS: Final = "text/plain; version=0.0.4; charset=utf-8"
_LATE: Final = 3
"""Intervals without an evaluation that came to its end: then it is not ready."""
_WIDTH: Final = 160
_OURS: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back."""

    status: HTTPStatus
    body: bytes
    kind: str = TEXT


@dataclass(frozen=True, slots=True)
class Pages:
    """A WSGI application."""

    facts: Callable[[], Facts]
    clock: Clock
    every: timedelta
    token: Secret | None = None
    """Without one only this host is answered."""
    prices: Prices = field(default_factory=Prices)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """One request."""
        answer = self.answer(
            environ["REQUEST_METHOD"],
            environ.get("PATH_INFO", "/"),
            query=environ.get("QUERY_STRING", ""),
            host=environ.get("HTTP_HOST", ""),
            authorization=environ.get("HTTP_AUTHORIZATION", ""),
        )
        headers = [
            ("Content-Type", answer.kind),
            ("Content-Length", str(len(answer.body))),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
        ]
        if answer.status is HTTPStatus.UNAUTHORIZED:
            # A browser asks for a password then, and sends no Bearer.
            headers += [("WWW-Authenticate", "Bearer"), ("WWW-Authenticate", 'Basic realm="offloadctl"')]
        start_response(f"{answer.status.value} {answer.status.phrase}", headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [answer.body]

    def answer(self, method: str, path: str, *, query: str = "", host: str = "", authorization: str = "") -> Answer:
        """The page, or why it is not shown."""
        if method not in ("GET", "HEAD"):
            return _words(HTTPStatus.METHOD_NOT_ALLOWED, "nothing can be changed here")
        if (health := self._health(path)) is not None:
            return health
        return self._refused(host, authorization) or self._shown(path, query)

    def _health(self, path: str) -> Answer | None:
        if path == "/healthz":
            return _words(HTTPStatus.OK, "alive")
        if path == "/readyz":
            facts = self.facts()
            why = self._not_ready(facts)
            # Ready, too: whoever replaces one instance after the other waits for the new one to be ready.
            is_ready = "standby" if facts.standby else "ready"
            return _words(HTTPStatus.SERVICE_UNAVAILABLE if why else HTTPStatus.OK, why or is_ready)
        return None

    def _shown(self, path: str, query: str) -> Answer:
        match path:
            case "/metrics":
                return self._metrics(query)
            case "/":
                return _words(HTTPStatus.OK, _page(self.facts()))
            case "/decisions":
                return Answer(HTTPStatus.OK, _documents(self.facts()), JSON)
            case _:
                return _words(HTTPStatus.NOT_FOUND, "there are /, /decisions, /metrics, /healthz, /readyz")

    def _metrics(self, query: str) -> Answer:
        given = parse_qs(query, keep_blank_values=True).get("topics", ["0"])[-1]
        if not given.isascii() or not given.isdecimal() or len(given) > 9 or int(given) > MOST_TOPICS:
            return _words(HTTPStatus.BAD_REQUEST, f"topics is a number up to {MOST_TOPICS:,}")
        return Answer(HTTPStatus.OK, Metrics(self.facts, self.prices).page(topics=int(given)), METRICS)

    def _refused(self, host: str, authorization: str) -> Answer | None:
        if self.token is None:
            # A page from elsewhere, in a browser on this host, may reach us under a name of its own.
            name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
            return None if name in _OURS else _words(HTTPStatus.FORBIDDEN, "only this host is answered")
        if hmac.compare_digest(_given(authorization).encode(), self.token.reveal().encode()):
            return None
        return _words(
            HTTPStatus.UNAUTHORIZED, "a token is needed: Authorization: Bearer ..., or as a browser's password"
        )

    def _not_ready(self, facts: Facts) -> str:
        """Why not, in words that need no token; empty if it is."""
        if facts.ending:
            return "ending"
        if facts.standby:
            return "the lease is out of reach" if facts.problem else ""
        if facts.in_vain:
            return "no schedule that asks the cluster could be evaluated"
        if facts.evaluated_at is None:
            return "nothing is evaluated yet"
        if facts.problem:
            return "the last evaluation failed"
        late = self.clock.now() - facts.evaluated_at > _LATE * self.every
        return "the last evaluation is long ago" if late else ""


def _given(authorization: str) -> str:
    """The token that came with a request, as itself or as the password of whatever user; empty if none did."""
    scheme, _, given = authorization.partition(" ")
    if scheme == "Basic":
        try:
            return b64decode(given, validate=True).decode().partition(":")[2]
        except ValueError:
            return ""
    return given if scheme == "Bearer" else ""


def _words(status: HTTPStatus, text: str) -> Answer:
    return Answer(status, scrub(text.rstrip("\n") + "\n").encode())


def _page(facts: Facts) -> str:
    from rich.console import Console  # noqa: PLC0415 - a service that nobody looks at is smaller without it

    from offloadctl.report.schedule_text import decision_text  # noqa: PLC0415
    from offloadctl.report.text import labelled  # noqa: PLC0415

    screen = Console(file=io.StringIO(), width=_WIDTH, color_system=None, highlight=False)
    screen.print(_summary(facts), markup=False)
    for problem in (facts.problem, facts.reload_problem):
        if problem:
            screen.print(f"warning: {problem}", markup=False)
    for intent in facts.in_flight:
        screen.print(f"run {intent.run_id} goes on since {intent.at:%Y-%m-%d %H:%M:%S} UTC", markup=False)
    for name, why in facts.not_evaluated:
        screen.print(f"{name}: not evaluated: {why}", markup=False)
    for decision in facts.decisions:
        screen.print()
        for part in decision_text(decision):
            screen.print(part)
        if (ended := facts.last_success.get(decision.schedule)) is not None:
            words = f"offloadctl schedule explain {decision.schedule}: its last run; one last did its work at"
            screen.print(labelled("do next", f"{words} {ended:%F %T} UTC"))
    assert isinstance(screen.file, io.StringIO)  # noqa: S101 - it was given above
    return "".join(f"{line.rstrip()}\n" for line in screen.file.getvalue().splitlines())


def _summary(facts: Facts) -> str:
    schedules = f"{len(facts.schedules):,} schedule{'' if len(facts.schedules) == 1 else 's'}"
    when = f"evaluated at {facts.evaluated_at:%F %T} UTC" if facts.evaluated_at else "nothing is evaluated yet"
    return f"offloadctl {__version__}, up since {facts.started_at:%F %T} UTC: {schedules}, {when}"


def _documents(facts: Facts) -> bytes:
    import msgspec  # noqa: PLC0415 - as above

    from offloadctl.report.schedule_documents import ScheduleDecision  # noqa: PLC0415

    documents = [ScheduleDecision.of(one) for one in facts.decisions]
    return scrub(msgspec.json.encode(documents).decode()).encode()
