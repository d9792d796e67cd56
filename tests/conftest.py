"""What every test stands on: an environment of its own, and one place that says how hard Hypothesis tries."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from offloadctl import redaction
from tests.ending import LINES, SAID

# Found by their beginnings, since a variable that is not known today would leak tomorrow.
FOREIGN_PREFIXES = ("OFFLOADCTL_", "AWS_", "PULSAR_", "XDG_", "ACCESS_KEY_", "BOTO_", "MOTO_")
FOREIGN_SUFFIXES = ("_PROXY",)
FOREIGN_NAMES = frozenset(
    {"COLUMNS", "LINES", "FORCE_COLOR", "CLICOLOR_FORCE", "NO_COLOR", "PAGER", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}
)

settings.register_profile("dev", deadline=None)
# A run of the pipeline must be repeatable from its log alone: no database, and the blob of what failed.
settings.register_profile("ci", deadline=None, print_blob=True, database=None)
settings.register_profile(
    "slow", deadline=None, print_blob=True, max_examples=1000, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """One of several processes has ended."""
    if line := getattr(node, "workeroutput", {}).get(SAID):
        node.config.stash.setdefault(LINES, set()).add(line)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what is to be said, once."""
    lines = terminalreporter.config.stash.setdefault(LINES, set())
    for line in sorted(lines):
        terminalreporter.write_line(line)


def is_foreign(name: str) -> bool:
    """Would this variable let the machine that runs the tests decide how they end?"""
    upper = name.upper()
    return upper.startswith(FOREIGN_PREFIXES) or upper.endswith(FOREIGN_SUFFIXES) or upper in FOREIGN_NAMES


@pytest.fixture(scope="session", autouse=True)
def _clean_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing of the user's shell, home or cloud reaches a test, and no test waits for a metadata service."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in filter(is_foreign, list(os.environ)):
            patch.delenv(name)
        _settle_in(patch, home)
        yield


@pytest.fixture(autouse=True)
def _own_environment(
    _clean_environment: None, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Each test gets an empty home and knows no secrets, not even those of other tests' parameters."""
    before, secrets = dict(os.environ), set(redaction._known)
    redaction._known.clear()
    _settle_in(monkeypatch, tmp_path_factory.mktemp("home"))
    yield
    redaction._known.clear()
    redaction._known.update(secrets)
    monkeypatch.undo()
    assert dict(os.environ) | _set_by_pytest() == before | _set_by_pytest(), "a test changed the environment for good"


def _settle_in(patch: pytest.MonkeyPatch, home: Path) -> None:
    patch.setenv("HOME", str(home))
    patch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    patch.setenv("XDG_STATE_HOME", str(home / ".local/state"))
    patch.setenv("XDG_CACHE_HOME", str(home / ".cache"))
    # Asking 169.254.169.254 takes seconds where nobody answers; a test that wants credentials sets them.
    patch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def _set_by_pytest() -> dict[str, str]:
    return {"PYTEST_CURRENT_TEST": ""}
