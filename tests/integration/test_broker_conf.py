"""broker.conf as a real 4.0.7's own classes read it: whether the broker starts, and what reaches the offloader.

The classes come from the broker's jars (tests/stack/parts.py); nothing is started but a JVM.
"""

import base64
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from offloadctl.adapters.broker_conf_files import common_template, profile_templates
from offloadctl.brokerconf.entries import Layout
from offloadctl.brokerconf.facts import Facts
from offloadctl.brokerconf.findings import LintFinding
from offloadctl.brokerconf.fix import fixed
from offloadctl.brokerconf.kinds import PREFIXES, Driver, Family, Place
from offloadctl.brokerconf.lint import lint
from offloadctl.brokerconf.profiles import parse_profile
from offloadctl.brokerconf.properties import printed, setting_line
from offloadctl.brokerconf.reading import read
from offloadctl.brokerconf.render import render
from offloadctl.brokerconf.settings import BY_KEY, SETTINGS, place_key
from tests.stack import parts

pytestmark = pytest.mark.integration

UNIT = Path(__file__).resolve().parents[1] / "unit" / "brokerconf"
LOGGING = Path(__file__).resolve().parents[1] / "stack" / "broker" / "log4j2.xml"

STOPS = {"bad-escape", "blank-stops-start", "not-a-number", "bad-read-priority", "no-threads"}
NO_TOPIC = {"min-rollover-too-long", "rollover-order"}


@dataclass(frozen=True)
class Started:
    """How far a broker comes with a file, and the properties that its offloader would get."""

    stage: str
    properties: Mapping[str, str]


Broker = Callable[[str], Started]


@contextmanager
def referee(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [parts.java(), f"-Dlog4j2.configurationFile={LOGGING}", "-Dlog4j2.level=OFF"]
    command += ["-cp", f"{parts.broker_jars()}/*", str(UNIT / "PulsarReferee.java"), *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as process:
        yield process


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with referee() as process:
        assert process.stdin is not None
        assert process.stdout is not None
        questions, answers = process.stdin, process.stdout

        def ask(text: str) -> Started:
            questions.write(base64.b64encode(text.encode("latin-1")).decode() + "\n")
            questions.flush()
            while True:
                line = answers.readline()
                assert line, "PulsarReferee.java has ended"
                stage, *pairs = line.split() or [""]
                if stage == "starts" or stage.startswith("no-"):
                    return Started(stage, dict(decoded(pair) for pair in pairs))

        yield ask
        questions.close()
        process.wait(timeout=30)


def decoded(pair: str) -> tuple[str, str]:
    key, _, value = pair.partition("=")
    return key, base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)).decode()


def findings(text: str) -> tuple[LintFinding, ...]:
    return lint(read(text.encode("latin-1"), layout=Layout.CONF))


def foretold(text: str) -> str:
    """How far the linter thinks that a broker comes."""
    stages = {_stage(one) for one in findings(text)}
    return "stops" if "stops" in stages else "no-topic" if "no-topic" in stages else "starts"


def _stage(one: LintFinding) -> str:
    number = one.key in BY_KEY and (BY_KEY[one.key].kind.is_number or "ReadPriority" in one.key)
    spoilt = one.rule.id in ("quoted-value", "inline-comment", "placeholder-left") and number
    if one.rule.id in STOPS or spoilt or one.broker.startswith("It does not start"):
        return "stops"
    return "no-topic" if one.rule.id in NO_TOPIC else "starts"


VALUES = st.sampled_from(
    (
        "",
        " ",
        "0",
        "-1",
        "1",
        "7",
        "64M",
        "4h",
        "5242880",
        "67108864 ",
        "99999999999",
        '"7"',
        "7 # c",
        "${B}",
        "+3",
        "1,0",
    )
)
TEXTS = st.sampled_from(
    ("", "b", "b ", "bookkeeper-first", "BOOKKEEPER_FIRST", "tiered-storage-first ", "\\u00", "true")
)
# Later than 4.0.7.
KEYS = st.sampled_from([one.key for one in SETTINGS if not one.since.startswith("4.1") and not one.choices])
CHOSEN = st.sampled_from([one.key for one in SETTINGS if one.choices and one.key != "managedLedgerOffloadDriver"])

# A pool of so many threads is made for each file, as the broker would: a few thousand of them take the machine down.
THREADS = frozenset({"managedLedgerOffloadMaxThreads", "managedLedgerOffloadReadThreads"})
MOST_THREADS = 64


def is_bearable(values: Mapping[str, str]) -> bool:
    """No thread pool is larger than a machine bears; what is no int makes none."""
    numbers = [re.match(r"\s*\+?(\d+)", values[key]) for key in THREADS & values.keys()]
    return not any(MOST_THREADS < int(number[1]) < 2**31 for number in numbers if number)


