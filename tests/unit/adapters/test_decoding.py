"""JSON of a type that several threads meet at the same time for the first time."""

import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

import offloadctl.adapters
from offloadctl.adapters.decoding import decoded
from tests.command_line import ROOT

FIRST_TIMES = """
import sys, threading, msgspec
from offloadctl.adapters.decoding import decoded

sys.setswitchinterval(1e-6)

def first_time():
    class Inner(msgspec.Struct):
        number: int
        text: "str"
        more: "int | None" = None

    class Outer(msgspec.Struct):
        inner: list[Inner]
        named: dict[str, Inner]

    together = threading.Barrier(8)
    wrong = []

    def read():
        together.wait()
        one = decoded(b'{"inner": [{"number": 1, "text": "x"}], "named": {"k": {"number": 2, "text": "y"}}}', Outer)
        if (one.inner[0].number, one.named["k"].text) != (1, "y"):
            wrong.append(one)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong

for _ in range(100):
    first_time()
"""


def test_several_threads_may_meet_a_type_for_the_first_time() -> None:
    # In a process of its own: without the lock it dies of SIGSEGV within a few of the hundred times.
    ended = subprocess.run([sys.executable, "-c", FIRST_TIMES], cwd=ROOT, capture_output=True, text=True, check=False)

    assert (ended.returncode, ended.stderr) == (0, "")


def test_nothing_that_threads_share_reads_structs_past_it() -> None:
    directory = Path(next(iter(offloadctl.adapters.__path__)))
    calls = {
        (path.name, call)
        for path in directory.glob("*.py")
        for call in re.findall(r"msgspec\.(?:json|msgpack)\.decode\(.*type=(.*)\)", path.read_text())
    }

    # Neither of these has a Struct in it.
    assert {kind for _, kind in calls} <= {"dict[str, str]", "str | int"}


def test_it_is_as_strict_as_it_is_asked_to_be() -> None:
    assert decoded(b'"7"', int, strict=False) == 7
    with pytest.raises(msgspec.ValidationError):
        decoded(b'"7"', int)
