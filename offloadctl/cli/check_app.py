"""`offloadctl check` and what is below it: comparing reports, and taking note of findings."""

import typer

from offloadctl.cli.check import check
from offloadctl.cli.check_acknowledge import acknowledge, acknowledgements, unacknowledge
from offloadctl.cli.check_diff import diff
from offloadctl.cli.help import CommandWithOthers

app = typer.Typer(
    name="check",
    cls=CommandWithOthers,
    invoke_without_command=True,
)
app.callback(context_settings={"help_option_names": ["-h", "--help"]})(check)
app.command("diff")(diff)
app.command("acknowledge")(acknowledge)
app.command("acknowledgements")(acknowledgements)
app.command("unacknowledge")(unacknowledge)
