"""Checks that remember, leave out and go on, of a cluster that goes on with each of their requests: no finding."""

from datetime import timedelta

import pytest

from offloadctl.adapters.memory_checks import MemoryChecks
from offloadctl.model.check import CheckReport, Level
from offloadctl.model.limits import Limits
from offloadctl.operations.check import Check
from offloadctl.operations.check_memory import Memory
from offloadctl.ports import Ports
from tests.unit.operations.test_check_churn import LEVELS, SCOPES, Churn, _Bucket, _Churning, one_at_a_time

__all__ = ["one_at_a_time"]

AGES = (None, timedelta(hours=1), timedelta(days=30))


class Remembering(Churn):
    """Each check remembers for the next one; some are cut short, and gone on with later."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.checks = MemoryChecks()
        self.spared = self.gone_on = 0

    def idle(self) -> None:
        """Minutes mostly, so that many ledgers are still there; sometimes hours."""
        if self.random.random() < 0.2:
            super().idle()
        self._advance(timedelta(minutes=self.random.choice([1, 20])))

    def check(self) -> CheckReport:
        self.pace = self.random.choice([(0.0, 0.1), (0.0, 1.0, 2.0), (0.0, 30.0)])
        level, scope = self.random.choice(LEVELS), self.random.choice(SCOPES)
        max_age = self.random.choice(AGES) if level is not Level.LISTING else None
        may_load = self.random.random() < 0.5
        limits = Limits(requests=self.random.choice([None, 5, 20]))
        resumes = False
        while True:
            memory = Memory(self.checks, self.checks, max_age=max_age, resumes=resumes)
            ports = Ports(_Churning(self.memory.admin(), self.step), self.memory.clock, (_Bucket(self),))
            report = Check(ports, level, may_load=may_load, memory=memory, limits=limits).report_scope(scope)
            memory.told(self.memory.clock.now())
            self.spared += report.coverage.earlier.ledgers
            if not report.is_resumable:
                return report
            self.gone_on += 1
            resumes, limits = True, Limits()
            self.idle()


@pytest.mark.parametrize("seed", [0, 15])
def test_what_is_remembered_gives_no_finding_either(seed: int) -> None:
    churn = Remembering(seed)
    while churn.steps < 1500:
        report = churn.check()
        assert [(one.code, one.topic, one.ledger_id, one.found) for one in report.findings] == []
        churn.idle()

    assert churn.spared > 5
    assert churn.gone_on > 1
