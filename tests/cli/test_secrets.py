"""No secret ever appears: a different one is planted in every source there is, and every command runs and fails.

What is written to the terminal, to pipes and to files is searched for pieces of them, so that neither a line's end nor
another spelling hides one. With the net open the same search finds them: what these tests see is not blindness.
"""

import base64
import hashlib
import importlib.util
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from offloadctl.cli.app import COMMANDS, load_command, run
from offloadctl.redaction import switched_off
from tests.echo_broker import BUCKET, MANNERS, TOPIC, EchoBroker

_PIECE: Final = 10
"""So many characters of a secret in a row are a leak; fewer could be an accident."""


def core(source: str) -> str:
    """A text that stands nowhere else, and in which no spelling needs an escape."""
    return hashlib.sha256(source.encode()).hexdigest()[:32]


def awkward(source: str) -> str:
    """A secret that every spelling writes differently."""
    return f"{core(source)}/\"+'é <&\\%"


# -- every command there is

Arguments = Sequence[str]

GIVEN: Final = core("given on the command line")
RENDER: Final = ("-p", "aws-s3", "--set", "bucket=b", "--set", "region=us-west-2")

NEEDS_NO_BROKER: Final[Mapping[str, Sequence[Arguments]]] = {
    "context list": [[], ["-o", "json"], ["-o", "wide"], ["-o", "ndjson"]],
    "context use": [["other"], ["other", "--dry-run"], ["nobody"]],
    "context set": [
        ["other", "cluster=x"],
        ["other", "cluster=x", "--dry-run"],
        ["other", f"auth.token={GIVEN}", "--dry-run"],
        ["other", f"auth.tokn={GIVEN}"],
        ["other", GIVEN],
        ["other", f"auth.token={GIVEN}", "auth.user=me"],
        ["other", f"proxy=http://me:{GIVEN}@proxy", "--dry-run"],
        ["other", f"admin_urls=http://me:{GIVEN}@host"],
        ["other", "--bucket", f"b,endpoint=http://me:{GIVEN}@host"],
        ["basic", "auth.token_env=X", "--dry-run"],
    ],
    "context show": [[], ["other"], ["other", "-o", "json"], ["basic", "-o", "yaml"], ["oauth2", "-o", "wide"]],
    "context import": [
        ["pulsarctl", "--dry-run"],
        ["pulsarctl"],
        ["pulsarctl"],
        ["client.conf", "--as", "imported", "--dry-run"],
        ["client.conf", "--as", "imported"],
        ["client.conf", "--as", "imported", "--update"],
        ["broken-pulsarctl"],
        ["broken.conf"],
    ],
    "context delete": [["other", "--dry-run"], ["other"], ["nobody"]],
    "check acknowledge": [["0123456789ab", "--reason", "x", "--until", "1d"], ["0123456789ab", "--until", GIVEN]],
    "check acknowledgements": [[], ["-o", "json"]],
    "check diff": [["no-report.json", "-"]],
    "check unacknowledge": [["0123456789ab"]],
    "broker-conf render": [
        RENDER,
        [*RENDER, "--set", f"s3ManagedLedgerOffloadCredentialSecret={GIVEN}"],
        [*RENDER, "--set", f"s3ManagedLedgerOffloadCredentialSecret={GIVEN}", "--into", "broker.conf", "--dry-run"],
        [*RENDER, "--set", GIVEN],
    ],
    "broker-conf lint": [["broker.conf"], ["broker.conf", "-o", "json"], ["broker.conf", "--fix", "--dry-run"]],
    "broker-conf diff": [["broker.conf", "other-broker.conf"], ["broker.conf", "other-broker.conf", "-o", "json"]],
    "broker-conf profiles": [[]],
    "broker-conf settings": [[]],
    "demo": [["--fault", "list"], ["--fault", "nonsense"]],
    "offload history": [[], ["--unfinished", "-o", "json"], ["--run", "2"], ["--topic", TOPIC, "-o", "ndjson"]],
    "schedule list": [["-f", "schedules.yaml"], ["-f", "schedules.yaml", "-o", "json"], ["-f", "policies.yaml"]],
    "schedule validate": [["-f", "schedules.yaml"], ["-f", "broken-policies.yaml"]],
    "schedule simulate": [
        ["-f", "schedules.yaml", "--from-file", "numbers.ndjson"],
        ["-f", "schedules.yaml", "--from-file", "policies.yaml"],
        ["-f", "schedules.yaml", "--from-prometheus", f"http://me:{GIVEN}@prometheus.nowhere.invalid"],
    ],
    "schedule pause": [
        ["--all", "--reason", "x"],
        ["nightly", "-f", "schedules.yaml", "--until", "2h", "-o", "json"],
        ["nightly", "-f", "schedules.yaml", "--until", GIVEN],
    ],
    "schedule resume": [["--all"], ["nightly", "-f", "schedules.yaml", "-o", "json"]],
    "schedule history": [[], ["-o", "ndjson"]],
    "schedule explain": [["nightly"]],
    # It serves until a signal comes.
    "demo serve": [["--help"]],
    "explain": [[], ["auth.token"], ["nonsense"]],
    "schema": [[], ["Context"], ["nonsense"]],
}
NEEDS_A_BROKER: Final[Mapping[str, Sequence[Arguments]]] = {
    "offload topic": [[TOPIC, "-s", "0"], [TOPIC, "-s", "0", "--dry-run"]],
    "offload namespace": [["public/rec", "-s", "1"], ["public/rec", "-s", "1", "--dry-run", "-o", "json"]],
    "offload all": [["-s", "1"], ["-s", "1", "--tenant", "public", "--dry-run"]],
    "offload apply": [["nowhere.json"], ["policies.yaml"]],
    "offload status": [[TOPIC], [TOPIC, "--load-topics"]],
    "offload-status": [[TOPIC]],
    "check": [[TOPIC], [TOPIC, "--load-topics", "-l", "index"]],
    "broker-conf diff": [["broker.conf", "live"], ["live", "minio", "--topic", TOPIC, "-o", "json"]],
    "offload-policies get": [[TOPIC], [TOPIC, "-o", "json"]],
    "offload-policies effective": [[TOPIC]],
    "offload-policies set": [
        [TOPIC, "deletion-lag=-1", f"credential-secret={GIVEN}"],
        [TOPIC, f"credential-id={GIVEN}", "--dry-run", "-o", "json"],
        [TOPIC, GIVEN],
    ],
    "offload-policies unset": [[TOPIC]],
    "offload-policies apply": [["-f", "policies.yaml"], ["-f", "broken-policies.yaml"]],
    "offload-policies diff": [["-f", "policies.yaml"]],
    "offload-policies export": [[TOPIC]],
    "retention effective": [[TOPIC], [TOPIC, "-o", "json"]],
    "retention get": [[TOPIC]],
    "retention set": [[TOPIC, "--time", "7d", "--size", "-1"], [TOPIC, "--time", GIVEN]],
    "retention unset": [[TOPIC], [TOPIC, "--dry-run"]],
    # What it can read it serves until a signal comes.
    "serve": [
        ["-f", "broken-policies.yaml"],
        ["-f", "schedules.yaml", "--read-only"],
        ["-f", GIVEN, "--listen", f"me:{GIVEN}@localhost:1"],
        ["-f", GIVEN, "--listen-token-file", "token"],
    ],
    "schedule learn": [
        ["-f", "schedules.yaml", "--from-prometheus", f"http://me:{GIVEN}@prometheus.nowhere.invalid"],
        ["-f", "schedules.yaml", "--dry-run", "--since", GIVEN],
    ],
    "schedule run": [
        ["nightly", "-f", "schedules.yaml"],
        ["nightly", "-f", "schedules.yaml", "--dry-run", "-o", "json"],
        ["nightly", "-f", "schedules.yaml", "--now"],
    ],
    "doctor cluster": [[], ["-n", "public/rec", "-o", "json"]],
    "doctor topic": [[TOPIC], [TOPIC, "--load-topics"]],
    "doctor s3": [[], ["--write-probe"]],
    "doctor iam": [[]],
    "object show": [[TOPIC, "31"], [f"s3://{BUCKET}/key"]],
    "object index": [[TOPIC, "31"]],
    "object blocks": [[TOPIC, "31"]],
    "object entries": [[TOPIC, "31"]],
    "object verify": [[TOPIC, "31"]],
    "object where": [[TOPIC, "31:5"]],
}


