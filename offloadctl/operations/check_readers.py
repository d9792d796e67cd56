"""Where a subscription of checked topics stands, and whether it can read on from there."""

from dataclasses import replace

from offloadctl.check.readers import place_of
from offloadctl.errors import BrokerError
from offloadctl.model.check import CheckedGroup, CheckReport, TopicCheck
from offloadctl.model.cursor_place import CursorPlace, Readable
from offloadctl.model.status import UnreadTopic
from offloadctl.operations.facts import LedgerReader
from offloadctl.operations.workers import code_of


def with_places(report: CheckReport, reader: LedgerReader, subscription: str) -> CheckReport:
    """The same check with the place of a subscription in each of its topics, as of now: a check may take long."""

    def placed(part: TopicCheck | UnreadTopic) -> TopicCheck | UnreadTopic:
        return replace(part, place=_place(part, reader, subscription)) if isinstance(part, TopicCheck) else part

    if report.interrupted is not None:
        return report
    try:
        groups = tuple(
            CheckedGroup(group.topic, group.partitions, tuple(map(placed, group.parts))) for group in report.groups
        )
    except KeyboardInterrupt as signal:
        return replace(report, interrupted=code_of(signal))
    return replace(report, groups=groups)


def _place(part: TopicCheck, reader: LedgerReader, subscription: str) -> CursorPlace:
    try:
        return place_of(subscription, reader.read(part.topic), part.ledgers)
    except BrokerError as error:
        why = f"where subscription {subscription} of {part.topic} stands: {error.message}"
        return CursorPlace(subscription, Readable.UNKNOWN, not_covered=(why,))
