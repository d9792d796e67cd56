"""The local image takes its settings from the environment by the rule of Pulsar's own images."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "stack" / "docker" / "pulsar" / "bin" / "apply-config-from-env.py"


def apply(file: Path, environment: dict[str, str]) -> str:
    """What the script prints."""
    done = subprocess.run(
        [sys.executable, SCRIPT, file], env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.parametrize(
    ("text", "variable", "expected"),
    [
        pytest.param("clusterName=a\n", "clusterName", "clusterName=new\n", id="a key of the file"),
        pytest.param("#clusterName=a\n", "clusterName", "clusterName=new\n", id="a key that is commented out"),
        pytest.param("clusterName=a\n", "PULSAR_PREFIX_clusterName", "clusterName=new\n", id="a key, with the prefix"),
        pytest.param("other=a\n", "PULSAR_PREFIX_clusterName", "other=a\nclusterName=new\n", id="a new key"),
        pytest.param("other=a\n", "clusterName", "other=a\n", id="a new key needs the prefix"),
        pytest.param("no setting\n", "PULSAR_PREFIX_a", "no setting\na=new\n", id="a line that is no setting"),
    ],
)
def test_a_variable_changes_the_file(tmp_path: Path, text: str, variable: str, expected: str) -> None:
    file = tmp_path / "standalone.conf"
    file.write_text(text)

    apply(file, {variable: "new"})

    assert file.read_text() == expected


def test_secrets_are_written_but_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "standalone.conf"
    file.write_text("")

    output = apply(file, {"PULSAR_PREFIX_tokenSecretKey": "hush", "PULSAR_PREFIX_clusterName": "standalone"})

    assert "tokenSecretKey=hush" in file.read_text()
    assert "hush" not in output
    assert "clusterName = standalone" in output
