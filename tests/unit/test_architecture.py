"""The shape of the code: who may import whom, how large things get, what `--help` must not load."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import grimp
import pytest
from importlinter.api import read_configuration
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.contracts.layers import LayersContract
from importlinter.domain.contract import Contract

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "offloadctl"

MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 50

# Each of them costs more than the rest of `--help` together.
HEAVY = ("boto3", "botocore", "pulsar", "requests", "jinja2", "msgspec", "google.protobuf", "moto", "flask", "sqlite3")

CONFIGURATION: dict[str, Any] = read_configuration(str(ROOT / "pyproject.toml"))
CONTRACTS: dict[str, dict[str, Any]] = {contract["id"]: contract for contract in CONFIGURATION["contracts_options"]}


@pytest.fixture(scope="module")
def imports() -> grimp.ImportGraph:
    return grimp.build_graph("offloadctl", include_external_packages=True, cache_dir=None)


def is_kept(contract_id: str, graph: grimp.ImportGraph) -> bool:
    kinds: dict[str, type[Contract]] = {"layers": LayersContract, "forbidden": ForbiddenContract}
    options = CONTRACTS[contract_id]
    contract = kinds[options["type"]](
        name=options["name"], session_options=CONFIGURATION["session_options"], contract_options=options
    )
    return contract.check(deepcopy(graph), verbose=False).kept


@pytest.mark.parametrize("contract_id", CONTRACTS)
def test_the_code_keeps_each_import_contract(contract_id: str, imports: grimp.ImportGraph) -> None:
    assert is_kept(contract_id, imports), f"broken: {CONTRACTS[contract_id]['name']}; see `make imports`"


@pytest.mark.parametrize(
    ("contract_id", "importer", "imported"),
    [
        ("layers", "offloadctl.model.names", "offloadctl.ports"),
        ("layers", "offloadctl.errors", "offloadctl.units"),
        ("layers", "offloadctl.ports", "offloadctl.adapters.memory"),
        ("layers", "offloadctl.adapters.memory", "offloadctl.config"),
        ("layers", "offloadctl.redaction", "offloadctl.exitcodes"),
        ("adapters", "offloadctl.adapters.s3", "offloadctl.operations.offload"),
        ("pure-core", "offloadctl.model.ledger", "requests"),
        ("pure-core", "offloadctl.units", "sqlite3"),
        ("use-cases", "offloadctl.operations.offload", "boto3"),
    ],
)
def test_a_planted_violation_is_caught(
    contract_id: str, importer: str, imported: str, imports: grimp.ImportGraph
) -> None:
    graph = deepcopy(imports)
    for module in (importer, imported):
        if module not in graph.modules:
            graph.add_module(module, is_squashed=not module.startswith("offloadctl"))

    graph.add_import(importer=importer, imported=imported)

    assert not is_kept(contract_id, graph)


def test_a_violation_through_a_third_module_is_caught(imports: grimp.ImportGraph) -> None:
    graph = deepcopy(imports)
    graph.add_module("offloadctl.plan.detour")
    graph.add_module("offloadctl.model.innocent")
    graph.add_module("sqlite3", is_squashed=True)

    graph.add_import(importer="offloadctl.plan.detour", imported="offloadctl.model.innocent")
    graph.add_import(importer="offloadctl.model.innocent", imported="sqlite3")

    assert not is_kept("pure-core", graph)


def test_a_module_without_a_layer_is_caught(imports: grimp.ImportGraph) -> None:
    graph = deepcopy(imports)

    graph.add_module("offloadctl.helpers")

    assert not is_kept("layers", graph)


@pytest.mark.parametrize("package", sorted({path.parent.relative_to(ROOT) for path in PACKAGE.rglob("*.py")}), ids=str)
def test_every_directory_with_modules_is_a_package(package: Path) -> None:
    assert (ROOT / package / "__init__.py").exists(), "without __init__.py the import contracts would not see it"


def our_modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if not path.stem.endswith("_pb2"))


def overlong_functions(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > MAX_FUNCTION_LINES:
                yield f"{node.name} at line {node.lineno}: {lines} lines"


@pytest.mark.parametrize("path", our_modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_and_functions_stay_short(path: Path) -> None:
    source = path.read_text(encoding="utf-8")

    assert len(source.splitlines()) <= MAX_MODULE_LINES
    assert list(overlong_functions(source)) == []


def test_an_overlong_function_is_noticed() -> None:
    source = "def long():\n" + "    pass\n" * MAX_FUNCTION_LINES

    assert list(overlong_functions(source)) == ["long at line 1: 51 lines"]


PROBE = f"""
import sys
sys.argv = ["offloadctl", *sys.argv[1:]]
from offloadctl.__main__ import main
try:
    main()
finally:
    print("loaded:", *sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)
"""


@pytest.mark.skipif(not (PACKAGE / "cli/app.py").exists(), reason="there is no command line yet")
@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["offload", "--help"], ["explain", "--help"]], ids=" ".join
)
def test_help_loads_no_heavy_library(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == "loaded:"


def test_the_probe_notices_a_heavy_library() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE.replace("from offloadctl.__main__ import main", "import requests\nmain = int")],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert done.stderr.splitlines()[-1] == "loaded: requests"