def built(names: Mapping[str, Sequence[Arguments]]) -> list[tuple[str, Arguments]]:
    """Command lines of the commands whose module is there."""
    there = {name for name, lazy in COMMANDS.items() if importlib.util.find_spec(lazy.module) is not None}
    return [(name, one) for name, lines in names.items() if name.split()[0] in there for one in lines]


def leaves(command: Any, path: str) -> Iterator[str]:
    below = getattr(command, "commands", None)
    if below is None or command.invoke_without_command:
        yield path
    for name, one in (below or {}).items():
        yield from leaves(one, f"{path} {name}")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_its_place_in_these_tests(name: str) -> None:
    if importlib.util.find_spec(COMMANDS[name].module) is None:
        pytest.skip(f"{COMMANDS[name].module} is not there yet")

    found = set(leaves(load_command(name), name))

    missing = found - NEEDS_NO_BROKER.keys() - NEEDS_A_BROKER.keys()
    assert not missing, "give these command lines above, so that they are searched for secrets, too"


# -- every source there is


@dataclass
class Planted:
    """The settings of one run: an environment, flags, and the secrets that are sent somewhere with them."""

    directory: Path
    broker: EchoBroker
    environment: dict[str, str] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)
    context: list[str] = field(default_factory=list)
    uses_s3: bool = False
    bucket: str = ""
    sent: list[str] = field(default_factory=list)
    secrets: set[str] = field(default_factory=set)

    @property
    def buckets(self) -> list[str]:
        """The flags for the bucket, where its secrets are looked for: a client for S3 takes its time."""
        return ["--bucket", f"{BUCKET},endpoint={self.broker.url}{self.bucket}"] if self.uses_s3 else []

    def secret(self, source: str, *, is_sent: bool = False, is_word: bool = True) -> str:
        """A new secret of that source."""
        text = core(source) if is_word else awkward(source)
        self.secrets.add(core(source))
        if is_sent:
            self.sent.append(core(source))
        return text

    def also(self, encoded: str) -> None:
        """Another spelling that would give a secret away."""
        self.secrets.add(encoded.rstrip("="))

    def file(self, name: str, text: str) -> Path:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path


