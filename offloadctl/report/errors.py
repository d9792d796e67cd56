"""The document of a command that failed before it had a result."""

from collections.abc import Mapping
from typing import Final

from offloadctl.errors import OffloadctlError

API_VERSION: Final = "offloadctl/v1"
"""Of every document: fields may be added within a version, none is taken away or changes its meaning."""


def error_document(error: OffloadctlError) -> Mapping[str, object]:
    """`kind: Error`, with the same words that a person gets."""
    return {
        "apiVersion": API_VERSION,
        "kind": "Error",
        "error": {
            "code": error.code,
            "message": error.message,
            "hint": error.hint,
            "retryable": error.retryable,
            "exitCode": int(error.exit_code),
        },
    }
