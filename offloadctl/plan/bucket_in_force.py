"""The bucket that policies name, as a person tells it to a command.

It is offered and never used without a person's yes: our credentials, or what they sign, would go to an address that
whoever may change a policy has chosen, and the objects there would prove nothing.
"""

import shlex
from collections.abc import Collection, Iterable

from offloadctl.brokerconf.kinds import Driver
from offloadctl.model.ledger import OffloadPolicies


def bucket_flag(policies: OffloadPolicies) -> str:
    """How a command is told to look into the bucket in force; empty if it is none that speaks S3's language.

    It is made to be pasted into a shell, and what a policy says is anybody's text: it is quoted, or left out.
    """
    if Driver.named(policies.driver or "") not in (Driver.AWS_S3, Driver.S3) or not policies.bucket:
        return ""
    parts = [policies.bucket]
    # An address with a user in it is none that our settings take.
    if policies.endpoint and "@" not in policies.endpoint:
        parts.append(f"endpoint={policies.endpoint}")
    if policies.region:
        parts.append(f"region={policies.region}")
    text = ",".join(parts)
    if not text.isprintable() or text.count(",") != len(parts) - 1:
        return ""
    return f"--bucket {shlex.quote(text)}"


def offered(in_force: Iterable[OffloadPolicies | None], *, known: Collection[str] = ()) -> str:
    """`; in force is --bucket ...` with the buckets that are not known here; empty if there is none."""
    flags = (bucket_flag(one) for one in in_force if one is not None and one.bucket not in known)
    found = [flag for flag in dict.fromkeys(flags) if flag]
    return f"; in force is {' '.join(found)}" if found else ""