AUTH_SOURCES: dict[str, Callable[[Planted], None]] = {}


def source(plant: Callable[[Planted], None]) -> Callable[[Planted], None]:
    AUTH_SOURCES[plant.__name__.replace("_", " ")] = plant
    return plant


@source
def token_text(planted: Planted) -> None:
    planted.context.append(f"auth.token = '{planted.secret('token text', is_sent=True)}'")


@source
def token_file(planted: Planted) -> None:
    path = planted.file("token", planted.secret("token file", is_sent=True) + "\n")
    planted.context.append(f"auth.token_file = '{path}'")


@source
def token_file_by_flag(planted: Planted) -> None:
    path = planted.file("token", planted.secret("token file by flag", is_sent=True))
    planted.flags += ["--token-file", str(path)]


@source
def token_variable(planted: Planted) -> None:
    planted.environment["PULSAR_JWT"] = planted.secret("token variable", is_sent=True)
    planted.context.append("auth.token_env = 'PULSAR_JWT'")


@source
def our_token_variable(planted: Planted) -> None:
    planted.environment["OFFLOADCTL_TOKEN"] = planted.secret("our token variable", is_sent=True)


def _basic(planted: Planted, name: str) -> str:
    password = planted.secret(name, is_sent=True, is_word=False)
    planted.context.append("auth.user = 'me'")
    planted.also(base64.b64encode(f"me:{password}".encode()).decode())
    return password


@source
def password_text(planted: Planted) -> None:
    planted.context.append(f"auth.password = {json.dumps(_basic(planted, 'password text'))}")


@source
def password_file(planted: Planted) -> None:
    path = planted.file("password", _basic(planted, "password file") + "\n")
    planted.context.append(f"auth.password_file = '{path}'")


@source
def password_variable(planted: Planted) -> None:
    planted.environment["PULSAR_LOGIN"] = _basic(planted, "password variable")
    planted.context.append("auth.password_env = 'PULSAR_LOGIN'")


@source
def our_password_variable(planted: Planted) -> None:
    planted.environment["OFFLOADCTL_AUTH_PASSWORD"] = _basic(planted, "our password variable")


def _oauth2(planted: Planted, name: str, *, granted: bool) -> str:
    planted.context += [f"auth.issuer_url = '{planted.broker.url}'", "auth.client_id = 'me'"]
    planted.broker.grants = planted.secret(f"granted to {name}", is_sent=True) if granted else None
    return planted.secret(name, is_sent=not granted, is_word=False)


