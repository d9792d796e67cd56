"""Files of schedules: what they mean, and where each mistake stands."""

import re
from contextlib import suppress
from dataclasses import replace
from datetime import date, time, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from offloadctl.errors import UsageError
from offloadctl.model.check import Level
from offloadctl.model.limits import Limits
from offloadctl.model.measures import Measure
from offloadctl.model.names import NamespaceName, TopicName
from offloadctl.model.offload import OffloadWish
from offloadctl.model.schedule import (
    AllOf,
    AnyOf,
    CheckAction,
    Comparison,
    Cron,
    Dates,
    Direction,
    Extent,
    Hours,
    Missed,
    OffloadAction,
    Schedule,
    ScheduleLimits,
    ScheduleScope,
)
from offloadctl.model.scope import Scope
from offloadctl.plan import schedule_file as file
from offloadctl.plan.schedule_mistakes import in_words
from offloadctl.plan.schedule_reading import read_schedules
from offloadctl.plan.yaml_documents import read_documents
from offloadctl.report.schema import schema_of
from offloadctl.units import ByteSize

FULL = """\
apiVersion: offloadctl/v1
kind: Schedule
name: cold-orders
description: Disks first, and every night
scope:
  namespaces: [acme/shop]
  labels: {tier: cold}
  exclude:
    topics: [acme/shop/audit]
    match: tmp
when:
  any:
    - cron: {at: 30 2 * * mon-fri, timeZone: Europe/Berlin, jitter: 10m}
    - all:
        - bookieDisk: {above: 80%, until: 70%, for: 10m}
        - localBytes: {of: namespace, above: 100G}
        - unreadFor: {above: 24h}
    - promql: {query: 'max(x)', above: 0.8}
gates:
  - brokerCpu: {below: 70%}
  - blackout: {from: 08:00, to: 20:00, days: [mon, fri], timeZone: Europe/Berlin}
  - hours: {from: 22:00, to: 06:00}
  - dates: {from: 2026-12-24, to: 2026-12-26}
  - s3Errors: {below: 5}
limits: {topicsAtOnce: 4, perBroker: 1, bytesAnHour: 500G, bytesARun: 1T}
action:
  offload: {sizeThreshold: 10G, olderThan: 7d}
missed: once
---
apiVersion: offloadctl/v1
kind: Schedule
name: weekly-index
scope: {all: true}
when: {cron: 0 4 * * sun}
action:
  check: {level: index, sample: 1/7, maxAge: 30d, budget: {requests: 100000, duration: 2h, rate: 50}}
"""

CPU = Comparison(Measure.BROKER_CPU, Direction.BELOW, 0.7, 0.7)


