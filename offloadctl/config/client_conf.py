"""Pulsar's client.conf: the keys that pulsar-admin reads (PulsarAdminTool.java, PulsarAdminPropertiesProvider.java).

A Java properties file in Latin-1. A blank value means that nothing was said. Keys that are close to one that we read
are mistakes; other unknown keys are other tools' business, as the file is theirs too.
"""

import difflib
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Final

from offloadctl.config.given import Layer, Origin, OriginKind
from offloadctl.config.imported import Imported, LeftOut, file_name, give, json_object, oauth2_key
from offloadctl.errors import SettingsError
from offloadctl.redaction import remember

_READ: Final = (
    "webServiceUrl",
    "serviceUrl",
    "authPlugin",
    "authParams",
    "tlsAllowInsecureConnection",
    "tlsEnableHostnameVerification",
    "tlsTrustCertsFilePath",
    "tlsCertificateFilePath",
    "tlsKeyFilePath",
    "useKeyStoreTls",
    "sslFactoryPlugin",
)
_BY_LOWER: Final = {key.lower(): key for key in _READ}
_BINARY_PROTOCOL: Final = "only the admin REST service is used"
_KEY_STORE: Final = "Java key stores are off (useKeyStoreTls=false)"
_JAVA_ONLY: Final = "it is for Java"
# In the file that comes with Pulsar, and of no use here: they are close to keys that are.
_LEFT_OUT: Final = {
    "brokerServiceUrl": _BINARY_PROTOCOL,
    "proxyServiceUrl": _BINARY_PROTOCOL,
    "proxyProtocol": _BINARY_PROTOCOL,
    "useTls": "the address says it: https://",
    "tlsTrustStoreType": _KEY_STORE,
    "tlsTrustStorePath": _KEY_STORE,
    "tlsTrustStorePassword": _KEY_STORE,
    "tlsKeyStoreType": _KEY_STORE,
    "tlsKeyStorePath": _KEY_STORE,
    "tlsKeyStorePassword": _KEY_STORE,
    "webserviceTlsProvider": _JAVA_ONLY,
    "sslFactoryPluginParams": _JAVA_ONLY,
}
_DEFAULT_SSL_FACTORY: Final = "org.apache.pulsar.common.util.DefaultPulsarSslFactory"

_CLIENT_AUTH: Final = "org.apache.pulsar.client.impl.auth."
_PLUGINS: Final = {
    "token": "token",
    "basic": "basic",
    "tls": "tls",
    "oauth2": "oauth2",
    _CLIENT_AUTH + "AuthenticationToken": "token",
    _CLIENT_AUTH + "AuthenticationBasic": "basic",
    _CLIENT_AUTH + "AuthenticationTls": "tls",
    _CLIENT_AUTH + "oauth2.AuthenticationOAuth2": "oauth2",
    _CLIENT_AUTH + "AuthenticationDisabled": "none",
}


def load_client_conf(path: Path) -> Imported:
    """The settings of a client.conf that is there."""
    try:
        text = path.read_text(encoding="latin-1")
    except OSError as error:
        raise SettingsError(f"client.conf {path} cannot be read: {error.strerror}") from error
    return parse_client_conf(text, path)