@source
def client_secret_text(planted: Planted) -> None:
    secret = _oauth2(planted, "client secret text", granted=False)
    planted.context.append(f"auth.client_secret = {json.dumps(secret)}")


@source
def client_secret_file(planted: Planted) -> None:
    path = planted.file("client-secret", _oauth2(planted, "client secret file", granted=False))
    planted.context.append(f"auth.client_secret_file = '{path}'")


@source
def client_secret_variable(planted: Planted) -> None:
    planted.environment["PULSAR_CLIENT"] = _oauth2(planted, "client secret variable", granted=False)
    planted.context.append("auth.client_secret_env = 'PULSAR_CLIENT'")


@source
def key_file(planted: Planted) -> None:
    key = {"client_id": "me", "client_secret": _oauth2(planted, "key file", granted=False)}
    planted.context.append(f"auth.key_file = '{planted.file('key.json', json.dumps(key))}'")


@source
def granted_token(planted: Planted) -> None:
    secret = _oauth2(planted, "client secret of a grant", granted=True)
    planted.context.append(f"auth.client_secret = {json.dumps(secret)}")


def _client_conf(planted: Planted, plugin: str, params: str) -> None:
    text = f"webServiceUrl={planted.broker.url}\nauthPlugin={plugin}\nauthParams={params}\n"
    planted.flags += ["--client-conf", str(planted.file("of-pulsar.conf", text))]


@source
def client_conf_token(planted: Planted) -> None:
    _client_conf(planted, "token", f"token:{planted.secret('client.conf token', is_sent=True)}")


@source
def client_conf_bare_token(planted: Planted) -> None:
    _client_conf(planted, "token", planted.secret("client.conf bare token", is_sent=True))


@source
def client_conf_json_token(planted: Planted) -> None:
    _client_conf(planted, "token", json.dumps({"token": planted.secret("client.conf JSON token", is_sent=True)}))


@source
def client_conf_token_file(planted: Planted) -> None:
    path = planted.file("token", planted.secret("client.conf token file", is_sent=True))
    _client_conf(planted, "token", path.as_uri())


@source
def client_conf_password(planted: Planted) -> None:
    password = planted.secret("client.conf password", is_sent=True)
    planted.also(base64.b64encode(f"me:{password}".encode()).decode())
    _client_conf(planted, "basic", json.dumps({"userId": "me", "password": password}))


def _client_conf_oauth2(planted: Planted, location: str) -> None:
    planted.broker.grants = None
    _client_conf(planted, "oauth2", json.dumps({"issuerUrl": planted.broker.url, "privateKey": location}))


@source
def client_conf_key_file(planted: Planted) -> None:
    key = {"client_id": "me", "client_secret": planted.secret("client.conf key file", is_sent=True)}
    _client_conf_oauth2(planted, planted.file("key.json", json.dumps(key)).as_uri())


@source
def client_conf_key_in_address(planted: Planted) -> None:
    key = {"client_id": "me", "client_secret": planted.secret("client.conf key in address", is_sent=True)}
    encoded = base64.b64encode(json.dumps(key).encode()).decode()
    planted.also(encoded)
    _client_conf_oauth2(planted, f"data:application/json;base64,{encoded}")


def _proxied(planted: Planted, name: str) -> str:
    password = planted.secret(name, is_sent=True)
    planted.also(base64.b64encode(f"me:{password}".encode()).decode())
    planted.flags += ["--admin-url", "http://broker.nowhere.invalid:8080"]
    return planted.broker.url.replace("http://", f"http://me:{password}@")


@source
def proxy_of_the_context(planted: Planted) -> None:
    planted.context.append(f"proxy = '{_proxied(planted, 'proxy of the context')}'")


@source
def proxy_by_variable(planted: Planted) -> None:
    planted.environment["HTTP_PROXY"] = _proxied(planted, "proxy by variable")
    planted.environment["NO_PROXY"] = "127.0.0.1"


@source
def s3_keys_by_variable(planted: Planted) -> None:
    planted.uses_s3 = True
    planted.environment["AWS_ACCESS_KEY_ID"] = "AKIAECHO"
    planted.environment["AWS_SECRET_ACCESS_KEY"] = planted.secret("AWS_SECRET_ACCESS_KEY")
    planted.environment["AWS_SESSION_TOKEN"] = planted.secret("AWS_SESSION_TOKEN", is_sent=True)


