"""`offloadctl context`: through the real entry point, on a real file."""

import json
import os
import shlex
import stat
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from offloadctl.config.keys import KEYS
from offloadctl.report.schema import schema_of
from tests.command_line import CommandLine, run_process

TWO = """\
# Ours.
current = "prod"

[contexts.prod]
admin_urls = ["https://one:8443", "https://two:8443"]
cluster = "pulsar-prod"
protected = true

[contexts.prod.auth]
token = "swordfish"

[[contexts.prod.buckets]]
name = "offload"
endpoint = "https://minio:9000"
profile = "archive"

[contexts.staging]
admin_urls = ["http://localhost:8080"]
read_only = true
"""


@pytest.fixture
def offloadctl(capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(capsys)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the context file is going to be; relative names are meant from its directory."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "config.toml"
    monkeypatch.setenv("OFFLOADCTL_CONFIG", str(path))
    return path


@pytest.fixture
def two(config: Path) -> Path:
    """A file with the contexts prod, the current one, and staging."""
    config.write_text(TWO)
    config.chmod(0o600)
    return config


def checked(text: str) -> dict[str, Any]:
    """A document that keeps its own schema."""
    document: dict[str, Any] = json.loads(text)
    jsonschema.validate(document, dict(schema_of(document["kind"])))
    return document


# -- list


def test_list_marks_the_current_context_and_shows_what_guards_each(offloadctl: CommandLine, two: Path) -> None:
    ran = offloadctl("context", "list")

    assert (ran.code, ran.err) == (0, "")
    head, prod, staging = (line.split() for line in ran.out.splitlines())
    assert head == ["CURRENT", "NAME", "ADMIN", "URL", "CLUSTER", "BUCKETS", "GUARDS"]
    assert prod == ["*", "prod", "https://one:8443", "+1", "pulsar-prod", "offload", "protected"]
    assert staging == ["staging", "http://localhost:8080", "-", "-", "read-only"]


def test_list_is_a_document_for_programs(offloadctl: CommandLine, two: Path) -> None:
    document = checked(offloadctl("context", "list", "-o", "json").out)

    assert (document["kind"], document["current"]) == ("ContextList", "prod")
    assert document["items"][0] == {
        "apiVersion": "offloadctl/v1",
        "kind": "ContextSummary",
        "name": "prod",
        "current": True,
        "adminUrls": ["https://one:8443", "https://two:8443"],
        "cluster": "pulsar-prod",
        "auth": "token",
        "buckets": ["offload"],
        "readOnly": False,
        "protected": True,
    }
    assert yaml.safe_load(offloadctl("context", "list", "-o", "yaml").out) == document
    lines = [checked(line) for line in offloadctl("context", "list", "-o", "ndjson").out.splitlines()]
    assert lines == document["items"]


@pytest.mark.parametrize(
    ("lines", "auth"),
    [
        ("", "none"),
        ("auth.token_file = 't'", "token"),
        ("auth.token_env = 't'", "token"),
        ("auth.user = 'me'", "basic"),
        ("auth.password_env = 'P'", "basic"),
        ("auth.issuer_url = 'https://i'", "oauth2"),
        ("auth.key_file = 'k'", "oauth2"),
        ("tls.certificate_file = 'c'", "certificate"),
    ],
)
def test_list_tells_how_each_context_logs_in(offloadctl: CommandLine, config: Path, lines: str, auth: str) -> None:
    config.write_text(f"[contexts.a]\n{lines}\n")

    assert checked(offloadctl("context", "list", "-o", "json").out)["items"][0]["auth"] == auth


def test_list_without_contexts_tells_how_to_make_one(offloadctl: CommandLine, config: Path) -> None:
    ran = offloadctl("context", "list")

    assert (ran.code, ran.out) == (0, "")
    assert "holds no contexts" in ran.err
    assert "context set NAME" in ran.err
    assert checked(offloadctl("context", "list", "-o", "json").out)["items"] == []


def test_list_survives_a_current_context_that_is_not_there(offloadctl: CommandLine, config: Path) -> None:
    config.write_text("current = 'gone'\n[contexts.a]\n")

    ran = offloadctl("context", "list")

    assert ran.code == 0
    assert "warning: the current context is gone, and there is none of that name" in ran.err


def test_list_says_that_a_variable_wins(offloadctl: CommandLine, two: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFLOADCTL_CONTEXT", "staging")

    assert "OFFLOADCTL_CONTEXT=staging is set, and wins" in offloadctl("context", "list").err


# -- use


def test_use_switches_and_touches_only_that_line(offloadctl: CommandLine, two: Path) -> None:
    ran = offloadctl("context", "use", "staging")

    assert (ran.code, ran.out, ran.err) == (0, "", "Switched to context staging.\n")
    assert two.read_text() == TWO.replace('current = "prod"', 'current = "staging"')


def test_use_of_the_current_one_says_so(offloadctl: CommandLine, two: Path) -> None:
    ran = offloadctl("context", "use", "prod")

    assert (ran.code, ran.err) == (0, "Context prod is the current one already.\n")
    assert two.read_text() == TWO


def test_use_of_an_unknown_context_names_the_nearest(offloadctl: CommandLine, two: Path) -> None:
    ran = offloadctl("context", "use", "stagng")

    assert ran.code == 2
    assert "unknown context 'stagng'" in ran.err
    assert "hint: did you mean staging?" in ran.err


def test_use_repairs_a_current_context_that_is_not_there(offloadctl: CommandLine, config: Path) -> None:
    config.write_text("current = 'gone'\n[contexts.a]\n")

    assert offloadctl("context", "use", "a").code == 0
    assert config.read_text() == 'current = "a"\n[contexts.a]\n'


# -- set


def test_set_makes_the_first_context_and_tells_how_to_use_it(offloadctl: CommandLine, config: Path) -> None:
    ran = offloadctl("context", "set", "prod", "admin_urls=http://a:8080,http://b:8080", "rates.light=5")

    assert (ran.code, ran.out) == (0, "")
    assert ran.err.splitlines() == [
        f"Context prod created in {config}.",
        "hint: make it the current one: offloadctl context use prod",
    ]
    assert config.read_text() == (
        '[contexts.prod]\nadmin_urls = ["http://a:8080", "http://b:8080"]\n\n[contexts.prod.rates]\nlight = 5\n'
    )
    assert stat.S_IMODE(config.stat().st_mode) == 0o600


def test_set_with_use_makes_it_the_current_one(offloadctl: CommandLine, two: Path) -> None:
    offloadctl("context", "set", "staging", "--use")

    assert two.read_text() == TWO.replace('current = "prod"', 'current = "staging"')


def test_set_changes_what_is_named_and_nothing_else(offloadctl: CommandLine, two: Path) -> None:
    ran = offloadctl(
        "context", "set", "prod", "cluster=other", "--unset", "protected", "--bucket", "offload,profile=new"
    )

    assert (ran.code, ran.err) == (0, "Context prod changed.\n")
    assert two.read_text() == TWO.replace("pulsar-prod", "other").replace("protected = true\n", "").replace(
        "archive", "new"
    )


def test_set_writes_names_of_files_as_meant_from_here(offloadctl: CommandLine, config: Path) -> None:
    offloadctl("context", "set", "a", "auth.token_file=token", "--bucket", "b,ca_file=ca.pem")

    text = config.read_text()
    assert f'token_file = "{config.parent / "token"}"' in text
    assert f'ca_file = "{config.parent / "ca.pem"}"' in text


def test_set_of_what_is_there_already_changes_nothing(offloadctl: CommandLine, two: Path) -> None:
    ran = offloadctl("context", "set", "prod", "cluster=pulsar-prod")

    assert (ran.code, ran.err) == (0, "Context prod says that already; there is nothing to change.\n")
    assert two.read_text() == TWO


def test_set_of_new_credentials_takes_out_those_that_they_exclude(offloadctl: CommandLine, two: Path) -> None:
    ran = offloadctl("context", "set", "prod", "auth.user=me", "auth.password_env=PASSWORD")

    assert ran.code == 0
    assert "note: auth.token was taken out" in ran.err
    assert "warning: prod cannot be used yet: auth.password_env (context prod): the environment variable" in ran.err
    assert two.read_text() == TWO.replace('token = "swordfish"\n', 'user = "me"\npassword_env = "PASSWORD"\n')


@pytest.mark.parametrize(
    ("arguments", "complaint", "hint"),
    [
        (["auth.tokn=x"], "unknown key 'auth.tokn'", "did you mean auth.token?"),
        (["token_file=x"], "unknown key 'token_file'", "did you mean auth.token_file?"),
        (["read_only=perhaps"], "read_only must be true or false", ""),
        (["cluster"], "an argument is not KEY=VALUE", ""),
        (["cluster="], "cluster must be a string, not an empty one", ""),
        (["cluster=a", "cluster=b"], "cluster is named twice", ""),
        (["cluster=a", "--unset", "cluster"], "cluster is named twice", ""),
        (["--unset", "clustr"], "option --unset: unknown key 'clustr'", "did you mean cluster?"),
        (["--remove-bucket", "offlod"], "option --remove-bucket: unknown bucket 'offlod'", "did you mean offload?"),
        (["bucket=x"], "buckets have an option of their own", "--bucket NAME"),
        (["buckets.name=x"], "buckets have an option of their own", "--bucket NAME"),
        (["--bucket", "x,regoin=y"], "unknown bucket key 'regoin'", "did you mean region?"),
        (["auth.user=me", "auth.token=x-y-z"], "auth.token and auth.user exclude each other", "--unset"),
        (["admin_urls=http://me:sesame@host"], "holds a user name or a password", "auth.user"),
        ([], "there is nothing to set", "offloadctl context set prod"),
    ],
)
def test_set_refuses_what_it_does_not_understand_and_writes_nothing(
    offloadctl: CommandLine, two: Path, arguments: list[str], complaint: str, hint: str
) -> None:
    ran = offloadctl("context", "set", "prod", *arguments)

    assert (ran.code, ran.out) == (2, "")
    assert "error: " in ran.err
    assert complaint in ran.err
    assert hint in ran.err
    assert two.read_text() == TWO


@pytest.mark.parametrize("name", ["", " ", " a", "a b", "a\nb", "a\x1bb", "a/b", "a'b", "a]"])
def test_set_refuses_a_name_that_is_none(offloadctl: CommandLine, config: Path, name: str) -> None:
    ran = offloadctl("context", "set", name, "cluster=x")

    assert ran.code == 2
    assert f"{name!r} is no name for a context: letters, digits and - _ . are" in ran.err
    assert not config.exists()


def test_a_context_of_another_sort_of_name_that_is_there_can_be_changed(offloadctl: CommandLine, config: Path) -> None:
    config.write_text("[contexts.'a b']\nadmin_urls = ['http://a:8080']\n")

    assert offloadctl("context", "set", "a b", "cluster=x").code == 0
    assert "cluster" in config.read_text()


def test_set_without_an_address_warns_that_it_means_localhost(offloadctl: CommandLine, config: Path) -> None:
    without = offloadctl("context", "set", "a", "cluster=x")
    listed = offloadctl("context", "list")
    shown = offloadctl("context", "show", "a")
    with_one = offloadctl("context", "set", "a", "admin_urls=http://a:8080")

    assert without.code == 0
    assert "warning: a has no address, and so means http://localhost:8080; to set it: offloadctl context" in without.err
    assert "http://localhost:8080 (default)" in listed.out
    assert "http://localhost:8080 (default)" in shown.out
    assert "warning" not in with_one.err


@pytest.mark.parametrize("key", ["auth.token", "auth.password", "auth.client_secret"])
def test_set_of_a_secret_as_text_warns_that_a_file_is_better(offloadctl: CommandLine, config: Path, key: str) -> None:
    ran = offloadctl("context", "set", "a", f"{key}=swordfish", "admin_urls=http://a:8080")
    again = offloadctl("context", "set", "a", "cluster=x")

    assert ran.code == 0
    assert f"warning: {key} stands in {config} as text" in ran.err
    assert f"{key}_file=FILE, or {key}_env=VARIABLE" in ran.err
    assert "swordfish" not in ran.err
    assert "as text" not in again.err


def test_the_help_of_set_names_every_key_and_who_explains_them(offloadctl: CommandLine) -> None:
    ran = offloadctl("context", "set", "--help")

    flowing = " ".join(ran.out.split())
    assert "context set [OPTIONS] {NAME} [KEY=VALUE]..." in flowing
    assert "`offloadctl explain KEY` tells what a key means" in flowing
    assert all(key.path in flowing for key in KEYS)


def test_set_removes_a_bucket(offloadctl: CommandLine, two: Path) -> None:
    assert offloadctl("context", "set", "prod", "--remove-bucket", "offload").code == 0
    assert "buckets" not in two.read_text()


def test_set_reads_a_secret_from_standard_input(config: Path) -> None:
    environment = {**os.environ, "OFFLOADCTL_CONFIG": str(config)}

    done = run_process("context", "set", "a", "auth.token=-", environment=environment, text="swordfish\n")

    assert done.returncode == 0, done.stderr
    assert config.read_text() == '[contexts.a.auth]\ntoken = "swordfish"\n'
    assert "swordfish" not in done.stdout + done.stderr


def test_a_broken_file_is_never_written_to(offloadctl: CommandLine, config: Path) -> None:
    config.write_text("[contexts.a]\ncluster = \n")

    for arguments in (["use", "a"], ["set", "a", "cluster=x"], ["delete", "a"], ["list"], ["show"]):
        ran = offloadctl("context", *arguments)
        assert ran.code == 2
        assert f"{config}: not TOML" in ran.err
    assert config.read_text() == "[contexts.a]\ncluster = \n"


# -- --dry-run


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (["use", "staging"], ['-current = "prod"', '+current = "staging"']),
        (["set", "prod", "cluster=x"], ['-cluster = "pulsar-prod"', '+cluster = "x"']),
        (["set", "prod", "auth.token=another-one"], ['-token = "******"', '+token = "****** (another one)"']),
        (["set", "new", "auth.token=another-one"], ['+token = "******"']),
        (["delete", "prod"], ['-current = "prod"', '-token = "******"', "-[[contexts.prod.buckets]]"]),
    ],
)
def test_a_dry_run_shows_the_difference_with_secrets_masked_and_writes_nothing(
    offloadctl: CommandLine, two: Path, arguments: list[str], lines: list[str]
) -> None:
    ran = offloadctl("context", *arguments, "--dry-run")

    assert ran.code == 0
    assert ran.out.startswith(f"--- {two}\n+++ {two} (changed)\n")
    assert set(lines) <= set(ran.out.splitlines())
    assert "swordfish" not in ran.out + ran.err
    assert "another-one" not in ran.out + ran.err
    assert ran.err == "Dry run: nothing was written.\n"
    assert two.read_text() == TWO


