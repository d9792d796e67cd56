"""Which begun offloads of an idle topic are complete, as far as their objects tell: no broker can be asked unloaded.

A broker writes the data object first and the index last, so a ledger with both, of the right size, counts as
offloaded: all that can lack is the broker's last word in its metadata. One without an index does not, but only where
its bucket is surely looked at and fresh metadata still names the same attempt: a ledger that is trimmed meanwhile, or
that went to another bucket, has no index either. Whatever is neither stays unknown.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from offloadctl.check.subject import Subject
from offloadctl.errors import BrokerError, StoreError
from offloadctl.model.ledger import Ledger, ManagedLedger, OffloadPolicies, OffloadProgress
from offloadctl.model.names import TopicName
from offloadctl.model.offload import Reason
from offloadctl.operations.locate import is_surely_todays, stores_in_order
from offloadctl.plan.storage import has_odd_size
from offloadctl.ports import ObjectStore, Ports
from offloadctl.units import format_size

AT_ONCE: Final = 8
"""Ledgers of one topic that are looked up at the same time; several topics are."""

MOST_LEDGERS: Final = 100_000
"""So many are looked up by one command, by one or two requests each in each bucket; the others stay unknown."""

_NAMED: Final = 10


class _Verdict(Enum):
    WHOLE = "both objects"
    NO_INDEX = "no index object"
    UNCLEAR = "objects that do not fit"


@dataclass(frozen=True, slots=True)
class Settled:
    """The ledgers with what their objects tell, and what is to be said of it."""

    ledgers: ManagedLedger
    reasons: tuple[Reason, ...] = ()


class IdleOffloads:
    """Judges by objects, within one command's bounds. Safe to share between threads.

    A bucket that fails once is not asked again: its trouble is everybody's.
    """

    def __init__(self, *, most: int = MOST_LEDGERS) -> None:
        self._most = self._left = most
        self._trouble = ""
        self._lock = threading.Lock()

    def settle(
        self, ports: Ports, ledgers: ManagedLedger, begun: Sequence[Ledger], policies: OffloadPolicies | None
    ) -> Settled:
        """The topic's ledgers, those in `begun` judged as far as that can be; raises Interrupted."""
        stores = stores_in_order(ports.stores, policies)
        if not stores or not begun or ledgers.served:
            return Settled(ledgers)
        asked = begun[: self._take(len(begun))]
        found: dict[int, _Verdict] = {}
        if not self._trouble:
            found = self._look(ports, stores, ledgers.topic, asked, policies)
        without = [one for one in asked if found.get(one.ledger_id) is _Verdict.NO_INDEX]
        doubt = self._doubt(ports, ledgers.topic, without, policies) if without else ""
        progress = {
            one.ledger_id: one_progress
            for one in asked
            if (one_progress := _progress(found.get(one.ledger_id), doubt)) is not None
        }
        settled = replace(
            ledgers,
            ledgers=tuple(
                replace(one, progress=progress[one.ledger_id]) if one.ledger_id in progress else one
                for one in ledgers.ledgers
            ),
        )
        return Settled(settled, tuple(self._told(stores, begun, found, progress, doubt)))

    def _take(self, wanted: int) -> int:
        with self._lock:
            taken = min(wanted, self._left)
            self._left -= taken
            return taken

    def _look(
        self,
        ports: Ports,
        stores: Sequence[ObjectStore],
        topic: TopicName,
        asked: Sequence[Ledger],
        policies: OffloadPolicies | None,
    ) -> dict[int, _Verdict]:
        def look(ledger: Ledger) -> _Verdict | None:
            # Where a run that was interrupted ends.
            ports.clock.sleep(0)
            if self._trouble:
                return None
            try:
                return _verdict(stores, topic, ledger, policies)
            except StoreError as error:
                self._trouble = error.message
                return None

        verdicts = _each(look, asked)
        return {
            ledger.ledger_id: verdict for ledger, verdict in zip(asked, verdicts, strict=True) if verdict is not None
        }

    def _doubt(
        self, ports: Ports, topic: TopicName, without: Sequence[Ledger], policies: OffloadPolicies | None
    ) -> str:
        """Why a missing index proves nothing here; empty if it does."""
        if not any(is_surely_todays(store, policies) for store in ports.stores):
            return "it is not certain that the broker writes to a bucket that is configured here"
        try:
            now = {one.ledger_id: one.context_uuid for one in ports.admin.stored_ledgers(topic).ledgers}
        except BrokerError as error:
            return error.message
        if any(now.get(one.ledger_id) != one.context_uuid for one in without):
            return "its ledgers change just now"
        return ""

    def _told(
        self,
        stores: Sequence[ObjectStore],
        begun: Sequence[Ledger],
        found: dict[int, _Verdict],
        progress: dict[int, OffloadProgress],
        doubt: str,
    ) -> "list[Reason]":
        where = ", ".join(store.location for store in stores)
        judged = "judged by its objects, since no broker serves the topic"
        whole = [one for one in begun if progress.get(one.ledger_id) is OffloadProgress.JUDGED]
        lacking = [one for one in begun if progress.get(one.ledger_id) is OffloadProgress.IN_FLIGHT]
        left = [one for one in begun if one.ledger_id not in progress]
        reasons = []
        if whole:
            text = f"{judged}: {_sum(whole)} with both objects in {where}, of the right size, count as offloaded"
            reasons.append(Reason("judged-complete", text))
        if lacking:
            text = f"{judged}: {_sum(lacking)} without an index object in {where}, which is written last, are not"
            reasons.append(Reason("judged-incomplete", f"{text} complete: {_ids(lacking)}"))
        if left:
            unclear = any(found.get(one.ledger_id) is _Verdict.UNCLEAR for one in left)
            odd = f"their objects in {where} do not fit together: offloadctl check tells more" if unclear else ""
            most = f"this command looks up no more than {self._most:,}"
            why = self._trouble or doubt or odd or most
            reasons.append(Reason("not-judged", f"could not be judged by objects: {_sum(left)} since {why}"))
        return reasons