@source
def s3_keys_of_a_profile(planted: Planted) -> None:
    planted.sent.append(core("session token of profile archive"))
    planted.uses_s3, planted.bucket = True, ",profile=archive"


SCHEDULES: Final = f"""
apiVersion: offloadctl/v1
kind: Schedule
name: nightly
scope: {{topics: ["{TOPIC}"], labels: {{tier: cold}}}}
when: {{any: [localBytes: {{above: 1}}, backlogBytes: {{above: 1}}, brokerCpu: {{above: 0}}, bookieDisk: {{above: 0}}]}}
action: {{offload: {{sizeThreshold: 0}}}}
"""


def plant_everywhere(planted: Planted) -> None:
    """The secrets that are there in each run, whoever is used."""
    home = Path(planted.environment["HOME"])
    profiles = [
        f"[{name}]\naws_access_key_id = AKIAECHO\naws_secret_access_key = {planted.secret(f'key of {name}')}\n"
        f"aws_session_token = {planted.secret(f'session token of profile {name}')}\n"
        for name in ("default", "archive")
    ]
    planted.file(str(home / ".aws" / "credentials"), "\n".join(profiles))
    planted.environment["HTTPS_PROXY"] = f"http://me:{planted.secret('unused proxy')}@proxy:3128"
    planted.environment["MY_API_TOKEN"] = planted.secret("a variable of another program")
    planted.secrets.add(GIVEN)
    conf = f"webServiceUrl=http://conf:8080\nauthPlugin=token\nauthParams=token:{planted.secret('conf to import')}\n"
    planted.file("client.conf", conf + f"tlsKeyStorePassword={planted.secret('key store')}\n")
    planted.file("broken.conf", f"authPlugin=com.example.Other\nauthParams={planted.secret('broken conf')}\n")
    contexts = "contexts: {eu: {admin-service-url: 'http://eu:8080'}}\nauth-info:\n"
    planted.file("pulsarctl", f"{contexts}  eu: {{token: {planted.secret('pulsarctl')}}}\n")
    planted.file("broken-pulsarctl", f"{contexts}  eu: {{token: {planted.secret('broken pulsarctl')}: x}}\n")
    keys = "s3ManagedLedgerOffloadCredentialId=AKIABROKER\ns3ManagedLedgerOffloadCredentialSecret="
    planted.file("broker.conf", keys + planted.secret("broker.conf") + "\n")
    planted.file("other-broker.conf", keys + planted.secret("other broker.conf") + "\n")
    policies = "apiVersion: offloadctl/v1\nkind: OffloadPolicies\npolicies:\n- namespace: public/rec\n  fields:\n"
    policies += f"    credential-secret: {planted.secret('policy file')}\n"
    planted.file("policies.yaml", policies)
    planted.file("schedules.yaml", SCHEDULES)
    planted.file(
        "numbers.ndjson", '{"at": "2026-01-01T00:00:00Z", "measure": "bookie-disk", "subject": "b", "value": 1}'
    )
    planted.file("broken-policies.yaml", f"{policies}    - credential-id: {planted.secret('broken policy file')}\n")


def write_contexts(planted: Planted) -> None:
    lines = ["current = 'used'", "[contexts.used]", f"admin_urls = ['{planted.broker.url}']"]
    lines += planted.context
    lines += ["[contexts.other]", f"# auth.token = '{planted.secret('a commented-out token')}'"]
    lines += [f"auth.token = '{planted.secret('token of another context')}'"]
    lines += [f"proxy = 'http://me:{planted.secret('proxy of another context')}@proxy:3128'"]
    lines += ["[contexts.basic.auth]", "user = 'me'", f"password = '{planted.secret('password of another context')}'"]
    lines += ["[contexts.oauth2.auth]", f"issuer_url = '{planted.broker.url}'", "client_id = 'me'"]
    lines += [f"client_secret = '{planted.secret('client secret of another context')}'"]
    planted.file("config.toml", "\n".join(lines) + "\n").chmod(0o600)


# -- running and searching


class Terminal(io.StringIO):
    """A narrow terminal."""

    def isatty(self) -> bool:
        return True