CONFS = st.one_of(
    st.dictionaries(KEYS, st.one_of(VALUES, TEXTS), max_size=3).filter(is_bearable),
    st.dictionaries(CHOSEN, TEXTS, max_size=2),
).map(lambda values: "".join(f"{key}={value}\n" for key, value in values.items()))


def test_the_golden_list_of_fields_is_what_a_real_brokers_classes_say() -> None:
    with referee("fields") as process:
        assert process.stdout is not None
        listed = set(process.stdout.read().splitlines())

    golden = (UNIT / "pulsar-4.0.7-fields.txt").read_text().splitlines()

    assert golden
    assert [line for line in golden if line not in listed] == []


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=CONFS)
def test_the_linter_foretells_whether_a_broker_starts(text: str, broker: Broker) -> None:
    # From 35,792 minutes on ManagedLedgerConfig's int overflows, to anything.
    assume("RolloverTimeMinutes=5242880" not in text and "RolloverTimeMinutes=67108864" not in text)

    stage = broker(text).stage

    assert ("stops" if stage in ("no-configuration", "no-policies", "no-threads") else stage) == foretold(text)


PLACES = st.sampled_from([key for family in PREFIXES for place in Place if (key := place_key(family, place))])
NAMES = st.sampled_from(("", "cold", "warm", "7340032", "8388608"))


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(driver=st.sampled_from([one for one in Driver if one is not Driver.FILESYSTEM]), values=st.data())
def test_the_offloader_gets_what_we_say_it_reads(driver: Driver, values: st.DataObject, broker: Broker) -> None:
    chosen = values.draw(st.dictionaries(PLACES, NAMES, max_size=6))
    # A blank number is another rule's business, a text for one too.
    chosen = {key: value for key, value in chosen.items() if not key.endswith("InBytes") or value.isdecimal()}
    text = printed(
        setting_line(key, value) for key, value in {"managedLedgerOffloadDriver": driver.value, **chosen}.items()
    )
    facts = Facts(read(text.encode("latin-1"), layout=Layout.CONF))

    properties = broker(text).properties

    for place in (Place.BUCKET, Place.REGION, Place.ENDPOINT):
        assert facts.place_text(place) == looked_up(driver, place, properties)
    for place in (Place.BLOCK_SIZE, Place.READ_BUFFER):
        number, _ = facts.place_number(place)
        default = "67108864" if place is Place.BLOCK_SIZE else "1048576"
        assert str(number) == (looked_up(driver, place, properties) or default)


def looked_up(driver: Driver, place: Place, properties: Mapping[str, str]) -> str:
    """TieredStorageConfiguration.getKeys: the driver's own key if it is there, else the general one."""
    families = {Driver.AWS_S3: (Family.S3, Family.GENERIC), Driver.GCS: (Family.GCS, Family.GENERIC)}
    for family in families.get(driver, (Family.GENERIC,)):
        if PREFIXES[family] + place in properties:
            return properties[PREFIXES[family] + place]
    return ""


def test_a_blank_key_of_the_drivers_own_reaches_the_offloader_and_hides_the_general_one(broker: Broker) -> None:
    text = "managedLedgerOffloadDriver=aws-s3\ns3ManagedLedgerOffloadBucket=\nmanagedLedgerOffloadBucket=cold\n"

    started = broker(text)

    assert started.properties["s3ManagedLedgerOffloadBucket"] == ""
    assert looked_up(Driver.AWS_S3, Place.BUCKET, started.properties) == ""
    assert "blank-shadows" in [one.rule.id for one in findings(text)]


def test_a_blank_at_the_end_becomes_part_of_the_buckets_name(broker: Broker) -> None:
    started = broker("managedLedgerOffloadDriver=S3\nmanagedLedgerOffloadBucket=cold \n")

    assert started.properties["managedLedgerOffloadBucket"] == "cold "


def test_variables_are_not_replaced(broker: Broker) -> None:
    started = broker("managedLedgerOffloadDriver=S3\nmanagedLedgerOffloadBucket=${HOME}\n")

    assert started.properties["managedLedgerOffloadBucket"] == "${HOME}"


S3 = "managedLedgerOffloadDriver=S3\nmanagedLedgerOffloadBucket=cold\n"
BLOCK_SIZE = "managedLedgerOffloadMaxBlockSizeInBytes"
LAG, NEWER_LAG = "managedLedgerOffloadDeletionLagMs", "managedLedgerOffloadDeletionLagInMillis"
GENERAL_BUCKET, S3_BUCKET = "managedLedgerOffloadBucket", "s3ManagedLedgerOffloadBucket"


