"""A baseline against static thresholds, on the labelled series of `series.py`: the table in docs/baseline.md.

    python -m tests.study.baseline_study             tune on the tuning seeds, report on the others, write the page
    python -m tests.study.baseline_study --print     the same, and only print it

Every way raises an alarm as a schedule's condition does: once its number has been beyond a threshold for so many
minutes (`for`). Alarms of one way that are no half hour apart are one. An incident is found by an alarm that begins in
it; an alarm that touches no incident is a false one. The first two weeks, without incidents, count for no way.

The static thresholds are given what nobody has in earnest: each series' own one is the best for that very series, found
by trying them all against its labels: every threshold that a fifth of the minutes or less are above, in steps of two in
a thousand. Better is a higher F1 of incidents found and alarms that were right, then the sooner detection.
"""

import argparse
import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Final

from offloadctl.plan.baseline import Baseline
from tests.study.series import LENGTH, QUIET_DAYS, REPORTING, TUNING, Incident, Kind, Series, make

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = ROOT / "docs" / "baseline.md"
BEGIN: Final = "<!-- made by `make baseline-study` -->\n"
END: Final = "<!-- to here -->\n"
SOURCES: Final = ("offloadctl/plan/baseline.py", "tests/study/series.py", "tests/study/baseline_study.py")

QUIET: Final = QUIET_DAYS * 1440
WEEKS: Final = (LENGTH - QUIET) / (7 * 1440)
APART: Final = 30
"""Minutes; alarms that are nearer are one."""
LASTING: Final = (0, 2, 3, 4, 5, 7, 9, 14, 20, 30)
"""Minutes of `for`, for every way."""
DEVIATIONS: Final = (2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 8.0)
FACTORS: Final = tuple(round(0.8 + 0.025 * step, 3) for step in range(69))
"""Of a series' 99th percentile in its first two weeks: one static threshold for all. Its level is 0.3, 40 or 5e9, so
that one number for all would find nothing in most of them."""