def test_a_dry_run_without_a_difference_shows_none(offloadctl: CommandLine, two: Path) -> None:
    ran = offloadctl("context", "set", "prod", "cluster=pulsar-prod", "--dry-run")

    assert (ran.code, ran.out) == (0, "")
    assert "there is nothing to change" in ran.err


def test_a_dry_run_makes_no_file(offloadctl: CommandLine, config: Path) -> None:
    assert offloadctl("context", "set", "a", "cluster=x", "--dry-run").out
    assert list(config.parent.iterdir()) == []


# -- delete


def test_delete_of_the_current_context_leaves_none(offloadctl: CommandLine, two: Path) -> None:
    ran = offloadctl("context", "delete", "prod")

    assert ran.code == 0
    assert "Context prod deleted" in ran.err
    assert "it was the current one" in ran.err
    assert two.read_text() == (
        '# Ours.\n\n[contexts.staging]\nadmin_urls = ["http://localhost:8080"]\nread_only = true\n'
    )


def test_delete_of_another_context_keeps_the_current_one(offloadctl: CommandLine, two: Path) -> None:
    ran = offloadctl("context", "delete", "staging")

    assert (ran.code, "current" in ran.err) == (0, False)
    assert two.read_text() == TWO[: TWO.index("\n[contexts.staging]")]


