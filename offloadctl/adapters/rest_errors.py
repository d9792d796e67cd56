"""The one error mapper of the admin REST adapter: every answer that is no success, and every failure to get one.

Texts that came from outside are scrubbed first and shortened afterwards: a secret that was cut in half is not found.
"""

import re
from contextlib import suppress
from typing import Final

import msgspec

from offloadctl.adapters.decoding import decoded
from offloadctl.adapters.rest_calls import Reply
from offloadctl.errors import (
    BadReply,
    BrokerError,
    Busy,
    NoOwner,
    NotAuthenticated,
    NotAuthorised,
    NotFound,
    RedirectRefused,
    Rejected,
    ServerError,
)
from offloadctl.redaction import MASK, scrub

_SHOWN: Final = 240
_LOOKED_AT: Final = 4096
_KEPT: Final = 64 * 1024

# Values of fields that hold credentials by their name, such as s3ManagedLedgerOffloadCredentialSecret.
_TELLTALE: Final = re.compile(
    r'("[^"]*(?:secret|password|token|credential|private)[^"]*"\s*:\s*)"(?:[^"\\]|\\.)*(?:"|\Z)',
    re.IGNORECASE | re.DOTALL,
)
# The same as Java's toString writes them: s3ManagedLedgerOffloadCredentialSecret=AbC, up to a comma or a bracket.
_TELLTALE_IN_JAVA: Final = re.compile(r"(\b\w*(?:secret|password|credential)\w*\s*=\s*)[^\s,;)}\]]+", re.IGNORECASE)

# PulsarWebResource.java; it answers 401 to a role without rights on topics and tenants, 403 on namespace policies.
_WHO_IS_ASKING: Final = ("need to authenticate", "authentication required")
_NO_RIGHT: Final = ("unauthorized to ", "don't have permission", "not authorized", "not have permission")

# PulsarWebResource.java, validateTopicOwnership: the first one while the bundle is being unloaded.
_NOBODY_OWNS_IT: Final = ("can't find owner for topic", "failed to find ownership for topic")

_NO_ADMIN_SERVICE: Final = (
    "is this Pulsar's admin REST service (webServiceUrl), and not a proxy's page or another service?"
)
_AUTHENTICATE: Final = "check the context's token, user or certificate: it is missing, wrong or expired"
_AUTHORISE: Final = (
    "offload, unload and policies need tenant admin rights, ledgers and stats need lookup rights, "
    "the list of brokers and their topics needs a super user"
)


def error_for(reply: Reply) -> BrokerError:
    """The error that an answer without success stands for."""
    reason = reason_of(reply)
    message = f"{reply.call} at {reply.host}: {reply.status}" + (f", {reason}" if reason else "")
    kind, hint = _meaning(reply, reason.lower())
    return kind(message, hint=hint, status=reply.status)


def bad_reply(reply: Reply, why: str, *, hint: str = _NO_ADMIN_SERVICE) -> BadReply:
    """An answer that cannot be understood, with what came."""
    return BadReply(
        f"{reply.call} at {reply.host}: {reply.status} with an answer that cannot be understood: "
        f"{shown(why)}; it said {_evidence(reply)}",
        hint=hint,
        status=reply.status,
    )


def is_failed_request_page(reply: Reply) -> bool:
    """Whether this is Jetty's page for an exception that the broker let through, without any reason."""
    with suppress(msgspec.MsgspecError, ValueError, RecursionError):
        page = decoded(reply.body, _JettyPage)
        return reply.status == 500 and page.message == "Request failed."
    return False


def reason_of(reply: Reply) -> str:
    """The broker's own words in one line: of a stack trace its message, of a page its beginning."""
    text = reply.body.decode("utf-8", errors="replace")
    with suppress(msgspec.MsgspecError, ValueError, RecursionError):
        words = decoded(reply.body, _Words)
        text = words.reason or words.message or ""
    return shown(_telling_line(text))


def shown(text: str) -> str:
    """A text from outside as part of an error: one line, short, without control characters and secrets."""
    line = " ".join("".join(c if c.isprintable() else " " for c in masked(text)[:_LOOKED_AT]).split())
    return line if len(line) <= _SHOWN else line[:_SHOWN] + "…"


def masked(text: str) -> str:
    """A text from outside that is kept whole, lines and all, without secrets."""
    hidden = _TELLTALE.sub(rf'\1"{MASK}"', scrub(text)[:_KEPT])
    return _TELLTALE_IN_JAVA.sub(rf"\1{MASK}", hidden)


class _Words(msgspec.Struct, frozen=True):
    """Pulsar's ErrorData.java has a reason, Jetty's error page a message."""

    reason: str | None = None
    message: str | None = None


class _JettyPage(msgspec.Struct, frozen=True):
    servlet: str
    message: str
    url: str
    status: str


def _meaning(reply: Reply, reason: str) -> tuple[type[BrokerError], str]:
    status = reply.status
    if status in (401, 403):
        nobody = any(words in reason for words in _WHO_IS_ASKING)
        no_right = status == 403 or any(words in reason for words in _NO_RIGHT)
        return (NotAuthorised, _AUTHORISE) if no_right and not nobody else (NotAuthenticated, _AUTHENTICATE)
    # Too many requests is no 5xx, but the same advice holds: later. Busy would claim that an offload is going on.
    if status == 429 or status >= 500:
        return ServerError, "the broker's log tells more; try again later" + _not_before(reply)
    if status == 412 and reason.startswith(_NOBODY_OWNS_IT):
        return NoOwner, "its bundle is being unloaded or moved: try again in a moment"
    if status < 400:
        return RedirectRefused, "admin_urls should name the broker or the Pulsar proxy itself"
    return _BY_STATUS.get(status, (Rejected, ""))


_BY_STATUS: Final[dict[int, tuple[type[BrokerError], str]]] = {
    404: (NotFound, ""),
    407: (NotAuthenticated, "this is the HTTP proxy's answer: give its user and password in the proxy's URL"),
    409: (Busy, ""),
}


def _not_before(reply: Reply) -> str:
    if not reply.retry_after:
        return ""
    unit = " s" if reply.retry_after.strip().isdigit() else ""
    return f"; it asks to be left alone until then: Retry-After {shown(reply.retry_after)}{unit}"


def _telling_line(text: str) -> str:
    # RestException.java begins with a banner; the exception's message stands behind it in a line of its own.
    lines = [line.strip() for line in text[: 16 * _LOOKED_AT].splitlines() if line.strip()]
    told = (line.removeprefix("Message: ") for line in lines if line.startswith("Message: "))
    return next(told, lines[0] if lines else "")


def _evidence(reply: Reply) -> str:
    if not reply.body.strip():
        return "nothing"
    if reply.call.confidential:
        return f"{len(reply.body)} bytes (not shown, since policies may carry credentials)"
    return f"{shown(reply.body.decode('utf-8', errors='replace'))!r}"