@dataclass
class Search:
    """Runs command lines and remembers which of the secrets were seen where."""

    planted: Planted
    found: list[str] = field(default_factory=list)
    runs: int = 0

    def run(self, *arguments: str, terminal: bool = False) -> str:
        """What the command wrote; secrets in it, or in a file that it wrote, are found."""
        before = self._files()
        out, err = (Terminal(), Terminal()) if terminal else (io.StringIO(), io.StringIO())
        with redirect_stdout(out), redirect_stderr(err):
            run(list(arguments))
        self.runs += 1
        text = out.getvalue() + err.getvalue()
        self._look(" ".join(arguments[:2]), text)
        for path, content in self._files().items():
            if path.name != "config.toml" and before.get(path) != content:
                self._look(f"{path} of {' '.join(arguments[:2])}", content)
        return text

    def _look(self, where: str, text: str) -> None:
        # A terminal's lines end within words, and its colours begin there.
        for form in (text, re.sub(r"\x1b\[[0-9;]*m|\s", "", text)):
            for secret in self.planted.secrets:
                pieces = (secret[at : at + _PIECE] for at in range(len(secret) - _PIECE + 1))
                self.found += [f"{where}: {piece}… of {secret}" for piece in pieces if piece in form]

    def _files(self) -> Mapping[Path, str]:
        files = (path for path in self.planted.directory.rglob("*") if path.is_file())
        return {path: path.read_text(errors="replace") for path in files}


@pytest.fixture(scope="module")
def broker() -> Iterator[EchoBroker]:
    with EchoBroker().running() as running:
        yield running


