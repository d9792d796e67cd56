"""What `--dry-run` shows: the lines that differ, and no secret among them."""

from pathlib import Path

import pytest

from offloadctl.config.diff import masked_diff

FILE = Path("/config.toml")


def test_no_difference_shows_nothing() -> None:
    assert masked_diff("a = 1\n", "a = 1\n", FILE) == ""


def test_a_difference_is_shown_as_diff_does() -> None:
    before = 'current = "a"\n\n[contexts.a]\ncluster = "x"\n'

    assert masked_diff(before, before.replace('"x"', '"y"'), FILE).splitlines() == [
        "--- /config.toml",
        "+++ /config.toml (changed)",
        "@@ -1,4 +1,4 @@",
        ' current = "a"',
        " ",
        " [contexts.a]",
        '-cluster = "x"',
        '+cluster = "y"',
    ]


def test_another_secret_looks_different_without_being_shown() -> None:
    before = '[contexts.a.auth]\ntoken = "swordfish"  # old\n'

    shown = masked_diff(before, before.replace("swordfish", "sesame"), FILE)

    assert '-token = "******"  # old\n+token = "****** (another one)"  # old' in shown


@pytest.mark.parametrize(
    "line",
    [
        '[contexts.a.auth]\ntoken = "swordfish"\n',
        "[contexts.a.auth]\npassword = 'swordfish'\n",
        '[contexts.a.auth]\nclient_secret = """\nswordfish"""\n',
        '[contexts.a]\nauth.token = "swordfish"\n',
        '[contexts.a]\nauth = { token = "swordfish" }\n',
        'contexts = { a = { auth = { token = "swordfish" } } }\n',
        'contexts.a.auth.token = "swordfish"\n',
        '[contexts.a]\nproxy = "http://me:swordfish@proxy:3128"\n',
        '[contexts.a.auth]\n# token = "swordfish"\n',
        '[contexts.a]\n#auth.token="swordfish"\n',
        '[contexts.a]\n# proxy = "http://me:swordfish@proxy:3128"\n',
    ],
)
def test_no_spelling_of_a_secret_is_shown_whether_it_comes_goes_or_stays(line: str) -> None:
    other = '[contexts.b]\ncluster = "x"\n'

    for before, after in (("", line), (line, ""), (line, line + other), (line + other, line)):
        assert "swordfish" not in masked_diff(before, after, FILE)


def test_what_is_no_secret_is_shown() -> None:
    text = 'current = "token"\n[contexts.token]\ncluster = "x"\n[contexts.token.auth]\ntoken_file = "/run/token"\n'

    shown = masked_diff("", text, FILE)

    assert [line[1:] for line in shown.splitlines()[3:]] == text.splitlines()
