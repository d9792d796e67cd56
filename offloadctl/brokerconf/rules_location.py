"""Rules about where ledgers go: the driver, and the keys that it reads."""

from collections.abc import Iterator
from typing import Final

from offloadctl.brokerconf.edit import SetValue
from offloadctl.brokerconf.entries import Entry
from offloadctl.brokerconf.facts import Facts, found
from offloadctl.brokerconf.findings import LintFinding, LintSeverity, Rule
from offloadctl.brokerconf.kinds import OWN_FAMILY, Driver, Family, Place, Setting
from offloadctl.brokerconf.rules_text import spoilt_by
from offloadctl.brokerconf.settings import BY_KEY, place_key
from offloadctl.brokerconf.values import plain_number

STUCK: Final = "The offload dies in silence: its status stays RUNNING until the topic is unloaded."

NO_DRIVER: Final = Rule(
    "no-driver",
    LintSeverity.NOTE,
    "There is no offload driver.",
    "It offloads nothing where no policy names a driver, and cannot read what was offloaded earlier.",
    "Set managedLedgerOffloadDriver if ledgers are to go to a store.",
)
SETTINGS_WITHOUT_DRIVER: Final = Rule(
    "settings-without-driver",
    LintSeverity.WARNING,
    "Offload is configured, and no driver is named.",
    "It offloads nothing where no policy names a driver, and cannot read what was offloaded earlier.",
    "Set managedLedgerOffloadDriver.",
)
UNKNOWN_DRIVER: Final = Rule(
    "unknown-driver",
    LintSeverity.ERROR,
    "There is no driver of that name.",
    "It does not start: No offloader found for driver.",
    "One of aws-s3, S3, google-cloud-storage, azureblob, aliyun-oss (case does not count) and filesystem (it does).",
    issues=(22839,),
)
BUCKET_MISSING: Final = Rule(
    "bucket-missing",
    LintSeverity.ERROR,
    "The driver has no bucket.",
    "It starts, since nothing checks that, and every offload fails.",
    "Set the driver's bucket.",
)
ENDPOINT_MISSING: Final = Rule(
    "endpoint-missing",
    LintSeverity.ERROR,
    "The driver needs the service's address, and has none.",
    f"It starts, since nothing checks that. {STUCK}",
    "Set managedLedgerOffloadServiceEndpoint.",
)
REGION_MISSING: Final = Rule(
    "region-missing",
    LintSeverity.WARNING,
    "There is neither a region nor an endpoint.",
    "Old releases do not create the offloader without one of them; newer ones talk to us-east-1.",
    "Set the region; outside of us-east-1 its endpoint, too.",
    issues=(7000,),
)
BLANK_SHADOWS: Final = Rule(
    "blank-shadows",
    LintSeverity.ERROR,
    "A blank key of the driver's own hides the general key, which has a value.",
    "It takes the first of the driver's keys that is there, be it blank, and so sees no value.",
    "Fill the driver's own key, or comment it out.",
)
OWN_KEYS_MISSING: Final = Rule(
    "own-keys-missing",
    LintSeverity.ERROR,
    "The driver's location stands under another driver's keys.",
    f"It reads only managedLedgerOffload* keys for this driver, and sees no value. {STUCK}",
    "Write the value under the managedLedgerOffload* key.",
    versions="the status was seen on 4.0.7",
)
IGNORED_KEY: Final = Rule(
    "ignored-key",
    LintSeverity.WARNING,
    "A key is set that the driver does not read.",
    "It uses the driver's own key, or its default.",
    "Write the value under the key that the driver reads, or take it out.",
)
SHADOWED_KEY: Final = Rule(
    "shadowed-key",
    LintSeverity.WARNING,
    "The driver's own key and the general one differ.",
    "It takes the driver's own; a namespace whose policy names another driver gets the general one.",
    "Give both the same value, or keep only the driver's own.",
)
KEY_FILE_MISSING: Final = Rule(
    "key-file-missing",
    LintSeverity.ERROR,
    "The driver google-cloud-storage has no service account file.",
    STUCK,
    "Set gcsManagedLedgerOffloadServiceAccountKeyFile to a file that each broker has.",
)

RULES: Final = (
    NO_DRIVER,
    SETTINGS_WITHOUT_DRIVER,
    UNKNOWN_DRIVER,
    BUCKET_MISSING,
    ENDPOINT_MISSING,
    REGION_MISSING,
    BLANK_SHADOWS,
    OWN_KEYS_MISSING,
    IGNORED_KEY,
    SHADOWED_KEY,
    KEY_FILE_MISSING,
)

_DRIVER_KEY: Final = "managedLedgerOffloadDriver"
_KEY_FILE: Final = "gcsManagedLedgerOffloadServiceAccountKeyFile"
_WHERE: Final = (Place.BUCKET, Place.REGION, Place.ENDPOINT)
_SIZES: Final = (Place.BLOCK_SIZE, Place.READ_BUFFER)
_NEED_ENDPOINT: Final = (Driver.S3, Driver.ALIYUN)
_WITH_BUCKET: Final = (Driver.AWS_S3, Driver.GCS, Driver.AZURE, *_NEED_ENDPOINT)


