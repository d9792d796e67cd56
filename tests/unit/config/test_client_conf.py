"""Pulsar's client.conf: every key that pulsar-admin reads, every form of authParams, and what is refused."""

import base64
import json
from pathlib import Path

import pytest

from offloadctl.config.client_conf import load_client_conf, parse_client_conf, split_addresses
from offloadctl.config.keys import Value
from offloadctl.errors import SettingsError
from offloadctl.redaction import MASK, Secret, scrub

FILE = Path("/etc/pulsar/client.conf")
JAVA = "org.apache.pulsar.client.impl.auth."


def parsed(text: str) -> dict[str, Value]:
    return {one.path: one.value for one in parse_client_conf(text, FILE).layer.given}


def auth(plugin: str, params: str) -> dict[str, Value]:
    return parsed(f"authPlugin={plugin}\nauthParams={params}\n")


AS_SHIPPED = """\
# Configuration for pulsar-client and pulsar-admin CLI tools
webServiceUrl=http://localhost:8080/
brokerServiceUrl=pulsar://localhost:6650/
authPlugin=
authParams=
tlsAllowInsecureConnection=false
tlsEnableHostnameVerification=false
tlsTrustCertsFilePath=
tlsCertificateFilePath=
tlsKeyFilePath=
useKeyStoreTls=false
tlsTrustStoreType=JKS
tlsTrustStorePath=
tlsTrustStorePassword=
tlsKeyStoreType=JKS
tlsKeyStorePath=
tlsKeyStorePassword=
webserviceTlsProvider=
"""


def test_the_file_that_comes_with_pulsar_means_the_local_broker_and_warns_of_nothing() -> None:
    imported = parse_client_conf(AS_SHIPPED, FILE)

    assert {one.path: one.value for one in imported.layer.given} == {
        "admin_urls": ("http://localhost:8080",),
        "tls.verify_hostname": False,
    }
    assert imported.remarks == ()
    assert [one.key for one in imported.left_out] == ["brokerServiceUrl"]


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("webServiceUrl=https://pulsar:8443/", {"admin_urls": ("https://pulsar:8443",)}),
        ("webServiceUrl=http://a:8080,b:8081/", {"admin_urls": ("http://a:8080", "http://b:8081")}),
        ("serviceUrl=http://a:8080", {"admin_urls": ("http://a:8080",)}),
        ("serviceUrl=pulsar://a:6650", {}),
        ("webServiceUrl=http://a:8080\nserviceUrl=http://b:8080", {"admin_urls": ("http://a:8080",)}),
        ("tlsAllowInsecureConnection=true", {"tls.verify": False}),
        ("tlsAllowInsecureConnection=false", {}),
        ("tlsEnableHostnameVerification=TRUE", {"tls.verify_hostname": True}),
        ("tlsEnableHostnameVerification=false", {"tls.verify_hostname": False}),
        ("tlsTrustCertsFilePath=/ca.pem", {"tls.ca_file": Path("/ca.pem")}),
        (
            "tlsCertificateFilePath=/cert.pem\ntlsKeyFilePath=/key.pem",
            {"tls.certificate_file": Path("/cert.pem"), "tls.key_file": Path("/key.pem")},
        ),
        ("brokerServiceUrl=pulsar://a:6650\nproxyServiceUrl=x\nproxyProtocol=SNI", {}),
        ("  webServiceUrl : http://a:8080  ", {"admin_urls": ("http://a:8080",)}),
        ("webServiceUrl=http://a:\\\n   8080", {"admin_urls": ("http://a:8080",)}),
        ("webServiceUrl=http\\u003a//a:8080", {"admin_urls": ("http://a:8080",)}),
        ("webServiceUrl=http://a:8080\nwebServiceUrl=http://b:8080", {"admin_urls": ("http://b:8080",)}),
        ("webServiceUrl=  ", {}),
        ("", {}),
    ],
)
def test_a_key_becomes_a_setting(text: str, settings: dict[str, Value]) -> None:
    assert parsed(text) == settings


JWT = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9."


@pytest.mark.parametrize("plugin", ["token", JAVA + "AuthenticationToken"])
@pytest.mark.parametrize("params", [f"token:{JWT}", JWT, json.dumps({"token": JWT})])
def test_a_token_stands_in_three_forms(plugin: str, params: str) -> None:
    assert auth(plugin, params) == {"auth.token": Secret(JWT)}


@pytest.mark.parametrize("params", ["file:///run/my%20token", "file:/run/my%20token"])
def test_a_token_file_is_named_by_an_address(params: str) -> None:
    assert auth("token", params) == {"auth.token_file": Path("/run/my token")}


