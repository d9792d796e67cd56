"""Says which bucket policies name, to whoever has looked for ledgers in other ones only."""

from offloadctl.cli.connection import Session
from offloadctl.cli.output import say
from offloadctl.model.check import CheckReport, TopicCheck
from offloadctl.model.scope import Scope


def say_bucket_in_force(session: Session, report: CheckReport) -> None:
    """Where ledgers are in no bucket that is known here, and policies name one that is not."""
    from offloadctl.operations.bucket_offer import offer_of  # noqa: PLC0415 - only when it is needed

    topics = tuple(part.topic for part in report.parts if isinstance(part, TopicCheck) and _is_nowhere(part))
    if not topics:
        return
    known = {store.bucket for store in session.ports.stores}
    if offer := offer_of(session.ports.admin, Scope.of(topics=topics), known=known):
        say(f"hint: ledgers are in no bucket that is known here{offer}")


def _is_nowhere(part: TopicCheck) -> bool:
    return any(finding.code == "objects-not-found" for one in part.ledgers for finding in one.inspection.findings)
