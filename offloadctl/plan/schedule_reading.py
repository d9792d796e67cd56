"""Files of schedules, read into schedules: what is wrong is told with its file, line and place."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Final, TypeVar

import msgspec

from offloadctl.errors import BadValue, UsageError
from offloadctl.model.check import Level
from offloadctl.model.limits import Limits
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.offload import OffloadWish
from offloadctl.model.sample import Sample
from offloadctl.model.schedule import (
    Action,
    AllOf,
    AnyOf,
    CheckAction,
    Comparison,
    Condition,
    Cron,
    Dates,
    Gate,
    Hours,
    Missed,
    OffloadAction,
    RollOverAction,
    Schedule,
    ScheduleLimits,
    ScheduleScope,
    TrimAction,
)
from offloadctl.model.scope import Scope
from offloadctl.plan import schedule_file as file
from offloadctl.plan.cron import check_cron, parse_zone
from offloadctl.plan.schedule_mistakes import SEE, in_words
from offloadctl.plan.schedule_numbers import MEASURES, read_comparison
from offloadctl.plan.schedule_words import DAYS
from offloadctl.plan.yaml_documents import YamlDocument, read_documents, require_kind
from offloadctl.units import ByteSize, parse_duration, parse_size

_T = TypeVar("_T")

KIND: Final = "Schedule"

_CLOCK: Final = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d", re.ASCII)
_SHORTEST_IDLE: Final = timedelta(seconds=1)
_OTHERS: Final = {"OffloadPolicies": "policies of Pulsar's are applied by `offloadctl offload-policies apply`"}


def read_schedules(text: str, name: str) -> tuple[Schedule, ...]:
    """All schedules of a file, each name once. BadValue tells the first mistake, with its line."""
    documents = read_documents(text, name)
    if not documents:
        raise UsageError(f"{name} has no schedules", hint=f"it begins with `kind: {KIND}`; {SEE}")
    found: dict[str, Schedule] = {}
    lines: dict[str, int] = {}
    for document in documents:
        one = _Reader(document).schedule()
        if one.name in found:
            raise BadValue(f"{document.where('$.name')}: {one.name} is there twice, first in line {lines[one.name]}")
        found[one.name], lines[one.name] = one, document.line_of("$.name")
    return tuple(found.values())


@dataclass(frozen=True, slots=True)
class _Reader:
    """One document."""

    document: YamlDocument

    def schedule(self) -> Schedule:
        require_kind(self.document.value, self.document.where("$"), KIND, others=_OTHERS, taker="offloadctl schedule")
        try:
            given = msgspec.convert(self.document.value, file.Schedule)
        except msgspec.ValidationError as error:
            raise in_words(error, self.document) from error
        zone = _zone_of(given)
        return Schedule(
            name=given.name,
            scope=self._scope(given.scope),
            when=self._when(given.when, "$.when", given.name, zone),
            action=self._limited(self._action(given.action, "$.action"), given.limits),
            gates=tuple(self._gate(one, f"$.gates[{index}]", zone) for index, one in enumerate(given.gates)),
            limits=self._limits(given.limits, "$.limits"),
            missed=Missed(given.missed),
            start_within=self._duration(given.start_within, "$.startWithin"),
            cool_down=self._duration(given.cool_down, "$.coolDown"),
            enabled=given.enabled,
            description=given.description,
        )

    def _scope(self, given: file.ScopePart) -> ScheduleScope:
        out, named = given.exclude, [given.topics, given.namespaces, given.tenants, given.all]
        if sum(map(bool, named)) != 1:
            what = "nothing is named" if not any(named) else "more than one kind of scope"
            hint = "exactly one of topics, namespaces, tenants, all: true"
            raise BadValue(f"{self.document.where('$.scope')}: {what}", hint=hint)
        for index, topic in enumerate(given.topics):
            with self.document.told_at(f"$.scope.topics[{index}]"):
                if TopicName.parse(topic).is_system:
                    raise BadValue(f"{topic} is a system topic, which brokers never offload")
        with self.document.told_at("$.scope"):
            return ScheduleScope(
                Scope.of(
                    topics=[TopicName.parse(one) for one in given.topics],
                    namespaces=[NamespaceName.parse(one) for one in given.namespaces],
                    tenants=given.tenants,
                    everything=given.all,
                    match=given.match,
                ),
                labels=tuple(sorted(given.labels.items())),
                not_namespaces=tuple(NamespaceName.parse(one) for one in out.namespaces),
                not_topics=tuple(TopicName.parse(one) for one in out.topics),
                not_match=_expression(out.match),
            )

    def _when(self, given: file.WhenPart, path: str, name: str, zone: str) -> Condition:
        key = self._only(given, path)
        if given.any is not None or given.all is not None:
            parts = given.any if given.any is not None else given.all or []
            if not parts:
                raise BadValue(f"{self.document.where(f'{path}.{key}')} is empty", hint="name at least one condition")
            made = tuple(self._when(one, f"{path}.{key}[{index}]", name, zone) for index, one in enumerate(parts))
            return AnyOf(made) if given.any is not None else AllOf(made)
        if given.cron is not None:
            return self._cron(given.cron, f"{path}.{key}", name)
        return self._comparison(key, getattr(given, MEASURES[key].field), f"{path}.{key}", zone)

    def _comparison(self, key: str, given: file.NumberPart, path: str, zone: str) -> Comparison:
        if given.time_zone is not None:
            with self.document.told_at(f"{path}.timeZone"):
                parse_zone(given.time_zone)
        return read_comparison(key, given, zone, lambda below: self.document.told_at(path + below))

    def _cron(self, given: str | file.CronPart, path: str, name: str) -> Cron:
        part = given if isinstance(given, file.CronPart) else file.CronPart(at=given)
        with self.document.told_at(f"{path}.timeZone"):
            parse_zone(part.time_zone)
        cron = Cron(part.at.strip(), part.time_zone, self._duration(part.jitter, f"{path}.jitter"), name)
        with self.document.told_at(path if part is not given else f"{path}.at"):
            check_cron(cron)
        return cron

    def _gate(self, given: file.GatePart, path: str, zone: str) -> Gate:
        key = self._only(given, path)
        path = f"{path}.{key}"
        if given.dates is not None:
            first = self._at(_date, given.dates.from_, f"{path}.from")
            last = self._at(_date, given.dates.to, f"{path}.to")
            if last < first:
                where = self.document.where(path)
                raise BadValue(f"{where}: {last} is before {first}", hint="`from` is the first day, `to` the last")
            return Dates(first, last, self._at(parse_zone, given.dates.time_zone, f"{path}.timeZone"))
        hours = given.hours if given.hours is not None else given.blackout
        if hours is not None:
            return self._hours(hours, path, is_open=given.hours is not None)
        return self._comparison(key, getattr(given, MEASURES[key].field), path, zone)

    def _hours(self, given: file.HoursPart, path: str, *, is_open: bool) -> Hours:
        days = frozenset(map(DAYS.index, given.days)) or frozenset(range(7))
        start, end = self._at(_clock, given.from_, f"{path}.from"), self._at(_clock, given.to, f"{path}.to")
        return Hours(days, start, end, self._at(parse_zone, given.time_zone, f"{path}.timeZone"), is_open)

    def _limits(self, given: file.LimitsPart, path: str) -> ScheduleLimits:
        return ScheduleLimits(
            given.topics_at_once,
            given.per_broker,
            self._limit(given.bytes_an_hour, f"{path}.bytesAnHour"),
            self._limit(given.bytes_a_run, f"{path}.bytesARun"),
            given.topics_a_run,
        )

    def _limited(self, action: Action, given: file.LimitsPart) -> Action:
        """The action, if the limits that are given mean anything to it."""
        by_bytes = {"bytesARun": given.bytes_a_run, "bytesAnHour": given.bytes_an_hour}
        meant = [name for name, limit in by_bytes.items() if limit is not None]
        if meant and isinstance(action, RollOverAction | TrimAction):
            where = self.document.where(f"$.limits.{meant[0]}")
            raise BadValue(
                f"{where}: nothing is moved by this action", hint="topicsARun, topicsAtOnce and perBroker hold"
            )
        at_once = {"topicsAtOnce": given.topics_at_once, "perBroker": given.per_broker}
        meant += [name for name, limit in at_once.items() if limit is not None]
        if meant and isinstance(action, CheckAction):
            where = self.document.where(f"$.limits.{meant[0]}")
            raise BadValue(f"{where} limits no check", hint="action: check: budget: requests, duration, rate")
        return action

    def _action(self, given: file.ActionPart, path: str) -> Action:
        key = self._only(given, path)
        if (roll_over := given.roll_over) is not None:
            idle_for = self._duration(roll_over.idle_for, f"{path}.rollOver.idleFor")
            if idle_for < _SHORTEST_IDLE:
                where = self.document.where(f"{path}.rollOver.idleFor")
                raise BadValue(f"{where}: so short a time says nothing", hint="24h, and a second at least")
            return RollOverAction(idle_for, roll_over.while_connected, roll_over.load_topics)
        if given.trim is not None:
            return TrimAction(given.trim.load_topics)
        if (check := given.check) is not None:
            with self.document.told_at(f"{path}.check.sample"):
                _ = Sample.parse(check.sample, seed=0) if check.sample else None
            duration = check.budget.duration
            budget = Limits(
                check.budget.requests,
                None if duration is None else self._duration(duration, f"{path}.check.budget.duration"),
                check.budget.rate,
            )
            return CheckAction(Level(check.level), budget, check.sample, self._max_age(check, f"{path}.check.maxAge"))
        offload = given.offload or file.OffloadPart()
        path = f"{path}.{key}"
        if offload.size_threshold is None and offload.older_than is None:
            raise BadValue(
                f"{self.document.where(path)}: say what should move: sizeThreshold, olderThan, or both",
                hint="sizeThreshold: 0 offloads everything that is closed",
            )
        size = None if offload.size_threshold is None else self._size(offload.size_threshold, f"{path}.sizeThreshold")
        older = None if offload.older_than is None else self._duration(offload.older_than, f"{path}.olderThan")
        return OffloadAction(OffloadWish(size, older), self._duration(offload.timeout, f"{path}.timeout"))

    def _max_age(self, given: file.CheckPart, path: str) -> timedelta | None:
        if given.max_age is None:
            return None
        if Level(given.level) is Level.LISTING:
            raise BadValue(f"{self.document.where(path)} spares nothing at the level listing", hint="leave it out")
        return self._duration(given.max_age, path)

    def _only(self, given: file.OneOf, path: str) -> str:
        """The one key that is there."""
        if len(given.given) == 1:
            return given.given[0]
        known = ", ".join(one.encode_name for one in msgspec.structs.fields(given))
        what = f"these are {len(given.given)}: {', '.join(given.given)}" if given.given else "there is none"
        raise BadValue(f"{self.document.where(path)} takes exactly one key, and {what}", hint=f"one of {known}")

    def _duration(self, text: str, path: str) -> timedelta:
        return self._at(parse_duration, text, path)

    def _at(self, parse: Callable[[str], _T], text: str, path: str) -> _T:
        with self.document.told_at(path):
            return parse(text)

    def _size(self, given: str | int, path: str) -> ByteSize:
        with self.document.told_at(path):
            size = parse_size(str(given))
            if size < 0:
                raise BadValue(f"{given} is less than nothing")
            return size

    def _limit(self, given: str | int | None, path: str) -> ByteSize | None:
        size = None if given is None else self._size(given, path)
        if size == 0:
            raise BadValue(f"{self.document.where(path)}: 0 is no limit", hint="leave it out, or enabled: false")
        return size


def _zone_of(given: file.Schedule) -> str:
    """Of every time that the schedule names, if that is one; else UTC."""
    times = (time for gate in given.gates for time in (gate.hours, gate.blackout, gate.dates) if time is not None)
    zones = {*_zones_of_crons(given.when), *(time.time_zone for time in times)}
    return zones.pop() if len(zones) == 1 else "UTC"


def _zones_of_crons(given: file.WhenPart) -> Iterator[str]:
    for part in (*(given.any or ()), *(given.all or ())):
        yield from _zones_of_crons(part)
    if given.cron is not None:
        yield given.cron.time_zone if isinstance(given.cron, file.CronPart) else "UTC"


def _expression(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise BadValue(f"{text!r} is no regular expression: {error}") from error
    return text


def _clock(text: str) -> time:
    if _CLOCK.fullmatch(text) is None:
        raise BadValue(f"{text!r} is no time of the day", hint="write it as 06:30 or 22:00")
    return time.fromisoformat(text)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadValue(f"{text!r} is no date", hint="write it as 2026-12-24") from None
