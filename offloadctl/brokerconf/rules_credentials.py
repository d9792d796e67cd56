"""Rules about who the broker is to the store, and who else gets to know it."""

from collections.abc import Iterator
from typing import Final

from offloadctl.brokerconf.entries import Entry, Layout
from offloadctl.brokerconf.facts import Facts, found
from offloadctl.brokerconf.findings import LintFinding, LintSeverity, Rule
from offloadctl.brokerconf.kinds import Driver
from offloadctl.brokerconf.rules_location import STUCK

SECRET_IN_CLEAR: Final = Rule(
    "secret-in-clear",
    LintSeverity.WARNING,
    "A secret stands in the file.",
    "It shows the secret by REST, in a topic's applied policies; and whoever reads the file has it.",
    "Use a role, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the broker's environment.",
)
SECRET_PRINTED: Final = Rule(
    "secret-printed",
    LintSeverity.ERROR,
    "A secret is given to the image as a variable for broker.conf.",
    "The image's start script prints it into the container's log: it masks only names with `password` in them.",
    "Use a role, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY from a secret; the script does not print those.",
)
CREDENTIALS_INCOMPLETE: Final = Rule(
    "credentials-incomplete",
    LintSeverity.ERROR,
    "Of a static key there is only one half.",
    "It passes over the key, and tries the role and Amazon's own chain instead.",
    "Set both s3ManagedLedgerOffloadCredentialId and s3ManagedLedgerOffloadCredentialSecret, or none.",
)
ROLE_UNUSED: Final = Rule(
    "role-unused",
    LintSeverity.WARNING,
    "There is a role, and a static key.",
    "It uses the key, and never assumes the role.",
    "Keep one of them.",
)
CREDENTIALS_IGNORED: Final = Rule(
    "credentials-ignored",
    LintSeverity.ERROR,
    "Credentials are set that the driver does not read.",
    f"It looks elsewhere. {STUCK}",
    "Put them where this driver looks.",
    versions="the status was seen on 4.0.7",
)
CREDENTIALS_ELSEWHERE: Final = Rule(
    "credentials-elsewhere",
    LintSeverity.NOTE,
    "The driver takes its credentials from the broker's environment only, which cannot be seen here.",
    f"Without them it starts. {STUCK}",
    "Make sure that every broker process has the variables.",
    versions="the status was seen on 4.0.7",
)

RULES: Final = (
    SECRET_IN_CLEAR,
    SECRET_PRINTED,
    CREDENTIALS_INCOMPLETE,
    ROLE_UNUSED,
    CREDENTIALS_IGNORED,
    CREDENTIALS_ELSEWHERE,
)

_ID: Final = "s3ManagedLedgerOffloadCredentialId"
_SECRET: Final = "s3ManagedLedgerOffloadCredentialSecret"  # noqa: S105 - a key, not one
_ROLE: Final = "s3ManagedLedgerOffloadRole"

# JCloudBlobStoreProvider.java:158-168, 431-450: the first pair that is there.
_VARIABLES: Final = {
    Driver.S3: (("ACCESS_KEY_ID", "ACCESS_KEY_SECRET"), ("ALIYUN_OSS_ACCESS_KEY_ID", "ALIYUN_OSS_ACCESS_KEY_SECRET")),
    Driver.ALIYUN: (
        ("ALIYUN_OSS_ACCESS_KEY_ID", "ALIYUN_OSS_ACCESS_KEY_SECRET"),
        ("ACCESS_KEY_ID", "ACCESS_KEY_SECRET"),
    ),
    Driver.AZURE: (("AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_ACCESS_KEY"),),
}


def secrets(facts: Facts) -> Iterator[LintFinding]:
    """Who gets to know a secret."""
    entry = _set(facts, _SECRET)
    if entry is not None and entry.line is not None:
        rule = SECRET_IN_CLEAR if facts.conf.layout is Layout.CONF else SECRET_PRINTED
        elsewhere = f"Put {_pair(facts.driver)} into the environment." if facts.driver in _VARIABLES else ""
        yield found(rule, f"{entry.key} holds a secret.", entry, fix=elsewhere)


def keys_and_roles(facts: Facts) -> Iterator[LintFinding]:
    """Whether the credentials that are set are those that the driver uses."""
    key, secret, role = (_set(facts, name) for name in (_ID, _SECRET, _ROLE))
    half = next((one for one in (key, secret) if one is not None), None)
    if facts.driver is Driver.AWS_S3:
        if half is not None and (key is None or secret is None):
            missing = _ID if key is None else _SECRET
            yield found(CREDENTIALS_INCOMPLETE, f"{missing} is not set.", half)
        elif half is not None and role is not None:
            yield found(ROLE_UNUSED, f"{_ID} wins over it.", role)
    elif facts.driver in _VARIABLES and (unread := half or role) is not None:
        fix = f"Put {_pair(facts.driver)} into the broker's environment."
        yield found(CREDENTIALS_IGNORED, f"The driver {facts.driver} does not read it.", unread, fix=fix)


def environment(facts: Facts) -> Iterator[LintFinding]:
    """Whether the variables are there, as far as the file tells."""
    if facts.driver is None or facts.driver not in _VARIABLES:
        return
    if any(set(pair) <= facts.conf.variables for pair in _VARIABLES[facts.driver]):
        return
    if any(_set(facts, name) is not None for name in (_ID, _SECRET, _ROLE)):
        return
    what = f"The driver {facts.driver} needs {_pair(facts.driver)} in the broker's environment."
    yield found(CREDENTIALS_ELSEWHERE, what, facts.conf.entry("managedLedgerOffloadDriver"))


CHECKS: Final = (secrets, keys_and_roles, environment)


def _pair(driver: Driver | None) -> str:
    return " and ".join(_VARIABLES[driver][0]) if driver is not None else ""


def _set(facts: Facts, key: str) -> Entry | None:
    entry = facts.conf.entry(key)
    return entry if entry is not None and entry.value.strip() else None
