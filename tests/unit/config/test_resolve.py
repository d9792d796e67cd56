"""All sources laid over each other: who wins for each key, for buckets, for credentials; where a value came from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offloadctl.config import toml_text
from offloadctl.config.defaults import DEFAULTS
from offloadctl.config.given import OriginKind
from offloadctl.config.keys import KEYS, Key, Kind, find_key
from offloadctl.config.layers import ConnectionFlags
from offloadctl.config.resolve import gather, merged, problems_of, require_files, resolve
from offloadctl.errors import SettingsError
from offloadctl.model.names import TopicName
from offloadctl.model.settings import BasicAuth, BrokerSettings, BucketSettings, Context, OAuth2Auth, TokenAuth
from offloadctl.redaction import Secret

FLAG, VARIABLE, CONTEXT, CLIENT_CONF = (
    OriginKind.FLAG,
    OriginKind.VARIABLE,
    OriginKind.CONTEXT,
    OriginKind.CLIENT_CONF,
)
STRONGEST_FIRST = (FLAG, VARIABLE, CONTEXT, CLIENT_CONF)


@dataclass
class Said:
    """What each source says, as a person would write it there."""

    flags: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    context: list[str] = field(default_factory=list)
    client_conf: dict[str, str] = field(default_factory=dict)


FLAGS: Mapping[str, Any] = {
    "admin_urls": ("admin_urls", ("http://flag:1",)),
    "auth.token_file": ("token_file", Path("/flag")),
    "cluster": ("cluster", "flag"),
    "tls.ca_file": ("tls_ca_file", Path("/flag")),
    "tls.certificate_file": ("tls_cert_file", Path("/flag")),
    "tls.key_file": ("tls_key_file", Path("/flag")),
    "tls.verify": ("tls_insecure", True),
    "read_only": ("read_only", True),
}
CLIENT_CONF_LINES: Mapping[str, Mapping[str, str]] = {
    "admin_urls": {"webServiceUrl": "http://conf:1"},
    "auth.token_file": {"authPlugin": "token", "authParams": "file:///conf"},
    "tls.ca_file": {"tlsTrustCertsFilePath": "/conf"},
    "tls.certificate_file": {"tlsCertificateFilePath": "/conf"},
    "tls.key_file": {"tlsKeyFilePath": "/conf"},
    "tls.verify": {"tlsAllowInsecureConnection": "true"},
    "tls.verify_hostname": {"tlsEnableHostnameVerification": "false"},
}


def text_of(key: Key, source: str) -> str:
    """A value that tells which source said it."""
    number = "2" if source == "variable" else "3"
    if key.path == "lease_topic":
        return f"acme/ops/__offloadctl_{source}"
    return {
        Kind.SWITCH: "true" if source == "variable" else "false",
        Kind.NUMBER: number,
        Kind.URL: f"http://{source}:1",
        Kind.SERVICE_URL: f"pulsar://{source}:1",
        Kind.URLS: f"http://{source}:1",
        Kind.FILE: f"/{source}",
    }.get(key.kind, source)


def plain_of(key: Key, source: str) -> toml_text.Plain:
    text = text_of(key, source)
    match key.kind:
        case Kind.SWITCH:
            return text == "true"
        case Kind.NUMBER:
            return float(text)
        case Kind.LIST | Kind.URLS:
            return [text]
        case _:
            return text


def say(key: Key, sources: Iterable[OriginKind], into: Said) -> None:
    for source in sources:
        match source:
            case OriginKind.FLAG:
                name, value = FLAGS[key.path]
                into.flags[name] = value
            case OriginKind.VARIABLE:
                into.environment[key.variable] = text_of(key, "variable")
            case OriginKind.CONTEXT:
                into.context.append(f"{key.path} = {toml_text.rendered(plain_of(key, 'context'))}")
            case OriginKind.CLIENT_CONF:
                into.client_conf |= CLIENT_CONF_LINES[key.path]
            case other:
                raise AssertionError(other)


def sources_of(key: Key) -> tuple[OriginKind, ...]:
    """The sources that can say anything of this key."""
    can = {FLAG: key.path in FLAGS, CLIENT_CONF: key.path in CLIENT_CONF_LINES}
    return tuple(source for source in STRONGEST_FIRST if can.get(source, True))


def write(said: Said, directory: Path) -> tuple[ConnectionFlags, dict[str, str]]:
    config, client_conf = directory / "config.toml", directory / "client.conf"
    config.write_text("\n".join(["[contexts.prod]", *said.context]) + "\n")
    client_conf.write_text("".join(f"{key}={value}\n" for key, value in said.client_conf.items()))
    flags = ConnectionFlags(**said.flags, context="prod", client_conf=client_conf)
    return flags, {"OFFLOADCTL_CONFIG": str(config), **said.environment}


CASES = [
    pytest.param(key, sources, id=f"{key.path}-{'+'.join(sources) or 'nobody'}")
    for key in KEYS
    for size in range(len(sources_of(key)) + 1)
    for sources in combinations(sources_of(key), size)
]


@pytest.mark.parametrize(("key", "sources"), CASES)
def test_flags_beat_variables_beat_the_context_beat_client_conf_beat_defaults(
    key: Key, sources: tuple[OriginKind, ...], tmp_path: Path
) -> None:
    said = Said()
    say(key, sources, said)

    found = merged(gather(*write(said, tmp_path)).layers).get(key.path)

    alone = Said()
    say(key, sources[:1], alone)
    expected = merged(gather(*write(alone, tmp_path)).layers).get(key.path)
    assert found == expected
    if sources:
        assert found is not None
        assert found.origin.kind is sources[0]
    else:
        assert found == DEFAULTS.get(key.path)


PLAIN_KEYS = [key for key in KEYS if not key.path.startswith("auth.")]


@given(data=st.data())
def test_each_key_is_decided_for_itself(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    said, strongest = Said(), {}
    for key in PLAIN_KEYS:
        possible = sources_of(key)
        sources = [source for source in possible if data.draw(st.booleans(), label=f"{key.path} by {source}")]
        say(key, sources, said)
        strongest[key.path] = sources[0] if sources else OriginKind.DEFAULT

    in_force = merged(gather(*write(said, tmp_path_factory.mktemp("config"))).layers)

    for key in PLAIN_KEYS:
        found = in_force.get(key.path)
        kind = found.origin.kind if found is not None else OriginKind.DEFAULT
        assert kind is strongest[key.path], key.path


def test_nothing_said_is_the_model_s_defaults() -> None:
    resolved = resolve(ConnectionFlags(), {})

    assert resolved.context == Context("default", BrokerSettings(), state=Path.home() / ".local/state/offloadctl")
    assert not resolved.explicit_context


def test_state_is_kept_where_the_person_keeps_all_state() -> None:
    def state(environment: Mapping[str, str], flag: Path | None = None) -> Path | None:
        return resolve(ConnectionFlags(state=flag), environment).context.state

    home = Path.home() / ".local/state/offloadctl"
    assert state({"XDG_STATE_HOME": "/var/state"}) == Path("/var/state/offloadctl")
    assert state({"XDG_STATE_HOME": "relative"}) == home
    assert state({"XDG_STATE_HOME": "/var/state", "OFFLOADCTL_STATE": "/srv/state"}) == Path("/srv/state")
    assert state({"OFFLOADCTL_STATE": "/srv/state"}, Path("/flag")) == Path("/flag")


def test_everything_said_reaches_the_model(tmp_path: Path) -> None:
    said = Said()
    for key in PLAIN_KEYS:
        say(key, [VARIABLE], said)
    flags, environment = write(said, tmp_path)

    context = resolve(flags, environment | {"OFFLOADCTL_TOKEN": "a-token"}).context

    broker = context.broker
    assert (context.name, context.cluster, context.protected) == ("prod", "variable", True)
    assert (broker.admin_urls, broker.proxy) == (("http://variable:1",), "http://variable:1")
    assert broker.broker_url == "pulsar://variable:1"
    assert broker.trusted_broker_hosts == ("variable",)
    assert (broker.read_only, broker.tls.verify, broker.tls.verify_hostname) == (True, True, True)
    assert (broker.connect_timeout, broker.read_timeout) == (2.0, 2.0)
    assert (broker.rates.light, broker.rates.loading) == (2.0, 2.0)
    assert (broker.tls.ca_file, broker.tls.certificate_file) == (Path("/variable"), Path("/variable"))
    assert broker.auth == TokenAuth(text=Secret("a-token"))
    assert context.lease_topic == TopicName("acme", "ops", "__offloadctl_variable")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("acme/ops/lease", "might be anybody's topic"),
        ("non-persistent://acme/ops/__offloadctl_lease", "non-persistent"),
        ("acme/ops/__offloadctl_lease-partition-3", "is a partition"),
    ],
)
def test_a_lease_topic_that_is_no_topic_of_ours_is_refused(text: str, why: str, tmp_path: Path) -> None:
    flags, environment = write(Said(environment={"OFFLOADCTL_LEASE_TOPIC": text}), tmp_path)

    with pytest.raises(SettingsError, match=why) as caught:
        resolve(flags, environment)

    assert "OFFLOADCTL_LEASE_TOPIC" in caught.value.message


# -- which context


def config(tmp_path: Path, text: str) -> dict[str, str]:
    path = tmp_path / "config.toml"
    path.write_text(text)
    path.chmod(0o600)
    return {"OFFLOADCTL_CONFIG": str(path)}


TWO = "current = 'a'\n[contexts.a]\ncluster = 'of-a'\n[contexts.b]\ncluster = 'of-b'\n"


@pytest.mark.parametrize(
    ("flag", "variable", "name", "explicit"),
    [
        (None, None, "a", False),
        (None, "b", "b", False),
        ("b", None, "b", True),
        ("a", "b", "a", True),
        ("a", None, "a", True),
    ],
)
def test_the_context_is_named_by_flag_variable_or_file(
    flag: str | None, variable: str | None, name: str, *, explicit: bool, tmp_path: Path
) -> None:
    environment = config(tmp_path, TWO) | ({"OFFLOADCTL_CONTEXT": variable} if variable else {})

    resolved = resolve(ConnectionFlags(context=flag), environment)

    assert (resolved.context.name, resolved.context.cluster) == (name, f"of-{name}")
    assert resolved.explicit_context == explicit


@pytest.mark.parametrize(
    ("flags", "variables", "named_by"),
    [
        (ConnectionFlags(context="c"), {}, "option --context"),
        (ConnectionFlags(), {"OFFLOADCTL_CONTEXT": "c"}, "OFFLOADCTL_CONTEXT"),
    ],
)
def test_a_context_that_is_not_there_is_told_with_who_named_it(
    flags: ConnectionFlags, variables: dict[str, str], named_by: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match=f"{named_by}, in .*: unknown context 'c'"):
        resolve(flags, config(tmp_path, TWO) | variables)


def test_a_current_context_that_is_not_there_is_an_error_when_it_is_needed(tmp_path: Path) -> None:
    environment = config(tmp_path, "current = 'c'\n[contexts.a]\ncluster = 'x'\n")

    assert resolve(ConnectionFlags(context="a"), environment).context.name == "a"
    with pytest.raises(SettingsError, match="unknown context 'c'"):
        resolve(ConnectionFlags(), environment)


# -- client.conf


def client_conf(tmp_path: Path, text: str = "webServiceUrl=http://conf:8080\n") -> Path:
    path = tmp_path / "client.conf"
    path.write_text(text)
    return path


def test_a_client_conf_by_flag_replaces_the_current_context(tmp_path: Path) -> None:
    resolved = resolve(ConnectionFlags(client_conf=client_conf(tmp_path)), config(tmp_path, TWO))

    assert resolved.context.name == "client.conf"
    assert resolved.context.cluster is None
    assert resolved.context.broker.admin_urls == ("http://conf:8080",)


def test_a_client_conf_by_variable_completes_a_context_without_an_address(tmp_path: Path) -> None:
    environment = config(tmp_path, TWO) | {"PULSAR_CLIENT_CONF": str(client_conf(tmp_path))}

    resolved = resolve(ConnectionFlags(), environment)

    assert resolved.context.cluster == "of-a"
    assert resolved.context.broker.admin_urls == ("http://conf:8080",)


@pytest.mark.parametrize("source", ["flag", "variable", "context"])
def test_credentials_of_a_stray_client_conf_never_go_to_an_address_from_elsewhere(source: str, tmp_path: Path) -> None:
    path = client_conf(tmp_path, "webServiceUrl=http://conf:8080\nauthPlugin=token\nauthParams=token:of-conf\n")
    address = "admin_urls = ['http://elsewhere:8080']\n" if source == "context" else ""
    environment = config(tmp_path, f"current = 'a'\n[contexts.a]\n{address}") | {"PULSAR_CLIENT_CONF": str(path)}
    if source == "variable":
        environment["OFFLOADCTL_ADMIN_URL"] = "http://elsewhere:8080"
    flags = ConnectionFlags(admin_urls=("http://elsewhere:8080",) if source == "flag" else ())

    sources = gather(flags, environment)

    assert sources.unused_client_conf == path
    broker = resolve(flags, environment).context.broker
    assert (broker.admin_urls, broker.auth) == (("http://elsewhere:8080",), None)


def test_a_client_conf_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"client\.conf .*nowhere cannot be read: No such file"):
        resolve(ConnectionFlags(client_conf=tmp_path / "nowhere"), {})


# -- credentials: of the strongest source that names any


AUTH = "[contexts.a]\ncluster='x'\n[contexts.a.auth]\n"


def auth_of(tmp_path: Path, context: str, *, token_file: Path | None = None, **variables: str) -> object:
    flags = ConnectionFlags(context="a", token_file=token_file)
    return resolve(flags, config(tmp_path, AUTH + context) | variables).context.broker.auth


def test_a_token_file_by_flag_replaces_a_context_s_password(tmp_path: Path) -> None:
    auth = auth_of(tmp_path, "user = 'me'\npassword = 'sesame'\n", token_file=Path("/run/token"))

    assert auth == TokenAuth(file=Path("/run/token"))


def test_a_token_variable_replaces_a_context_s_token_file(tmp_path: Path) -> None:
    assert auth_of(tmp_path, "token_file = '/run/token'\n", OFFLOADCTL_TOKEN="mine") == TokenAuth(text=Secret("mine"))


def test_a_variable_completes_a_context_s_credentials_of_the_same_kind(tmp_path: Path) -> None:
    context = "issuer_url = 'https://issuer'\nclient_id = 'me'\naudience = 'urn:pulsar'\n"

    auth = auth_of(tmp_path, context, OFFLOADCTL_AUTH_CLIENT_SECRET="sesame")

    assert auth == OAuth2Auth("https://issuer", "me", Secret("sesame"), audience="urn:pulsar")


def test_a_password_by_variable_replaces_a_context_s_password_file_and_keeps_its_user(tmp_path: Path) -> None:
    auth = auth_of(tmp_path, "user = 'me'\npassword_file = '/nowhere'\n", OFFLOADCTL_AUTH_PASSWORD="sesame")

    assert auth == BasicAuth("me", Secret("sesame"))


# -- buckets


ONE_BUCKET = """\
[contexts.a]
[[contexts.a.buckets]]
name = "offload"
endpoint = "http://minio:9000"
profile = "archive"
"""
TWO_BUCKETS = ONE_BUCKET + '[[contexts.a.buckets]]\nname = "old"\nregion = "eu-1"\n'


def buckets_of(tmp_path: Path, text: str, flags: ConnectionFlags, **variables: str) -> tuple[BucketSettings, ...]:
    return resolve(replace(flags, context="a"), config(tmp_path, text) | variables).context.buckets


OFFLOAD = BucketSettings("offload", "http://minio:9000", profile="archive")


def test_a_bucket_is_overridden_value_by_value(tmp_path: Path) -> None:
    flags = ConnectionFlags(s3_endpoint="http://flag:9000")

    found = buckets_of(tmp_path, ONE_BUCKET, flags, OFFLOADCTL_S3_ENDPOINT="http://env:9000", OFFLOADCTL_S3_REGION="r")

    assert found == (replace(OFFLOAD, endpoint="http://flag:9000", region="r"),)


def test_each_value_of_a_bucket_knows_where_it_came_from(tmp_path: Path) -> None:
    flags = ConnectionFlags(context="a", s3_endpoint="http://flag:9000")

    (bucket,) = merged(gather(flags, config(tmp_path, ONE_BUCKET) | {"OFFLOADCTL_S3_REGION": "r"}).layers).buckets

    assert [(one.path, str(one.origin)) for one in bucket.given] == [
        ("name", "context a"),
        ("endpoint", "--s3-endpoint"),
        ("region", "OFFLOADCTL_S3_REGION"),
        ("profile", "context a"),
    ]


def test_buckets_of_a_stronger_source_replace_those_of_a_weaker(tmp_path: Path) -> None:
    found = buckets_of(tmp_path, TWO_BUCKETS, ConnectionFlags(buckets=("flag",)), OFFLOADCTL_BUCKET="variable")

    assert found == (BucketSettings("flag"),)


def test_a_bucket_flag_with_a_context_s_name_chooses_that_one_with_all_its_values(tmp_path: Path) -> None:
    assert buckets_of(tmp_path, TWO_BUCKETS, ConnectionFlags(buckets=("offload",))) == (OFFLOAD,)


def test_a_bucket_flag_with_another_endpoint_is_another_bucket(tmp_path: Path) -> None:
    flags = ConnectionFlags(buckets=("offload,endpoint=http://other:9000",))

    assert buckets_of(tmp_path, TWO_BUCKETS, flags) == (BucketSettings("offload", "http://other:9000"),)


def test_what_is_said_of_buckets_without_a_name_completes_those_of_the_same_source(tmp_path: Path) -> None:
    flags = ConnectionFlags(buckets=("x", "y,region=y-1"), s3_region="flag-1")

    found = buckets_of(tmp_path, ONE_BUCKET, flags)

    assert found == (BucketSettings("x", region="flag-1"), BucketSettings("y", region="y-1"))


@pytest.mark.parametrize(("text", "count"), [(TWO_BUCKETS, "2"), ("[contexts.a]\n", "no")])
def test_what_is_said_of_a_bucket_without_a_name_needs_exactly_one(text: str, count: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=f"--s3-region: there are {count} buckets"):
        buckets_of(tmp_path, text, ConnectionFlags(s3_region="x"))


def test_a_bucket_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="bucket x is there twice"):
        buckets_of(tmp_path, ONE_BUCKET, ConnectionFlags(buckets=("x", "x,region=y")))


def test_two_buckets_of_one_name_at_different_endpoints_are_two(tmp_path: Path) -> None:
    flags = ConnectionFlags(buckets=("x,endpoint=http://a:1", "x,endpoint=http://b:1"))

    assert len(buckets_of(tmp_path, ONE_BUCKET, flags)) == 2


# -- files, warnings, contradictions


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    environment = config(tmp_path, "[contexts.a.tls]\nca_file = 'ca.pem'\n")
    in_force = resolve(ConnectionFlags(context="a"), environment).in_force

    with pytest.raises(SettingsError, match=r"tls\.ca_file \(context a\): there is no file .*ca\.pem"):
        require_files(in_force)

    (tmp_path / "ca.pem").touch()
    require_files(in_force)


def test_a_bucket_s_file_must_be_there_too(tmp_path: Path) -> None:
    flags = ConnectionFlags(buckets=("b",), s3_ca_file=tmp_path / "ca.pem")

    with pytest.raises(SettingsError, match=r"ca_file of bucket b \(--s3-ca-file\): there is no file"):
        require_files(resolve(flags, {}).in_force)


def test_a_key_without_a_certificate_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"tls\.key_file \(--tls-key-file\) is given without tls\.certificate_file"):
        resolve(ConnectionFlags(tls_key_file=Path("/key")), {})


def test_every_reason_why_settings_cannot_be_used_is_told() -> None:
    flags = ConnectionFlags(tls_ca_file=Path("/no/ca"), token_file=Path("/no/token"))
    in_force = merged(gather(flags, {}).layers)

    assert problems_of("x", in_force, {}) == (
        "auth.token_file (--token-file): there is no file /no/token",
        "tls.ca_file (--tls-ca-file): there is no file /no/ca",
    )


def test_incomplete_credentials_are_a_reason() -> None:
    in_force = merged(gather(ConnectionFlags(), {"OFFLOADCTL_AUTH_USER": "me"}).layers)

    (problem,) = problems_of("x", in_force, {})

    assert problem.startswith("OFFLOADCTL_AUTH_USER: auth.user is given without auth.password_file")


def test_good_settings_have_no_problems() -> None:
    assert problems_of("x", merged(gather(ConnectionFlags(), {}).layers), {}) == ()


def test_warnings_of_the_file_and_of_client_conf_are_handed_on(tmp_path: Path) -> None:
    environment = config(tmp_path, "[contexts.a.auth]\ntoken='swordfish'\n")
    (tmp_path / "config.toml").chmod(0o644)
    path = client_conf(tmp_path, "webServiceUrl=https://conf:8443\ntlsAllowInsecureConnection=true\n")

    warnings = resolve(ConnectionFlags(context="a", client_conf=path), environment).warnings

    assert len(warnings) == 2
    assert "chmod 600" in warnings[0]
    assert "certificate is not checked" in warnings[1]


def test_every_default_has_the_type_of_its_key() -> None:
    for one in DEFAULTS.given:
        kinds = {bool: Kind.SWITCH, float: Kind.NUMBER, tuple: find_key(one.path, "here").kind}
        assert find_key(one.path, "here").kind is kinds[type(one.value)]


@pytest.mark.parametrize("key", ["read_only", "protected"])
def test_a_variable_cannot_take_a_guard_away(key: str, tmp_path: Path) -> None:
    config_file = tmp_path / "config.toml"
    config_file.write_text(f'[contexts.ro]\nadmin_urls = ["http://a:8080"]\n{key} = true\n')
    environment = {"OFFLOADCTL_CONFIG": str(config_file), f"OFFLOADCTL_{key.upper()}": "false"}

    with pytest.raises(SettingsError, match=f"sets {key} to false"):
        resolve(ConnectionFlags(context="ro"), environment)


@pytest.mark.parametrize("key", ["read_only", "protected"])
def test_a_variable_can_add_a_guard(key: str, tmp_path: Path) -> None:
    config_file = tmp_path / "config.toml"
    config_file.write_text(f'[contexts.rw]\nadmin_urls = ["http://a:8080"]\n{key} = false\n')
    environment = {"OFFLOADCTL_CONFIG": str(config_file), f"OFFLOADCTL_{key.upper()}": "true"}

    context = resolve(ConnectionFlags(context="rw"), environment).context

    assert context.broker.read_only or context.protected
