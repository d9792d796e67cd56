"""What all documents are made of."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from offloadctl.report.errors import API_VERSION

ApiVersion = Literal["offloadctl/v1"]

assert API_VERSION == "offloadctl/v1"  # noqa: S101 - a Literal takes no constant


Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time with its zone; the schema says `date-time` of no other."""


class Part(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A piece of a document; None is written as null, so that every field is always there."""