Points = Sequence[tuple[int, float]]
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a way came to, on one series or on many."""

    incidents: tuple[Incident, ...] = ()
    delays: tuple[tuple[Incident, int], ...] = ()
    """Of the incidents that were found."""
    alarms: int = 0
    false: int = 0
    false_minutes: int = 0
    series: int = 1

    @property
    def missed(self) -> int:
        """Incidents that no alarm began in."""
        return len(self.incidents) - len(self.delays)

    @property
    def f1(self) -> float:
        """Of incidents found and alarms that were right."""
        found = len(self.delays)
        return 2 * found / max(1, 2 * found + self.false + self.missed)

    @property
    def delay(self) -> float:
        """Mean minutes to detection."""
        return mean(minutes for _, minutes in self.delays) if self.delays else float("inf")

    @property
    def full_delay(self) -> float:
        """The same with each missed incident counted at its whole length."""
        known = dict(self.delays)
        return mean(known.get(one, one.last - one.first + 1) for one in self.incidents)

    @property
    def rank(self) -> tuple[float, float]:
        """Higher is better."""
        return self.f1, -self.delay

    @classmethod
    def together(cls, every: Iterable["Outcome"]) -> "Outcome":
        """Of several series."""
        parts = tuple(every)
        return cls(
            tuple(incident for one in parts for incident in one.incidents),
            tuple(delay for one in parts for delay in one.delays),
            sum(one.alarms for one in parts),
            sum(one.false for one in parts),
            sum(one.false_minutes for one in parts),
            sum(one.series for one in parts),
        )


@dataclass(frozen=True, slots=True)
class Seen:
    """A series, and what a detector would compare: minutes after the quiet weeks, in order."""

    incidents: tuple[Incident, ...]
    values: Points
    deviations: Points
    usual_most: float
    """The 99th percentile of the first two weeks."""

    @classmethod
    def of(cls, series: Series) -> "Seen":
        """With the deviations of a baseline that has seen nothing but the minutes before each."""
        baseline = Baseline()
        values, deviations = list[tuple[int, float]](), list[tuple[int, float]]()
        for minute, (at, value) in enumerate(series.times()):
            if value is None:
                continue
            usual = baseline.usual(at)
            baseline.observe(at, value)
            if minute >= QUIET:
                values.append((minute, value))
                if not isinstance(usual, str):
                    deviations.append((minute, (value - usual.centre) / usual.spread))
        quiet = sorted(value for value in series.values[:QUIET] if value is not None)
        return cls(series.incidents, values, deviations, quiet[len(quiet) * 99 // 100])


def spans_above(points: Points, threshold: float) -> list[Span]:
    """From the first minute above it to the last, with none between that is not above it or not measured."""
    found = list[Span]()
    for minute, value in points:
        if value > threshold:
            if found and found[-1][1] == minute - 1:
                found[-1] = found[-1][0], minute
            else:
                found.append((minute, minute))
    return found


def alarms_of(spans: Iterable[Span], lasting: int) -> Iterator[Span]:
    """Those that have lasted so many minutes, from the minute in which that is known."""
    return ((first + lasting, last) for first, last in spans if last - first >= lasting)


def judge(incidents: tuple[Incident, ...], alarms: Iterable[Span]) -> Outcome:
    """What was found, and what was false."""
    merged, delays = list[Span](), dict[Incident, int]()
    false_minutes = 0
    for first, last in alarms:
        inside = 0
        for one in incidents:
            inside += max(0, min(last, one.last) - max(first, one.first) + 1)
            if one.first <= first <= one.last:
                delays.setdefault(one, first - one.first)
        false_minutes += last - first + 1 - inside
        if merged and first - merged[-1][1] <= APART:
            merged[-1] = merged[-1][0], last
        else:
            merged.append((first, last))
    false = sum(not any(one.first <= last and first <= one.last for one in incidents) for first, last in merged)
    return Outcome(incidents, tuple(delays.items()), len(merged), false, false_minutes)


@dataclass(frozen=True, slots=True)
class Setting:
    """A threshold, and the minutes that it must have lasted."""

    threshold: float
    lasting: int


def by_baseline(seen: Seen, threshold: float) -> list[Span]:
    """Above so many deviations."""
    return spans_above(seen.deviations, threshold)


def by_factor(seen: Seen, threshold: float) -> list[Span]:
    """Above so many times the most that is usual."""
    return spans_above(seen.values, threshold * seen.usual_most)


def outcomes(
    every: Sequence[Seen], thresholds: Iterable[float], spans: Callable[[Seen, float], list[Span]]
) -> dict[Setting, Outcome]:
    """Of all series together, by setting."""
    found = dict[Setting, Outcome]()
    for threshold in thresholds:
        each = [(one.incidents, spans(one, threshold)) for one in every]
        for lasting in LASTING:
            judged = (judge(incidents, alarms_of(above, lasting)) for incidents, above in each)
            found[Setting(threshold, lasting)] = Outcome.together(judged)
    return found


def best(found: dict[Setting, Outcome]) -> Setting:
    """The one that ranks highest."""
    return max(found, key=lambda one: found[one].rank)


def best_static(seen: Seen) -> Outcome:
    """What the best threshold for this very series comes to, chosen by its own labels."""
    ordered = sorted((value for _, value in seen.values), reverse=True)
    thresholds = [ordered[len(ordered) * step // 500] for step in range(101)]
    above = [point for point in seen.values if point[1] > thresholds[-1]]
    narrowed = Seen(seen.incidents, above, (), seen.usual_most)
    found = outcomes([narrowed], thresholds, lambda one, threshold: spans_above(one.values, threshold))
    return found[best(found)]


@dataclass(frozen=True, slots=True)
class Study:
    """What is reported."""

    rows: tuple[tuple[str, Outcome], ...]
    baseline: Outcome
    static: Outcome
    trade: tuple[tuple[Setting, Outcome], ...]
    """The baseline by other thresholds, on the reporting seeds."""
    chosen: Setting
    better: tuple[int, int]
    """Series in which the baseline's F1 is higher than that of their own static threshold, and lower."""


