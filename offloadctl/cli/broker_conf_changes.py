"""What the commands of `broker-conf` read and change: profiles, values, files."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from getpass import getpass
from pathlib import Path

from offloadctl.adapters.broker_conf_files import (
    STDIN,
    common_template,
    profile_templates,
    read_file,
    replace_file,
)
from offloadctl.brokerconf.diff import Side, side_of_profile
from offloadctl.brokerconf.edit import with_values
from offloadctl.brokerconf.entries import BrokerConf, Layout
from offloadctl.brokerconf.findings import LintSeverity, Version
from offloadctl.brokerconf.fix import fixed, with_possible_edits
from offloadctl.brokerconf.formats import Format, written
from offloadctl.brokerconf.lint import is_clean, lint
from offloadctl.brokerconf.masking import is_secret_key, masked_changes, masked_diff
from offloadctl.brokerconf.profiles import Profile, parse_profile, unknown_profile
from offloadctl.brokerconf.properties import parse, printed
from offloadctl.brokerconf.reading import layout_of, read
from offloadctl.brokerconf.recognising import require_broker
from offloadctl.brokerconf.render import Rendered, draft, render
from offloadctl.cli.output import emit, say
from offloadctl.errors import BadValue, UsageError
from offloadctl.redaction import remember
from offloadctl.report.broker_conf import LintReport

_LAYOUTS = {"conf": Layout.CONF, "env": Layout.ENV, "yaml": Layout.YAML}


def all_profiles() -> tuple[Profile, ...]:
    """Every profile there is, by name."""
    common = common_template()
    return tuple(parse_profile(name, text, common) for name, text in profile_templates().items())


def profile_named(name: str) -> Profile:
    """The profile of that name; BadValue if there is none."""
    texts = profile_templates()
    if name not in texts:
        raise unknown_profile(name, tuple(texts))
    return parse_profile(name, texts[name], common_template())


def given_values(settings: Sequence[str] | None) -> dict[str, str]:
    """The values of `--set`; those that are secret are never shown again."""
    given: dict[str, str] = {}
    for text in settings or ():
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals or not name:
            # The text itself is not shown: it may well be a secret.
            raise UsageError("option --set is not NAME=VALUE", hint="write --set bucket=pulsar-offload-bucket")
        if name in given:
            raise UsageError(f"{name} is set twice", hint="set each value once")
        given[name] = _asked_for(name) if value == "-" else value
        if is_secret_key(name):
            remember(given[name])
    return given


def rendered(name: str, given: dict[str, str], *, both_families: bool) -> Rendered:
    """A profile with these values."""
    return render(profile_named(name), given, both_families=both_families)


def refuse_errors(made: Rendered) -> None:
    """What the linter calls an error is not written; its warnings are said."""
    conf = read(written(made.values, Format.CONF).encode("latin-1"), layout=Layout.CONF)
    for one in lint(conf):
        if one.rule.severity is LintSeverity.ERROR:
            raise UsageError(
                f"these settings would not work [{one.rule.id}]: {one.what} {one.broker or one.rule.broker}",
                hint=one.fix or one.rule.fix,
            )
        if one.rule.severity is LintSeverity.WARNING:
            say(f"warning [{one.rule.id}]: {one.what} {one.broker or one.rule.broker}")


def put_into(file: Path, made: Rendered, *, dry_run: bool) -> bool:
    """Edit a broker.conf in place, say what became of it, and tell whether it changes."""
    before = read_file(str(file))
    if layout_of(before) is not Layout.CONF:
        raise UsageError(f"{file} is no broker.conf", hint="--format writes variables, ConfigMaps and Helm values anew")
    text = before.decode("latin-1")
    after = printed(with_values(parse(text), made.values))
    if after == text:
        say(f"{file} says that already; there is nothing to change.")
    elif dry_run:
        emit(masked_diff(text, after, str(file)))
    else:
        backup = replace_file(file, before, after.encode("latin-1"))
        say(f"{file} changed; the file as it was is {backup}.")
        say("hint: brokers read it when they start: restart them one after the other")
    if not is_clean(lint(read(after.encode("latin-1"), layout=Layout.CONF))):
        say(f"hint: there is more to it: offloadctl broker-conf lint {file}")
    return after != text


def lint_file(file: str, *, layout: str | None, version: str | None) -> LintReport:
    """What the linter says of a file."""
    wanted, data = _layout(layout), read_file(file)
    conf = _read(file, data, wanted)
    found = with_possible_edits(data, lint(conf, version=_version(version)), layout=wanted)
    return LintReport(file, conf.layout, version, found)


def fix_file(
    report: LintReport, *, layout: str | None, version: str | None, dry_run: bool, show_diff: bool
) -> LintReport:
    """Put right what needs no decision; what is left is reported."""
    if report.file == STDIN:
        raise UsageError("--fix changes a file, and stdin is none", hint="name the file")
    wanted, path, before = _layout(layout), Path(report.file), read_file(report.file)
    made = fixed(before, layout=wanted, version=_version(version))
    if made.data != before and not dry_run:
        say(f"{path} changed; the file as it was is {replace_file(path, before, made.data)}.")
    elif made.data == before and report.findings:
        say(f"{path} stays as it is: nothing of it can be put right without a decision.")
    elif show_diff and made.data != before:
        emit(_shown_changes(before, made.data, path, wanted) + "\n")
    left = lint(read(made.data, layout=wanted), version=_version(version))
    left = with_possible_edits(made.data, left, layout=wanted)
    return replace(report, findings=left, fixed=made.count, is_dry_run=dry_run)


def _shown_changes(before: bytes, after: bytes, path: Path, layout: Layout | None) -> str:
    if (layout or layout_of(before)) is Layout.CONF:
        return masked_diff(before.decode("latin-1"), after.decode("latin-1"), str(path))
    return masked_changes(before.decode("utf-8-sig"), after.decode("utf-8-sig"), str(path))


def _layout(name: str | None) -> Layout | None:
    return _LAYOUTS[name] if name is not None else None


def side(name: str, given: dict[str, str]) -> Side:
    """A file, or else a profile."""
    if name == STDIN or Path(name).exists():
        return Side("stdin" if name == STDIN else name, _read(name, read_file(name), None))
    texts = profile_templates()
    if name not in texts:
        raise BadValue(f"{name} is neither a file nor a profile", hint=f"profiles are {', '.join(texts)}")
    return side_of_profile(draft(profile_named(name), given))


def _asked_for(name: str) -> str:
    if sys.stdin.isatty():
        return getpass(f"{name}: ")
    return sys.stdin.readline().strip()


def _read(name: str, data: bytes, layout: Layout | None) -> BrokerConf:
    try:
        return require_broker(read(data, layout=layout))
    except BadValue as error:
        raise BadValue(f"{name}: {error.message}", hint=error.hint) from error


def _version(text: str | None) -> Version | None:
    version = Version.parse(text) if text is not None else None
    if text is not None and version is None:
        raise BadValue(f"{text!r} is no version", hint="write it as 4.0.7")
    return version
