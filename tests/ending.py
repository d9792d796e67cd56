"""What is said below all tests, also where several processes run them and another one reports."""

from typing import Final

import pytest

SAID: Final = "offloadctl_said"
"""In xdist's `workeroutput`, which goes to the reporting process; it is found there, or in the configuration."""
LINES: Final = pytest.StashKey[set[str]]()
"""In the reporting process."""


def said_at_the_end(config: pytest.Config, line: str) -> None:
    """Have that line written."""
    output = getattr(config, "workeroutput", None)
    if output is not None:
        output[SAID] = line
    else:
        config.stash.setdefault(LINES, set()).add(line)
