"""Labelled series for the study of baselines: load as brokers have it, and incidents planted into it.

Everything follows from a seed. A series has a value a minute, over five weeks:

    season     by the hour of the day and the day of the week; nights are quiet, weekends differ
    trend      slow growth or decline; no incident
    steps      the level changes and stays, as after a deployment; no incident, though at first it looks like one
    noise      normal, or with heavy tails, larger where the load is larger; it remembers a little of the minute before
    bursts     single minutes far off, as a garbage collection or a scrape gone wrong makes them; no incident
    gaps       minutes that nobody has measured
    incidents  labelled: a jump, a ramp, or a load that stays high when it should fall; none in the first two weeks

The seeds were chosen before there was a detector. TUNING is for whoever tunes, REPORTING for the table alone.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

TUNING: Final = range(100, 120)
REPORTING: Final = range(1000, 1030)

MINUTE: Final = timedelta(minutes=1)
START: Final = datetime(2026, 1, 5, tzinfo=UTC)
"""A Monday."""
DAYS: Final = 35
QUIET_DAYS: Final = 14
LENGTH: Final = DAYS * 1440


class Kind(StrEnum):
    """How an incident looks."""

    JUMP = "jump"
    RAMP = "ramp"
    STAYS_HIGH = "stays-high"


@dataclass(frozen=True, slots=True)
class Incident:
    """From the first minute that is not as it should be, to the last."""

    kind: Kind
    first: int
    last: int
    height: float
    """How far off at its most, in the series' level."""


@dataclass(frozen=True, slots=True)
class Series:
    """One series; None: not measured."""

    seed: int
    values: tuple[float | None, ...]
    incidents: tuple[Incident, ...]

    def times(self) -> Iterator[tuple[datetime, float | None]]:
        """Each value with its minute."""
        return ((START + index * MINUTE, value) for index, value in enumerate(self.values))


def make(seed: int) -> Series:
    """The series of a seed."""
    chance = random.Random(f"offloadctl baseline study {seed}")
    shape = _Shape.of(chance)
    incidents = tuple(_incidents(chance, shape))
    noise, values = 0.0, list[float | None]()
    gap_until = -1
    for minute in range(LENGTH):
        usual = shape.at(minute)
        noise = 0.6 * noise + shape.noise_at(chance, usual)
        value = usual + noise + sum(_off(one, minute, shape) for one in incidents)
        if chance.random() < shape.burst_rate:
            value += usual * chance.uniform(1.0, 4.0)
        if minute > gap_until and chance.random() < 1 / (3 * 1440):
            gap_until = minute + chance.randint(1, 90)
        values.append(None if minute <= gap_until else max(0.0, value))
    return Series(seed, tuple(values), incidents)


@dataclass(frozen=True, slots=True)
class _Shape:
    """What is usual, minute by minute."""

    level: float
    daily: float
    second: float
    phase: float
    weekend: float
    trend: float
    """Of the level, over all days."""
    steps: tuple[tuple[int, float], ...]
    noise: float
    heavy: bool
    burst_rate: float

    @classmethod
    def of(cls, chance: random.Random) -> "_Shape":
        steps = [
            (chance.randint(3 * 1440, LENGTH - 3 * 1440), chance.choice((-1, 1)) * chance.uniform(0.1, 0.5))
            for _ in range(chance.choice((0, 0, 1, 2)))
        ]
        return cls(
            level=chance.choice((0.3, 40.0, 5e9)),
            daily=chance.uniform(0.2, 0.8),
            second=chance.uniform(0.0, 0.25),
            phase=chance.uniform(0, 2 * math.pi),
            weekend=chance.choice((1.0, chance.uniform(0.3, 0.9))),
            trend=chance.choice((0.0, chance.uniform(-0.3, 0.6))),
            steps=tuple(sorted(steps)),
            noise=chance.uniform(0.02, 0.10),
            heavy=chance.random() < 0.4,
            burst_rate=chance.choice((0.0, 1 / 1440, 1 / 400)),
        )

    def at(self, minute: int) -> float:
        angle = 2 * math.pi * (minute % 1440) / 1440 + self.phase
        season = 1 + self.daily * math.sin(angle) + self.second * math.sin(2 * angle)
        if (minute // 1440) % 7 >= 5:
            season *= self.weekend
        grown = 1 + self.trend * minute / LENGTH
        for first, height in self.steps:
            grown *= 1 + height if minute >= first else 1
        return self.level * max(0.05, season) * grown

    def noise_at(self, chance: random.Random, usual: float) -> float:
        spread = self.noise * (0.5 * self.level + 0.5 * usual)
        if self.heavy and chance.random() < 0.05:
            spread *= 4
        return chance.gauss(0, spread)


def _incidents(chance: random.Random, shape: _Shape) -> Iterator[Incident]:
    """Six to twelve, none beside another, nor within six hours behind a step."""
    taken: list[tuple[int, int]] = [(first, first + 360) for first, _ in shape.steps]
    for _ in range(chance.randint(6, 12)):
        kind = chance.choice(tuple(Kind))
        length = chance.randint(20, 90) if kind is Kind.JUMP else chance.randint(60, 240)
        first = chance.randint(QUIET_DAYS * 1440, LENGTH - length - 1)
        height = chance.uniform(0.4, 1.5)
        if any(first - 240 < end and begin < first + length + 240 for begin, end in taken):
            continue
        taken.append((first, first + length))
        yield Incident(kind, first, first + length - 1, height)


def _off(incident: Incident, minute: int, shape: _Shape) -> float:
    """How far an incident takes the value off."""
    if not incident.first <= minute <= incident.last:
        return 0.0
    most = incident.height * shape.level
    match incident.kind:
        case Kind.JUMP:
            return most
        case Kind.RAMP:
            return most * (minute - incident.first + 1) / (incident.last - incident.first + 1)
        case Kind.STAYS_HIGH:
            # As high as a busy hour is: at night that is far off, at noon it is nothing unusual.
            busy = shape.level * (1 + shape.daily)
            return max(0.3 * most, busy - shape.at(minute))
