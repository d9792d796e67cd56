"""Offloads as runs in the journal."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from offloadctl import wiring
from offloadctl.adapters.system import this_process
from offloadctl.cli.command_words import command_words
from offloadctl.cli.connection import Session
from offloadctl.report.origin import Origin

if TYPE_CHECKING:
    from offloadctl.operations.offload_run import OffloadTopics


def recorded(session: Session, work: "OffloadTopics") -> AbstractContextManager["OffloadTopics"]:
    """The same work as a run in the journal; StateError before anything is asked of a topic if there can be none."""
    return wiring.recorded(
        session.context,
        session.ports.clock,
        work,
        actor=this_process(),
        cluster=cluster_of(session, session.origin()),
        command=command_words(),
    )


def cluster_of(session: Session, origin: Origin) -> str:
    """The cluster as runs name it: by its addresses where nobody knows its name."""
    return origin.cluster or ", ".join(sorted(session.context.broker.admin_urls))
