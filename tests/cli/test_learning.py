"""`explain` and `schema`: every word that is printed can be looked up, and every document has a schema."""

import json

import jsonschema
import pytest
import yaml

from offloadctl.check.catalogue import KINDS as FINDING_KINDS
from offloadctl.config.keys import KEYS
from offloadctl.exitcodes import ExitCode
from offloadctl.explanations import everything_known
from offloadctl.model.offload import Confirmation, Fate, Outcome
from offloadctl.model.policies import PolicyLevel
from offloadctl.plan.offload_policies import DangerKind
from offloadctl.report.schema import kinds
from tests.cli.conftest import Command


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
    assert {one["sort"] for one in document["words"]} == {"outcome", "ledger after a run"}


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