@pytest.mark.parametrize("plugin", ["basic", JAVA + "AuthenticationBasic"])
def test_basic_authentication_is_json(plugin: str) -> None:
    found = auth(plugin, json.dumps({"userId": "me", "password": "sesame"}))

    assert found == {"auth.user": "me", "auth.password": Secret("sesame")}


@pytest.mark.parametrize("plugin", ["tls", JAVA + "AuthenticationTls"])
@pytest.mark.parametrize(
    "params",
    [
        "tlsCertFile:/cert.pem,tlsKeyFile:/key.pem",
        "tlsCertFile:/cert.pem, tlsKeyFile:/key.pem",
        '{"tlsCertFile":"/cert.pem","tlsKeyFile":"/key.pem"}',
        '{"tlsCertFile":"file:///cert.pem","tlsKeyFile":"file:///key.pem"}',
    ],
)
def test_a_certificate_stands_in_pairs_or_json(plugin: str, params: str) -> None:
    assert auth(plugin, params) == {"tls.certificate_file": Path("/cert.pem"), "tls.key_file": Path("/key.pem")}


def test_a_certificate_of_the_plugin_wins_over_the_file_s_other_keys() -> None:
    text = "tlsCertificateFilePath=/other\ntlsKeyFilePath=/other\nauthPlugin=tls\n"

    found = parsed(text + "authParams=tlsCertFile:/cert.pem,tlsKeyFile:/key.pem\n")

    assert found == {"tls.certificate_file": Path("/cert.pem"), "tls.key_file": Path("/key.pem")}


@pytest.mark.parametrize("plugin", ["oauth2", JAVA + "oauth2.AuthenticationOAuth2"])
@pytest.mark.parametrize("location", ["file:///keys/me.json", "/keys/me.json"])
def test_oauth2_names_its_key_file(plugin: str, location: str) -> None:
    params = {
        "type": "client_credentials",
        "issuerUrl": "https://issuer/",
        "audience": "urn:pulsar",
        "scope": "all",
        "privateKey": location,
    }

    assert auth(plugin, json.dumps(params)) == {
        "auth.issuer_url": "https://issuer",
        "auth.audience": "urn:pulsar",
        "auth.scope": "all",
        "auth.key_file": Path("/keys/me.json"),
    }


def test_an_oauth2_key_may_stand_in_the_address_itself() -> None:
    key = base64.b64encode(json.dumps({"client_id": "me", "client_secret": "sesame"}).encode()).decode()
    params = {"issuerUrl": "https://issuer", "privateKey": f"data:application/json;base64,{key}"}

    found = auth("oauth2", json.dumps(params))

    assert found == {
        "auth.issuer_url": "https://issuer",
        "auth.client_id": "me",
        "auth.client_secret": Secret("sesame"),
    }
    assert scrub(f"{key} sesame") == f"{MASK} {MASK}"


def test_authentication_may_be_disabled_by_name() -> None:
    assert auth(JAVA + "AuthenticationDisabled", "whatever") == {}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("authPlugin=token\n", "holds no token"),
        ("authPlugin=token\nauthParams=token: \n", "holds no token"),
        ("authPlugin=token\nauthParams={}\n", "holds no token"),
        ("authPlugin=token\nauthParams={swordfish\n", "starts like JSON and is not"),
        ("authPlugin=basic\nauthParams=me:swordfish\n", "holds no user and password"),
        ('authPlugin=basic\nauthParams={"userId":"me"}\n', "holds no user and password"),
        ("authPlugin=tls\nauthParams=/cert.pem\n", "names no certificate and key"),
        ("authPlugin=tls\nauthParams=tlsCertFile:/cert.pem\n", "names no certificate and key"),
        ('authPlugin=oauth2\nauthParams={"issuerUrl":"https://i"}\n', "needs issuerUrl and privateKey"),
        ('authPlugin=oauth2\nauthParams={"privateKey":"file:///k"}\n', "needs issuerUrl and privateKey"),
        (
            'authPlugin=oauth2\nauthParams={"type":"swordfish","issuerUrl":"https://i","privateKey":"file:///k"}\n',
            "only the type client_credentials",
        ),
        (
            'authPlugin=oauth2\nauthParams={"issuerUrl":"https://i","privateKey":"https://k"}\n',
            "https: addresses are not supported",
        ),
        (
            'authPlugin=oauth2\nauthParams={"issuerUrl":"https://i","privateKey":"data:;base64,%%%"}\n',
            "holds no base64 text",
        ),
        (
            'authPlugin=oauth2\nauthParams={"issuerUrl":"https://i","privateKey":"data:,swordfish"}\n',
            "must be a JSON object",
        ),
        ("authPlugin=com.example.Athenz\nauthParams=swordfish\n", "authPlugin com.example.Athenz is not supported"),
        ("authPlugin=tokn\nauthParams=swordfish\n", "authPlugin tokn is not supported"),
        ("useKeyStoreTls=true\n", "Java key stores .* are not supported"),
        ("sslFactoryPlugin=com.example.Factory\n", "is Java and cannot run here"),
        ("tlsAllowInsecureConnection=yes\n", "must be true or false, not 'yes'"),
        ("webServiceUrl=pulsar://a:6650\n", "admin_urls must be"),
        ("webServiceURL=http://a\n", "unknown key 'webServiceURL'"),
        ("authParam=swordfish\n", "unknown key 'authParam'"),
        ("webServiceUrl=\\u12", "bad escape"),
    ],
)
def test_what_cannot_be_used_is_an_error_that_shows_no_secret(text: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint) as caught:
        parse_client_conf(text, FILE)

    assert str(FILE) in caught.value.message
    assert "swordfish" not in caught.value.message + caught.value.hint


