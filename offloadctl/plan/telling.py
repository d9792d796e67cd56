"""A judged condition in one sentence: what holds, what does not, what is unknown, with the numbers that say so."""

from collections.abc import Iterator

from offloadctl.model.decision import Judged, Seen, Truth
from offloadctl.model.measures import Unit
from offloadctl.model.status import Bound
from offloadctl.plan.schedule_words import number_words

_BOUNDS = {Bound.EXACT: "", Bound.AT_LEAST: "at least ", Bound.AT_MOST: "at most "}


def tell(judged: Judged, truth: Truth) -> str:
    """The parts of a condition that have that truth, each with its number and where the number comes from."""
    return "; ".join(_leaf(leaf, truth) for leaf in _leaves(judged) if leaf.truth is truth or leaf.counts.get(truth))


def tell_all(judged: Judged) -> str:
    """Each part with what is the case."""
    return "; ".join(_leaf(leaf, leaf.truth) for leaf in _leaves(judged))


def value_words(seen: Seen, unit: Unit | None) -> str:
    """`at least 312 GiB`; `unknown`."""
    if seen.value is None:
        return "unknown"
    return _BOUNDS[seen.bound] + number_words(seen.value, unit or Unit.NUMBER)


def _leaves(judged: Judged) -> Iterator[Judged]:
    if not judged.parts:
        yield judged
    for part in judged.parts:
        yield from _leaves(part)


def _leaf(judged: Judged, truth: Truth) -> str:
    first = next((one for one in judged.seen if one.truth is truth), None)
    if first is None:
        return f"{judged.words}: {judged.why}" if judged.why else judged.words
    number = judged.counts.get(truth, 1)
    others = f", and {number - 1:,} more" if number > 1 else ""
    why = f", {first.why}" if first.why else ""
    subject = f" ({first.subject})" if first.subject else ""
    return f"{judged.words}: {value_words(first, judged.unit)}{subject}, by {first.source}{why}{others}"
