"""Which ledgers a sample by size takes: all metadata of the scope is read for that, before anything is looked at."""

from collections.abc import Iterator, Sequence
from typing import Final
from uuid import UUID

from offloadctl.errors import Interrupted
from offloadctl.model.names import TopicName
from offloadctl.model.sample import ByteSample, Window
from offloadctl.operations.check_topics import Found, TopicRead, TopicReader
from offloadctl.operations.topics import Target
from offloadctl.operations.workers import StoppableClock, work_through

_AT_ONCE: Final = 8


def window_of(
    sample: ByteSample, topics: TopicReader, asked: Sequence[TopicName | Target], clock: StoppableClock
) -> Window:
    """The part of these topics' ledgers that the sample is; raises Interrupted. What cannot be read is left out."""

    def sizes(one: TopicName | Target) -> list[tuple[UUID, int, int]]:
        return list(_sizes(topics, one))

    finished = work_through(asked, sizes, at_once=_AT_ONCE, stop=clock.stop, done=lambda _sizes: None)
    if finished.interrupted or len(finished.results) < len(asked):
        raise Interrupted("interrupted while metadata was read for the sample")
    return sample.window(one for some in finished.results.values() for one in some)


def _sizes(topics: TopicReader, asked: TopicName | Target) -> Iterator[tuple[UUID, int, int]]:
    found = topics.find(asked) if isinstance(asked, TopicName) else Found(asked, None)
    for part in found.target.parts if isinstance(found, Found) else ():
        read = topics.read_stored(part)
        for one in read.asked() if isinstance(read, TopicRead) else ():
            if one.ledger.context_uuid is not None:
                yield one.ledger.context_uuid, one.ledger.ledger_id, one.ledger.size