def _each(look: Callable[[Ledger], _Verdict | None], ledgers: Sequence[Ledger]) -> list[_Verdict | None]:
    if len(ledgers) <= 1:
        return [look(one) for one in ledgers]
    with ThreadPoolExecutor(min(AT_ONCE, len(ledgers))) as pool:
        return list(pool.map(look, ledgers))


def _verdict(
    stores: Sequence[ObjectStore], topic: TopicName, ledger: Ledger, policies: OffloadPolicies | None
) -> _Verdict:
    """By the index first: where there is none in any bucket, the data object makes no difference."""
    if ledger.context_uuid is None:
        return _Verdict.UNCLEAR
    subject = Subject.of(topic, ledger, ledger.context_uuid)
    for store in stores:
        index = store.head(subject.index_key)
        if index is None:
            continue
        data = store.head(subject.data_key)
        block_size = policies.max_block_size if policies is not None else None
        # An index without data, or data of another size, is damage or a deletion that goes on, and not for here.
        whole = data is not None and index.size > 0 and not has_odd_size(ledger, data.size, block_size)
        return _Verdict.WHOLE if whole else _Verdict.UNCLEAR
    return _Verdict.NO_INDEX


def _progress(verdict: _Verdict | None, doubt: str) -> OffloadProgress | None:
    if verdict is _Verdict.WHOLE:
        return OffloadProgress.JUDGED
    return OffloadProgress.IN_FLIGHT if verdict is _Verdict.NO_INDEX and not doubt else None


def _sum(ledgers: Sequence[Ledger]) -> str:
    size = format_size(sum(ledger.size for ledger in ledgers))
    return f"{len(ledgers):,} {'ledger' if len(ledgers) == 1 else 'ledgers'}, {size},"


def _ids(ledgers: Sequence[Ledger]) -> str:
    return ", ".join(str(one.ledger_id) for one in ledgers[:_NAMED]) + (", …" if len(ledgers) > _NAMED else "")