@pytest.fixture
def planted(broker: EchoBroker, tmp_path: Path) -> Planted:
    found = Planted(tmp_path, broker)
    found.environment |= {
        "HOME": str(tmp_path / "home"),
        "OFFLOADCTL_CONFIG": str(tmp_path / "config.toml"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "COLUMNS": "40",
    }
    plant_everywhere(found)
    return found


def settle(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> Search:
    """Everything planted is in force from now on."""
    write_contexts(planted)
    monkeypatch.chdir(planted.directory)
    for name, value in planted.environment.items():
        monkeypatch.setenv(name, value)
    return Search(planted)


@pytest.mark.parametrize("name", [name for name in AUTH_SOURCES if not name.startswith("s3")])
def test_no_secret_comes_back_from_a_broker_that_repeats_what_it_is_sent(
    name: str, planted: Planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    AUTH_SOURCES[name](planted)
    search = settle(planted, monkeypatch)
    wishes = [one for one in built(NEEDS_A_BROKER) if one[0] in ("offload status", "offload topic")]
    forms: Sequence[Arguments] = (["-o", "json"], ["--debug"], ["-o", "yaml"])

    for number, manner in enumerate((*MANNERS.values(), None)):
        planted.broker.manner = manner
        command, arguments = wishes[number % len(wishes)]
        form = forms[number % len(forms)]
        search.run(*command.split(), *arguments, *planted.flags, *form, terminal="-o" not in form)
    search.run("context", "show", *planted.flags, "-o", "json")

    assert search.found == []
    assert search.runs > len(MANNERS)


@pytest.mark.parametrize("manner", ["reason", "plain", None])
@pytest.mark.parametrize("name", ["token text", "granted token"])
def test_no_command_lets_a_secret_come_back(
    name: str, manner: str | None, planted: Planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    AUTH_SOURCES[name](planted)
    search = settle(planted, monkeypatch)
    planted.broker.manner = MANNERS[manner] if manner is not None else None

    for command, arguments in built(NEEDS_A_BROKER):
        search.run(*command.split(), *arguments, *planted.flags)

    assert search.found == []


@pytest.mark.parametrize("name", [name for name in AUTH_SOURCES if name.startswith("s3")])
def test_no_secret_comes_back_from_a_bucket_that_repeats_what_it_is_sent(
    name: str, planted: Planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    AUTH_SOURCES[name](planted)
    search = settle(planted, monkeypatch)
    planted.broker.manner = None

    for command, arguments in built(NEEDS_A_BROKER):
        search.run(*command.split(), *arguments, *planted.flags, *planted.buckets)

    assert search.found == []


@pytest.mark.parametrize("name", AUTH_SOURCES)
def test_with_the_net_open_the_same_search_finds_the_secret(
    name: str, planted: Planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    AUTH_SOURCES[name](planted)
    search = settle(planted, monkeypatch)
    planted.broker.manner = None if planted.uses_s3 else MANNERS["reason"]
    command = ["check", TOPIC, "--load-topics"] if planted.uses_s3 else ["offload", "status", TOPIC]

    with switched_off():
        search.run(*command, *planted.flags, *planted.buckets)

    for secret in planted.sent:
        assert any(found.endswith(secret) for found in search.found), "it was not even sent: the test is blind"


def test_no_secret_is_written_by_a_command_that_asks_no_broker(
    planted: Planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = settle(planted, monkeypatch)

    for command, arguments in built(NEEDS_NO_BROKER):
        search.run(*command.split(), *arguments)
        search.run(*command.split(), *arguments, terminal=True)

    assert search.found == []


@pytest.mark.parametrize(
    ("arguments", "variables", "line"),
    [
        (["--admin-url", "http://me:{}@host:8080"], {}, ""),
        (["--s3-endpoint", "http://me:{}@host:9000", "--bucket", "b"], {}, ""),
        (["--bucket", "b,endpoint=http://me:{}@host:9000"], {}, ""),
        ([], {"OFFLOADCTL_ADMIN_URL": "http://me:{}@host:8080"}, ""),
        ([], {"OFFLOADCTL_PROXY": "http://me:{}@host:99999"}, ""),
        ([], {"OFFLOADCTL_BUCKET": "b,endpoint=http://me:{}@host:9000"}, ""),
        ([], {"OFFLOADCTL_S3_ENDPOINT": "http://me:{}@host:9000"}, ""),
        ([], {"OFFLOADCTL_AUTH_ISSUER_URL": "http://me:{}@host"}, ""),
        ([], {"OFFLOADCTL_TOKN": "{}"}, ""),
        ([], {"OFFLOADCTL_TOKEN": "{} and more"}, ""),
        ([], {"AWS_ENDPOINT_URL_S3": "http://me:{}@127.0.0.1:1", "OFFLOADCTL_BUCKET": "b"}, ""),
        ([], {}, "admin_urls = ['http://me:{}@host:8080']"),
        ([], {}, "proxy = 'ftp://me:{}@host'"),
        ([], {}, "proxy = 'http://me:{}@proxy.nowhere.invalid:3128'"),
        ([], {}, "auth.token = ['{}']"),
        ([], {}, "auth.token = '{}' x"),
        ([], {}, "auth.token = {}"),
        ([], {}, "auth.tokn = '{}'"),
        ([], {}, "auth.token_file = '{}.d/token'\nauth.token = '{}'"),
        ([], {}, "auth.password = '{}'"),
        ([], {}, "read_only = '{}'"),
        ([], {}, "connect_timeout = '{}'"),
        (["--token-file", "token-of-two-words"], {}, ""),
        (["--token-file", "token-that-is-no-text"], {}, ""),
        (["--client-conf", "broken.conf"], {}, ""),
        (["--client-conf", "broken-json.conf"], {}, ""),
        (["--client-conf", "misspelt.conf"], {}, ""),
        ([], {"OFFLOADCTL_AUTH_KEY_FILE": "broken-key", "OFFLOADCTL_AUTH_ISSUER_URL": "http://issuer"}, ""),
    ],
)  # fmt: skip
def test_no_secret_is_shown_by_settings_that_cannot_be_used(
    arguments: list[str],
    variables: dict[str, str],
    line: str,
    planted: Planted,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    secret = planted.secret("settings that cannot be used")
    planted.environment |= {name: value.replace("{}", secret) for name, value in variables.items()}
    planted.context.append(line.replace("{}", secret))
    planted.file("token-of-two-words", f"{secret} {secret}")
    (planted.directory / "token-that-is-no-text").write_bytes(secret.encode() + b"\xff\x00")
    planted.file("broken-json.conf", f'authPlugin=token\nauthParams={{"token": {secret}\n')
    planted.file("misspelt.conf", f"authPlugin=token\nauthParms=token:{secret}\n")
    planted.file("broken-key", f'{{"client_id": "me", "client_secret": {secret}}}')
    search = settle(planted, monkeypatch)
    planted.broker.manner = MANNERS["reason"]

    arguments = [one.replace("{}", secret) for one in arguments]
    for form in ([], ["-o", "json"]):
        search.run("context", "show", *arguments, *form)
    search.run("offload", "status", TOPIC, *arguments, "-o", "json", "--debug")
    search.run("context", "list")
    search.run("context", "set", "used", "cluster=x", "--dry-run")

    assert search.found == []
