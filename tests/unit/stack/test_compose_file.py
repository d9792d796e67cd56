"""What docker-compose.yml promises on paper; tests/integration runs it."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docker-compose.yml").read_text()
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["services"]

each_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)


@each_service
def test_every_service_rotates_its_log(service: dict[str, Any]) -> None:
    assert service["logging"]["options"] == {"max-size": "100m", "max-file": "3"}


@each_service
def test_every_service_has_a_memory_limit(service: dict[str, Any]) -> None:
    assert re.fullmatch(r"\d+[mg]", service["mem_limit"])


@each_service
def test_every_image_comes_from_a_variable_with_a_pinned_default(service: dict[str, Any]) -> None:
    variable, default = re.fullmatch(r"\$\{(IMAGE_\w+):-(.+)\}", service["image"]).groups()  # type: ignore[union-attr]

    assert variable
    assert default == "offloadctl:latest" or not default.endswith(":latest")


@each_service
def test_nothing_listens_on_other_addresses_than_this_machines_own(service: dict[str, Any]) -> None:
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


def test_what_runs_on_has_a_health_check() -> None:
    without = [name for name, service in SERVICES.items() if "healthcheck" not in service]

    # The bucket's service ends.
    assert without == ["bucket"]
    assert "HEALTHCHECK" in (ROOT / "Dockerfile").read_text()


def test_the_tool_runs_without_root_and_writes_only_where_it_may() -> None:
    tool = SERVICES["offloadctl"]

    assert tool["read_only"] is True
    assert tool["cap_drop"] == ["ALL"]
    assert tool["security_opt"] == ["no-new-privileges:true"]
    assert re.search(r"^USER 10001$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)


def test_every_variable_is_explained_in_the_example() -> None:
    used = set(re.findall(r"(?<!\$)\$\{(\w+)", TEXT))
    example = (ROOT / ".env.example").read_text()
    explained = set(re.findall(r"^#?(\w+)=", example, re.MULTILINE))

    assert used == explained
    assert not re.search(r"(?:PASSWORD|SECRET|SECRET_ACCESS_KEY|TOKEN): +[^$\s]", TEXT), "a password stands in the file"