def test_delete_of_an_unknown_context_is_refused(offloadctl: CommandLine, two: Path) -> None:
    assert offloadctl("context", "delete", "nobody").code == 2
    assert two.read_text() == TWO


# -- show


def rows(text: str) -> dict[str, list[str]]:
    return {words[0]: words[1:] for words in (line.split() for line in text.splitlines()) if words}


def test_show_prints_every_setting_with_its_origin(
    offloadctl: CommandLine, two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OFFLOADCTL_READ_TIMEOUT", "5")

    ran = offloadctl("context", "show", "--cluster", "flagged", "--s3-region", "eu-1")

    assert ran.code == 0
    shown = rows(ran.out)
    assert shown["Context"] == ["prod", "(current)"]
    assert shown["File"] == [str(two)]
    assert shown["admin_urls"] == ["https://one:8443", "context", "prod"]
    assert shown["https://two:8443"] == []
    assert shown["cluster"] == ["flagged", "--cluster"]
    assert shown["read_timeout"] == ["5", "OFFLOADCTL_READ_TIMEOUT"]
    assert shown["connect_timeout"] == ["10", "default"]
    assert shown["auth.token"] == ["******", "context", "prod"]
    assert shown["Bucket"] == ["offload", "from", "context", "prod"]
    assert shown["endpoint"] == ["https://minio:9000", "context", "prod"]
    assert shown["region"] == ["eu-1", "--s3-region"]
    assert shown["Not"] == [
        "set:",
        "broker_url,",
        "proxy,",
        "tls.ca_file,",
        "tls.certificate_file,",
        "tls.key_file,",
        "state,",
        "prometheus_url,",
        "bookie_urls,",
        "lease_topic",
    ]
    assert "swordfish" not in ran.out + ran.err


def test_show_is_a_document_for_programs(offloadctl: CommandLine, two: Path) -> None:
    document = checked(offloadctl("context", "show", "-o", "json").out)

    assert (document["name"], document["file"], document["current"]) == ("prod", str(two), True)
    settings = {one["key"]: (one["value"], one["origin"], one["source"]) for one in document["settings"]}
    assert settings["admin_urls"] == (["https://one:8443", "https://two:8443"], "context", "context prod")
    assert settings["protected"] == (True, "context", "context prod")
    assert settings["rates.light"] == (50.0, "default", "default")
    assert settings["auth.token"] == ("******", "context", "context prod")
    assert document["buckets"][0]["name"] == "offload"
    assert [one["key"] for one in document["buckets"][0]["settings"]] == ["endpoint", "profile"]
    assert document["problems"] == []
    assert yaml.safe_load(offloadctl("context", "show", "-o", "yaml").out) == document
    assert json.loads(offloadctl("context", "show", "-o", "ndjson").out) == document


def test_show_wide_lists_what_is_not_set_too(offloadctl: CommandLine, two: Path) -> None:
    shown = rows(offloadctl("context", "show", "-o", "wide").out)

    assert shown["proxy"] == ["-", "not", "set"]
    assert shown["note"] == ["-", "not", "set"]
    assert "Not" not in shown


@pytest.mark.parametrize("arguments", [["staging"], ["--context", "staging"], ["staging", "--context", "staging"]])
def test_show_of_a_named_context(offloadctl: CommandLine, two: Path, arguments: list[str]) -> None:
    ran = offloadctl("context", "show", *arguments)

    assert rows(ran.out)["Context"] == ["staging"]
    assert "hint: without a bucket no offload can be confirmed in S3: offloadctl context set staging" in ran.err


def test_show_of_two_contexts_is_refused(offloadctl: CommandLine, two: Path) -> None:
    ran = offloadctl("context", "show", "prod", "--context", "staging")

    assert ran.code == 2
    assert "two contexts are named" in ran.err


def test_show_of_settings_that_cannot_be_used_shows_them_and_why(offloadctl: CommandLine, config: Path) -> None:
    config.write_text("[contexts.a]\nauth.token_file = 'token'\ntls.ca_file = 'ca.pem'\n")

    ran = offloadctl("context", "show", "a")
    document = checked(offloadctl("context", "show", "a", "-o", "json").out)

    missing = [f"auth.token_file (context a): there is no file {config.parent / 'token'}"]
    missing += [f"tls.ca_file (context a): there is no file {config.parent / 'ca.pem'}"]
    assert ran.code == 2
    assert rows(ran.out)["auth.token_file"][-2:] == ["context", "a"]
    assert [line for line in ran.err.splitlines() if line.startswith("error")] == [f"error: {one}" for one in missing]
    assert document["problems"] == missing


def test_show_without_any_context_shows_the_defaults(offloadctl: CommandLine, config: Path) -> None:
    ran = offloadctl("context", "show")

    assert ran.code == 0
    assert rows(ran.out)["Context"] == ["default,", "which", "no", "file", "holds"]
    assert rows(ran.out)["admin_urls"] == ["http://localhost:8080", "(default)", "default"]


def test_show_of_a_client_conf_names_the_file_once(offloadctl: CommandLine, config: Path) -> None:
    path = config.parent / "client.conf"
    path.write_text("webServiceUrl=https://a:8443\nauthPlugin=token\nauthParams=token:swordfish\n")

    ran = offloadctl("context", "show", "--client-conf", "client.conf")

    assert ran.code == 0
    assert rows(ran.out)["client.conf"] == [str(path)]
    assert rows(ran.out)["admin_urls"] == ["https://a:8443", "client.conf"]
    assert rows(ran.out)["auth.token"] == ["******", "client.conf"]


def test_show_tells_when_the_variable_s_client_conf_does_not_count(
    offloadctl: CommandLine, two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULSAR_CLIENT_CONF", "/etc/pulsar/client.conf")

    assert "/etc/pulsar/client.conf is not used" in offloadctl("context", "show").out


def test_show_masks_the_password_of_a_proxy(offloadctl: CommandLine, config: Path) -> None:
    config.write_text("[contexts.a]\nproxy = 'http://me:opensesame@proxy:3128'\n")
    config.chmod(0o600)

    ran = offloadctl("context", "show", "a")

    assert rows(ran.out)["proxy"] == ["http://me:******@proxy:3128", "context", "a"]


# -- import

CLIENT_CONF = """\
webServiceUrl=https://pulsar.prod.example.com:8443/
brokerServiceUrl=pulsar+ssl://pulsar.prod.example.com:6651/
authPlugin=org.apache.pulsar.client.impl.auth.AuthenticationToken
authParams=token:swordfish
"""
PULSARCTL = """\
auth-info:
  eu: {token: swordfish}
  us: {tokenFile: /run/token}
contexts:
  eu: {admin-service-url: "https://eu:8443", bookie-service-url: "http://bookie:8080"}
  us: {admin-service-url: "https://us:8443"}
current-context: us
"""


@pytest.fixture
def client_conf(config: Path) -> str:
    (config.parent / "client.conf").write_text(CLIENT_CONF)
    return "client.conf"


@pytest.fixture
def pulsarctl(config: Path) -> str:
    (config.parent / "pulsarctl").write_text(PULSARCTL)
    return "pulsarctl"


def test_import_takes_a_client_conf_and_says_what_it_left_and_what_is_missing(
    offloadctl: CommandLine, config: Path, client_conf: str
) -> None:
    ran = offloadctl("context", "import", client_conf)

    assert ran.code == 0
    assert config.read_text() == (
        '[contexts.pulsar]\nadmin_urls = ["https://pulsar.prod.example.com:8443"]\n'
        '\n[contexts.pulsar.auth]\ntoken = "swordfish"\n'
    )
    shown = rows(ran.out)
    assert shown["admin_urls"] == ["https://pulsar.prod.example.com:8443"]
    assert shown["auth.token"] == ["******"]
    assert shown["brokerServiceUrl"] == ["only", "the", "admin", "REST", "service", "is", "used"]
    assert "    offloadctl context set pulsar --bucket NAME,endpoint=https://HOST" in ran.out.splitlines()
    assert "    offloadctl context set pulsar cluster=NAME" in ran.out.splitlines()
    assert ran.err.splitlines() == [
        f"Imported context pulsar from Pulsar's client.conf into {config}.",
        "hint: make it the current one: offloadctl context use pulsar",
    ]
    assert "swordfish" not in ran.out + ran.err


def test_the_commands_that_an_import_prints_work(offloadctl: CommandLine, config: Path, client_conf: str) -> None:
    lines = offloadctl("context", "import", client_conf, "--as", "my.prod").out.splitlines()

    commands = [line.strip() for line in lines if line.strip().startswith("offloadctl ")]
    assert len(commands) == 2
    environment = {**os.environ, "OFFLOADCTL_CONFIG": str(config)}
    for command in commands:
        done = run_process(*shlex.split(command)[1:], environment=environment)
        assert done.returncode == 0, done.stderr
    assert checked(offloadctl("context", "list", "-o", "json").out)["items"][0]["buckets"] == ["NAME"]


def test_import_takes_all_contexts_of_pulsarctl(offloadctl: CommandLine, config: Path, pulsarctl: str) -> None:
    ran = offloadctl("context", "import", pulsarctl)

    assert ran.code == 0
    items = checked(offloadctl("context", "list", "-o", "json").out)["items"]
    assert [(one["name"], one["adminUrls"]) for one in items] == [
        ("eu", ["https://eu:8443"]),
        ("us", ["https://us:8443"]),
    ]
    assert "bookie-service-url" in ran.out
    assert "warning: us cannot be used yet: auth.token_file (context us): there is no file /run/token" in ran.err


def test_import_takes_one_context_of_pulsarctl_under_another_name(
    offloadctl: CommandLine, config: Path, pulsarctl: str
) -> None:
    ran = offloadctl("context", "import", pulsarctl, "--pulsarctl-context", "eu", "--as", "europe", "--use")

    assert ran.code == 0
    assert config.read_text() == (
        'current = "europe"\n\n[contexts.europe]\nadmin_urls = ["https://eu:8443"]\n'
        '\n[contexts.europe.auth]\ntoken = "swordfish"\n'
    )


def test_import_does_not_overwrite_a_context_unless_told_to(
    offloadctl: CommandLine, config: Path, pulsarctl: str
) -> None:
    offloadctl("context", "import", pulsarctl, "--pulsarctl-context", "us")
    before = config.read_text()

    ran = offloadctl("context", "import", pulsarctl)

    assert ran.code == 2
    assert "there is a context us already" in ran.err
    assert config.read_text() == before


def test_an_update_keeps_what_only_we_know_and_replaces_credentials(
    offloadctl: CommandLine, config: Path, pulsarctl: str
) -> None:
    config.write_text(
        '[contexts.eu]\nadmin_urls = ["http://old:8080"]\nprotected = true\nauth.user = "me"\n\n'
        '[[contexts.eu.buckets]]\nname = "b"\n'
    )

    assert offloadctl("context", "import", pulsarctl, "--pulsarctl-context", "eu", "--update").code == 0

    assert config.read_text() == (
        '[contexts.eu]\nadmin_urls = ["https://eu:8443"]\nprotected = true\nauth.token = "swordfish"\n\n'
        '[[contexts.eu.buckets]]\nname = "b"\n'
    )


def test_a_dry_import_shows_the_difference_and_writes_nothing(
    offloadctl: CommandLine, config: Path, client_conf: str
) -> None:
    ran = offloadctl("context", "import", client_conf, "--dry-run")

    assert ran.code == 0
    assert '+token = "******"' in ran.out.splitlines()
    assert "swordfish" not in ran.out + ran.err
    assert "Dry run: nothing was written." in ran.err
    assert not config.exists()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["pulsarctl", "--as", "x"], "the file holds 2 contexts, and --as names one"),
        (["pulsarctl", "--use"], "--use is meant for one context"),
        (["pulsarctl", "--pulsarctl-context", "eux"], "unknown context 'eux'"),
        (["client.conf", "--pulsarctl-context", "eu"], "holds no contexts to choose from"),
        (["nowhere"], "nowhere cannot be read"),
        (["config.toml"], "neither a client.conf nor a file of pulsarctl's contexts"),
        (["no-address.conf"], "the file names no address"),
    ],
)
def test_import_refuses_what_it_cannot_take(
    offloadctl: CommandLine, two: Path, client_conf: str, pulsarctl: str, arguments: list[str], complaint: str
) -> None:
    (two.parent / "no-address.conf").write_text("authPlugin=token\nauthParams=token:swordfish\n")

    ran = offloadctl("context", "import", *arguments)

    assert (ran.code, ran.out) == (2, "")
    assert complaint in ran.err
    assert two.read_text() == TWO


