"""Every environment variable that counts, and what it is for; those of AWS and Pulsar that are read too."""

from collections.abc import Mapping
from typing import Final

from offloadctl.config.keys import BUCKET_KEYS, KEYS
from offloadctl.config.layers import CONFIG_VARIABLE, CONTEXT_VARIABLE, DEBUG_VARIABLE, OUTPUT_VARIABLE

_OTHERS: Final = {
    CONTEXT_VARIABLE: "The context that is taken where --context names none.",
    CONFIG_VARIABLE: "The file of contexts, instead of the usual one.",
    DEBUG_VARIABLE: "Whether errors come with their traceback, as with --debug.",
    OUTPUT_VARIABLE: "How results are written, as with --output.",
    "OFFLOADCTL_ADMIN_URL": "A short name of OFFLOADCTL_ADMIN_URLS, which sets admin_urls.",
    "OFFLOADCTL_TOKEN": "A bearer token as text. Setting: auth.token.",
    "OFFLOADCTL_TOKEN_FILE": "A file with a bearer token. Setting: auth.token_file.",
    "OFFLOADCTL_BUCKET": (
        "The buckets, parted by blanks: NAME[,endpoint=https://HOST][,region=REGION][,profile=NAME], as with --bucket."
    ),
    "AWS_ACCESS_KEY_ID": "AWS's own: credentials for the buckets, unless a profile names others.",
    "AWS_SECRET_ACCESS_KEY": "AWS's own: the secret that goes with AWS_ACCESS_KEY_ID.",
    "PULSAR_CLIENT_CONF": "Pulsar's own: a client.conf, which counts where no stronger source names the addresses.",
}

VARIABLES: Final[Mapping[str, str]] = {
    **_OTHERS,
    **{key.variable: f"{key.about} Setting: {key.path}." for key in KEYS},
    **{
        f"OFFLOADCTL_S3_{key.path.upper()}": f"{key.about} For each bucket that does not say it itself."
        for key in BUCKET_KEYS
        if key.path not in ("name", "note")
    },
}
