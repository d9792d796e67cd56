"""A profile and a person's values -> the settings that the broker must have: plain numbers, nothing blank."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from offloadctl.brokerconf.edit import with_values
from offloadctl.brokerconf.kinds import Family, Place, Setting
from offloadctl.brokerconf.profiles import Profile, Template, TemplateLine
from offloadctl.brokerconf.properties import LineKind, LogicalLine, printed
from offloadctl.brokerconf.settings import BY_KEY, SETTINGS, nearest, place_key
from offloadctl.brokerconf.values import parse_value
from offloadctl.errors import BadValue, UsageError


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a profile comes to."""

    profile: Profile
    values: Mapping[str, str]
    """By key, in the order in which they are written."""
    unfilled: frozenset[str] = frozenset()
    """The keys that the profile has, and for which no value was given."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """The keys among them whose values must not be shown."""
        return tuple(key for key in self.values if BY_KEY[key].is_secret)

    def commented(self) -> str:
        """The templates' text with the values in it; what was left out shows the broker's default."""
        own, common = (_commented(template, self.values) for template in (self.profile.own, self.profile.common))
        there = {one.setting.key for one in self.profile.keys}
        more = {key: value for key, value in self.values.items() if key not in there}
        return own + "\n" + common + (printed(with_values((), more)) if more else "")


def render(profile: Profile, given: Mapping[str, str], *, both_families: bool = False) -> Rendered:
    """The settings for these values, given by a profile's names or by keys of broker.conf."""
    made = draft(profile, given, both_families=both_families)
    if made.unfilled:
        names = _sorted_out(profile, given)[0]
        wanted = (name for one in profile.keys if one.setting.key in made.unfilled for name in one.parameters)
        missing = [name for name in dict.fromkeys(wanted) if name not in names]
        example = " ".join(f"--set {name}={_EXAMPLES.get(name, '...')}" for name in missing)
        raise UsageError(f"the profile {profile.name} needs {_and(missing)}", hint=f"add {example}")
    return made


def draft(profile: Profile, given: Mapping[str, str], *, both_families: bool = False) -> Rendered:
    """As `render`, but what is not given is left open."""
    names, keys = _sorted_out(profile, given)
    lines = [one for one in profile.keys if one.setting.key not in keys and _is_wanted(one, names)]
    unfilled = frozenset(one.setting.key for one in lines if not set(one.parameters) <= names.keys())
    filled = (one for one in lines if one.setting.key not in unfilled)
    values = {one.setting.key: parse_value(one.setting, one.filled(names)) for one in filled}
    values |= {key: parse_value(BY_KEY[key], text) for key, text in keys.items()}
    if both_families:
        values |= dict(_mirrored(values))
    order = [one.setting.key for one in profile.keys] + [setting.key for setting in SETTINGS]
    return Rendered(profile, dict(sorted(values.items(), key=lambda item: order.index(item[0]))), unfilled)


_EXAMPLES: Final = {
    "bucket": "pulsar-offload-bucket",
    "region": "us-west-2",
    "endpoint": "http://minio:9000",
    "role": "arn:aws:iam::123456789012:role/pulsar-offload",
    "uri": "file:///mnt/offload",
    "key-file": "/pulsar/gcs.json",
}


def _sorted_out(profile: Profile, given: Mapping[str, str]) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """What was given by a name of the profile, and what by a key of broker.conf."""
    known = (*profile.required, *profile.optional)
    names = {name: text for name, text in given.items() if name in known}
    keys: dict[str, str] = {}
    for name, text in given.items():
        if name not in names:
            setting = _setting_named(profile, name, known)
            if setting.key in keys:
                raise UsageError(f"{setting.key} is set twice", hint="set each key once")
            keys[setting.key] = text
    for name in names:
        if twice := next((one for one in profile.keys if name in one.parameters and one.setting.key in keys), None):
            raise UsageError(f"{name} and {twice.setting.key} are the same setting", hint="set one of them")
    return names, keys


def _setting_named(profile: Profile, name: str, known: tuple[str, ...]) -> Setting:
    if name in BY_KEY:
        return BY_KEY[name]
    # A name that the template does not use, such as a static key's, is meant for this profile's family.
    families = {one.setting.family for one in profile.own.keys} | {Family.COMMON, Family.LEDGERS, Family.RELATED}
    named = next((setting for setting in SETTINGS if setting.parameter == name and setting.family in families), None)
    if named is not None:
        return named
    near = get_close_matches(name, known, n=1) or list(nearest(name))
    hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(known)}; keys of broker.conf can be set, too"
    raise BadValue(f"the profile {profile.name} has no value {name!r}", hint=hint)


def _is_wanted(line: TemplateLine, names: Mapping[str, str]) -> bool:
    return line.is_required or any(name in names for name in line.parameters)


def _mirrored(values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The same places under the other family's names, for namespaces whose policy names another driver."""
    for one, other in ((Family.S3, Family.GENERIC), (Family.GENERIC, Family.S3)):
        for place in Place:
            key, twin = place_key(one, place), place_key(other, place)
            if key is not None and twin is not None and key in values and twin not in values:
                yield twin, values[key]


def _commented(template: Template, values: Mapping[str, str]) -> str:
    by_place = {one.at: one for one in template.keys}
    return printed(
        _line(line, by_place[at].setting, values) if at in by_place else line for at, line in enumerate(template.lines)
    )


def _line(line: LogicalLine, setting: Setting, values: Mapping[str, str]) -> LogicalLine:
    if setting.key in values:
        return with_values((line,), {setting.key: values[setting.key]})[0]
    return LogicalLine(LineKind.COMMENT, indent=f"#{setting.key}={setting.default or ''}", end=line.end)


def _and(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
