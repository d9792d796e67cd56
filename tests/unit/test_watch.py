"""Looking again and again: what is appended where nobody can redraw, and how a watch ends."""

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console, RenderableType

from offloadctl.cli import watch as watching
from offloadctl.cli.output import OutputClosed, OutputFormat, Rendering
from offloadctl.cli.watch import Looked, watch
from offloadctl.exitcodes import ExitCode
from offloadctl.report.documents import ReasonDocument

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
PAUSE = timedelta(seconds=5)


@dataclass
class Clock:
    """Ctrl-C comes during one of its pauses."""

    pauses: int
    slept: float = 0.0

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return self.slept

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.pauses -= 1
        if not self.pauses:
            raise KeyboardInterrupt


def rendering(text: str) -> Rendering:
    document = ReasonDocument(code="seen", text=text)

    def words(*, wide: bool) -> Iterator[RenderableType]:
        yield from text.split("/")

    return Rendering(lambda: document, lambda: [document, document], words)


def looks(*codes: ExitCode, whole: Callable[[int], bool] = lambda _: True) -> Callable[[], Looked]:
    """One after the other: `look 0`, `look 1`."""
    left = list(enumerate(codes))

    def look() -> Looked:
        number, code = left.pop(0)
        at = NOW + number * PAUSE
        return Looked(rendering(f"look {number}"), at, code, is_whole=whole(number))

    return look


OK, MISSING = ExitCode.OK, ExitCode.WARNINGS


def test_a_watch_ends_with_the_code_of_its_last_look(capsys: pytest.CaptureFixture[str]) -> None:
    code = watch(looks(OK, OK, MISSING), OutputFormat.TABLE, PAUSE, Clock(3))

    assert code is MISSING
    assert capsys.readouterr().out == (
        "2026-11-24 12:00:00 UTC\nlook 0\n\n2026-11-24 12:00:05 UTC\nlook 1\n\n2026-11-24 12:00:10 UTC\nlook 2\n\n"
    )


def test_a_look_that_is_cut_short_is_not_shown_after_a_whole_one(capsys: pytest.CaptureFixture[str]) -> None:
    code = watch(looks(OK, ExitCode.INTERRUPTED, whole=lambda number: number == 0), OutputFormat.TABLE, PAUSE, Clock(9))

    assert code is OK
    assert "look 1" not in capsys.readouterr().out


def test_a_first_look_that_is_cut_short_is_all_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    code = watch(looks(ExitCode.INTERRUPTED, whole=lambda _: False), OutputFormat.TABLE, PAUSE, Clock(9))

    assert code is ExitCode.INTERRUPTED
    assert "look 0" in capsys.readouterr().out


def test_an_interruption_before_there_was_a_look_is_one() -> None:
    def look() -> Looked:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        watch(look, OutputFormat.TABLE, PAUSE, Clock(1))


def test_each_look_is_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    watch(looks(OK, OK), OutputFormat.JSON, PAUSE, Clock(2))

    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line) for line in lines] == [{"code": "seen", "text": f"look {number}"} for number in range(2)]


def test_looks_in_yaml_are_documents_of_one_stream(capsys: pytest.CaptureFixture[str]) -> None:
    watch(looks(OK, OK), OutputFormat.YAML, PAUSE, Clock(2))

    assert capsys.readouterr().out == "---\ncode: seen\ntext: look 0\n---\ncode: seen\ntext: look 1\n"


def test_a_watch_whose_reader_has_gone_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    written = 0

    def gone(*_: object) -> None:
        nonlocal written
        written += 1
        if written == 2:
            raise OutputClosed

    monkeypatch.setattr(watching, "write_result", gone)

    assert watch(looks(MISSING, OK, OK), OutputFormat.NDJSON, PAUSE, Clock(9)) is MISSING


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Ten lines high."""
    written = io.StringIO()
    monkeypatch.setattr(
        watching, "console", lambda: Console(file=written, width=80, height=10, force_terminal=True, highlight=False)
    )
    return written


def test_a_terminal_is_redrawn_and_keeps_the_last_look(terminal: io.StringIO) -> None:
    watch(looks(OK, OK), OutputFormat.TABLE, PAUSE, Clock(2))

    text = terminal.getvalue()
    assert "12:00:05 UTC, every 5s; Ctrl-C ends" in text
    assert text.index("look 0") < text.index("\x1b[1A\x1b[2K") < text.index("look 1")


def test_only_the_line_above_the_look_is_quiet(terminal: io.StringIO) -> None:
    watch(looks(OK), OutputFormat.TABLE, PAUSE, Clock(1))

    head, _, rest = terminal.getvalue().partition("Ctrl-C ends")
    assert "\x1b[2m" in head
    assert rest.partition("look 0")[0] == "\x1b[0m\n"


def test_what_is_higher_than_the_terminal_says_so(terminal: io.StringIO) -> None:
    result = rendering("/".join(f"line {number}" for number in range(30)))

    watch(lambda: Looked(result, NOW, OK), OutputFormat.TABLE, PAUSE, Clock(1))

    text = terminal.getvalue()
    assert "line 6" in text
    assert "line 7" not in text
    assert "23 more lines" in text
