"""Which samples of a topic are read through the broker, and what its answers prove.

A damaged object makes readers hang: the broker says nothing. That nothing comes is proof only where something must
come. A reader is given the first message from a position on, however far that is: if a later place of the topic gives
a message, an earlier one must give a message too.
"""

from collections.abc import Iterator, Mapping, Sequence

from offloadctl.check.subject import Subject
from offloadctl.model.finding import Finding
from offloadctl.model.ledger import Ledger, ManagedLedger, Position
from offloadctl.model.readback import Probe


def samples_of(ledger: Ledger) -> tuple[Position, ...]:
    """The first entry of a ledger, one in the middle, and the last one."""
    entries = sorted({0, ledger.entries // 2, ledger.entries - 1})
    return tuple(Position(ledger.ledger_id, entry) for entry in entries if 0 <= entry < ledger.entries)


def control_of(managed: ManagedLedger, sampled: Sequence[Ledger]) -> Position | None:
    """A place behind all samples that gives a message if the broker works at all; None if there is nothing there."""
    last = max((ledger.ledger_id for ledger in sampled), default=-1)
    behind = [ledger for ledger in managed.ledgers if ledger.ledger_id > last and ledger.entries]
    return Position(behind[-1].ledger_id, 0) if behind else None


def silent(probes: Sequence[Probe]) -> tuple[Position, ...]:
    """The positions from which nothing came, though something came from a later one."""
    answered = max((probe.asked for probe in probes if probe.given is not None), default=None)
    return tuple(
        probe.asked for probe in probes if probe.given is None and answered is not None and probe.asked < answered
    )


def unproven(probes: Sequence[Probe]) -> tuple[Position, ...]:
    """The positions from which nothing came and perhaps nothing had to come."""
    proven = set(silent(probes))
    return tuple(probe.asked for probe in probes if probe.given is None and probe.asked not in proven)


def passed_over(probes: Sequence[Probe], ledgers: Mapping[int, Ledger]) -> Iterator[Probe]:
    """The probes that were given nothing of the ledger they asked for, but of a later one."""
    for probe in probes:
        if probe.given is not None and probe.asked.ledger_id in ledgers and probe.given[0] > probe.asked.ledger_id:
            yield probe


def readback_finding(subject: Subject, at: Position, deadline: float) -> Finding:
    """Nothing came from that position on."""
    return subject.finding(
        "readback",
        "a reader gets nothing from here on, and gets messages from a later place of the topic",
        expected=f"a message at {at} or behind it",
        found=f"nothing in {deadline:g} s, twice",
    )
