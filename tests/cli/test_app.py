"""The root command: help, usage errors, documents of failures, signals, pipes, bugs, completion."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import jsonschema
import pytest
import yaml

from offloadctl import __version__
from offloadctl.cli import app, output
from offloadctl.cli.app import COMMANDS, load_command, run
from offloadctl.cli.lazy import LazyCommand, LazyGroup
from offloadctl.cli.output import Invocation, OutputFormat
from offloadctl.errors import NotFound
from offloadctl.exitcodes import ExitCode
from offloadctl.redaction import Secret
from offloadctl.report.schema import schema_of
from tests.command_line import ROOT, CommandLine, run_process


@pytest.fixture
def offloadctl(capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(capsys)


def is_built(command: LazyCommand) -> bool:
    return (ROOT / command.module.replace(".", "/")).with_suffix(".py").exists()


BUILT = [name for name, command in COMMANDS.items() if is_built(command)]


# -- help and version


@pytest.mark.parametrize("arguments", [["--help"], ["-h"]])
def test_help_lists_every_command_under_its_heading(offloadctl: CommandLine, arguments: list[str]) -> None:
    ran = offloadctl(*arguments)

    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    for name, command in COMMANDS.items():
        if not command.hidden:
            (at,) = (at for at, line in enumerate(lines) if line.split()[:1] == [name])
            heading = next(line for line in reversed(lines[:at]) if line and not line.startswith(" "))
            assert heading == f"{command.panel}:"
    assert "exit-codes" in ran.out


def test_what_stands_for_a_command_in_a_list_says_what_the_command_itself_says() -> None:
    group = load_command("offload")

    assert isinstance(group, LazyGroup)
    for name, lazy in group.lazy.items():
        assert lazy.load(name).help.partition("\n\n")[0].replace("\n", " ") == lazy.help


def test_no_arguments_are_a_usage_error_that_helps(offloadctl: CommandLine) -> None:
    ran = offloadctl()

    assert (ran.code, ran.err) == (2, "")
    assert ran.out == offloadctl("--help").out


def test_version_is_the_package_s(offloadctl: CommandLine) -> None:
    ran = offloadctl("--version")

    assert (ran.code, ran.out, ran.err) == (0, f"offloadctl {__version__}\n", "")


@pytest.mark.parametrize("name", BUILT)
def test_every_command_helps_within_80_columns(
    offloadctl: CommandLine, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    ran = offloadctl(name, "--help")

    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"Usage: offloadctl {name} ")
    assert max(map(len, ran.out.splitlines())) <= 80


def test_the_console_script_and_the_module_are_the_same() -> None:
    script = Path(sys.executable).with_name("offloadctl")

    done = subprocess.run([script, "--version"], capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stdout) == (0, run_process("--version", environment=os.environ).stdout)


# -- usage errors


@pytest.mark.parametrize(
    ("arguments", "complaint", "hint"),
    [
        (["contxt"], "no such command 'contxt'. Did you mean 'context'?", "offloadctl --help"),
        (["statu"], "no such command 'statu'. Did you mean 'offload status'?", "offloadctl --help"),
        (["status"], "no such command 'status'. Did you mean 'offload status'?", "offloadctl --help"),
        (["lint"], "no such command 'lint'. Did you mean 'broker-conf lint'?", "offloadctl --help"),
        (["offload-statu"], "no such command 'offload-statu'. Did you mean 'offload-status'", "offloadctl --help"),
        (["offload", "statu"], "no such command 'statu'. Did you mean 'status'", "offloadctl offload --help"),
        (["nonsense"], "no such command 'nonsense'", "offloadctl --help"),
        (["--nonsense"], "no such option: --nonsense", "offloadctl --help"),
        (["context", "lst"], "no such command 'lst'. Did you mean 'list'", "offloadctl context --help"),
        (["context", "use"], "missing argument 'NAME'", "offloadctl context use --help"),
        (["context", "use", "a", "b"], "got unexpected extra argument", "offloadctl context use --help"),
        (["context", "list", "--dry"], "no such option: --dry", "offloadctl context list --help"),
        (["context", "list", "-o", "xml"], "invalid value for '--output' / '-o'", "offloadctl context list"),
    ],
)
def test_a_usage_error_says_what_is_wrong_and_where_help_is(
    offloadctl: CommandLine, arguments: list[str], complaint: str, hint: str
) -> None:
    ran = offloadctl(*arguments)

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"error: {complaint}")
    assert f"\nhint: {hint}" in ran.err
    assert "Traceback" not in ran.err


def error_of(text: str, form: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(text) if form == "yaml" else json.loads(text)
    jsonschema.validate(document, dict(schema_of("Error")))
    error: dict[str, Any] = document["error"]
    return error


@pytest.mark.parametrize("form", ["json", "yaml", "ndjson"])
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["context", "show", "nobody"], "settings"),
        (["context", "list", "--nonsense"], "usage"),
        (["contxt"], "usage"),
    ],
)
def test_programs_get_a_failure_as_a_document_and_people_in_words(
    offloadctl: CommandLine, arguments: list[str], code: str, form: str
) -> None:
    ran = offloadctl(*arguments, "-o", form)

    error = error_of(ran.out, form)
    assert ran.code == 2
    assert (error["code"], error["exitCode"], error["retryable"]) == (code, 2, False)
    assert ran.err == f"error: {error['message']}\nhint: {error['hint']}\n"
    assert form != "ndjson" or len(ran.out.splitlines()) == 1


def test_the_variable_for_the_output_counts_for_failures_too(
    offloadctl: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OFFLOADCTL_OUTPUT", "json")

    assert error_of(offloadctl("context", "show", "nobody").out, "json")["code"] == "settings"


@pytest.mark.parametrize(
    ("arguments", "environment", "form", "debug"),
    [
        ([], {}, OutputFormat.TABLE, False),
        (["-o", "json"], {}, OutputFormat.JSON, False),
        (["-ojson"], {}, OutputFormat.JSON, False),
        (["-o=json"], {}, OutputFormat.JSON, False),
        (["--output", "yaml"], {}, OutputFormat.YAML, False),
        (["--output=ndjson"], {}, OutputFormat.NDJSON, False),
        (["-o", "wide"], {"OFFLOADCTL_OUTPUT": "json"}, OutputFormat.WIDE, False),
        (["-o", "xml"], {"OFFLOADCTL_OUTPUT": "json"}, OutputFormat.JSON, False),
        (["-o"], {}, OutputFormat.TABLE, False),
        (["--", "-o", "json", "--debug"], {}, OutputFormat.TABLE, False),
        (["a", "--debug", "b"], {}, OutputFormat.TABLE, True),
        ([], {"OFFLOADCTL_DEBUG": "1"}, OutputFormat.TABLE, True),
        ([], {"OFFLOADCTL_DEBUG": "no"}, OutputFormat.TABLE, False),
    ],
)
def test_how_to_fail_is_known_before_the_command_line_is_parsed(
    arguments: list[str], environment: dict[str, str], form: OutputFormat, *, debug: bool
) -> None:
    assert Invocation.of(arguments, environment) == Invocation(form, debug)


# -- failures and bugs; the commands below stand in for real ones


def broken() -> None:
    """Has a bug."""
    secret = Secret("swordfish")
    raise ZeroDivisionError("not by " + secret.reveal())


def failing() -> None:
    """Fails as operations do."""
    raise NotFound("there is no topic x", hint="look for it", status=404)


def returning() -> ExitCode:
    """Ends with a code of its own."""
    return ExitCode.DAMAGE


def interrupted() -> ExitCode:
    """Was interrupted, and reports what it had."""
    output.emit("half of it")
    return ExitCode.INTERRUPTED


def interrupting() -> None:
    """Is interrupted where it cannot report."""
    raise KeyboardInterrupt


def chatty() -> None:
    """Writes past our own functions."""
    Secret("swordfish")
    print("on stdout swordfish")
    print("on stderr swordfish", file=sys.stderr)


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    for command in (broken, failing, returning, interrupted, interrupting, chatty):
        lazy = LazyCommand(__name__, command.__name__, command.__doc__ or "", "Tests")
        monkeypatch.setitem(app.COMMANDS, command.__name__, lazy)


@pytest.mark.usefixtures("stand_ins")
def test_a_bug_is_a_failure_with_words_and_no_traceback(offloadctl: CommandLine) -> None:
    ran = offloadctl("broken")

    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        "error: this is a bug in offloadctl: ZeroDivisionError: not by ******\n"
        "hint: run it again with --debug and report what it prints\n"
    )


@pytest.mark.usefixtures("stand_ins")
@pytest.mark.parametrize("arguments", [["--debug", "broken"], ["--debug", "failing"]])
def test_debug_shows_the_traceback_without_secrets(offloadctl: CommandLine, arguments: list[str]) -> None:
    ran = offloadctl(*arguments)

    assert ran.code == 1
    assert "Traceback (most recent call last)" in ran.err
    assert f"in {arguments[1]}" in ran.err
    assert "not by swordfish" not in ran.err


@pytest.mark.usefixtures("stand_ins")
def test_a_failure_ends_with_its_own_code_and_words(offloadctl: CommandLine) -> None:
    ran = offloadctl("failing")

    assert (ran.code, ran.out, ran.err) == (1, "", "error: there is no topic x\nhint: look for it\n")


@pytest.mark.usefixtures("stand_ins")
def test_a_command_s_own_code_is_handed_on(offloadctl: CommandLine) -> None:
    assert offloadctl("returning").code == 4


@pytest.mark.usefixtures("stand_ins")
def test_an_interrupted_command_that_reports_keeps_its_report(offloadctl: CommandLine) -> None:
    ran = offloadctl("interrupted")

    assert (ran.code, ran.out, ran.err) == (130, "half of it\n", "")


@pytest.mark.usefixtures("stand_ins")
def test_an_interrupted_command_without_a_report_says_so(offloadctl: CommandLine) -> None:
    ran = offloadctl("interrupting")

    assert (ran.code, ran.out, ran.err) == (130, "", "error: interrupted before there was a result\n")


@pytest.mark.usefixtures("stand_ins")
def test_whatever_writes_to_the_streams_writes_no_secret(offloadctl: CommandLine) -> None:
    ran = offloadctl("chatty")

    assert (ran.out, ran.err) == ("on stdout ******\n", "on stderr ******\n")


@pytest.mark.usefixtures("stand_ins")
def test_commands_run_in_threads_too(offloadctl: CommandLine) -> None:
    codes: list[int] = []

    thread = threading.Thread(target=lambda: codes.append(run(["returning"])))
    thread.start()
    thread.join()

    assert codes == [4]


def test_the_streams_and_the_signal_are_as_before_afterwards(offloadctl: CommandLine) -> None:
    before = sys.stdout, sys.stderr, signal.getsignal(signal.SIGTERM)

    offloadctl("contxt")

    assert (sys.stdout, sys.stderr, signal.getsignal(signal.SIGTERM)) == before


# -- signals, in a process of its own that waits for a broker that never answers


@pytest.fixture
def silent_broker() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(30)
        yield server


def signalled(number: signal.Signals, server: socket.socket, *arguments: str) -> tuple[int, str, str]:
    """How a command ends that gets the signal while it waits for an answer: its code and what it wrote."""
    url = f"http://127.0.0.1:{server.getsockname()[1]}"
    command = [sys.executable, "-m", "offloadctl", *arguments, "--admin-url", url, "-o", "json"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        connection, _ = server.accept()
        with connection:
            connection.recv(1)
            process.send_signal(number)
            # Far below the minute that a broker's answer may take.
            out, err = process.communicate(timeout=30)
    return process.returncode, out, err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_command_that_has_no_result_in_words(
    number: signal.Signals, code: int, silent_broker: socket.socket
) -> None:
    ended, out, err = signalled(number, silent_broker, "offload", "topic", "a", "-s", "0")

    assert ended == code
    assert error_of(out, "json")["exitCode"] == code
    assert err == "error: interrupted before there was a result\n"


@pytest.mark.parametrize("arguments", [["a"], ["a", "--wait-complete"]])
def test_a_signal_ends_a_command_that_has_a_result_with_what_there_is(
    arguments: list[str], silent_broker: socket.socket
) -> None:
    ended, out, _ = signalled(signal.SIGTERM, silent_broker, "offload", "status", *arguments)

    assert ended == 143
    document = json.loads(out)
    assert (document["kind"], document["interrupted"], document["exitCode"]) == ("OffloadStatus", True, 143)
    assert [one["code"] for one in document["topics"][0]["unread"]] == ["interrupted"]


# -- where the output goes


def started(*arguments: str, stdout: int | IO[bytes], stderr: int | IO[bytes] = subprocess.PIPE) -> Any:
    return subprocess.Popen(
        [sys.executable, "-m", "offloadctl", *arguments], cwd=ROOT, stdout=stdout, stderr=stderr, text=True
    )


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 0),
        (["--version"], 0),
        (["context", "list", "-o", "json"], 0),
        (["broker-conf", "settings"], 0),
        (["broker-conf", "settings", "-o", "ndjson"], 0),
        (["broker-conf", "lint", "broker.conf.of.nobody", "-o", "json"], 2),
    ],
)
def test_a_reader_that_has_gone_changes_no_exit_code_and_needs_no_words(arguments: list[str], code: int) -> None:
    with started(*arguments, stdout=subprocess.PIPE) as process:
        process.stdout.close()
        err = process.stderr.read()
        process.wait(timeout=30)

    assert process.returncode == code
    assert (err == "") == (code == 0)


@pytest.mark.parametrize("form", ["table", "wide", "json", "ndjson", "yaml"])
def test_what_was_found_is_told_by_the_code_though_nobody_reads_the_words(tmp_path: Path, form: str) -> None:
    (tmp_path / "broker.conf").write_text("managedLedgerOffloadDriver=aws-s3\n" * 2)
    arguments = ["broker-conf", "lint", str(tmp_path / "broker.conf"), "-o", form]
    wanted = run_process(*arguments, environment=os.environ).returncode

    with started(*arguments, stdout=subprocess.PIPE) as process:
        process.stdout.close()
        process.wait(timeout=30)

    assert process.returncode == wanted > 2


def test_a_pipe_into_head_shows_the_first_line_and_no_traceback() -> None:
    command = f"{sys.executable} -m offloadctl --help | head -n 1"

    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    assert (done.stdout, done.stderr) == ("Usage: offloadctl [OPTIONS] COMMAND [ARGS]...\n", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
def test_a_full_disk_behind_the_output_is_told() -> None:
    with Path("/dev/full").open("wb") as full, started("--version", stdout=full) as process:
        err = process.stderr.read()
        process.wait(timeout=30)

    assert (process.returncode, err) == (1, "error: cannot write to standard output: No space left on device\n")


@pytest.mark.parametrize(
    ("redirection", "code", "err"),
    [
        ("--version >&-", 1, "error: cannot write to standard output: it is closed\n"),
        ("--version 2>&-", 0, ""),
        ("contxt 2>&-", 2, ""),
    ],
)
def test_closed_streams_are_no_trouble(redirection: str, code: int, err: str) -> None:
    command = f"{sys.executable} -m offloadctl {redirection}"

    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stderr) == (code, err)


def test_a_stream_that_cannot_spell_a_name_gets_another_spelling(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "OFFLOADCTL_CONFIG": str(tmp_path / "config.toml")}

    done = run_process("context", "set", "größe", "cluster=x", "--dry-run", environment=environment)

    assert done.returncode == 0, done.stderr
    assert '+[contexts."gr\\xf6\\xdfe"]' in done.stdout


# -- completion


@pytest.mark.parametrize(
    ("words", "at", "expected"),
    [
        ("offloadctl ", 1, set(COMMANDS)),
        ("offloadctl con", 1, {"context"}),
        ("offloadctl context ", 2, {"list", "use", "set", "show", "import", "delete"}),
        ("offloadctl context use ", 3, {"prod", "staging"}),
        ("offloadctl context show --context st", 4, {"staging"}),
        ("offloadctl offload st", 2, {"status"}),
        ("offloadctl offload status --sort a", 4, {"age"}),
        ("offloadctl check ack", 2, {"acknowledge", "acknowledgements"}),
        ("offloadctl check topic --lev", 3, {"--level"}),
        ("offloadctl explain trunc", 2, {"truncated", "truncated-ledger"}),
        ("offloadctl schema OffloadR", 2, {"OffloadRun", "OffloadResult"}),
        ("offloadctl demo --fault lost", 3, {"lost-object", "lost-index"}),
        ("offloadctl context list -o ", 4, {"table", "wide", "json", "ndjson", "yaml"}),
    ],
)
def test_the_shell_completes_commands_options_and_contexts(
    words: str, at: int, expected: set[str], tmp_path: Path
) -> None:
    (tmp_path / "config.toml").write_text("[contexts.prod]\n[contexts.staging]\n")
    environment = {
        **os.environ,
        "OFFLOADCTL_CONFIG": str(tmp_path / "config.toml"),
        "_OFFLOADCTL_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(at),
    }

    done = run_process(environment=environment)

    assert (done.returncode, done.stderr) == (0, "")
    assert set(done.stdout.split()) == expected


def test_completion_survives_a_broken_context_file(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[contexts")
    environment = {
        **os.environ,
        "OFFLOADCTL_CONFIG": str(tmp_path / "config.toml"),
        "_OFFLOADCTL_COMPLETE": "complete_bash",
        "COMP_WORDS": "offloadctl context use ",
        "COMP_CWORD": "3",
    }

    done = run_process(environment=environment)

    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")


def test_the_completion_script_can_be_shown() -> None:
    done = run_process("--show-completion", "bash", environment={**os.environ, "SHELL": "/bin/bash"})

    assert done.returncode == 0, done.stderr
    assert "_OFFLOADCTL_COMPLETE=complete_bash" in done.stdout
