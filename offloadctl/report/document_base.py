"""What all documents are made of."""

from typing import Literal

import msgspec

from offloadctl.report.errors import API_VERSION

ApiVersion = Literal["offloadctl/v1"]

assert API_VERSION == "offloadctl/v1"  # noqa: S101 - a Literal takes no constant


class Part(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A piece of a document; None is written as null, so that every field is always there."""
