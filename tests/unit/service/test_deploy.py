"""What docs/deploy holds can be deployed: its command lines parse, its schedules are read, its grace times fit."""

import configparser
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from offloadctl.adapters.memory import ManualClock
from offloadctl.cli.app import load_command
from offloadctl.config.layers import ConnectionFlags
from offloadctl.config.resolve import resolve
from offloadctl.config.variables import VARIABLES
from offloadctl.plan.schedule_reading import read_schedules
from offloadctl.redaction import Secret
from offloadctl.service.board import Board, Facts
from offloadctl.service.daemon import HAND_OVER_S
from offloadctl.service.web import Pages
from offloadctl.service.web_server import Address, listening
from offloadctl.units import parse_duration
from tests.command_line import ROOT
from tests.schedules import START

DEPLOY = ROOT / "docs" / "deploy"
UNITS = sorted(DEPLOY.glob("*.service"))


def parsed(words: list[str]) -> dict[str, Any]:
    """The parameters of a command line of ours; raises what typer does for one that it does not understand."""
    name, *arguments = words
    command = load_command(name)
    with command.make_context(name, arguments) as context:
        return dict(context.params)


def objects() -> list[dict[str, Any]]:
    files = ("kubernetes.yaml", "kubernetes-lease.yaml")
    return [one for file in files for one in yaml.safe_load_all((DEPLOY / file).read_text())]


def the(kind: str) -> dict[str, Any]:
    (found,) = [one for one in objects() if one["kind"] == kind]
    return found


def pods() -> Iterator[dict[str, Any]]:
    yield the("Deployment")["spec"]["template"]["spec"]
    yield the("StatefulSet")["spec"]["template"]["spec"]
    yield the("CronJob")["spec"]["jobTemplate"]["spec"]["template"]["spec"]


def unit(path: Path) -> configparser.ConfigParser:
    class Doubled(dict[str, Any]):
        """systemd's keys may stand there twice; the last one is looked at."""

    read = configparser.ConfigParser(strict=False, interpolation=None, dict_type=Doubled)
    read.optionxform = str  # type: ignore[assignment,method-assign]
    read.read_string(path.read_text())
    return read


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_the_command_line_of_each_unit_is_understood(path: Path) -> None:
    program, *words = shlex.split(unit(path)["Service"]["ExecStart"])

    assert program.endswith("/offloadctl")
    assert parsed(words)


def test_systemd_waits_longer_than_the_grace_time() -> None:
    service = unit(DEPLOY / "offloadctl.service")["Service"]
    given = parsed(shlex.split(service["ExecStart"])[1:])

    grace = parse_duration(given["grace"])
    assert timedelta(seconds=int(service["TimeoutStopSec"])) > grace + timedelta(seconds=HAND_OVER_S)
    assert service["ExecReload"] == "/bin/kill -HUP $MAINPID"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze here")
@pytest.mark.parametrize("path", sorted(DEPLOY.glob("offloadctl*")), ids=lambda path: path.name)
def test_systemd_understands_each_key(path: Path, tmp_path: Path) -> None:
    for one in DEPLOY.glob("offloadctl*"):
        # What is not on this machine is no fault of the unit.
        text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", one.read_text(), flags=re.MULTILINE)
        (tmp_path / one.name).write_text(text)

    ran = subprocess.run(
        ["systemd-analyze", "verify", str(tmp_path / path.name)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "SYSTEMD_LOG_LEVEL": "warning"},
    )

    assert not re.search(r"Unknown|Failed to parse|Invalid", ran.stderr), ran.stderr


def test_the_command_lines_of_containers_are_understood_and_their_variables_count() -> None:
    for pod in pods():
        (container,) = pod["containers"]

        assert parsed(container["args"])
        assert {one["name"] for one in container["env"]} <= VARIABLES.keys()


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
def test_kubernetes_waits_longer_than_the_grace_time(kind: str) -> None:
    pod = the(kind)["spec"]["template"]["spec"]
    given = parsed(pod["containers"][0]["args"])

    grace = parse_duration(given["grace"])
    assert timedelta(seconds=pod["terminationGracePeriodSeconds"]) > grace + timedelta(seconds=HAND_OVER_S)


