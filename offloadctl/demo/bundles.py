"""Namespace bundles: which slice of the hash space a topic falls into (NamespaceBundleFactory.java)."""

import zlib
from itertools import pairwise
from typing import Final

from offloadctl.model.names import TopicName

DEFAULT_BUNDLES: Final = 4
"""defaultNumberOfNamespaceBundles."""

_HASHES: Final = 2**32


def boundaries(count: int) -> tuple[str, ...]:
    """The `count` + 1 boundaries of equal bundles, as policies list them."""
    inner = [number * _HASHES // count for number in range(count)]
    return tuple(f"0x{boundary:08x}" for boundary in (*inner, _HASHES - 1))


def bundles(count: int) -> tuple[str, ...]:
    """The bundles' names."""
    edges = boundaries(count)
    return tuple(f"{low}_{high}" for low, high in pairwise(edges))


def bundle_number(topic: TopicName, count: int) -> int:
    """The bundle that the topic falls into: by the CRC-32 of its full name."""
    return zlib.crc32(str(topic).encode()) * count >> 32