@pytest.mark.parametrize(
    ("rule", "text", "key", "value"),
    [
        (
            "quoted-value",
            'managedLedgerOffloadDriver=S3\nmanagedLedgerOffloadBucket="cold"\n',
            GENERAL_BUCKET,
            '"cold"',
        ),
        (
            "inline-comment",
            "managedLedgerOffloadDriver=S3\nmanagedLedgerOffloadBucket=cold # c\n",
            GENERAL_BUCKET,
            "cold # c",
        ),
        (
            "not-ascii",
            "managedLedgerOffloadDriver=S3\nmanagedLedgerOffloadBucket=k\xc3\xa4lte\n",
            GENERAL_BUCKET,
            "k\xc3\xa4lte",
        ),
        ("unknown-key", S3 + "managedLedgerOffloadMaxBlocksize=7340032\n", BLOCK_SIZE, None),
        ("duplicate-key", S3 + "managedLedgerOffloadBucket=warm\n", GENERAL_BUCKET, "warm"),
        ("newer-name-wins", S3 + f"{NEWER_LAG}=7\n{LAG}=8\n", NEWER_LAG, "7"),
        ("blank-number", S3 + f"{BLOCK_SIZE}=\n", BLOCK_SIZE, None),
        (
            "own-keys-missing",
            "managedLedgerOffloadDriver=S3\ns3ManagedLedgerOffloadBucket=cold\n",
            GENERAL_BUCKET,
            None,
        ),
        ("shadowed-key", S3.replace("=S3", "=aws-s3") + "s3ManagedLedgerOffloadBucket=warm\n", S3_BUCKET, "warm"),
        ("bucket-missing", "managedLedgerOffloadDriver=aws-s3\n", S3_BUCKET, None),
        ("settings-without-driver", "managedLedgerOffloadBucket=cold\n", "managedLedgerOffloadDriver", None),
        ("endpoint-missing", S3, "managedLedgerOffloadServiceEndpoint", None),
        ("bad-bucket-name", S3.replace("cold", "cold/prefix"), GENERAL_BUCKET, "cold/prefix"),
        ("block-too-small", S3 + f"{BLOCK_SIZE}=1048576\n", BLOCK_SIZE, "1048576"),
        (
            "no-read-buffer",
            S3 + "managedLedgerOffloadReadBufferSizeInBytes=0\n",
            "managedLedgerOffloadReadBufferSizeInBytes",
            "0",
        ),
        (
            "offloads-at-once",
            S3 + "managedLedgerOffloadAutoTriggerSizeThresholdBytes=0\n",
            "managedLedgerOffloadThresholdInBytes",
            "0",
        ),
        ("no-deletion-lag", S3 + f"{LAG}=0\n", NEWER_LAG, "0"),
    ],
)
def test_a_broker_starts_all_the_same_and_its_offloader_gets_what_the_linter_says(
    rule: str, text: str, key: str, value: str | None, broker: Broker
) -> None:
    started = broker(text)

    assert started.stage == "starts"
    assert started.properties.get(key) == value
    assert rule in [one.rule.id for one in findings(text)]


@pytest.mark.parametrize(
    ("mistake", "meant"), [("4h", "14400000"), ("14400000 ", "14400000"), ('"14400000"', "14400000"), ("", None)]
)
def test_what_fix_leaves_starts_the_broker_that_the_mistake_keeps_from_starting(
    mistake: str, meant: str | None, broker: Broker
) -> None:
    text = S3 + f"{LAG}={mistake}\n"

    after = broker(fixed(text.encode("latin-1"), layout=Layout.CONF).data.decode("latin-1"))

    assert broker(text).stage != "starts"
    assert after.stage == "starts"
    assert after.properties.get(NEWER_LAG) == meant


@pytest.mark.parametrize("name", profile_templates())
def test_a_broker_starts_with_every_profile_and_its_offloader_gets_the_values(name: str, broker: Broker) -> None:
    profile = parse_profile(name, profile_templates()[name], common_template())
    more = {"max-block-size": "8M", "deletion-lag": "12h", "size-threshold": "10G", "read-priority": "bookkeeper-first"}
    values = dict.fromkeys(profile.required, "cold") | more
    values = {key: value for key, value in values.items() if key in (*profile.required, *profile.optional)}

    started = broker(printed(setting_line(*one) for one in render(profile, values).values.items()))

    assert started.stage == "starts"
    assert started.properties["managedLedgerOffloadDriver"] == profile.driver
    assert started.properties["managedLedgerOffloadDeletionLagInMillis"] == "43200000"
    assert started.properties["managedLedgerOffloadThresholdInBytes"] == "10737418240"
    assert started.properties["managedLedgerOffloadedReadPriority"] == "bookkeeper-first"
    if profile.driver is not Driver.FILESYSTEM:
        assert looked_up(profile.driver, Place.BUCKET, started.properties) == "cold"
        assert looked_up(profile.driver, Place.BLOCK_SIZE, started.properties) == "8388608"