def test_an_address_names_the_context_when_nobody_does(offloadctl: CommandLine, config: Path) -> None:
    for address, name in (("http://10.0.0.7:8080", "10.0.0.7"), ("http://localhost:8080", "localhost")):
        (config.parent / "client.conf").write_text(f"webServiceUrl={address}\n")
        assert offloadctl("context", "import", "client.conf").code == 0
        assert name in [one["name"] for one in checked(offloadctl("context", "list", "-o", "json").out)["items"]]


# -- the terminal


def test_help_fits_a_terminal_of_80_columns(
    offloadctl: CommandLine, two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    for arguments in ([], ["set", "--help"], ["import", "--help"], ["show", "--help"], ["list", "--help"]):
        ran = offloadctl("context", *arguments)
        assert max(map(len, ran.out.splitlines())) <= 80


def test_the_whole_story_in_processes_of_their_own(tmp_path: Path) -> None:
    environment = {**os.environ, "OFFLOADCTL_CONFIG": str(tmp_path / "config.toml"), "COLUMNS": "80"}

    made = run_process("context", "set", "a", "admin_urls=http://localhost:1", "--use", environment=environment)
    shown = run_process("context", "show", environment=environment)
    listed = run_process("context", "list", "-o", "json", environment=environment)
    gone = run_process("context", "delete", "a", environment=environment)

    assert [one.returncode for one in (made, shown, listed, gone)] == [0, 0, 0, 0]
    assert rows(shown.stdout)["admin_urls"] == ["http://localhost:1", "context", "a"]
    assert checked(listed.stdout)["current"] == "a"
    assert (tmp_path / "config.toml").read_text() == ""


# -- credentials belong to addresses


def test_show_says_that_credentials_would_go_to_a_strange_host(
    offloadctl: CommandLine, two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OFFLOADCTL_ADMIN_URL", "http://other:8080")

    ran = offloadctl("context", "show", "-o", "json")

    assert ran.code == 2
    (problem,) = checked(ran.out)["problems"]
    assert "http://other:8080 is none of the addresses that context prod names" in problem
    assert "hint: give credentials for it in OFFLOADCTL_* variables, too" in ran.err


def test_a_command_refuses_to_send_credentials_to_a_strange_host(offloadctl: CommandLine, two: Path) -> None:
    ran = offloadctl("offload", "status", "acme/shop/orders", "--admin-url", "http://other:8080")

    assert ran.code == 2
    assert "error: --admin-url: http://other:8080 is none of the addresses that context prod names" in ran.err
