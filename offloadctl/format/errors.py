"""Why bytes are not what Pulsar writes.

FormatError
├── Truncated    the bytes end too early
├── BadMagic     something else stands where a known structure must begin
└── BadField     a field holds what Pulsar never writes there
"""


class FormatError(ValueError):
    """What is wrong, at which offset, what Pulsar would have written and what is there instead."""

    def __init__(self, what: str, *, at: int, expected: object, found: object) -> None:
        super().__init__(f"{what} at {at}: expected {expected}, found {found}")
        self.what = what
        self.at = at
        self.expected = str(expected)
        self.found = str(found)


class Truncated(FormatError):
    """The bytes end before the structure does; `expected` and `found` are lengths."""


class BadMagic(FormatError):
    """Something else stands where a known structure must begin."""


class BadField(FormatError):
    """A field holds what Pulsar never writes there."""
