"""docker-compose.yml and the README's walk through it, run as they are written."""

import json
import re
import shlex
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.integration.compose import ROOT, Project, project, resources_of
from tests.integration.messages import read_back
from tests.integration.stack import CHOICE, Stack, Topic, eventually

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("own_containers")]

HEADING = "## On a real Pulsar"
TOPIC = "persistent://public/default/orders"
LOOKS = r"schedule|history|curl"
PATIENCE_S = 120


@pytest.fixture
def stack_of_readme(tmp_path: Path) -> Iterator[Project]:
    """The project of docker-compose.yml on the images that these tests run on."""
    with project(tmp_path, pulsar_image=CHOICE.pulsar_image, minio_image=CHOICE.minio_image) as found:
        yield found


def test_the_file_is_valid_and_takes_its_images_from_variables(stack_of_readme: Project) -> None:
    resolved = stack_of_readme.run("config").stdout

    for name in ("IMAGE_PULSAR", "IMAGE_MINIO", "IMAGE_OFFLOADCTL"):
        assert f"image: {stack_of_readme.settings[name]}" in resolved


def test_without_an_env_file_it_says_what_to_do(stack_of_readme: Project) -> None:
    stack_of_readme.env_file.write_text("")

    done = stack_of_readme.run("config", check=False)

    assert done.returncode != 0
    assert "copy .env.example to .env" in done.stderr
    stack_of_readme.env_file.write_text("".join(f"{k}={v}\n" for k, v in stack_of_readme.settings.items()))


def test_the_readme_leads_to_offloads_by_hand_and_by_a_schedule_that_outlive_a_restart(
    stack_of_readme: Project,
) -> None:
    steps = readme_steps()

    for command, expected in steps:
        follow(stack_of_readme, command, expected)

    stack = stack_of(stack_of_readme)
    by_schedule, by_hand = offloads(stack_of_readme)
    assert len(steps) == 10
    assert by_schedule["reason"].startswith("schedule default-grows, run default-grows-")
    assert (by_schedule["outcomes"], by_hand["ledgersMoved"]) == ({"confirmed": 1}, 10)
    # A Pulsar that is killed may come back without its bookie.
    stack_of_readme.run("restart", "--timeout", "120")
    stack_of_readme.run("up", "-d", "--no-build")
    eventually(lambda: health(stack_of_readme, "offloadctl") == "healthy", "the service is ready again", seconds=240)
    assert 'offloadctl_last_success_timestamp_seconds{schedule="default-grows"}' in metrics(stack_of_readme)
    written = [b"hello"] * 1000 + [(ROOT / "broker-conf/compose/offload.conf").read_bytes()] * 1000
    assert [message.payload for message in read_back(stack, TOPIC, 2000)] == written
    offloaded = sum(ledger["offloaded"] for ledger in Topic(stack, TOPIC).served_ledgers())
    assert offloaded == by_hand["ledgersMoved"] + by_schedule["ledgersMoved"]
    stack_of_readme.run("down", "--volumes", "--timeout", "20")
    assert resources_of(stack_of_readme.name) == []


def readme_steps() -> list[tuple[str, list[str]]]:
    """Each command of the section, and the lines that it is said to print."""
    section = (ROOT / "README.md").read_text().split(f"{HEADING}\n", 1)[1].split("\n## ", 1)[0]
    steps: list[tuple[str, list[str]]] = []
    for line in "".join(re.findall(r"```console\n(.*?)```", section, re.DOTALL)).splitlines():
        if line.startswith("$ "):
            steps.append((line[2:], []))
        else:
            steps[-1][1].append(line)
    return steps


def follow(stack: Project, command: str, expected: list[str]) -> None:
    """Run a README command; what a schedule does by itself is looked at again until it is there."""
    deadline = time.monotonic() + (PATIENCE_S if re.search(LOOKS, command) else 0)
    while missing := missing_from(output := run_as_written(stack, command), expected):
        assert time.monotonic() < deadline, f"{missing} is missing, or not in its place:\n{output}"
        time.sleep(1)


def run_as_written(stack: Project, command: str) -> str:
    """The output of a README command; only project, .env, ports and the missing terminal are the test's own."""
    command = command.removeprefix("cp .env.example .env && ")
    if not command.startswith("docker compose "):
        return run_in_shell(stack, command)
    arguments = shlex.split(command)[2:]
    # There is no terminal here, and the images are there.
    arguments[1:1] = {"exec": ["-T"], "up": ["--no-build"]}.get(arguments[0], [])
    return stack.run(*arguments).stdout


def run_in_shell(stack: Project, command: str) -> str:
    for name, own in (("./.env", str(stack.env_file)), (":9477", f":{stack.settings['PAGES_PORT']}")):
        assert name in command
        command = command.replace(name, own)
    # grep ends with 1 where there is nothing yet.
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False).stdout


def missing_from(output: str, expected: list[str]) -> str:
    """The first expected line that is not there, in order; `...` stands for any text, and numbers may be others."""
    lines = iter([line.rstrip() for line in output.splitlines()])
    patterns = [_pattern(line) for line in expected if line != "..."]
    return next((one for one in patterns if not any(re.fullmatch(one, line) for line in lines)), "")


VARIES = (
    (r"\.\.\.", ".*"),
    (r"\s+", r"\s+"),
    # What was decided last is another thing ten seconds later.
    (r"(?<=  )fired(?=  )", r"\w+"),
    (r"\b[\d.]+ (?:B|KiB|MiB)\b", r"[\d.]+ \w+"),
    (r"\b\d[\d.]*[smh](?: \d+[smh])?\b", r"[\d.]+\w( \d+\w)?"),
    (r"\b(?=[a-f]*\d)[0-9a-f]{6,}\b", "[0-9a-f]+"),
    (r"\d+(?:\.\d+)?(?:e\+\d+)?", r"[\d.e+]+"),
)
"""What of a line may be another from run to run, and what stands for it; the first that fits counts."""


def _pattern(line: str) -> str:
    either = "|".join(f"({varies})" for varies, _ in VARIES)
    made, end = "", 0
    for found in re.finditer(either, line.rstrip()):
        made += re.escape(line[end : found.start()]) + VARIES[(found.lastindex or 0) - 1][1]
        end = found.end()
    return made + re.escape(line.rstrip()[end:])


def offloads(stack: Project) -> list[dict[str, Any]]:
    """The runs that the journal tells of, the newest first."""
    told = stack.run("exec", "-T", "offloadctl", "offloadctl", "offload", "history", "-o", "json").stdout
    runs: list[dict[str, Any]] = json.loads(told)["runs"]
    return runs


def metrics(stack: Project) -> str:
    token = {"Authorization": f"Bearer {stack.settings['PAGES_TOKEN']}"}
    return requests.get(f"http://127.0.0.1:{stack.settings['PAGES_PORT']}/metrics", headers=token, timeout=30).text


def health(stack: Project, service: str) -> str:
    """What Docker says of the service's health check."""
    container = stack.run("ps", "-q", service).stdout.strip()
    asked = ["docker", "inspect", "--format", "{{.State.Health.Status}}", container]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()


def stack_of(found: Project) -> Stack:
    settings = found.settings
    return Stack(
        f"http://127.0.0.1:{settings['PULSAR_WEB_PORT']}",
        f"pulsar://127.0.0.1:{settings['PULSAR_PORT']}",
        f"http://127.0.0.1:{settings['MINIO_PORT']}",
        settings["BUCKET"],
        settings["MINIO_ROOT_USER"],
        settings["MINIO_ROOT_PASSWORD"],
    )
