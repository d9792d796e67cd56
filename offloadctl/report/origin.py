"""Where a document comes from."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """The context in use, and the cluster that its broker belongs to, if that is known."""

    context: str
    cluster: str | None = None
    admin_urls_from: str | None = None
    """Who named the addresses, where it is not the context."""

    def __str__(self) -> str:
        parts = (
            f"context {self.context}",
            f"admin_urls from {self.admin_urls_from}" if self.admin_urls_from else "",
            f"cluster {self.cluster}" if self.cluster else "",
        )
        return ", ".join(filter(None, parts))
