"""Changes to the context file: what was asked for changes, and every other byte stays."""

import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from offloadctl.config.contexts import parse_contexts
from offloadctl.config.edit import (
    BucketChange,
    BucketRemoval,
    Change,
    KeyChange,
    changes_from,
    with_changes,
    with_current,
    without_context,
)
from offloadctl.config.given import by_flag
from offloadctl.config.keys import Value
from offloadctl.config.layers import parse_bucket
from offloadctl.config.toml_text import Plain, rendered, rendered_key
from offloadctl.errors import SettingsError
from offloadctl.redaction import Secret

FILE = Path("/config.toml")
TEXT = """\
# Clusters of the platform team.

current = "prod"  # careful

# Behind the VPN.
[contexts.prod]
admin_urls = [
  "https://one:8443",  # Frankfurt
  "https://two:8443",
]
cluster="pulsar-prod"
# read_only = true

# Rotated every month.
[contexts.prod.auth]
token_file = "/run/token"   # by the agent

[[contexts.prod.buckets]]
# The one that the broker writes to.
name = "new"
endpoint = "https://minio:9000"

[[contexts.prod.buckets]]
name = "old"

# For the laptop.
[contexts.local]
admin_urls = ["http://localhost:8080"]
auth.user = "me"
"""


def key(path: str, value: Value | None) -> KeyChange:
    return KeyChange(path, value)


def bucket(text: str) -> BucketChange:
    return BucketChange(parse_bucket(text, "here", by_flag("--bucket")))


