"""The table of keys: complete, consistent, and what a real 4.0.7 showed."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from offloadctl.brokerconf.kinds import OWN_FAMILY, PREFIXES, Driver, Family, JavaType, Kind, Place, Setting
from offloadctl.brokerconf.settings import BY_KEY, SETTINGS, find, nearest, newer_name, place_key
from offloadctl.brokerconf.values import plain_number
from offloadctl.errors import BadValue
from tests.recordings import recordings

# What the recorded broker was started with (tests/golden/rest/01-cluster.json), instead of the defaults.
SET_IN_RECORDING = {
    "managedLedgerMaxEntriesPerLedger",
    "managedLedgerMinLedgerRolloverTimeMinutes",
    "managedLedgerOffloadDeletionLagMs",
    "managedLedgerOffloadDriver",
    "narExtractionDirectory",
    "offloadersDirectory",
}
FIELDS = Path(__file__).with_name("pulsar-4.0.7-fields.txt")
"""What PulsarReferee.java lists of a 4.0.7's own classes, as far as it is about offload."""


@dataclass(frozen=True)
class RealField:
    """One field of OffloadPoliciesImpl (`policy`) or ServiceConfiguration (`typed`)."""

    where: str
    name: str
    java: str
    default: str
    live: bool


def real_fields(where: str) -> dict[str, RealField]:
    lines = (line.split(" ") for line in FIELDS.read_text().splitlines())
    fields = (RealField(one[0], one[1], one[2], one[3], one[-1] == "live") for one in lines)
    return {one.name: one for one in fields if one.where == where}


def runtime_configuration() -> dict[str, str]:
    """What a real 4.0.7 says of its typed settings."""
    (found,) = (one for one in recordings("01-cluster.json") if one.path.endswith("/configuration/runtime"))
    configuration: dict[str, str] = found.response
    return configuration


def applied_policies() -> list[dict[str, Any]]:
    return [
        one.response
        for one in recordings("*.json")
        if one.path.endswith("/offloadPolicies")
        and one.params.get("applied") == "true"
        and isinstance(one.response, dict)
    ]


def test_each_key_is_there_once_and_says_what_it_does_and_where_that_was_read() -> None:
    assert [key for key, times in Counter(one.key for one in SETTINGS).items() if times > 1] == []
    assert all(one.about.endswith(".") and one.source for one in SETTINGS)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda one: one.key)
def test_defaults_are_values_of_their_type(setting: Setting) -> None:
    for value in (setting.default, setting.stock, setting.leaks):
        if value and setting.kind.is_number:
            assert plain_number(setting, value) is not None
        if value and setting.choices:
            assert value in setting.choices
        if value and setting.kind is Kind.SWITCH:
            assert value in ("true", "false")


def test_numbers_are_ints_or_longs_and_everything_else_is_not() -> None:
    for setting in SETTINGS:
        assert setting.kind.is_number == (setting.java in (JavaType.INT, JavaType.LONG)), setting.key


def test_a_name_for_set_means_one_key_of_each_driver() -> None:
    for families in ({Family.S3}, {Family.GENERIC}, {Family.GCS}, {Family.FILESYSTEM}):
        common = {Family.COMMON, Family.LEDGERS, Family.RELATED}
        names = Counter(one.parameter for one in SETTINGS if one.parameter and one.family in families | common)

        assert [name for name, times in names.items() if times > 1] == []


def test_every_typed_key_is_in_the_runtime_configuration_of_a_real_broker_with_this_default() -> None:
    runtime = runtime_configuration()

    for setting in SETTINGS:
        if setting.in_runtime and not setting.since.startswith("4.1"):
            assert setting.key in runtime
            if setting.key not in SET_IN_RECORDING:
                assert runtime[setting.key] == setting.default, setting.key


def test_no_other_key_is_in_the_runtime_configuration_of_a_real_broker() -> None:
    shown = {setting.key for setting in SETTINGS if not setting.in_runtime} & runtime_configuration().keys()

    assert shown == set()


def test_live_keys_are_those_that_a_real_broker_calls_dynamic() -> None:
    (dynamic,) = (one for one in recordings("01-cluster.json") if one.path.endswith("/brokers/configuration"))

    for setting in SETTINGS:
        assert setting.live == (setting.key in dynamic.response), setting.key


def test_typed_keys_are_the_fields_of_a_real_brokers_configuration() -> None:
    fields = real_fields("typed")

    ours = {one.key: one for one in SETTINGS if one.in_runtime and not one.since.startswith("4.1")}

    assert ours.keys() == fields.keys()
    for key, setting in ours.items():
        assert (setting.java.value, str(setting.default).replace("None", "null"), setting.live) == (
            fields[key].java,
            fields[key].default,
            fields[key].live,
        ), key


def test_every_field_of_a_real_brokers_policies_is_in_the_table() -> None:
    names = {"Integer": JavaType.INT, "Long": JavaType.LONG, "String": JavaType.STRING}
    # Its older name is what the table calls it in broker.conf; free keys are no key.
    fields = {name: one for name, one in real_fields("policy").items() if name != "managedLedgerExtraConfigurations"}

    ours = {one.key: one for one in SETTINGS if one.in_policy and newer_name(one.key) is None}

    assert ours.keys() - {"managedLedgerOffloadReadThreads"} == fields.keys()
    for name, one in fields.items():
        assert ours[name].java is names.get(one.java, JavaType.ENUM), name


def test_what_policies_bring_along_are_their_defaults_that_count() -> None:
    defaults = {name: one.default for name, one in real_fields("policy").items() if one.default not in ("null", "{}")}
    # Policies never resize the pool of threads.
    del defaults["managedLedgerOffloadMaxThreads"]

    assert {one.key: one.leaks for one in SETTINGS if one.leaks is not None} == defaults


def test_a_recorded_policy_brought_its_defaults_along() -> None:
    (policies,) = [one for one in applied_policies() if one["offloadersDirectory"] != "/pulsar/offloaders"]

    for setting in SETTINGS:
        if setting.leaks is not None:
            assert str(policies[setting.key]) == setting.leaks, setting.key


def test_a_key_that_exists_is_never_taken_for_a_misspelt_one() -> None:
    strangers = [key for key in runtime_configuration() if key not in BY_KEY]
    assert len(strangers) > 400

    assert [key for key in strangers if nearest(key, cutoff=0.96)] == []


def test_drivers_are_named_as_the_broker_compares_them() -> None:
    assert Driver.named("AWS-S3") is Driver.AWS_S3
    assert Driver.named("s3") is Driver.S3
    assert Driver.named("filesystem") is Driver.FILESYSTEM
    assert Driver.named("FileSystem") is None
    assert Driver.named("aws-s3 ") is None
    assert Driver.named("") is None


def test_places_have_a_key_in_each_family_but_googles_endpoint() -> None:
    missing = [(family, place) for family in PREFIXES for place in Place if place_key(family, place) is None]

    assert missing == [(Family.GCS, Place.ENDPOINT)]
    assert place_key(Family.COMMON, Place.BUCKET) is None
    assert set(OWN_FAMILY.values()) <= set(PREFIXES)


def test_an_unknown_key_comes_with_the_nearest_ones() -> None:
    with pytest.raises(BadValue, match="managedLedgerOffloadDivers") as caught:
        find("managedLedgerOffloadDivers")

    assert "managedLedgerOffloadDriver" in caught.value.hint


def test_a_key_that_is_like_no_other_is_told_where_the_keys_are() -> None:
    with pytest.raises(BadValue) as caught:
        find("zzz")

    assert "broker-conf settings" in caught.value.hint
