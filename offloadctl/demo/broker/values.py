"""Requests and answers of the admin REST service as values, and the answers that Jetty gives on its own."""

import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

_JSON: Final = "application/json"
_SERVLET: Final = "org.glassfish.jersey.servlet.ServletContainer-4af12a63"


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of one broker."""

    method: str
    path: str
    """As it was sent: still encoded, without the query."""
    params: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""


@dataclass(frozen=True, slots=True)
class Response:
    """What a broker says."""

    status: int
    body: bytes = b""
    content_type: str = ""
    location: str = ""
    of_message: tuple[tuple[str, str], ...] = ()
    """What is said of a message beside its payload."""

    @property
    def headers(self) -> dict[str, str]:
        """Those that are set."""
        headers = {"Content-Type": self.content_type, "Location": self.location, **dict(self.of_message)}
        return {name: value for name, value in headers.items() if value}


NO_CONTENT: Final = Response(204)
"""What void calls say."""

NULL: Final = Response(200)
"""A null is an empty answer without a Content-Type, and not a 204."""


class Refused(Exception):
    """The request is answered with something else than what was asked for."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"{response.status} {response.body.decode(errors='replace')}")
        self.response = response


def as_json(value: Any) -> Response:
    """A value as JSON; None is the empty answer."""
    return NULL if value is None else Response(200, msgspec.json.encode(value), _JSON)


def as_text(text: str, content_type: str = _JSON) -> Response:
    """A bare text; the broker calls it JSON all the same."""
    return Response(200, text.encode(), content_type)


def refusal(status: int, reason: str) -> Refused:
    """A RestException: its reason as JSON (ErrorData.java)."""
    return Refused(Response(status, msgspec.json.encode({"reason": reason}), _JSON))


def unexpected(message: str, exception: str) -> Refused:
    """Any other exception: its stack trace as the reason (RestException.java), cut short here."""
    banner = "\n --- An unexpected error occurred in the server ---\n\n"
    return refusal(500, f"{banner}Message: {message}\n\nStacktrace:\n\n{exception}: {message}\n")


def bad_json(text: str) -> Refused:
    """What Jackson says of a body that it cannot read."""
    return Refused(Response(400, text.encode(), "text/plain"))


def jetty_page(request: Request, status: int, message: str) -> Response:
    """Jetty's own error page: JSON for those who ask for JSON, else HTML, and nothing for PUT and DELETE."""
    if request.method not in ("GET", "POST", "HEAD"):
        return Response(status)
    if _JSON in request.headers.get("accept", ""):
        page = {"servlet": _SERVLET, "message": message, "url": request.path, "status": str(status)}
        lines = ",\n".join(f"{_quoted(name)}:{_quoted(value)}" for name, value in page.items())
        return Response(status, f"{{\n{lines}\n}}".encode(), _JSON)
    text = f"<html><body><h2>HTTP ERROR {status} {message}</h2><p>{html.escape(request.path)}</p></body></html>\n"
    return Response(status, text.encode(), "text/html;charset=iso-8859-1")


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()