def differing(before: str, after: str) -> tuple[list[str], list[str]]:
    """The lines that went and the lines that came, when both texts agree before and behind them."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    while old and new and old[0] == new[0]:
        del old[0], new[0]
    while old and new and old[-1] == new[-1]:
        del old[-1], new[-1]
    return old, new


@pytest.mark.parametrize(
    ("change", "gone", "come"),
    [
        (key("cluster", "other"), ['cluster="pulsar-prod"\n'], ['cluster="other"\n']),
        (key("read_only", True), [], ["read_only = true\n"]),
        (key("rates.light", 5.0), [], ["[contexts.prod.rates]\n", "light = 5\n", "\n"]),
        (key("auth.token_file", Path("/new")), ['token_file = "/run/token"   # by the agent\n'],
         ['token_file = "/new"   # by the agent\n']),
        (key("auth.user", "me"), [], ['user = "me"\n']),
        (key("auth.token", Secret("sesame")), [], ['token = "sesame"\n']),
        (key("trusted_broker_hosts", ("a", "b")), [], ['trusted_broker_hosts = ["a", "b"]\n']),
        (key("cluster", None), ['cluster="pulsar-prod"\n'], []),
        (key("proxy", None), [], []),
        (bucket("old,region=eu-1"), [], ['region = "eu-1"\n']),
        (bucket("new,endpoint=https://other:9000"), ['endpoint = "https://minio:9000"\n'],
         ['endpoint = "https://other:9000"\n']),
        (bucket("third,note=x"), [], ["[[contexts.prod.buckets]]\n", 'name = "third"\n', 'note = "x"\n', "\n"]),
        (BucketRemoval("old"), ["[[contexts.prod.buckets]]\n", 'name = "old"\n', "\n"], []),
        (BucketRemoval("nobody"), [], []),
    ],
    ids=[str(number) for number in range(14)],
)  # fmt: skip
def test_one_change_touches_only_its_own_lines(change: Change, gone: list[str], come: list[str]) -> None:
    after = with_changes(TEXT, "prod", [change])

    assert differing(TEXT, after) == (gone, come)


def test_a_list_of_several_lines_becomes_one_line_and_keeps_its_place() -> None:
    after = with_changes(TEXT, "prod", [key("admin_urls", ("http://a:1",))])

    gone, come = differing(TEXT, after)
    assert len(gone) == 4
    assert come == ['admin_urls = ["http://a:1"]\n']


def test_the_last_key_of_a_table_takes_its_header_along() -> None:
    after = with_changes(TEXT, "prod", [key("auth.token_file", None)])

    gone, come = differing(TEXT, after)
    assert gone == ["[contexts.prod.auth]\n", 'token_file = "/run/token"   # by the agent\n']
    assert come == []


def test_a_table_with_a_comment_in_it_stays() -> None:
    text = '[contexts.a]\n[contexts.a.auth]\n# ask Jo\nuser = "me"\n'

    assert with_changes(text, "a", [key("auth.user", None)]) == "[contexts.a]\n[contexts.a.auth]\n# ask Jo\n"


def test_a_key_beside_dotted_keys_is_dotted_too() -> None:
    after = with_changes(TEXT, "local", [key("auth.password_env", "PASSWORD")])

    assert after == TEXT + 'auth.password_env = "PASSWORD"\n'


def test_a_new_context_comes_last_in_the_order_of_its_changes() -> None:
    after = with_changes(
        TEXT, "my test", [key("cluster", "x"), key("auth.token_env", "T"), bucket("b"), key("protected", True)]
    )

    assert after == TEXT + (
        '\n[contexts."my test"]\ncluster = "x"\nprotected = true\n'
        '\n[contexts."my test".auth]\ntoken_env = "T"\n'
        '\n[[contexts."my test".buckets]]\nname = "b"\n'
    )


def test_the_first_context_begins_the_file() -> None:
    assert with_changes("", "a", [key("cluster", "x")]) == '[contexts.a]\ncluster = "x"\n'
    assert with_changes("", "a", [bucket("b")]) == '[contexts.a]\n\n[[contexts.a.buckets]]\nname = "b"\n'


def test_a_file_without_a_line_end_at_its_end_gets_one() -> None:
    assert with_changes('[contexts.a]\ncluster = "x"', "a", [key("read_only", True)]) == (
        '[contexts.a]\ncluster = "x"\nread_only = true\n'
    )


def test_windows_line_ends_stay() -> None:
    text = '[contexts.a]\r\ncluster = "x"\r\n'

    after = with_changes(text, "a", [key("cluster", "y"), key("tls.verify", False)])

    assert after == '[contexts.a]\r\ncluster = "y"\r\n\r\n[contexts.a.tls]\r\nverify = false\r\n'


def test_tables_out_of_order_are_found() -> None:
    text = '[contexts.a.auth]\nuser = "me"\n[contexts.b]\ncluster = "b"\n[contexts.a]\ncluster = "a"\n'

    after = with_changes(text, "a", [key("cluster", "x"), key("auth.user", "you")])

    assert after == text.replace('"a"', '"x"').replace('"me"', '"you"')


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (TEXT, TEXT.replace('current = "prod"  # careful', 'current = "local"  # careful')),
        ("# mine\n\n[contexts.local]\n", '# mine\n\ncurrent = "local"\n\n[contexts.local]\n'),
        ("# about local\n[contexts.local]\n", 'current = "local"\n\n# about local\n[contexts.local]\n'),
        ("[contexts.local]\n", 'current = "local"\n\n[contexts.local]\n'),
        ("\n[contexts.local]\n", 'current = "local"\n\n[contexts.local]\n'),
        ("contexts.local.cluster = 'x'\n", "current = \"local\"\ncontexts.local.cluster = 'x'\n"),
        ("# mine\r\n\r\n[contexts.local]\r\n", '# mine\r\n\r\ncurrent = "local"\r\n\r\n[contexts.local]\r\n'),
    ],
)
def test_the_current_context_stands_at_the_top(text: str, expected: str) -> None:
    after = with_current(text, "local")

    assert after == expected
    assert with_current(after, "local") == after


def test_no_current_context_leaves_one_blank_line() -> None:
    assert with_current(TEXT, None) == TEXT.replace('current = "prod"  # careful\n\n', "")
    assert with_current('current = "a"\n\n[contexts.a]\n', None) == "[contexts.a]\n"
    assert with_current("[contexts.a]\n", None) == "[contexts.a]\n"


def test_a_deleted_context_goes_with_the_comments_directly_above_and_below_its_tables() -> None:
    assert without_context(TEXT, "prod") == (
        "# Clusters of the platform team.\n\n"
        'current = "prod"  # careful\n'
        '\n# For the laptop.\n[contexts.local]\nadmin_urls = ["http://localhost:8080"]\nauth.user = "me"\n'
    )
    assert without_context(TEXT, "local") == TEXT[: TEXT.index("\n# For the laptop.")]


def test_a_comment_at_the_very_top_is_about_the_file() -> None:
    text = '# My contexts\n[contexts.a]\ncluster = "x"\n\n[contexts.b]\ncluster = "y"\n'

    assert without_context(text, "a") == '# My contexts\n\n[contexts.b]\ncluster = "y"\n'


def test_a_comment_between_two_tables_is_about_the_lower_one() -> None:
    text = '[contexts.a]\ncluster = "x"\n# about b\n[contexts.b]\ncluster = "y"\n'

    assert without_context(text, "a") == '# about b\n[contexts.b]\ncluster = "y"\n'
    assert without_context(text, "b") == '[contexts.a]\ncluster = "x"\n'


def test_an_unknown_context_is_deleted_by_changing_nothing() -> None:
    assert without_context(TEXT, "nobody") == TEXT


def test_all_buckets_go_at_once() -> None:
    after = with_changes(TEXT, "prod", [BucketRemoval()])

    assert parse_contexts(after, FILE).require("prod", "here").layer.buckets == ()
    assert "# For the laptop." in after


SAME_NAME = '[[contexts.a.buckets]]\nname = "x"\n[[contexts.a.buckets]]\nname = "x"\nendpoint = "http://b"\n'


def test_of_two_buckets_with_one_name_the_endpoint_tells() -> None:
    after = with_changes(SAME_NAME, "a", [bucket("x,endpoint=http://b,region=r")])

    assert after == SAME_NAME + 'region = "r"\n'


def test_of_two_buckets_with_one_name_and_another_endpoint_none_is_meant() -> None:
    with pytest.raises(SettingsError, match="there are 2 buckets named x"):
        with_changes(SAME_NAME, "a", [bucket("x,endpoint=http://c")])


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("contexts = {a = {cluster = 'x'}}\n", key("cluster", "y")),
        ("[contexts]\na = {cluster = 'x'}\n", key("cluster", "y")),
        ("[contexts.a]\nauth = {user = 'me'}\n", key("auth.password_env", "P")),
        ("[contexts.a]\nauth = {user = 'me'}\n", key("auth.user", None)),
        ("[contexts.a]\nbuckets = [{name = 'x'}]\n", bucket("y")),
        ("[contexts.a]\nbuckets = [{name = 'x'}]\n", bucket("x,region=r")),
        ("[contexts.a]\nbuckets = [{name = 'x'}]\n", BucketRemoval("x")),
        ("contexts.a = {}\n", key("cluster", "y")),
    ],
)
def test_a_spelling_that_cannot_be_changed_safely_is_refused(text: str, change: Change) -> None:
    with pytest.raises(SettingsError, match="not changed from here") as caught:
        with_changes(text, "a", [change])

    assert "by hand" in caught.value.hint


def test_a_spelling_that_cannot_be_deleted_safely_is_refused() -> None:
    with pytest.raises(SettingsError, match="not changed from here"):
        without_context("contexts = {a = {cluster = 'x'}}\n", "a")


def test_dotted_keys_at_the_root_can_be_changed() -> None:
    assert with_changes("contexts.a.cluster = 'x'\n", "a", [key("cluster", "y")]) == 'contexts.a.cluster = "y"\n'


def test_a_layer_becomes_changes_that_make_the_same_layer() -> None:
    layer = parse_contexts(TEXT, FILE).require("prod", "here").layer

    text = with_changes("", "copy", changes_from(layer))

    copy = parse_contexts(text, FILE).require("copy", "here").layer
    assert [(one.path, one.value) for one in copy.given] == [(one.path, one.value) for one in layer.given]
    assert [one.settings for one in copy.buckets] == [one.settings for one in layer.buckets]


# -- any file, any change


NAMES = st.sampled_from(["prod", "local", "my test", "a.b", "ü"])
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=6).filter(
    lambda word: not word.startswith("s3://")
)
SPACES = st.sampled_from(["", "\n", "# a comment\n", "\n# another\n\n", "  # read_only = true\n"])
TAILS = st.sampled_from(["\n", "  # why\n", " #\n"])
VALUES: dict[str, st.SearchStrategy[Value]] = {
    "cluster": WORDS,
    "read_only": st.booleans(),
    "connect_timeout": st.integers(1, 90).map(float),
    "trusted_broker_hosts": st.lists(WORDS, max_size=3).map(tuple),
    "auth.user": WORDS,
    "auth.password_env": WORDS,
    "tls.verify": st.booleans(),
    "rates.light": st.integers(1, 90).map(float),
}


def plain(value: Value) -> Plain:
    assert not isinstance(value, Path | Secret)
    return list(value) if isinstance(value, tuple) else value


@st.composite
def assignments(draw: st.DrawFn, table: str, *, dotted: bool) -> str:
    lines = ""
    for path in draw(st.lists(st.sampled_from(list(VALUES)), unique=True, max_size=4)):
        of_table, _, name = path.rpartition(".")
        if of_table == table or (dotted and not table):
            lines += draw(SPACES) + f"{name if table else path} = {rendered(plain(draw(VALUES[path])))}{draw(TAILS)}"
    return lines


@st.composite
def files(draw: st.DrawFn) -> str:
    text = draw(SPACES)
    for name in draw(st.lists(NAMES, unique=True, max_size=3)):
        dotted = draw(st.booleans())
        header = f"contexts.{rendered_key(name)}"
        parts = [f"[{header}]\n" + draw(assignments("", dotted=dotted))]
        if not dotted:
            tables = draw(st.lists(st.sampled_from(["auth", "tls", "rates"]), unique=True))
            parts += [f"[{header}.{table}]\n" + draw(assignments(table, dotted=False)) for table in tables]
        for bucket_name in draw(st.lists(WORDS, unique=True, max_size=2)):
            parts.append(f"[[{header}.buckets]]\n{draw(SPACES)}name = {rendered(bucket_name)}{draw(TAILS)}")
        text += "".join(draw(SPACES) + part for part in parts)
    return text + draw(SPACES)


@st.composite
def key_changes(draw: st.DrawFn) -> KeyChange:
    path = draw(st.sampled_from(list(VALUES)))
    return KeyChange(path, draw(VALUES[path]))


def contexts_of(text: str) -> dict[str, dict[str, object]]:
    """Everything that a file says, by context and key."""
    return {
        context.name: {one.path: one.value for one in context.layer.given}
        | {"buckets": [one.settings for one in context.layer.buckets]}
        for context in parse_contexts(text, FILE).contexts
    }


def is_subsequence(few: Sequence[str], many: Sequence[str]) -> bool:
    rest: Iterator[str] = iter(many)
    return all(one in rest for one in few)


@given(files(), NAMES, key_changes())
def test_a_change_of_any_file_changes_that_key_and_nothing_else(text: str, name: str, change: KeyChange) -> None:
    before = contexts_of(text)

    after = with_changes(text, name, [change])

    expected = before | {name: before.get(name, {"buckets": []}) | {change.path: change.value}}
    assert contexts_of(after) == expected
    assert with_changes(after, name, [change]) == after


@given(files(), NAMES, key_changes())
def test_a_new_key_only_adds_lines_and_taking_it_out_again_gives_back_every_byte(
    text: str, name: str, change: KeyChange
) -> None:
    text = with_changes(text, name, [key("protected", True), KeyChange(change.path, None)])
    table = change.path.rpartition(".")[0]
    # A table that holds nothing would be tidied away with the first key that comes and goes.
    assume(f".{table}]" not in text or any(path.startswith(f"{table}.") for path in contexts_of(text)[name]))

    after = with_changes(text, name, [change])

    assert is_subsequence(text.splitlines(), after.splitlines())
    assert with_changes(after, name, [KeyChange(change.path, None)]) == text


@given(files(), NAMES)
def test_deleting_a_context_of_any_file_leaves_the_others_as_they_were(text: str, name: str) -> None:
    before = contexts_of(text)

    after = without_context(text, name)

    before.pop(name, None)
    assert contexts_of(after) == before
    assert is_subsequence(after.splitlines(), text.splitlines())


@given(files(), NAMES)
def test_another_current_context_changes_nothing_else(text: str, name: str) -> None:
    after = with_current(text, name)

    assert tomllib.loads(after) == tomllib.loads(text) | {"current": name}
    assert is_subsequence(text.splitlines(), after.splitlines())
    assert with_current(after, None).strip() == text.strip()