@pytest.mark.parametrize(
    ("kind", "strategy", "expected", "has_lease_topic"),
    [
        ("Deployment", "strategy", (1, "Recreate"), False),
        ("StatefulSet", "updateStrategy", (2, "RollingUpdate"), True),
    ],
)
def test_kubernetes_runs_two_only_where_they_have_a_lease_topic(
    kind: str, strategy: str, expected: tuple[int, str], has_lease_topic: bool, tmp_path: Path
) -> None:
    spec = the(kind)["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    environment = {one["name"]: one["value"] for one in container["env"]} | {"OFFLOADCTL_CONFIG": str(tmp_path / "no")}
    token = tmp_path / "token"
    token.write_text("a-token")
    environment["OFFLOADCTL_TOKEN_FILE"] = str(token)

    context = resolve(ConnectionFlags(), environment).context

    assert (spec["replicas"], spec[strategy]["type"]) == expected
    assert (context.lease_topic is not None) == has_lease_topic
    assert context.lease_topic is None or context.broker.broker_url is not None


def test_each_of_two_instances_has_a_volume_of_its_own_and_one_of_them_is_always_there() -> None:
    spec, budget = the("StatefulSet")["spec"], the("PodDisruptionBudget")["spec"]

    (claim,) = spec["volumeClaimTemplates"]
    assert claim["metadata"]["name"] == "state"
    assert budget["selector"] == spec["selector"]
    assert spec["replicas"] > budget["maxUnavailable"]
    assert spec["serviceName"] == the("Service")["metadata"]["name"]


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
def test_probes_lead_to_pages_that_need_no_token_on_the_port_that_is_listened_at(kind: str) -> None:
    (container,) = the(kind)["spec"]["template"]["spec"]["containers"]
    given = parsed(container["args"])
    pages = Pages(Board(START).facts, ManualClock(START), timedelta(minutes=5), Secret("a long token"))

    (port,) = container["ports"]
    assert Address.parse(given["listen"]).port == port["containerPort"] == the("Service")["spec"]["ports"][0]["port"]
    for probe in ("livenessProbe", "readinessProbe"):
        target = container[probe]["httpGet"]
        assert target["port"] == port["name"]
        assert pages.answer("GET", target["path"]).status not in (401, 403, 404)


def test_what_containers_read_is_mounted_and_nothing_else_can_be_written() -> None:
    for pod in pods():
        (container,) = pod["containers"]
        mounts = {one["name"]: one for one in container["volumeMounts"]}
        needed = [
            *(str(one) for one in parsed(container["args"]).values() if str(one).startswith("/")),
            *(one["value"] for one in container["env"] if one["value"].startswith("/")),
        ]

        volumes = {one["name"] for one in pod["volumes"]}
        assert volumes <= mounts.keys() <= volumes | {"state"}
        for path in needed:
            assert any(Path(path).is_relative_to(one["mountPath"]) for one in mounts.values()), path
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert pod["securityContext"]["runAsNonRoot"]
        state = next(one["value"] for one in container["env"] if one["name"] == "OFFLOADCTL_STATE")
        (writable,) = [one for one in mounts.values() if Path(state).is_relative_to(one["mountPath"])]
        assert not writable.get("readOnly")


def test_the_schedules_of_the_config_map_can_be_read() -> None:
    data = the("ConfigMap")["data"]

    assert len(read_schedules(data["schedules.yaml"], "schedules.yaml")) == 1


def test_what_is_referred_to_is_there() -> None:
    names = {(one["kind"], one["metadata"]["name"]) for one in objects()}
    selector = the("Service")["spec"]["selector"]

    assert selector.items() <= the("Deployment")["spec"]["template"]["metadata"]["labels"].items()
    for pod in pods():
        assert ("ServiceAccount", pod["serviceAccountName"]) in names
        for volume in pod["volumes"]:
            if "configMap" in volume:
                assert ("ConfigMap", volume["configMap"]["name"]) in names
            if "persistentVolumeClaim" in volume:
                assert ("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]) in names


def test_prometheus_scrapes_the_port_that_is_listened_at_and_has_a_token() -> None:
    (job,) = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())["scrape_configs"]

    ((target,),) = (one["targets"] for one in job["static_configs"])
    given = parsed(the("Deployment")["spec"]["template"]["spec"]["containers"][0]["args"])
    # metrics_path is /metrics where nothing else is said.
    assert target.rpartition(":")[2] == str(Address.parse(given["listen"]).port)
    assert job["authorization"].keys() == {"credentials_file"}


# -- docker-compose.yml


def composed() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["offloadctl"]
    return found


def test_what_compose_serves_is_understood_mounted_published_and_given_time_to_end() -> None:
    service = composed()
    _, _, script = service["entrypoint"]
    given = parsed(shlex.split(script.split("exec offloadctl ", 1)[1]))

    (mount,) = [one for one in service["volumes"] if one.startswith("./")]
    here, there, mode = mount.split(":")
    file = Path(given["file"])
    assert (str(file.parent), mode) == (there, "ro")
    assert read_schedules((ROOT / here / file.name).read_text(), file.name)
    (port,) = service["ports"]
    assert port.endswith(f":{Address.parse(given['listen']).port}")
    assert f"> {given['listen_token_file']} " in script
    grace = parse_duration(given["grace"]) + timedelta(seconds=HAND_OVER_S)
    assert parse_duration(service["stop_grace_period"]) > grace


@pytest.mark.parametrize("evaluated_at", [START, None])
def test_compose_calls_the_service_healthy_when_it_says_that_it_is_ready(evaluated_at: datetime | None) -> None:
    asked = composed()["healthcheck"]["test"]
    facts = Facts(START, evaluated_at=evaluated_at)

    with listening(
        Address("127.0.0.1", 0), Pages(lambda: facts, ManualClock(START), timedelta(seconds=10), Secret("a token"))
    ) as at:
        ran = subprocess.run([sys.executable, "-c", asked[-1].replace("9477", str(at.port))], check=False)

    assert asked[:3] == ["CMD", "python3", "-c"]
    assert ran.returncode == (0 if evaluated_at else 1)