def parse_client_conf(text: str, path: Path) -> Imported:
    """The settings of a client.conf's text; file names in it are meant from where the command is run, as Java does."""
    values = _properties(text, path)
    _refuse_key_stores(values, path)
    base = Path.cwd()
    auth, remarks = _auth(values.get("authPlugin", ""), values.get("authParams", ""), path, base)
    addresses = _addresses(values)
    insecure = _switch(values, "tlsAllowInsecureConnection", path)
    verify_hostname = _switch(values, "tlsEnableHostnameVerification", path)
    # The file that comes with Pulsar says so too, and means nothing by it as long as there is no TLS.
    if any(address.startswith("https:") for address in addresses):
        if insecure:
            remarks = (*remarks, f"{path}: tlsAllowInsecureConnection=true, the broker's certificate is not checked")
        elif verify_hostname is False:
            remarks = (*remarks, f"{path}: tlsEnableHostnameVerification=false, any host may show the certificate")
    settings: dict[str, object] = {
        "admin_urls": addresses,
        "tls.ca_file": values.get("tlsTrustCertsFilePath"),
        "tls.certificate_file": values.get("tlsCertificateFilePath"),
        "tls.key_file": values.get("tlsKeyFilePath"),
        "tls.verify": False if insecure else None,
        "tls.verify_hostname": verify_hostname,
    }
    origin = Origin(OriginKind.CLIENT_CONF, f"client.conf {path.absolute()}")
    # AuthenticationTls wins over the certificate keys, as in the Java client.
    layer = Layer(give(settings | dict(auth), origin, base))
    return Imported("client.conf", layer, remarks, _left_out(values))


def split_addresses(text: str) -> list[str]:
    """`http://a:8080,b:8080`: several hosts of one scheme, each as an address of its own."""
    scheme, separator, rest = text.partition("://")
    if not separator:
        return [text]
    hosts, _, tail = rest.partition("/")
    return [f"{scheme}://{host.strip()}/{tail}".rstrip("/") for host in hosts.split(",") if host.strip()]


def _properties(text: str, path: Path) -> Mapping[str, str]:
    import javaproperties  # noqa: PLC0415 - it loads http, xml and urllib.request, and most commands read no such file

    values: dict[str, str] = {}
    try:
        for one in javaproperties.parse(StringIO(text)):
            if isinstance(one, javaproperties.KeyValue) and one.value.strip():
                values[one.key] = one.value.strip()
    except javaproperties.InvalidUEscapeError as error:
        raise SettingsError(f"client.conf {path}: bad escape {error.escape!r}") from None
    for key in values:
        if key in _READ or key in _LEFT_OUT:
            continue
        # A wide net here would catch keys of newer Pulsar versions.
        if near := difflib.get_close_matches(key.lower(), _BY_LOWER, n=1, cutoff=0.85):
            raise SettingsError(f"client.conf {path}: unknown key {key!r}", hint=f"did you mean {_BY_LOWER[near[0]]}?")
    for key in ("authParams", "tlsTrustStorePassword", "tlsKeyStorePassword"):
        remember(values.get(key, ""))
    return values


def _addresses(values: Mapping[str, str]) -> list[str]:
    if "webServiceUrl" in values:
        return split_addresses(values["webServiceUrl"])
    service = values.get("serviceUrl", "")
    # A pulsar:// address is the binary protocol's.
    return split_addresses(service) if service.startswith(("http://", "https://")) else []


def _left_out(values: Mapping[str, str]) -> tuple[LeftOut, ...]:
    silent = ("tlsTrustStoreType", "tlsKeyStoreType")
    whys = {key: _LEFT_OUT.get(key, "it is not known here") for key in values if key not in (*_READ, *silent)}
    if "authParams" in values and "authPlugin" not in values:
        whys["authParams"] = "there is no authPlugin"
    return tuple(LeftOut(key, why) for key, why in whys.items())


def _switch(values: Mapping[str, str], key: str, path: Path) -> bool | None:
    text = values.get(key)
    if text is None:
        return None
    if text.lower() not in ("true", "false"):
        raise SettingsError(f"client.conf {path}: {key} must be true or false, not {text!r}")
    return text.lower() == "true"


def _refuse_key_stores(values: Mapping[str, str], path: Path) -> None:
    if _switch(values, "useKeyStoreTls", path):
        raise SettingsError(
            f"client.conf {path}: Java key stores (useKeyStoreTls) are not supported",
            hint="convert to PEM: keytool -importkeystore … -deststoretype pkcs12, then openssl pkcs12 -nodes;"
            " set tlsTrustCertsFilePath, tlsCertificateFilePath and tlsKeyFilePath",
        )
    if values.get("sslFactoryPlugin", _DEFAULT_SSL_FACTORY) != _DEFAULT_SSL_FACTORY:
        raise SettingsError(
            f"client.conf {path}: sslFactoryPlugin {values['sslFactoryPlugin']} is Java and cannot run here"
        )


