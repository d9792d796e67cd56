"""Whoever wants to know how far the reading of many topics is."""


class Reading:
    """Is told how many topics are read, from the thread that collects them; this one does nothing with it."""

    def begins(self, topics: int) -> None:
        """So many topics and partitions are about to be read."""

    def read(self) -> None:
        """One more of them was read, or cannot be."""
