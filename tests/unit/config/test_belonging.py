"""Credentials go to the addresses that they were given with, and to no others."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offloadctl.config.layers import ConnectionFlags
from offloadctl.config.resolve import resolve
from offloadctl.errors import SettingsError
from offloadctl.model.settings import Context, TokenAuth
from offloadctl.redaction import Secret

ADDRESS = "admin_urls = ['https://prod:8443', 'https://prod-2:8443']\n"
TOKEN = "auth.token = 'swordfish'\n"
PROD = ADDRESS + TOKEN


def environment(tmp_path: Path, context: str, **variables: str) -> dict[str, str]:
    path = tmp_path / "config.toml"
    path.write_text(f"current = 'prod'\n[contexts.prod]\n{context}")
    path.chmod(0o600)
    return {"OFFLOADCTL_CONFIG": str(path), **variables}


def context_of(tmp_path: Path, context: str, *urls: str, token_file: Path | None = None, **variables: str) -> Context:
    flags = ConnectionFlags(admin_urls=urls, token_file=token_file)
    return resolve(flags, environment(tmp_path, context, **variables)).context


@pytest.mark.parametrize(
    "credentials",
    [
        TOKEN,
        "auth.token_file = '/run/token'\n",
        "auth.token_env = 'TOKEN'\n",
        "auth.user = 'me'\nauth.password = 'sesame'\n",
        "auth.issuer_url = 'https://issuer'\nauth.client_id = 'me'\nauth.client_secret = 'sesame'\n",
        "tls.certificate_file = '/our.pem'\n",
    ],
)
def test_a_context_s_credentials_do_not_go_to_a_host_that_it_never_named(credentials: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="http://other:8080 is none of the addresses that context prod names") as no:
        context_of(tmp_path, ADDRESS + credentials, "http://other:8080")

    assert no.value.message.startswith("--admin-url: ")
    assert "give credentials for it on the command line" in no.value.hint
    assert "put the address into admin_urls of context prod" in no.value.hint
    assert "swordfish" not in no.value.message + no.value.hint


def test_one_strange_host_beside_a_known_one_is_enough(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--admin-url: https://other:8443 is none"):
        context_of(tmp_path, PROD, "https://prod:8443", "https://other:8443")


def test_an_address_by_variable_gets_them_no_more_than_one_by_flag(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="OFFLOADCTL_ADMIN_URL: http://other:8080 is none") as no:
        context_of(tmp_path, PROD, OFFLOADCTL_ADMIN_URL="http://other:8080")

    assert "in OFFLOADCTL_* variables, too" in no.value.hint


def test_a_context_without_an_address_is_for_the_default_one(tmp_path: Path) -> None:
    assert context_of(tmp_path, TOKEN, "http://localhost:9090").broker.auth == TokenAuth(text=Secret("swordfish"))
    with pytest.raises(SettingsError, match="other"):
        context_of(tmp_path, TOKEN, "http://other:8080")


@pytest.mark.parametrize("url", ["https://PROD:9443", "https://prod-2:8443/gate"])
def test_a_host_of_the_context_gets_them_on_any_port(url: str, tmp_path: Path) -> None:
    assert context_of(tmp_path, PROD, url).broker.auth == TokenAuth(text=Secret("swordfish"))


def test_a_host_that_is_named_with_tls_does_not_get_them_without(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="http://prod:8080 is none"):
        context_of(tmp_path, PROD, "http://prod:8080")


def test_a_host_that_is_trusted_by_pattern_gets_them(tmp_path: Path) -> None:
    trusting = f"{PROD}trusted_broker_hosts = ['*.pulsar.internal']\n"

    assert context_of(tmp_path, trusting, "https://two.pulsar.internal:8443").broker.auth is not None


def test_credentials_given_beside_the_address_are_used(tmp_path: Path) -> None:
    by_flag = context_of(tmp_path, PROD, "http://other:8080", token_file=Path("/run/token"))
    by_variables = context_of(
        tmp_path, PROD, OFFLOADCTL_ADMIN_URL="http://other:8080", OFFLOADCTL_TOKEN_FILE="/run/token"
    )

    assert by_flag.broker.auth == by_variables.broker.auth == TokenAuth(file=Path("/run/token"))


def test_a_variable_s_token_without_an_address_goes_where_the_person_goes(tmp_path: Path) -> None:
    found = context_of(tmp_path, ADDRESS, "http://other:8080", OFFLOADCTL_TOKEN="mine")

    assert found.broker.auth == TokenAuth(text=Secret("mine"))


def test_a_variable_s_token_with_an_address_is_for_that_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="none of the addresses that OFFLOADCTL_TOKEN names"):
        context_of(tmp_path, "", "http://other:8080", OFFLOADCTL_TOKEN="mine", OFFLOADCTL_ADMIN_URL="http://mine:8080")


def test_a_client_conf_s_credentials_stay_with_its_addresses(tmp_path: Path) -> None:
    path = tmp_path / "client.conf"
    path.write_text("webServiceUrl=http://conf:8080\nauthPlugin=token\nauthParams=token:swordfish\n")

    assert resolve(ConnectionFlags(client_conf=path), {}).context.broker.auth is not None
    with pytest.raises(SettingsError, match=r"none of the addresses that client\.conf .* names"):
        resolve(ConnectionFlags(client_conf=path, admin_urls=("http://other:8080",)), {})


def test_the_binary_protocol_s_address_is_an_address_too(tmp_path: Path) -> None:
    assert context_of(tmp_path, PROD, OFFLOADCTL_BROKER_URL="pulsar+ssl://prod:6651").broker.auth is not None
    with pytest.raises(SettingsError, match="OFFLOADCTL_BROKER_URL: pulsar://other:6650 is none"):
        context_of(tmp_path, PROD, OFFLOADCTL_BROKER_URL="pulsar://other:6650")


def test_a_client_s_secret_goes_to_no_other_issuer(tmp_path: Path) -> None:
    oauth2 = "auth.issuer_url = 'https://issuer'\nauth.client_id = 'me'\nauth.client_secret = 'sesame'\n"

    with pytest.raises(SettingsError, match="OFFLOADCTL_AUTH_ISSUER_URL: https://other is none"):
        context_of(tmp_path, ADDRESS + oauth2, OFFLOADCTL_AUTH_ISSUER_URL="https://other")


def test_without_credentials_any_address_will_do(tmp_path: Path) -> None:
    assert context_of(tmp_path, ADDRESS, "http://other:8080").broker.admin_urls == ("http://other:8080",)


HOSTS = st.sampled_from(["a", "b", "c"])


@given(named=st.sets(HOSTS, min_size=1), wanted=st.sets(HOSTS, min_size=1))
def test_only_named_hosts_ever_get_them(
    named: set[str], wanted: set[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    urls = [f"http://{host}:8080" for host in sorted(named)]
    context = f"admin_urls = {urls!r}\n{TOKEN}"
    directory = tmp_path_factory.mktemp("config")

    try:
        context_of(directory, context, *(f"http://{host}:1" for host in sorted(wanted)))
    except SettingsError:
        assert wanted - named
    else:
        assert wanted <= named


# -- who named the addresses


@pytest.mark.parametrize(
    ("context", "urls", "variables", "expected"),
    [
        (ADDRESS, (), {}, None),
        (ADDRESS, ("http://other:1",), {}, "--admin-url"),
        (ADDRESS, (), {"OFFLOADCTL_ADMIN_URL": "http://other:1"}, "OFFLOADCTL_ADMIN_URL"),
        ("", (), {}, "default"),
    ],
)
def test_the_settings_know_who_named_the_addresses_if_not_the_context(
    context: str, urls: tuple[str, ...], variables: dict[str, str], expected: str | None, tmp_path: Path
) -> None:
    resolved = resolve(ConnectionFlags(admin_urls=urls), environment(tmp_path, context, **variables))

    assert resolved.addresses_from == expected


def test_without_a_context_there_is_none_that_could_claim_the_addresses() -> None:
    assert resolve(ConnectionFlags(admin_urls=("http://other:1",)), {}).addresses_from is None


def test_a_client_conf_s_name_does_not_claim_a_flag_s_address(tmp_path: Path) -> None:
    path = tmp_path / "client.conf"
    path.write_text("webServiceUrl=http://conf:8080\n")

    assert resolve(ConnectionFlags(client_conf=path), {}).addresses_from is None
    overridden = resolve(ConnectionFlags(client_conf=path, admin_urls=("http://other:1",)), {})
    assert overridden.addresses_from == "--admin-url"
