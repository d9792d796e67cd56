"""One request to the admin REST service and one answer to it, as values."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

ADMIN: Final = "/admin/v2"


@dataclass(frozen=True, slots=True)
class Call:
    """What is asked, whoever is going to answer it."""

    method: str
    path: str
    params: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    loads_topic: bool = False
    """Whether the broker may have to load a topic for the answer."""
    confidential: bool = False
    """Whether a good answer may carry other people's credentials, so that it must never be shown."""

    @property
    def is_read(self) -> bool:
        """Whether asking twice does no harm."""
        return self.method == "GET"

    @property
    def target(self) -> str:
        """Path and query."""
        return f"{self.path}?{urlencode(self.params)}" if self.params else self.path

    def __str__(self) -> str:
        return f"{self.method} {self.target}"


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, and from which host."""

    call: Call
    host: str
    status: int
    body: bytes = b""
    content_type: str = ""
    location: str = ""
    retry_after: str = ""
    written_at: tuple[str, ...] = ()
    """Of an answer that is a message: when it was published, and when the broker has stored it, as it says."""
    redirected_to: str = ""
    """The base URL of the broker that redirects led to; empty if the one that was asked has answered."""

    @property
    def is_success(self) -> bool:
        """Any 2xx: the broker answers 200 and 204 for the same thing, depending on the endpoint."""
        return 200 <= self.status < 300

    @property
    def is_redirect(self) -> bool:
        """Whether to ask elsewhere. Only 307 and 308 promise to keep the method, so only reads follow the others."""
        return self.status in (307, 308) or (self.call.is_read and self.status in (301, 302, 303))