def study(tuning: Iterable[int], reporting: Iterable[int]) -> Study:
    """Choose by the first, report of the second."""
    for_tuning = [Seen.of(make(seed)) for seed in tuning]
    chosen = best(outcomes(for_tuning, DEVIATIONS, by_baseline))
    factor = best(outcomes(for_tuning, FACTORS, by_factor))
    seen = [Seen.of(make(seed)) for seed in reporting]
    by_deviations = outcomes(seen, DEVIATIONS, by_baseline)
    by_factors = outcomes(seen, FACTORS, by_factor)
    hindsight = best(by_factors)
    each = [best_static(one) for one in seen]
    own = [judge(one.incidents, alarms_of(by_baseline(one, chosen.threshold), chosen.lasting)) for one in seen]
    static, baseline = Outcome.together(each), by_deviations[chosen]
    rows = (
        (f"**baseline**, {_words(chosen, ' deviations')}", baseline),
        (f"one static threshold for all, chosen as the baseline's: {_words(factor, ' times the usual most')}",
         by_factors[factor]),
        (f"one static threshold for all, by hindsight: {_words(hindsight, ' times the usual most')}",
         by_factors[hindsight]),
        ("each series its own static threshold, by hindsight", static),
    )  # fmt: skip
    same = [setting for setting in by_deviations if setting.lasting == chosen.lasting]
    trade = tuple((setting, by_deviations[setting]) for setting in same)
    pairs = list(zip(own, each, strict=True))
    better = sum(a.f1 > b.f1 for a, b in pairs), sum(a.f1 < b.f1 for a, b in pairs)
    return Study(rows, baseline, static, trade, chosen, better)


def page(found: Study) -> str:
    """The part of docs/baseline.md that follows from a study."""
    code = f"Code: `{digest()}` (SHA-256 over {', '.join(f'`{one}`' for one in SOURCES)})."
    seeds = f"Tuned on the seeds {_range(TUNING)}, reported on {_range(REPORTING)}:"
    count = f"{found.baseline.series} series of {WEEKS:.0f} weeks each, {len(found.baseline.incidents)} incidents."
    higher, lower = found.better
    lines = [
        f"{code} {seeds} {count}",
        "",
        *_table("way", found.rows),
        "",
        f"The baseline's F1 is higher than a series' own static threshold's in {higher} series, lower in {lower}.",
        "",
        "Incidents by kind, missed of all and mean minutes to detection of those found:",
        "",
        "| kind | baseline | each series its own static threshold |",
        "|---|---|---|",
        *(f"| {kind} | {_of_kind(found.baseline, kind)} | {_of_kind(found.static, kind)} |" for kind in Kind),
        "",
        f"The baseline with other thresholds, for {found.chosen.lasting} minutes, on the reporting seeds:",
        "",
        *_table("deviations", ((f"{one.threshold:g}", outcome) for one, outcome in found.trade)),
    ]
    return "\n".join(lines) + "\n"


def digest() -> str:
    """Of what the table follows from."""
    found = hashlib.sha256()
    for one in SOURCES:
        found.update((ROOT / one).read_bytes())
    return found.hexdigest()[:16]


def _table(first: str, rows: Iterable[tuple[str, Outcome]]) -> Iterator[str]:
    yield (
        f"| {first} | alarms | false ones | false, a week and series | quiet time in alarm | missed incidents | "
        "minutes to detection | with missed ones at full length | F1 |"
    )
    yield "|---|--:|--:|--:|--:|--:|--:|--:|--:|"
    for name, one in rows:
        incidents = len(one.incidents)
        quiet = one.series * WEEKS * 7 * 1440 - sum(each.last - each.first + 1 for each in one.incidents)
        yield (
            f"| {name} | {one.alarms} | {one.false} ({one.false / max(1, one.alarms):.1%}) | "
            f"{one.false / one.series / WEEKS:.2f} | {one.false_minutes / quiet:.2%} | "
            f"{one.missed} of {incidents} ({one.missed / incidents:.1%}) | {one.delay:.1f} | {one.full_delay:.1f} | "
            f"{one.f1:.3f} |"
        )


def _of_kind(outcome: Outcome, kind: Kind) -> str:
    incidents = [one for one in outcome.incidents if one.kind is kind]
    delays = [minutes for one, minutes in outcome.delays if one.kind is kind]
    return f"{len(incidents) - len(delays)} of {len(incidents)}, {mean(delays) if delays else float('nan'):.1f} min"


def _words(setting: Setting, unit: str) -> str:
    return f"{setting.threshold:g}{unit} for {setting.lasting} minutes"


def _range(seeds: range) -> str:
    return f"{seeds[0]} to {seeds[-1]}"


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--print", action="store_true", dest="only_print")
    given = parser.parse_args()
    begun = time.process_time()
    made = page(study(TUNING, REPORTING))
    if given.only_print:
        print(made)
    else:
        before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
        PAGE.write_text(before + BEGIN + made + END + rest.split(END)[1], encoding="utf-8")
        print(f"{PAGE.relative_to(ROOT)} is written")
    print(f"{time.process_time() - begun:.0f} s of one core")


if __name__ == "__main__":
    main()
