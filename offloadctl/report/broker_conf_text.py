"""What `offloadctl broker-conf` finds, for people."""

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import RenderableType

from offloadctl.brokerconf.diff import Difference
from offloadctl.brokerconf.facts import printable
from offloadctl.brokerconf.findings import LintFinding, LintSeverity
from offloadctl.brokerconf.kinds import Family, Setting
from offloadctl.brokerconf.masking import shown
from offloadctl.brokerconf.profiles import Profile
from offloadctl.report.broker_conf import DiffReport, LintReport, finding_document, unit
from offloadctl.report.text import Column, Style, count, labelled, line, table

_STYLES: Final = {LintSeverity.ERROR: Style.BAD, LintSeverity.WARNING: Style.CAREFUL, LintSeverity.NOTE: Style.QUIET}
_LABEL: Final = 8


def lint_text(report: LintReport, *, wide: bool = False) -> Iterator[RenderableType]:
    """Errors and warnings in full; notes in short, or in full when there is room."""
    for one in report.findings:
        if one.rule.severity is LintSeverity.NOTE and not wide:
            yield from _note(one)
        else:
            yield from _finding(one)
    numbers = [f"{count(report.count(one), one.value)}" for one in LintSeverity if report.count(one)]
    if report.fixed:
        numbers.append(f"{report.fixed} {'would be' if report.is_dry_run else 'were'} put right")
    verdict = ", ".join(numbers) or "nothing to say"
    style = Style.GOOD if not report.exit_code else _STYLES[_worst(report)]
    version = f", Pulsar {report.pulsar_version}" if report.pulsar_version else ""
    yield line((f"{report.file}: ", Style.HEAD), (verdict, style), f" ({report.layout.value}{version})")


def diff_text(report: DiffReport, *, wide: bool = False) -> Iterator[RenderableType]:
    """Key by key, one side above the other."""
    differences = report.differences if wide else report.effective
    yield line(("- ", Style.BAD), report.a)
    yield line(("+ ", Style.GOOD), report.b)
    for one in differences:
        mark = "" if one.is_effective else "   (the same to the broker)"
        yield line((one.key, Style.HEAD), (mark, Style.QUIET))
        yield line(("- ", Style.BAD), "any value" if one.a_is_open else _value(one, one.a), indent=2)
        yield line(("+ ", Style.GOOD), "any value" if one.b_is_open else _value(one, one.b), indent=2)
    hidden = len(report.differences) - len(differences)
    only = f"{count(hidden, 'key')} only written differently; -o wide shows them" if hidden else ""
    if not report.effective:
        same = "What could be compared is the same to a broker" if report.unseen else "To a broker they are the same"
        yield line((same, Style.GOOD), f": {only}." if only else ".")
    elif only:
        yield line((f"Not shown: {only}.", Style.QUIET))
    for part in report.unseen:
        style = Style.CAREFUL if part.do else Style.QUIET
        yield line((f"Not compared: {', '.join(part.keys)}", style))
        yield labelled("why", f"{part.why}.", width=_LABEL)
        if part.do:
            yield labelled("do", part.do, width=_LABEL)


def settings_text(settings: Sequence[Setting], *, wide: bool = False) -> Iterator[RenderableType]:
    """One family after the other; a single key in words."""
    if len(settings) == 1:
        yield from _setting_in_words(settings[0])
        return
    for family in Family:
        rows = [_row(one, wide=wide) for one in settings if one.family is family]
        if rows:
            yield line((family.value, Style.HEAD))
            columns = [Column("key", may_fold=not wide), Column("default", may_fold=not wide), Column("kind")]
            more = [Column("name for --set"), Column("since"), Column("about", may_fold=True)] if wide else []
            yield table([*columns, *more], rows)


def profiles_text(profiles: Sequence[Profile], *, wide: bool = False) -> Iterator[RenderableType]:
    """Each with what it asks for."""
    for one in profiles:
        yield line((one.name, Style.HEAD), f"  {one.title}")
        yield labelled("needs", ", ".join(one.required))
        if wide:
            yield labelled("may have", ", ".join(one.optional))
            yield labelled("notes", one.notes)


