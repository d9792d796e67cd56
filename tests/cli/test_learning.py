"""`explain` and `schema`: every word that is printed can be looked up, and every document has a schema."""

import ast
import importlib
import json
import pkgutil
from enum import StrEnum

import jsonschema
import pytest
import yaml

import offloadctl
from offloadctl.check.catalogue import KINDS as FINDING_KINDS
from offloadctl.cli.explain import words_of_the_command_line
from offloadctl.config.keys import KEYS
from offloadctl.config.layers import known_variables
from offloadctl.errors import BadValue
from offloadctl.exitcodes import ExitCode
from offloadctl.explanations import everything_known, explain
from offloadctl.model.offload import Confirmation, Fate, Outcome
from offloadctl.model.policies import PolicyLevel
from offloadctl.plan.offload_policies import DangerKind
from offloadctl.report.schema import kinds, schema_of
from tests.cli.conftest import Command
from tests.command_line import ROOT


@pytest.mark.parametrize(
    "word",
    [
        *(str(int(code)) for code in ExitCode),
        *(one.value for one in Outcome),
        *(one.value for one in Fate),
        *(one.value for one in Confirmation),
        *(one.value for one in DangerKind),
        *(one.value for one in PolicyLevel),
        *FINDING_KINDS,
        *(key.path for key in KEYS),
        *(key.variable for key in KEYS),
    ],
)
def test_every_word_is_explained(command: Command, word: str) -> None:
    ran = command("explain", word)

    assert ran.code == 0
    assert word in ran.out


ENUMS_NOT_PRINTED = {
    # Their values are words of a command line's help, of Java's, or sentences.
    "OutputFormat", "FailOn", "InputFormat", "Style", "Tool", "Right", "Verb", "Layout", "LineKind", "WaitEnd",
    "JavaType", "Family", "Place", "Kind", "Format", "Driver", "LedgerState", "DigestType", "OriginKind", "_Scheme",
    # A finding's code takes its place.
    "ProblemCode",
}  # fmt: skip


def words_of_enums() -> set[str]:
    for module in pkgutil.walk_packages(offloadctl.__path__, "offloadctl."):
        if not module.name.endswith(("__main__", "_pb2")):
            importlib.import_module(module.name)
    kinds_of_words = [
        one
        for one in StrEnum.__subclasses__()
        if one.__module__.startswith("offloadctl.") and one.__name__ not in ENUMS_NOT_PRINTED
    ]
    return {word.value for one in kinds_of_words for word in one}


def words_of_tables() -> set[str]:
    """The heads of all columns and the labels of all lines, as the source has them."""
    found = set()
    for file in (ROOT / "offloadctl").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args):
                continue
            if node.func.id in ("Column", "labelled"):
                constants = (one for one in ast.walk(node.args[0]) if isinstance(one, ast.Constant))
                found |= {one.value.strip() for one in constants if isinstance(one.value, str)}
    return found - {"", "…"}


def is_known(word: str) -> bool:
    try:
        return bool(explain(word, words_of_the_command_line()))
    except BadValue:
        return False


def test_every_word_of_an_enum_every_head_and_every_label_is_explained() -> None:
    words = words_of_enums() | words_of_tables()

    missing = {word for word in words if not is_known(word)}

    assert len(words) > 150
    assert missing == set()


def keys_of(schema: object) -> set[str]:
    if isinstance(schema, list):
        return set().union(*map(keys_of, schema))
    if not isinstance(schema, dict):
        return set()
    return set(schema.get("properties", ())).union(*map(keys_of, schema.values()))


def first_words_of_calls(name: str, *patterns: str) -> set[str]:
    """The texts that come first in calls of a function, or method, of that name."""
    calls = [
        node
        for pattern in patterns
        for path in (ROOT / "offloadctl").glob(pattern)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2].lstrip("_") == name
    ]
    firsts = [call.args[0] for call in calls if call.args]
    return {one.value for one in firsts if isinstance(one, ast.Constant) and isinstance(one.value, str)}