def test_a_file_says_what_it_means() -> None:
    cold, weekly = read_schedules(FULL, "schedules.yaml")

    berlin, utc = ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")
    assert cold == Schedule(
        "cold-orders",
        ScheduleScope(
            Scope.of(namespaces=[NamespaceName("acme", "shop")]),
            labels=(("tier", "cold"),),
            not_topics=(TopicName("acme", "shop", "audit"),),
            not_match="tmp",
        ),
        AnyOf(
            (
                Cron("30 2 * * mon-fri", "Europe/Berlin", timedelta(minutes=10), "cold-orders"),
                AllOf(
                    (
                        Comparison(Measure.BOOKIE_DISK, Direction.ABOVE, 0.8, 0.7, lasting=timedelta(minutes=10)),
                        Comparison(
                            Measure.LOCAL_BYTES, Direction.ABOVE, 100 * 1024**3, 100 * 1024**3, Extent.NAMESPACE
                        ),
                        Comparison(Measure.UNREAD_FOR, Direction.ABOVE, 86400, 86400),
                    )
                ),
                Comparison(Measure.PROMQL, Direction.ABOVE, 0.8, 0.8, query="max(x)"),
            )
        ),
        OffloadAction(OffloadWish(ByteSize(10 * 1024**3), timedelta(days=7))),
        (
            CPU,
            Hours(frozenset({0, 4}), time(8), time(20), berlin, is_open=False),
            Hours(frozenset(range(7)), time(22), time(6), utc, is_open=True),
            Dates(date(2026, 12, 24), date(2026, 12, 26), utc),
            Comparison(Measure.S3_ERRORS, Direction.BELOW, 5, 5),
        ),
        ScheduleLimits(4, 1, ByteSize(500 * 1024**3), ByteSize(1024**4)),
        missed=Missed.ONCE,
        description="Disks first, and every night",
    )
    assert weekly.action == CheckAction(Level.INDEX, Limits(100000, timedelta(hours=2), 50), "1/7", timedelta(30))
    assert weekly.scope.is_plain


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (
            "above: 80%",
            "above: 80 percent",
            r"line 15: when.*all\[0\]\.bookieDisk\.above: '80 percent' is no share",
        ),
        ("until: 70%", "until: 90%", r"line 15: .*until 90% is never passed"),
        ("above: 100G", "above: 100G, below: 1G", r"line 16: .*exactly one threshold, and has 2"),
        ("cron: 0 4 * * sun", "cron: 0 4 * *", r"line 34: when\.cron: '0 4 \* \*' is no cron expression"),
        ("cron: 0 4 * * sun", "cron: 0 4 31 2 *", r"line 34: when\.cron: '0 4 31 2 \*' never comes"),
        ("Europe/Berlin, jitter", "Europe/Bonn, jitter", r"line 13: .*'Europe/Bonn' is no time zone"),
        (
            "70%, for",
            "75%, timeZone: Asia/Tokyo, for",
            r"line 15: when\.any\[1\].*a fixed threshold is the same at every",
        ),
        (
            "  - brokerCpu: {below: 70%}",
            "  - brokerCpu:\n      belowUsual: 2\n      timeZone: Asia/Tokio",
            r"line 22: gates\[0\]\.brokerCpu\.timeZone: 'Asia/Tokio' is no time zone",
        ),
        ("tier: cold", "tier: 3", r"line 7: scope\.labels\.tier: this must be a text, and is the number 3"),
        ("bytesARun", "bytesPerRun", r"line 25: limits\.bytesPerRun: there is no such key"),
        ("from: 08:00", "from: 8:00", r"line 21: gates\[1\]\.blackout\.from: '8:00' is no time of the day"),
        ("to: 2026-12-26", "to: 2026-12-23", r"line 23: .*2026-12-23 is before 2026-12-24"),
        ("name: weekly-index", "name: cold-orders", r"line 32: name: cold-orders is there twice, first in line 3"),
        ("  - brokerCpu: {below: 70%}", "  - {}", r"line 20: gates\[0\] takes exactly one key, and there is none"),
        ("sizeThreshold: 10G, olderThan: 7d", "timeout: 1h", r"line 27: action\.offload: say what should move"),
        ("missed: once", "missed: never", r"line 28: missed: 'never' is none of the words"),
        ("namespaces: [acme/shop]", "namespaces: [acme]", r"line 5: scope: 'acme' is not a namespace"),
        ("limits: {topicsAtOnce: 4,", "limits: {topicsAtOnce: 0,", r"line 25: limits\.topicsAtOnce: 0 is less than 1"),
        ("missed: once", "missed: once\nmissed: once", r"line 29: missed is there twice"),
        ("scope: {all: true}", "scope: {all: true, topics: [a]}", r"line 33: scope: more than one kind of scope"),
        ("kind: Schedule\nname: weekly", "kind: OffloadPolicies\nname: weekly", r"line 30 is of the kind 'OffloadPoli"),
        ("sample: 1/7", "sample: 7", r"line 36: action\.check\.sample: "),
        ("when: {cron", "when: {cron: [", r"line 34 is no YAML"),
        ("above: 80%", "above: 800%", r"line 15: .*bookieDisk\.above: 800% is more than the whole"),
        (
            "s3Errors: {below: 5}",
            "s3Errors: {below: 1.0e+999}",
            r"line 24: gates.*s3Errors\.below: nothing is ever inf",
        ),
        ("query: 'max(x)'", "query: ' '", r"line 18: .*promql: there is no expression"),
        ("scope: {all: true}", "scope: {}", r"line 33: scope: nothing is named"),
        (
            "scope: {all: true}",
            "scope: {topics: [a/b/c, a/b/__change_events]}",
            r"line 33: scope\.topics\[1\]: a/b/__change_events is a system topic",
        ),
        ("level: index,", "level: listing,", r"line 36: action\.check\.maxAge spares nothing"),
        (
            "cron: 0 4 * * sun}",
            "cron: 0 4 * * sun}\nlimits: {perBroker: 1}",
            r"line 35: limits\.perBroker limits no chec",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line(before: str, after: str, message: str) -> None:
    assert before in FULL

    with pytest.raises(UsageError, match=r"^schedules\.yaml, " + message):
        read_schedules(FULL.replace(before, after, 1), "schedules.yaml")


@pytest.mark.parametrize(
    ("when", "gates", "zone"),
    [
        ("brokerCpu: {aboveUsual: 4}", "", "UTC"),
        (
            "brokerCpu: {aboveUsual: 4, timeZone: Asia/Tokyo}",
            "- dates: {from: 2026-12-24, to: 2026-12-26}",
            "Asia/Tokyo",
        ),
        ("brokerCpu: {belowUsual: 4}", "- hours: {from: 22:00, to: 06:00, timeZone: Asia/Tokyo}", "Asia/Tokyo"),
        ("brokerCpu: {belowUsual: 4}", "- hours: {from: 22:00, to: 06:00}", "UTC"),
        ("any: [cron: {at: 0 4 * * *, timeZone: Asia/Tokyo}, brokerCpu: {aboveUsual: 4}]", "", "Asia/Tokyo"),
        (
            "any: [cron: {at: 0 4 * * *, timeZone: Asia/Tokyo}, brokerCpu: {aboveUsual: 4}]",
            "- blackout: {from: 22:00, to: 06:00, timeZone: Europe/Berlin}",
            "UTC",
        ),
        ("any: [cron: 0 4 * * *, brokerCpu: {aboveUsual: 4}]", "- brokerCpu: {below: 70%}", "UTC"),
    ],
)
def test_hours_are_those_of_the_zone_that_is_named_else_of_all_times_of_the_schedule_else_utc(
    when: str, gates: str, zone: str
) -> None:
    text = f"apiVersion: offloadctl/v1\nkind: Schedule\nname: a\nscope: {{all: true}}\nwhen:\n  {when}\n"
    text += f"gates:\n  {gates}\n" if gates else ""
    text += "action: {offload: {olderThan: 1d}}"

    [made] = read_schedules(text, "schedules.yaml")

    assert [one.zone for one in made.comparisons if one.unusual] == [zone]
    assert all(one.zone == "UTC" for one in made.comparisons if not one.unusual)
    assert Draft202012Validator(schema_of("Schedule")).is_valid(read_documents(text, "schedules.yaml")[0].value)


@pytest.mark.parametrize(
    ("number", "hint"), [("85", "write 85%, or"), ("850", "write 80%, or"), ("-1", "write 80%, or")]
)
def test_the_hint_for_what_is_no_share_is_one_that_would_be_taken(number: str, hint: str) -> None:
    with pytest.raises(UsageError, match=rf"{number} is no share of the whole") as refused:
        read_schedules(FULL.replace("above: 80%", f"above: {number}"), "schedules.yaml")

    assert (refused.value.hint or "").startswith(hint)


@pytest.mark.parametrize(
    ("before", "after", "message", "hint"),
    [
        ("above: 80%", "abov: 80%", "bookieDisk.abov: there is no such key", "did you mean above? in when.any[1].all"),
        (
            "missed: once",
            "cooldown: 1h",
            "line 28: cooldown: there is no such key",
            "did you mean coolDown? in a sch",
        ),
        ("level: index", "level: indx", "action.check.level: 'indx' is none", "did you mean index? write one of blo"),
        (
            "missed: once",
            "missed: true",
            "missed: this must be a text, and is",
            "write one of catch-up, once, skip",
        ),
        ("namespaces: [acme/shop]", "namespaces: acme/shop", "must be a list, and is the text", "write [acme/shop]"),
        (
            "when: {cron: 0 4 * * sun}\n",
            "",
            "line 30: when is missing",
            "there must be apiVersion, kind, name, scope, w",
        ),
        ("level: index, ", "", "line 36: action.check: level is missing", "in action.check there must be level"),
        ("above: 80%, until: 70%", "aboveUsual: x", "aboveUsual: this must be a number", "without quotes and unit"),
        ("scope: {all: true}", "scope: {all: yes}", "must be true or false, and is the text 'yes'", "write true or"),
        (
            "scope: {all: true}",
            "scope:",
            "line 33: scope: this must be keys with values, and is empty",
            "may be topics",
        ),
        ("tier: cold", "tier: 3", "scope.labels.tier", 'write it in quotes: "3"'),
        ("hours: {from: 22:00", "hours: {from: 22", "gates[2].hours.from: this must be a text", 'as in "22:00"'),
        ("name: cold-orders", "name: Cold Orders", "line 3: name: 'Cold Orders' is no name", "write cold-orders"),
        ("name: cold-orders", f"name: {'a' * 64}", "line 3: name: it has 64 characters", "63 are the most"),
        ("topicsAtOnce: 4", "topicsARun: 1001", "topicsARun: 1001 is more than 1000", "1000 is the most"),
        ("rate: 50", "rate: 0", "budget.rate: 0 is no more than 0", "it must be more than 0"),
        ("above: 100G", "above: 100Q", "line 16: when.any[1].all[1].localBytes.above: '100Q'", "write a whole number"),
        ("for: 10m", "for: 10 mins", "line 15: when.any[1].all[0].bookieDisk.for: '10 mins'", "write a whole number"),
        ("Europe/Berlin, jit", "Europe/Viena, jit", "cron.timeZone: 'Europe/Viena'", "did you mean Europe/Vienna?"),
        ("timeZone: Europe/Berlin}", "timeZone: vienna}", "blackout.timeZone: 'vienna'", "did you mean Europe/Vienna?"),
        (
            "Europe/Berlin, jit",
            "nowhere, jit",
            "cron.timeZone: 'nowhere' is no time zone",
            "as in Europe/Berlin or UTC",
        ),
        ("cron: 0 4 * * sun", "cron: * * * * *", "line 34 is no YAML", "begins with * or & is put in quotes"),
        ("when: {cron: 0 4 * * sun}", "when:\n\tcron: 0 4 * * *", "line 35 is no YAML", "indent with blanks"),
        ("when: {cron: 0 4 * * sun}", "when: {cron: [}", "line 34 is no YAML", "a bracket or quote left open"),
        ("kind: Schedule", "knd: Schedule", "line 1 has no kind", "it begins with `kind: Schedule`"),
    ],
)
def test_a_mistake_is_told_in_words_with_what_to_write_instead(
    before: str, after: str, message: str, hint: str
) -> None:
    assert before in FULL

    with pytest.raises(UsageError) as refused:
        read_schedules(FULL.replace(before, after, 1), "schedules.yaml")

    assert message in refused.value.message
    assert hint in refused.value.hint


@pytest.mark.parametrize("value", [None, True, -1, 0.5, "no such thing", ["x"], {"no": "such"}])
def test_nothing_that_is_wrong_is_told_in_the_decoders_words(value: object) -> None:
    [document, _] = read_documents(FULL, "schedules.yaml")
    told = []

    for path in document.lines:
        broken = replace(document, value=_with(document.value, path, value))
        try:
            msgspec.convert(broken.value, file.Schedule)
        except msgspec.ValidationError as error:
            told.append(in_words(error, broken))

    assert len(told) > 10
    assert all(one.hint for one in told)
    assert not [
        one for one in told if re.search(r"Expected|Object|Invalid|regex|null|\bstr\b|\$", one.message + one.hint)
    ]


def _with(document: object, path: str, value: object) -> object:
    """The document with another value there."""
    step = re.match(r"\$(?:\.(\w+)|\[(\d+)\])", path)
    if step is None:
        return value
    rest = "$" + path[step.end() :]
    if isinstance(document, dict):
        return document | {step[1]: _with(document[step[1]], rest, value)}
    assert isinstance(document, list)
    return [_with(one, rest, value) if place == int(step[2]) else one for place, one in enumerate(document)]


def test_an_empty_file_is_told() -> None:
    with pytest.raises(UsageError, match=r"none\.yaml has no schedules"):
        read_schedules("---\n# nothing\n", "none.yaml")


@given(st.text(max_size=200) | st.lists(st.sampled_from(FULL.splitlines())).map("\n".join))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    with suppress(UsageError):
        assert read_schedules(text, "any.yaml")


def test_the_schema_takes_what_is_read_and_one_key_where_one_is_meant() -> None:
    documents = [one.value for one in read_documents(FULL, "schedules.yaml")]
    validator = Draft202012Validator(schema_of("Schedule"))
    empty_gate = documents[0] | {"gates": [{}]}

    assert [list(validator.iter_errors(one)) for one in documents] == [[], []]
    assert not validator.is_valid(empty_gate)
    assert not validator.is_valid(documents[1] | {"when": {"cron": "* * * * *", "unreadFor": {"above": "1h"}}})
