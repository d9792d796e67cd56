"""docker-compose.yml and the README's walk through it, run as they are written."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.compose import ROOT, Project, project, resources_of
from tests.integration.messages import read_back
from tests.integration.stack import CHOICE, Stack, Topic

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("own_containers")]

HEADING = "## On a real Pulsar"
TOPIC = "persistent://public/default/orders"


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


def test_the_readme_leads_to_a_confirmed_offload_that_outlives_a_restart(stack_of_readme: Project) -> None:
    steps = readme_steps()

    for command, expected in steps:
        output = run_as_written(stack_of_readme, command)
        assert_output(output, expected)

    stack = stack_of(stack_of_readme)
    assert len(steps) == 5
    stack_of_readme.run("restart", "--timeout", "20")
    stack_of_readme.run("up", "-d", "--no-build")
    assert [message.payload for message in read_back(stack, TOPIC, 1000)] == [b"hello"] * 1000
    assert sum(ledger["offloaded"] for ledger in Topic(stack, TOPIC).served_ledgers()) == 10
    stack_of_readme.run("down", "--volumes", "--timeout", "20")
    assert resources_of(stack_of_readme.name) == []


def readme_steps() -> list[tuple[str, list[str]]]:
    """Each command of the section, and the lines that it is said to print."""
    section = (ROOT / "README.md").read_text().split(f"{HEADING}\n", 1)[1].split("\n## ", 1)[0]
    (block,) = re.findall(r"```console\n(.*?)```", section, re.DOTALL)
    steps: list[tuple[str, list[str]]] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            steps.append((line[2:], []))
        else:
            steps[-1][1].append(line)
    return steps


def run_as_written(stack: Project, command: str) -> str:
    """The output of a README command; only the project, the .env and the missing terminal are the test's own."""
    command = command.removeprefix("cp .env.example .env && ")
    words = shlex.split(command)
    assert words[:2] == ["docker", "compose"], command
    arguments = words[2:]
    # There is no terminal here, and the images are there.
    arguments[1:1] = {"exec": ["-T"], "up": ["--no-build"]}.get(arguments[0], [])
    return stack.run(*arguments).stdout


def assert_output(output: str, expected: list[str]) -> None:
    """Each expected line is there, in order; `...` stands for any text, and numbers may be others."""
    patterns = [_pattern(line) for line in expected if line != "..."]
    lines = iter([line.rstrip() for line in output.splitlines()])
    for pattern in patterns:
        assert any(re.fullmatch(pattern, line) for line in lines), (
            f"{pattern} is missing, or not in its place:\n{output}"
        )


def _pattern(line: str) -> str:
    parts = re.split(r"(\.\.\.|\s+|\d+(?:\.\d+)?)", line.rstrip())
    special = {"...": ".*"}
    return "".join(
        special.get(part) or (r"\s+" if part.isspace() else r"[\d.]+" if re.match(r"\d", part) else re.escape(part))
        for part in parts
        if part
    )


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
