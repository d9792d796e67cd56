"""The context file: what it may hold, and what an error in it says."""

from pathlib import Path

import pytest

from offloadctl.config.contexts import config_path, load_contexts, parse_contexts
from offloadctl.errors import SettingsError
from offloadctl.model.settings import BucketSettings
from offloadctl.redaction import Secret, scrub

FILE = Path("/etc/offloadctl/config.toml")
EVERYTHING = """\
# Our clusters.
current = "prod"

[contexts.prod]
admin_urls = ["https://pulsar:8443"]  # behind the VPN
cluster = "pulsar-prod"
protected = true
trusted_broker_hosts = ["*.svc"]
connect_timeout = 3
proxy = "http://me:opensesame@proxy:3128"

[contexts.prod.auth]
token_file = "token"

[contexts.prod.tls]
ca_file = "/ca.pem"
verify_hostname = false

[contexts.prod.rates]
light = 20

[[contexts.prod.buckets]]
name = "new"
endpoint = "https://minio:9000"
path_style = true
ca_file = "minio.pem"

[[contexts.prod.buckets]]
name = "old"
note = "until 2026-03"

[contexts."local test"]
auth.token = "swordfish"
"""


def test_a_file_with_everything_is_read() -> None:
    file = parse_contexts(EVERYTHING, FILE)

    prod, local = file.contexts
    assert (file.current, prod.name, local.name) == ("prod", "prod", "local test")
    assert {one.path: one.value for one in prod.layer.given} == {
        "admin_urls": ("https://pulsar:8443",),
        "cluster": "pulsar-prod",
        "protected": True,
        "trusted_broker_hosts": ("*.svc",),
        "connect_timeout": 3.0,
        "proxy": "http://me:opensesame@proxy:3128",
        "auth.token_file": FILE.parent / "token",
        "tls.ca_file": Path("/ca.pem"),
        "tls.verify_hostname": False,
        "rates.light": 20.0,
    }
    assert [bucket.settings for bucket in prod.layer.buckets] == [
        BucketSettings("new", "https://minio:9000", path_style=True, ca_file=FILE.parent / "minio.pem"),
        BucketSettings("old", note="until 2026-03"),
    ]
    assert {str(one.origin) for one in prod.layer.given} == {"context prod"}


def test_dotted_keys_say_the_same_as_tables() -> None:
    file = parse_contexts(EVERYTHING, FILE)

    assert [(one.path, one.value) for one in file.contexts[1].layer.given] == [("auth.token", Secret("swordfish"))]


def test_secrets_of_the_file_are_remembered_as_soon_as_it_is_read() -> None:
    parse_contexts(EVERYTHING, FILE)

    assert scrub("swordfish opensesame") == "****** ******"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("current = ", "not TOML"),
        ("curent = 'a'", r"config.toml, line 1: unknown key 'curent'"),
        ("current = 1", r"config.toml, line 1: current must be the name of a context"),
        ("contexts = 1", r"config.toml, line 1: contexts must be a table"),
        ("[contexts]\na = 1", r"config.toml, line 2: contexts.a must be a table"),
        ("[contexts.a]\n\nadmin_url = ['http://a']", r"config.toml, line 3: unknown key 'admin_url'"),
        ("[contexts.a]\ncluster = 5", r"config.toml, line 2: cluster must be a string, not a number"),
        ("[contexts.a.auth]\ntokn = 'x'", r"config.toml, line 2: unknown key 'auth.tokn'"),
        ("[contexts.a]\nauth.tokn = 'x'", r"config.toml, line 2: unknown key 'auth.tokn'"),
        ("[contexts.a]\nauth = 'x'", r"config.toml, line 2: contexts.a.auth must be a table"),
        (
            "[contexts.a]\nbuckets = 'b'",
            r"config.toml, line 2: buckets must be tables, each under \[\[contexts.a.buckets",
        ),
        ("[[contexts.a.buckets]]\nregion = 'x'", r"config.toml, line 1: a bucket needs a name"),
        (
            "[[contexts.a.buckets]]\nname = 'x'\n[[contexts.a.buckets]]\nname = 'y'\nregoin = 'z'",
            r"config.toml, line 5: unknown bucket key 'regoin'",
        ),
        ("[[contexts.a.buckets]]\nname = 'b'\npath_style = 'yes'", r"line 3: path_style must be true or false"),
        ("contexts = {a = {cluster = 5}}", r"config.toml, contexts.a.cluster: cluster must be a string"),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        parse_contexts(text, FILE)


