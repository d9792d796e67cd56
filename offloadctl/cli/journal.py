"""Offloads as runs in the journal."""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from offloadctl.cli.command_words import command_words
from offloadctl.cli.connection import Session
from offloadctl.model.journal import Actor, RunStart
from offloadctl.report.origin import Origin
from offloadctl.wiring import open_journal

if TYPE_CHECKING:
    from offloadctl.operations.offload_run import OffloadTopics


@contextmanager
def recorded(session: Session, work: "OffloadTopics") -> Iterator["OffloadTopics"]:
    """The same work as a run in the journal; StateError before anything is asked of a topic if there can be none."""
    from offloadctl.operations.run_record import recording  # noqa: PLC0415 - protobuf is slow to load

    origin = session.origin()
    start = RunStart(
        context=origin.context,
        cluster=cluster_of(session, origin),
        actor=this_process(),
        command=command_words(),
        wish=work.offload.wish,
        reason=work.reason,
        plan_hash=work.plan_hash,
    )
    with open_journal(session.context, session.ports.clock) as journal, recording(journal, start) as record:
        yield replace(work, record=record)


def cluster_of(session: Session, origin: Origin) -> str:
    """The cluster as runs name it: by its addresses where nobody knows its name."""
    return origin.cluster or ", ".join(sorted(session.context.broker.admin_urls))


def this_process() -> Actor:
    """Who is doing this. The variables of the environment could say anything."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        # Containers run under numbers that have no name.
        user = str(os.getuid())
    return Actor(user, os.uname().nodename, os.getpid())
