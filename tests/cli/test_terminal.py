"""Narrow terminals: words and columns stay whole; in pipes nothing is parted."""

import fcntl
import io
import os
import pty
import struct
import subprocess
import sys
import termios

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from offloadctl.cli.terminal import print_wide, wrapped
from offloadctl.report.text import Column, table
from tests.command_line import ROOT, run_process

WORDS = st.lists(st.text("abc-/:.", min_size=1, max_size=30), min_size=1, max_size=30)


def on_a_terminal(*arguments: str, columns: int) -> tuple[int, str]:
    """Run one command with both streams on a terminal of that width; its exit code and what was on the screen."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES")}
    process = subprocess.Popen(
        [sys.executable, "-m", "offloadctl", *arguments],
        cwd=ROOT,
        env={**environment, "TERM": "xterm", "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = bytearray()
    try:
        while piece := os.read(ours, 4096):
            shown += piece
    except OSError:  # Linux says EIO when the other end has gone
        pass
    os.close(ours)
    return process.wait(timeout=60), shown.decode().replace("\r\n", "\n")


@given(WORDS, st.integers(20, 100))
def test_wrapping_only_turns_blanks_into_line_ends(words: list[str], columns: int) -> None:
    text = " ".join(words)

    parted = wrapped(text, columns)

    assert parted.split() == words
    assert all(len(line) <= columns or len(line.split()) == 1 for line in parted.split("\n"))
    assert wrapped(text, None) == text


def test_a_hint_on_a_terminal_is_parted_between_words_and_in_a_pipe_not_at_all() -> None:
    arguments = ("demo", "--fault", "flood")

    code, shown = on_a_terminal(*arguments, columns=40)
    piped = run_process(*arguments, environment=os.environ)

    assert code == piped.returncode == 2
    assert shown.split() == piped.stderr.split()
    assert len(piped.stderr.splitlines()) == 2
    assert len(shown.splitlines()) > 2
    assert all(len(line) <= 40 or len(line.split()) == 1 for line in shown.splitlines())


def test_a_wide_table_is_parted_at_a_border_of_its_columns_and_leaves_no_blank_lines() -> None:
    columns = [Column("topic"), Column("ledgers", is_number=True), Column("bucket"), Column("uuid")]
    cells = [
        ["acme/shop/orders", "1,200", "pulsar-offload-of-the-first-cluster", "f5a4f4c0-0000-4000-8000-000000000000"],
        ["acme/shop/returns", "3", "-", ""],
    ]
    file = io.StringIO()
    screen = Console(file=file, force_terminal=True, no_color=True, color_system=None, width=80, highlight=False)

    print_wide(screen, table(columns, cells), at_least=160)

    lines = file.getvalue().splitlines()
    assert [line.split() for line in lines] == [
        ["TOPIC", "LEDGERS", "BUCKET"],
        ["UUID"],
        cells[0][:3],
        cells[0][3:],
        cells[1][:3],
    ]
    assert screen.width == 80


def test_a_column_wider_than_the_terminal_loses_nothing() -> None:
    file = io.StringIO()
    screen = Console(file=file, force_terminal=True, no_color=True, color_system=None, width=40, highlight=False)

    print_wide(screen, table([Column("key")], [["k" * 100]]), at_least=160)

    lines = file.getvalue().splitlines()
    assert max(map(len, lines)) <= 40
    assert "".join(line.strip() for line in lines) == "KEY" + "k" * 100