def _auth(plugin: str, params: str, path: Path, base: Path) -> tuple[Mapping[str, object], tuple[str, ...]]:
    if not plugin:
        return {}, ((f"{path}: authParams is ignored, as there is no authPlugin",) if params else ())
    where = f"client.conf {path}: authParams"
    settings: Mapping[str, object] | None = None
    match _PLUGINS.get(plugin):
        case "none":
            settings = {}
        case "token":
            settings = _token(params, where)
        case "basic":
            settings = _basic(params, where)
        case "tls":
            settings = _tls(params, where)
        case "oauth2":
            settings = _oauth2(params, where, base)
        case _:
            pass
    if settings is not None:
        return settings, ()
    raise SettingsError(
        f"client.conf {path}: authPlugin {plugin} is not supported",
        hint="supported are token, basic, tls and oauth2, by these names or their Java classes",
    )


def _token(params: str, where: str) -> Mapping[str, object]:
    """`token:<jwt>`, `file:///path`, `{"token": "<jwt>"}` or the bare token (AuthenticationToken.java)."""
    if params.startswith("file:"):
        return {"auth.token_file": file_name(params)}
    given = json_object(params, where)
    token = params.removeprefix("token:") if given is None else given.get("token")
    if not isinstance(token, str) or not token.strip():
        raise SettingsError(f"{where}: holds no token", hint="write token:<jwt> or file:///path")
    return {"auth.token": token}


def _basic(params: str, where: str) -> Mapping[str, object]:
    """`{"userId": "…", "password": "…"}` (AuthenticationBasic.java)."""
    given = json_object(params, where) or {}
    user, password = given.get("userId"), given.get("password")
    if not (isinstance(user, str) and isinstance(password, str) and user and password):
        raise SettingsError(f"{where}: holds no user and password", hint='write {"userId":"…","password":"…"}')
    return {"auth.user": user, "auth.password": password}


def _tls(params: str, where: str) -> Mapping[str, object]:
    """`tlsCertFile:/path,tlsKeyFile:/path`, or the same as JSON (AuthenticationTls.java)."""
    given = json_object(params, where)
    if given is None:
        given = {key.strip(): value for key, _, value in (part.partition(":") for part in params.split(","))}
    certificate, key = given.get("tlsCertFile"), given.get("tlsKeyFile")
    if not (isinstance(certificate, str) and isinstance(key, str) and certificate and key):
        raise SettingsError(f"{where}: names no certificate and key", hint="write tlsCertFile:/path,tlsKeyFile:/path")
    return {"tls.certificate_file": file_name(certificate), "tls.key_file": file_name(key)}


def _oauth2(params: str, where: str, base: Path) -> Mapping[str, object]:
    """`{"issuerUrl": "…", "audience": "…", "scope": "…", "privateKey": "file:///…"}` (ClientCredentialsFlow.java)."""
    given = json_object(params, where)
    if given is None or not given.get("issuerUrl") or not isinstance(given.get("privateKey"), str):
        raise SettingsError(
            f"{where}: needs issuerUrl and privateKey", hint='write {"issuerUrl":"…","privateKey":"file:///…"}'
        )
    if given.get("type", "client_credentials") != "client_credentials":
        raise SettingsError(f"{where}: only the type client_credentials is supported")
    settings = {
        "auth.issuer_url": given["issuerUrl"],
        "auth.audience": given.get("audience"),
        "auth.scope": given.get("scope"),
    }
    return settings | dict(oauth2_key(str(given["privateKey"]), where, base))
