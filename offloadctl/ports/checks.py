"""The doors to what checks remember between runs, and what each of them promises; as in `ports`."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from offloadctl.model.check_run import CheckRun, RunAsked
from offloadctl.model.check_words import Level
from offloadctl.model.ended_check import EndedCheck, RememberedFinding
from offloadctl.model.names import TopicName
from offloadctl.model.verified import OffloadedLedger, Verified


class VerifiedStore(Protocol):
    """What checks remember of ledgers' objects. May be lost without harm; every method may raise a StateError.

    Safe to use from several threads and processes. Who must not go on without a recent clean check asks so:

        asked = [OffloadedLedger(topic, one.ledger_id, one.context_uuid) for one in ledgers]
        clean = {one.ledger for one in store.clean_since(asked, Level.BLOCKS, clock.now() - max_age)}
        unverified = [one for one in asked if one not in clean]

    That needs neither cluster nor bucket: a uuid is made for one attempt to offload one ledger. Whoever has an object's
    facts at hand compares them with `objects`, since objects may have changed after the look.
    """

    def clean_since(self, ledgers: Iterable[OffloadedLedger], level: Level, since: datetime) -> Sequence[Verified]:
        """Of each ledger and bucket the last clean look of that level or deeper, if there was one since then.

        None if any look found something in the same objects, and none as deep found nothing after that.
        """
        ...

    def remember(self, looks: Sequence[Verified]) -> None:
        """Keep these, all or none; what they outdate goes. A look that is older than what is known changes nothing."""
        ...

    def forget(self, ledgers: Iterable[OffloadedLedger]) -> None:
        """Nothing is known of these any more: they are gone."""
        ...


class CheckRuns(Protocol):
    """The runs of checks, of which an unfinished one can be gone on with. Every method may raise a StateError.

    A run belongs to the process that began it or took it up, until that ends it or dies, be it by SIGKILL.
    """

    def begin(self, asked: RunAsked, at: datetime) -> CheckRun:
        """A new run, which is ours."""
        ...

    def unfinished(self) -> Sequence[CheckRun]:
        """The runs that did not end, the newest first; some of them may go on in other processes."""
        ...

    def take_up(self, run: CheckRun) -> bool:
        """Make an unfinished run ours; False if it goes on in another process."""
        ...

    def set_window(self, run: CheckRun, window: str) -> None:
        """Keep which ledgers the run's sample turned out to be."""
        ...

    def clean_by(self, run: CheckRun, topics: Iterable[TopicName]) -> Sequence[Verified]:
        """What the run has found clean of these topics; not what another run has looked at since."""
        ...

    def end(self, run: CheckRun, at: datetime) -> None:
        """It is finished: nobody can go on with it."""
        ...

    def release(self, run: CheckRun) -> None:
        """It is not finished, and not ours any more."""
        ...


class CheckHistory(Protocol):
    """What checks have found and covered so far, for whoever only reads. Every method may raise a StateError."""

    def remembered(self) -> Sequence[RememberedFinding]:
        """Every finding that any check has told, also those that are gone since; by id."""
        ...

    def ended_checks(self) -> Sequence[EndedCheck]:
        """The last one of each level and scope, the newest first; of scopes without number those that ended last."""
        ...
