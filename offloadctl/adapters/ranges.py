"""What may be asked of a store's `read` and `read_chunks`."""


def check_range(start: int, length: int | None) -> None:
    """ValueError for a range that no object can have."""
    if start < 0 or (length is not None and length < 0):
        raise ValueError(f"a range has no negative numbers: start={start} length={length}")


def check_chunk_size(chunk_size: int) -> None:
    """ValueError for chunks that would never add up."""
    if chunk_size < 1:
        raise ValueError(f"a chunk has at least one byte, not {chunk_size}")