def settings_markdown(settings: Sequence[Setting]) -> str:
    """The table of the documentation."""
    lines: list[str] = []
    for family in Family:
        ours = [one for one in settings if one.family is family]
        if ours:
            lines += [f"**{family.value}**", "", "| key | default | kind | what it does |", "|---|---|---|---|"]
            lines += [f"| {' | '.join(_markdown_row(one))} |" for one in ours]
            lines.append("")
    return "\n".join(lines).rstrip()


def _worst(report: LintReport) -> LintSeverity:
    return min((one.rule.severity for one in report.findings), key=list(LintSeverity).index)


def _finding(one: LintFinding) -> Iterator[RenderableType]:
    made = finding_document(one)
    where = f"line {made.line}" if made.line is not None else made.key
    fixable = "   (--fix)" if made.fixable else ""
    yield line((f"{made.severity}: ", _STYLES[one.rule.severity]), f"{where} [{made.rule}]", (fixable, Style.QUIET))
    if made.evidence:
        yield line((made.evidence, Style.HEAD), indent=2)
    issues = ", ".join(f"apache/pulsar#{number}" for number in one.rule.issues)
    about = "; ".join(part for part in (made.versions, issues) if part)
    for label, text in (("what", made.what), ("broker", made.broker), ("do", made.fix), ("about", about)):
        if text:
            yield labelled(label, text, width=_LABEL)


def _note(one: LintFinding) -> Iterator[RenderableType]:
    made = finding_document(one)
    where = f"line {made.line} " if made.line is not None else ""
    yield line(("note: ", Style.QUIET), f"{where}[{made.rule}]")
    yield labelled("what", made.what, width=_LABEL)
    yield labelled("broker", made.broker, width=_LABEL)


def _value(one: Difference, text: str | None) -> str:
    if text is None:
        return f"not there: {one.default}" if one.default is not None else "not there"
    return printable(shown(one.key, text)) or "blank"


def _row(one: Setting, *, wide: bool) -> list[str]:
    row = [one.key, one.default or "-", unit(one) or one.java.value]
    return [*row, one.parameter or "-", one.since or "-", one.about] if wide else row


def _setting_in_words(one: Setting) -> Iterator[RenderableType]:
    yield line((one.key, Style.HEAD))
    default = one.default if one.default is not None else "none"
    counts = f"{one.java.value}, {unit(one)}" if unit(one) else one.java.value
    facts = (
        ("about", one.about),
        ("default", default),
        ("type", f"{counts}: {', '.join(one.choices)}" if one.choices else counts),
        ("drivers", ", ".join(one.drivers) or "all"),
        ("--set", one.parameter),
        ("since", one.since),
        ("change", "while brokers run" if one.live else "a rolling restart of the brokers"),
        ("policies", _in_policies(one)),
        ("same as", one.alias_of),
        ("source", one.source),
    )
    for label, text in facts:
        if text:
            yield labelled(label, text, width=_LABEL)


def _in_policies(one: Setting) -> str:
    if one.leaks is not None:
        return f"can override it; each brings {one.leaks} unless it says otherwise"
    return "can override it" if one.in_policy else "do not have it"


def _markdown_row(one: Setting) -> tuple[str, ...]:
    default = f"`{one.default}`" if one.default is not None else "none"
    remarks = [one.about]
    if one.choices:
        remarks.append(f"One of {', '.join(f'`{choice}`' for choice in one.choices)}.")
    if one.alias_of:
        remarks.append(f"Wins over `{one.alias_of}`.")
    if one.since:
        remarks.append(f"Since {one.since}.")
    if one.live:
        remarks.append("Can be changed while brokers run.")
    if one.leaks is not None:
        remarks.append(f"Every policy brings `{one.leaks}` unless it says otherwise.")
    return f"`{one.key}`", default, unit(one) or one.java.value, " ".join(remarks)