def driver(facts: Facts) -> Iterator[LintFinding]:
    """Whether there is one, and brokers know it."""
    entry = facts.conf.entry(_DRIVER_KEY)
    if entry is None or not entry.value.strip():
        wishes = list(_wishes(facts))
        if wishes:
            yield found(SETTINGS_WITHOUT_DRIVER, f"{wishes[0].key} is set, and no driver.", wishes[0])
        else:
            yield found(NO_DRIVER, "Tiered storage is off.", entry, key=_DRIVER_KEY)
    elif facts.driver is None and spoilt_by(entry, BY_KEY[_DRIVER_KEY]) is None:
        edits = (SetValue(_DRIVER_KEY, "filesystem"),) if entry.value.lower() == "filesystem" else ()
        yield found(UNKNOWN_DRIVER, f"There is no driver {entry.value.strip()!r}.", entry, edits=edits)


def places(facts: Facts) -> Iterator[LintFinding]:
    """Whether the driver finds the bucket, the region and the endpoint that it needs."""
    if facts.driver not in _WITH_BUCKET:
        return
    for place in _WHERE:
        hidden = _hidden(facts, place)
        misplaced = _misplaced(facts, place) if facts.driver not in OWN_FAMILY else None
        if hidden is not None:
            yield from _shadow(facts, place, hidden)
        elif not facts.place_text(place) and misplaced is not None:
            yield _elsewhere(facts, place, misplaced)
        elif not facts.place_text(place):
            yield from _missing(facts, place)
    if facts.driver is Driver.GCS and not (facts.conf.text(_KEY_FILE) or "").strip():
        yield found(KEY_FILE_MISSING, f"{_KEY_FILE} is not set.", facts.conf.entry(_KEY_FILE), key=_KEY_FILE)


def sizes(facts: Facts) -> Iterator[LintFinding]:
    """Block sizes and read buffers under keys that the driver does not read."""
    if facts.driver not in _WITH_BUCKET:
        return
    for place in _SIZES:
        other = facts.conf.entry(place_key(Family.GENERIC, place) or "")
        if facts.driver not in OWN_FAMILY:
            other = _misplaced(facts, place)
        number, _ = facts.place_number(place)
        if other is not None and plain_number(BY_KEY[other.key], other.value.strip()) not in (None, number):
            yield found(IGNORED_KEY, f"The driver {facts.driver} does not read it: {number} counts.", other)


CHECKS: Final = (driver, places, sizes)


def _wishes(facts: Facts) -> Iterator[Entry]:
    """What is set although it means nothing without a driver."""
    for entry, setting in facts.known:
        is_place = setting.in_policy and setting.family in (Family.S3, Family.GENERIC, Family.GCS, Family.FILESYSTEM)
        is_threshold = setting.parameter in ("size-threshold", "age-threshold")
        is_set = entry.value.strip() not in ("", setting.default, setting.stock)
        if is_set and (is_place or is_threshold):
            yield entry


def _family(facts: Facts) -> Family:
    """The family of keys that the driver looks at first."""
    return OWN_FAMILY.get(facts.driver, Family.GENERIC) if facts.driver is not None else Family.GENERIC


def _own(facts: Facts, place: Place) -> Entry | None:
    return facts.conf.entry(place_key(_family(facts), place) or "")


def _hidden(facts: Facts, place: Place) -> Entry | None:
    """The general key's entry, if the driver's own key comes first with another value."""
    own, general = _own(facts, place), facts.conf.entry(place_key(Family.GENERIC, place) or "")
    if own is None or general is None or own is general or not general.value.strip():
        return None
    return general if general.value.strip() != own.value.strip() else None


def _misplaced(facts: Facts, place: Place) -> Entry | None:
    """The value under the keys of a driver that has some of its own."""
    entries = (facts.conf.entry(place_key(family, place) or "") for family in OWN_FAMILY.values())
    return next((one for one in entries if one is not None and _is_meant(one, BY_KEY[one.key])), None)


def _is_meant(entry: Entry, setting: Setting) -> bool:
    return entry.value.strip() not in ("", setting.default, setting.stock)


def _shadow(facts: Facts, place: Place, general: Entry) -> Iterator[LintFinding]:
    own = _own(facts, place)
    if own is None:
        return
    if own.value.strip():
        yield found(SHADOWED_KEY, f"{own.key} has another value, and counts.", general)
        return
    edits = (SetValue(own.key, general.value.strip()),)
    where = own if own.line is not None else general
    yield found(BLANK_SHADOWS, f"{own.key} is blank, and hides {general.key}.", where, edits=edits)


def _elsewhere(facts: Facts, place: Place, entry: Entry) -> LintFinding:
    key = place_key(Family.GENERIC, place) or ""
    what = f"The driver {facts.driver} does not read it."
    if place is Place.REGION:
        return found(IGNORED_KEY, what, entry, fix=f"Write it as {key}, or take it out.")
    edits = (SetValue(key, entry.value.strip()),)
    return found(OWN_KEYS_MISSING, what, entry, fix=f"Write it as {key}.", edits=edits)


def _missing(facts: Facts, place: Place) -> Iterator[LintFinding]:
    entry, key = facts.place(place), place_key(_family(facts), place) or ""
    if place is Place.BUCKET:
        yield found(BUCKET_MISSING, f"{key} is not set.", entry, key=key, fix=f"Set {key}.")
    elif place is Place.ENDPOINT and facts.driver in _NEED_ENDPOINT:
        yield found(ENDPOINT_MISSING, f"{key} is not set.", entry, key=key)
    elif place is Place.REGION and facts.driver is Driver.AWS_S3 and not facts.place_text(Place.ENDPOINT):
        yield found(REGION_MISSING, f"Neither {key} nor an endpoint is set.", entry, key=key, fix=f"Set {key}.")
