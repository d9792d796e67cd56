"""One damage, one finding: what another finding explains is left out.

The table of codes says which code explains which (catalogue.py). What lies at the same place of the same object is one
damage too, and the first code of the table has it.
"""

from collections.abc import Iterable

from offloadctl.check.catalogue import KINDS
from offloadctl.model.finding import Finding

_RANK = {code: rank for rank, code in enumerate(KINDS)}


def settle(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings that no other one explains, in the order of precedence and then of offsets."""
    ordered = sorted(findings, key=lambda one: (_RANK[one.code], one.key or "", one.offset or 0))
    kept: list[Finding] = []
    explained: set[str] = set()
    places: set[tuple[str | None, int | str]] = set()
    for one in ordered:
        # What is said of an object as a whole is said once.
        place = (one.key, one.offset if one.offset is not None else one.code)
        if one.code not in explained and place not in places:
            kept.append(one)
            explained |= KINDS[one.code].explains
            places.add(place)
    return tuple(kept)
