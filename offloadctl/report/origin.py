"""Where a document comes from."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """The context in use, and the cluster that its broker belongs to, if that is known."""

    context: str
    cluster: str | None = None

    def __str__(self) -> str:
        return f"context {self.context}, cluster {self.cluster}" if self.cluster else f"context {self.context}"
