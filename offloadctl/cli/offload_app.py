"""`offloadctl offload` and what is below it, each loaded when it is used: `offload status` is asked often."""

from collections.abc import Mapping
from typing import ClassVar

import typer

from offloadctl.cli.lazy import LazyCommand, LazyGroup


class _OffloadGroup(LazyGroup):
    lazy: ClassVar[Mapping[str, LazyCommand]] = {
        "topic": LazyCommand(
            "offloadctl.cli.offload",
            "topic",
            "Offload topics' closed ledgers, wait, and confirm by ledgers and objects that they moved.",
        ),
        "namespace": LazyCommand(
            "offloadctl.cli.offload", "namespace", "Offload all topics of namespaces, largest first."
        ),
        "all": LazyCommand(
            "offloadctl.cli.offload",
            "everything",
            "Offload all topics of all tenants, or of some; as `offload namespace` does.",
        ),
        "apply": LazyCommand("offloadctl.cli.offload", "apply", "Do exactly what an approved plan says, or nothing."),
        "status": LazyCommand(
            "offloadctl.cli.offload_status",
            "status",
            "What the broker claims of topics' offload, beside what their ledgers and objects show.",
        ),
        "history": LazyCommand(
            "offloadctl.cli.offload_history",
            "history",
            "What was offloaded, by whom, when and why, and what came of it; "
            "from the journal, without asking a broker.",
        ),
    }


app = typer.Typer(name="offload", cls=_OffloadGroup, no_args_is_help=True)


@app.callback(no_args_is_help=True, context_settings={"help_option_names": ["-h", "--help"]})
def _offload() -> None:
    """Move ledgers to S3, and confirm that they moved."""
