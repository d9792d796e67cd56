"""The templates are there however offloadctl was installed: from a wheel, editable, from a checkout."""

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from offloadctl.adapters.broker_conf_files import profile_templates, templates

ROOT = Path(__file__).resolve().parents[3]

# Nothing but the installation under test may bring offloadctl, so the interpreter starts without any site directory.
PROBE = """
import site, sys
ours, others = sys.argv[1:3]
site.addsitedir(ours)
sys.path.append(others)
import offloadctl
from offloadctl.adapters.broker_conf_files import templates
from offloadctl.cli.app import run
print(offloadctl.__file__, templates(), sep="\\n", flush=True)
sys.exit(run(["broker-conf", "render", "-p", "aws-s3", "--set", "bucket=cold", "--set", "region=us-west-2"]))
"""


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr


def rendered(site_packages: Path, directory: Path) -> list[str]:
    command = [sys.executable, "-S", "-c", PROBE, str(site_packages), sysconfig.get_path("purelib")]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_checkout_has_them_beside_the_package() -> None:
    assert templates() == ROOT / "broker-conf"
    assert "aws-s3" in profile_templates()


@pytest.mark.slow
def test_a_wheel_has_them_inside_of_the_package(tmp_path: Path) -> None:
    pip("wheel", "--no-deps", "--wheel-dir", str(tmp_path / "wheel"), str(ROOT))
    (wheel,) = (tmp_path / "wheel").glob("offloadctl-*.whl")
    pip("install", "--no-deps", "--target", str(tmp_path / "site"), str(wheel))

    package, found, *lines = rendered(tmp_path / "site", tmp_path)

    assert Path(package).parent == tmp_path / "site" / "offloadctl"
    assert Path(found) == tmp_path / "site" / "offloadctl" / "_broker_conf"
    assert lines[0] == "managedLedgerOffloadDriver=aws-s3"
    ours = {one.relative_to(found).as_posix() for one in Path(found).glob("**/*.conf")}
    assert ours == {"common.conf", *(f"profiles/{name}.conf" for name in profile_templates())}


@pytest.mark.slow
def test_an_editable_installation_has_those_of_the_checkout(tmp_path: Path) -> None:
    pip("install", "--no-deps", "--ignore-installed", "--prefix", str(tmp_path), "--editable", str(ROOT))
    (site_packages,) = tmp_path.glob("lib*/python*/site-packages")

    package, found, *lines = rendered(site_packages, tmp_path)

    assert Path(package).parent == ROOT / "offloadctl"
    assert Path(found) == ROOT / "broker-conf"
    assert lines[0] == "managedLedgerOffloadDriver=aws-s3"
