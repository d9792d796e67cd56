"""Bounds and claims as documents, which offloads and their status have in common."""

from offloadctl.model.ledger import OffloadStatus as BrokerStatus
from offloadctl.model.status import Amount
from offloadctl.report import documents as doc


def amount_document(amount: Amount) -> doc.AmountDocument:
    """Bytes with their bound."""
    return doc.AmountDocument(bytes=amount.size, bound=amount.bound.value)


def broker_status_document(status: BrokerStatus) -> doc.BrokerStatusDocument:
    """The broker's claim."""
    first = status.first_unoffloaded
    return doc.BrokerStatusDocument(
        state=status.state.value,
        last_error=status.last_error,
        first_unoffloaded=str(first) if first is not None else None,
    )