def test_a_line_is_counted_behind_values_of_several_lines() -> None:
    text = '[contexts.a]\nadmin_urls = [\n  "http://a:8080",  # [contexts.b]\n  "http://b:8080",\n]\ncluster = 5\n'

    with pytest.raises(SettingsError, match=r"config\.toml, line 6: cluster"):
        parse_contexts(text, FILE)


def test_broken_toml_is_told_without_the_secret_that_stands_in_its_line() -> None:
    with pytest.raises(SettingsError) as caught:
        parse_contexts("[contexts.a.auth]\ntoken = swordfish\n", FILE)

    assert "swordfish" not in caught.value.message
    assert "line 2" in caught.value.message


def test_no_file_holds_no_contexts(tmp_path: Path) -> None:
    file = load_contexts(tmp_path / "config.toml")

    assert (file.current, file.contexts, file.warnings) == (None, (), ())


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b"\xff\xfe")

    with pytest.raises(SettingsError, match="cannot be read: it is not UTF-8"):
        load_contexts(tmp_path / "config.toml")


def test_a_directory_in_its_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read: Is a directory"):
        load_contexts(tmp_path)


@pytest.mark.parametrize(
    ("content", "mode", "warns"),
    [
        ("[contexts.a.auth]\ntoken = 'swordfish'\n", 0o600, False),
        ("[contexts.a.auth]\ntoken = 'swordfish'\n", 0o640, True),
        ("[contexts.a.auth]\ntoken = 'swordfish'\n", 0o604, True),
        ("[contexts.a]\nproxy = 'http://me:opensesame@proxy:3128'\n", 0o644, True),
        ("[contexts.a]\nproxy = 'http://proxy:3128'\n", 0o644, False),
        ("[contexts.a.auth]\ntoken_file = '/run/token'\n", 0o644, False),
    ],
)
def test_a_secret_that_others_can_read_is_a_warning(tmp_path: Path, content: str, mode: int, *, warns: bool) -> None:
    path = tmp_path / "config.toml"
    path.write_text(content)
    path.chmod(mode)

    warnings = load_contexts(path).warnings

    expected = f"{path} holds a secret (context a) and others can read it: chmod 600 {path}"
    assert warnings == ((expected,) if warns else ())


def test_a_context_that_is_not_there_is_an_error_that_names_the_nearest() -> None:
    file = parse_contexts(EVERYTHING, FILE)

    with pytest.raises(SettingsError, match="unknown context 'prd'") as caught:
        file.require("prd", "option --context")

    assert caught.value.hint == "did you mean prod?"


def test_without_any_context_the_hint_makes_one() -> None:
    with pytest.raises(SettingsError, match="there is no context 'prod'") as caught:
        parse_contexts("", FILE).require("prod", "option --context")

    assert caught.value.hint == "make it: offloadctl context set prod admin_urls=http://localhost:8080"


@pytest.mark.parametrize(
    ("environment", "path"),
    [
        ({"OFFLOADCTL_CONFIG": "/a/b.toml", "XDG_CONFIG_HOME": "/xdg"}, Path("/a/b.toml")),
        ({"XDG_CONFIG_HOME": "/xdg"}, Path("/xdg/offloadctl/config.toml")),
        ({"XDG_CONFIG_HOME": ""}, Path("/home/me/.config/offloadctl/config.toml")),
        ({}, Path("/home/me/.config/offloadctl/config.toml")),
        ({"OFFLOADCTL_CONFIG": "~/mine.toml"}, Path("/home/me/mine.toml")),
        ({"OFFLOADCTL_CONFIG": "~nobody-of-that-name/x"}, Path("~nobody-of-that-name/x")),
    ],
)
def test_the_file_is_where_the_environment_says(
    environment: dict[str, str], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/me")

    assert config_path(environment) == path
