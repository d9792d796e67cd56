"""A whole bucket's objects, listed from several places at once if they are more than a page.

Uuids are random, so their sixteen first digits share them evenly. Strangers' keys may lie anywhere: before the digits,
between 9 and a, behind f.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice, takewhile
from typing import Final

from offloadctl.errors import Interrupted, StoreError
from offloadctl.operations.pace import Pace
from offloadctl.operations.workers import PATIENCE_S, StoppableClock, one_answer, work_through
from offloadctl.ports import ObjectInfo, ObjectStore

LISTERS: Final = 8
"""S3 takes thousands of requests a second from one bucket; the processor is what these wait for."""

PAGE: Final = 1000
"""S3's ListObjectsV2 gives no more keys in one answer."""

_DIGITS: Final = "0123456789abcdef"

_BEHIND: Final = {"": "0", "9": "a", "f": None}
"""Behind the keys of which digits others may come, and which keys end those."""


def list_bucket(store: ObjectStore, take: Callable[[Sequence[ObjectInfo]], None], clock: StoppableClock) -> None:
    """Give all objects to `take`, which several threads call; may raise a StoreError or Interrupted.

    An object comes once, unless the store tells it more often.
    """
    pace = Pace(LISTERS, clock)
    first = one_answer(lambda: pace.ask(_Place(store).page), clock.stop)
    take(first)
    if len(first) < PAGE:
        return

    def list_place(place: _Place) -> StoreError | None:
        try:
            while page := pace.ask(place.page):
                take(page)
                if clock.stop.is_set():
                    return None
        except StoreError as error:
            return error
        return None

    places = [_Place(store, digit, last=first[-1].key) for digit in ("", *_DIGITS)]
    finished = work_through(
        places, list_place, at_once=LISTERS, stop=clock.stop, done=lambda _error: None, patience=PATIENCE_S
    )
    if finished.interrupted:
        raise Interrupted("interrupted while the bucket was listed")
    for error in finished.results.values():
        if error is not None:
            raise error


class _Place:
    """Where a bucket is listed from: the keys behind `last` that begin with a digit, and those up to the next digit."""

    def __init__(self, store: ObjectStore, digit: str | None = None, *, last: str = "") -> None:
        self._store = store
        self._digit = digit
        self._last = last
        self._objects: Iterator[ObjectInfo] | None = None

    def page(self) -> list[ObjectInfo]:
        """What comes next; after an error it comes again."""
        if self._objects is None:
            self._objects = self._store.list() if self._digit is None else self._all(self._digit)
        try:
            page = list(islice(self._objects, PAGE))
        except StoreError:
            self._objects = None
            raise
        if page:
            self._last = page[-1].key
        return page

    def _all(self, digit: str) -> Iterator[ObjectInfo]:
        last = self._last
        if digit and last[:1] <= digit:
            for info in self._store.list(digit, after=last if last.startswith(digit) else ""):
                last = info.key
                yield info
            last = max(last, digit)
        if digit in _BEHIND:
            end = _BEHIND[digit]
            if end is None or last < end:
                others = self._store.list(after=last)
                yield from others if end is None else takewhile(lambda info: info.key < end, others)
