"""Java properties: no character is lost, one key is one logical line, and Java reads what we read."""

import base64
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from offloadctl.brokerconf.properties import (
    LineKind,
    escaped_key,
    escaped_value,
    parse,
    printed,
    setting_line,
    settings_in,
    unescaped,
    values_in,
)

# What means something to the format, and a few letters: most random text would be one long key.
SIGNS = ("=", ":", " ", "\t", "\f", "\n", "\r", "\r\n", "\\", "\\\n", "\\\r\n", "#", "!", '"', "\v", "\x85")
LETTERS = ("a", "b", "u", "0", "key", "k=v", "é", "ÿ")
ESCAPES = ("\\u0041", "\\u00e9", "\\ud83d", "\\ude00", "\\u00", "\\u", "\\n", "\\=", "\\ ")
PIECES = st.sampled_from((*SIGNS, *LETTERS, *ESCAPES))
FILES = st.lists(PIECES, max_size=14).map("".join)
TEXTS = st.text(max_size=30)

Referee = Callable[[str], Mapping[str, str] | None]


@pytest.fixture(scope="module")
def referee() -> Iterator[Referee]:
    """java.util.Properties itself, one process for all questions; None is its refusal."""
    java = shutil.which("java")
    if java is None:
        pytest.skip("NOT REFEREED: there is no java on the PATH, so Java's own Properties cannot be asked")
    source = Path(__file__).with_name("Referee.java")
    with subprocess.Popen(
        [java, str(source)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        questions, answers = process.stdin, process.stdout

        def ask(text: str) -> Mapping[str, str] | None:
            questions.write(base64.b64encode(text.encode("latin-1")).decode() + "\n")
            questions.flush()
            word, *pairs = answers.readline().split()
            assert word in ("values", "malformed"), f"Referee.java answered {word!r}"
            return None if word == "malformed" else dict(decoded(pair) for pair in pairs)

        yield ask
        questions.close()
        process.wait(timeout=10)


def decoded(pair: str) -> tuple[str, str]:
    def text(encoded: str) -> str:
        units = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
        return units.decode("utf-16-be", "surrogatepass")

    key, value = pair.split("=")
    return text(key), text(value)


def ours(text: str) -> Mapping[str, str] | None:
    lines = parse(text)
    return None if any(line.bad_escape for line in lines) else values_in(lines)


@given(st.one_of(FILES, TEXTS))
@example("\\")
@example("a=b\\\n")
@example("\\\n# no comment of the line before\nk=v")
@example("k\\\n   =\\\n  v\\\n")
def test_the_parts_of_any_text_are_that_text(text: str) -> None:
    lines = parse(text)

    assert printed(lines) == text
    assert all(line.text for line in lines)


@given(FILES)
def test_each_line_knows_on_which_line_of_the_file_it_begins(text: str) -> None:
    numbers = [line.number for line in parse(text)]

    assert numbers == sorted(set(numbers))


def test_line_numbers_count_every_sort_of_line_end_and_what_is_continued() -> None:
    lines = parse("a=1\r\nb=2\rc=3\\\n  4\n\n# five\nd=5")

    assert [(line.key, line.number) for line in settings_in(lines)] == [("a", 1), ("b", 2), ("c", 3), ("d", 7)]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("key=value", {"key": "value"}),
        ("key:value", {"key": "value"}),
        ("key value", {"key": "value"}),
        ("  key \t=\f  value  ", {"key": "value  "}),
        ("key", {"key": ""}),
        ("key=", {"key": ""}),
        ("=value", {"": "value"}),
        ("key==value", {"key": "=value"}),
        ("key = = value", {"key": "= value"}),
        ("a\\ b\\=c\\:d=e", {"a b=c:d": "e"}),
        ("key=one\\\n   two", {"key": "onetwo"}),
        ("key=one\\\r\n\ttwo", {"key": "onetwo"}),
        ("key=one\\\\\ntwo=2", {"key": "one\\", "two": "2"}),
        ("# key=1\n! key=2\n   # key=3\n", {}),
        ("key=a#b!c", {"key": "a#b!c"}),
        ("key=1\nkey=2\n", {"key": "2"}),
        ("key=caf\\u00e9", {"key": "café"}),
        ("key=\\ud83d\\ude00", {"key": "😀"}),
        ("key=\\q\\t\\\\", {"key": "q\t\\"}),
        ("key=C:\\temp\\new", {"key": "C:\temp\new"}),
        ("key=café", {"key": "café"}),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_values_are_read_as_java_reads_them(text: str, values: Mapping[str, str]) -> None:
    assert values_in(parse(text)) == values


@pytest.mark.parametrize("text", ["a=\\u", "a=\\u00", "a=\\u00g1", "a\\u1=2", "a=b\\\n\\u12", "a=\\\\\\u"])
def test_a_bad_escape_is_noticed(text: str) -> None:
    assert any(line.bad_escape for line in parse(text))


@pytest.mark.parametrize("text", ["a=\\\\u00", "# \\u", "a=\\u0041", "a=\\u00\\\n41"])
def test_a_good_escape_is_none(text: str) -> None:
    assert not any(line.bad_escape for line in parse(text))


@given(TEXTS, TEXTS)
def test_what_is_written_is_read_again(key: str, value: str) -> None:
    (line,) = parse(setting_line(key, value).text)

    assert (line.key, line.value) == (key, value)
    assert line.text.isascii()


@given(TEXTS)
def test_escaping_has_an_inverse(text: str) -> None:
    assert unescaped(escaped_value(text)) == text
    assert unescaped(escaped_key(text)) == text


@given(FILES, TEXTS, st.data())
def test_another_value_changes_one_logical_line_only(text: str, value: str, data: st.DataObject) -> None:
    lines = parse(text)
    places = [at for at, line in enumerate(lines) if line.kind is LineKind.SETTING and line.end]
    if not places:
        return
    at = data.draw(st.sampled_from(places))

    changed = lines[at].with_value(value)
    after = parse(printed((*lines[:at], changed, *lines[at + 1 :])))

    assert after[at].key == lines[at].key
    assert after[at].value == value
    assert [line.text for line in (*after[:at], *after[at + 1 :])] == [
        line.text for line in (*lines[:at], *lines[at + 1 :])
    ]


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=FILES)
@example(text="\\")
@example(text="\\\n")
@example(text="\\\n\\\n")
@example(text="\\\r\n")
@example(text="\\\r")
@example(text="\\\n#x\nk=v")
@example(text="a=b\\")
@example(text="a\\\n :\\\n = b")
@example(text="a=\\u00\\\n41")
def test_java_reads_what_we_read(text: str, referee: Referee) -> None:
    assert ours(text) == referee(text)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.dictionaries(TEXTS, TEXTS, max_size=4))
def test_java_reads_what_we_write(values: Mapping[str, str], referee: Referee) -> None:
    text = printed(setting_line(key, value) for key, value in values.items())

    assert referee(text) == values