def test_a_key_near_to_a_known_one_is_a_mistake_and_a_distant_one_is_somebody_else_s() -> None:
    with pytest.raises(SettingsError) as caught:
        parse_client_conf("authPlugn=token\n", FILE)

    imported = parse_client_conf("memoryLimit=64M\n", FILE)

    assert caught.value.hint == "did you mean authPlugin?"
    assert [(one.key, one.why) for one in imported.left_out] == [("memoryLimit", "it is not known here")]


def test_a_default_ssl_factory_is_none() -> None:
    assert parsed("sslFactoryPlugin=org.apache.pulsar.common.util.DefaultPulsarSslFactory\n") == {}


def test_parameters_without_a_plugin_are_ignored_with_a_word() -> None:
    imported = parse_client_conf("authParams=token:swordfish\n", FILE)

    assert imported.layer.given == ()
    assert imported.remarks == (f"{FILE}: authParams is ignored, as there is no authPlugin",)
    assert [one.key for one in imported.left_out] == ["authParams"]


@pytest.mark.parametrize(
    ("lines", "remarks"),
    [
        ("webServiceUrl=https://a:8443\ntlsAllowInsecureConnection=true\n", ["certificate is not checked"]),
        ("webServiceUrl=https://a:8443\ntlsEnableHostnameVerification=false\n", ["any host may show"]),
        ("webServiceUrl=http://a:8080\ntlsAllowInsecureConnection=true\n", []),
        ("webServiceUrl=https://a:8443\ntlsEnableHostnameVerification=true\n", []),
    ],
)
def test_a_certificate_that_is_not_checked_is_told_where_there_is_one(lines: str, remarks: list[str]) -> None:
    found = parse_client_conf(lines, FILE).remarks

    assert len(found) == len(remarks)
    assert all(words in remark for words, remark in zip(remarks, found, strict=True))


def test_passwords_that_are_left_out_are_remembered_all_the_same() -> None:
    parse_client_conf("tlsTrustStorePassword=sesame-1\ntlsKeyStorePassword=sesame-2\n", FILE)

    assert scrub("sesame-1 sesame-2") == f"{MASK} {MASK}"


def test_relative_files_are_meant_from_where_the_command_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert parsed("tlsTrustCertsFilePath=ca.pem\n") == {"tls.ca_file": tmp_path / "ca.pem"}


def test_the_file_is_latin_1(tmp_path: Path) -> None:
    path = tmp_path / "client.conf"
    path.write_bytes('authPlugin=basic\nauthParams={"userId":"jürgen","password":"größer"}\n'.encode("latin-1"))

    values = {one.path: one.value for one in load_client_conf(path).layer.given}

    assert values == {"auth.user": "jürgen", "auth.password": Secret("größer")}


def test_each_setting_names_the_file_it_came_from() -> None:
    (one,) = parse_client_conf("webServiceUrl=http://a:8080\n", FILE).layer.given

    assert (one.origin.kind, str(one.origin)) == ("client.conf", f"client.conf {FILE}")


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("http://a:8080", ["http://a:8080"]),
        ("http://a:8080,b:8080,c/", ["http://a:8080", "http://b:8080", "http://c"]),
        ("https://a, b/path", ["https://a/path", "https://b/path"]),
        ("broker:8080", ["broker:8080"]),
    ],
)
def test_several_hosts_of_one_scheme_become_several_addresses(text: str, addresses: list[str]) -> None:
    assert split_addresses(text) == addresses