def test_every_key_of_a_file_of_schedules_every_reason_and_every_event_of_the_service_is_explained() -> None:
    keys = keys_of(schema_of("Schedule"))
    events = first_words_of_calls("tell", "service/*.py", "cli/serve*.py")
    rooms = ("plan/schedule.py", "plan/trim.py", "plan/roll_over.py", "operations/topic_actions.py")
    reasons = first_words_of_calls("Reason", "operations/schedule*.py", *rooms)

    assert {word for word in keys | events | reasons if not is_known(word)} == set()
    assert (len(keys) > 70, len(events) > 20, len(reasons) > 20) == (True, True, True)
    assert is_known("handed-over")


@pytest.mark.parametrize(
    "word",
    [
        *("NOT_RUN", "RUNNING", "SUCCESS", "ERROR", "twice", "doubly-stored", "local", "unfinished", "in-flight"),
        *("begun", "joined", "before", "sound", "not-covered", "not seen", "damage", "warning", "fate", "broker says"),
        *("lease", "lag", "block", "blocks", "driver", "at-least", "at-most", "coverage", "full", "partial", "failed"),
        *("ledgers", "entries", "in S3", "truncated-ledger", "AWS_ACCESS_KEY_ID", *known_variables()),
    ],
)
def test_a_word_that_is_printed_somewhere_can_be_asked_for(command: Command, word: str) -> None:
    ran = command("explain", word)

    assert (ran.code, ran.err) == (0, "")


def test_a_near_miss_is_told_in_the_word_s_own_spelling(command: Command) -> None:
    ran = command("explain", "OFFLOADCTL_ADMIN_URLX")

    assert ran.code == 2
    assert "OFFLOADCTL_ADMIN_URL" in ran.err
    assert "offloadctl-admin" not in ran.err


def test_the_exit_codes_are_all_there(command: Command) -> None:
    ran = command("explain", "exit-codes")

    assert [line.split()[0] for line in ran.out.splitlines()] == [str(int(code)) for code in ExitCode]


def test_without_a_word_everything_is_listed(command: Command) -> None:
    ran = command("explain")

    assert all(one.word in ran.out for one in everything_known())


def test_an_unknown_word_names_the_nearest(command: Command) -> None:
    ran = command("explain", "deletion_lagg")

    assert ran.code == 2
    assert "deletion-lag" in ran.err


@pytest.mark.parametrize("output", ["json", "yaml"])
def test_an_explanation_is_a_document_too(command: Command, output: str) -> None:
    ran = command("explain", "confirmed", "-o", output)

    document = json.loads(ran.out) if output == "json" else yaml.safe_load(ran.out)
    assert document["kind"] == "Explanation"
    assert {one["sort"] for one in document["words"]} == {
        "outcome",
        "ledger after a run",
        "outcome of a policy change",
    }


@pytest.mark.parametrize(
    ("arguments", "kind", "line"),
    [
        (("explain",), "Explanation", "Explanation"),
        (("explain", "moves"), "Explanation", "Explanation"),
        (("demo", "--fault", "list"), "FaultList", "Fault"),
        (("doctor", "iam", "--bucket", "ledgers"), "IamPolicies", "IamPolicies"),
        (("broker-conf", "settings"), "BrokerConfSettingList", "BrokerConfSetting"),
        (("broker-conf", "profiles"), "BrokerConfProfileList", "BrokerConfProfile"),
    ],
)
def test_documents_and_lines_tell_their_kind_and_keep_its_schema(
    command: Command, arguments: tuple[str, ...], kind: str, line: str
) -> None:
    whole = command(*arguments, "-o", "json")
    lines = command(*arguments, "-o", "ndjson")

    assert (whole.code, whole.err, lines.code, lines.err) == (0, "", 0, "")
    for document, expected in ((whole.document, kind), *((json.loads(one), line) for one in lines.out.splitlines())):
        assert (document["apiVersion"], document["kind"]) == ("offloadctl/v1", expected)
        jsonschema.validate(document, dict(schema_of(expected)))


@pytest.mark.parametrize("kind", kinds())
def test_every_kind_prints_its_schema(command: Command, kind: str) -> None:
    ran = command("schema", kind)

    assert ran.code == 0
    jsonschema.Draft202012Validator.check_schema(json.loads(ran.out))


def test_without_a_kind_the_kinds_are_listed(command: Command) -> None:
    assert command("schema").out.split() == list(kinds())


def test_an_unknown_kind_names_the_nearest(command: Command) -> None:
    ran = command("schema", "OffloadRunn")

    assert ran.code == 2
    assert "OffloadRun" in ran.err
