"""Closed sets of words as types of fields: strings, whose schema lists the words there are."""

from enum import StrEnum
from typing import Annotated

import msgspec

from offloadctl.brokerconf.findings import LintSeverity
from offloadctl.format.checksum_state import ChecksumState
from offloadctl.model.check import CheckStatus, Level, Verdict
from offloadctl.model.check_diff import Change
from offloadctl.model.cursor_place import Readable
from offloadctl.model.decision import Fate as CronFate
from offloadctl.model.decision import Truth
from offloadctl.model.decision import Verdict as DecisionVerdict
from offloadctl.model.doctor import Weight
from offloadctl.model.finding import Severity
from offloadctl.model.ledger import OffloadProgress, OffloadState
from offloadctl.model.measures import Unit
from offloadctl.model.offload import Confirmation, Fate, Outcome
from offloadctl.model.standing import Movement
from offloadctl.model.status import Bound, SortKey
from offloadctl.plan.offload_policies import DangerKind, Why
from offloadctl.plan.policy_outcome import ChangeState


def _words(*kinds: type[StrEnum]) -> msgspec.Meta:
    return msgspec.Meta(extra_json_schema={"enum": [word.value for kind in kinds for word in kind]})


BoundWord = Annotated[str, _words(Bound)]
ChangeStateWord = Annotated[str, _words(ChangeState)]
ChangeWord = Annotated[str, _words(Change)]
ChecksumWord = Annotated[str, _words(ChecksumState)]
ConfirmationWord = Annotated[str, _words(Confirmation)]
CoverageWord = Annotated[str, _words(CheckStatus)]
CronFateWord = Annotated[str, _words(CronFate)]
DangerWord = Annotated[str, _words(DangerKind)]
DecisionWord = Annotated[str, _words(DecisionVerdict)]
FateWord = Annotated[str, _words(Fate)]
LevelWord = Annotated[str, _words(Level)]
LintSeverityWord = Annotated[str, _words(LintSeverity)]
MovementWord = Annotated[str, _words(Movement)]
OutcomeWord = Annotated[str, _words(Outcome)]
ProgressWord = Annotated[str, _words(OffloadProgress)]
ReadableWord = Annotated[str, _words(Readable)]
SeverityWord = Annotated[str, _words(Severity)]
SortWord = Annotated[str, _words(SortKey)]
StateWord = Annotated[str, _words(OffloadState)]
TruthWord = Annotated[str, _words(Truth)]
UnitWord = Annotated[str, _words(Unit)]
VerdictWord = Annotated[str, _words(Verdict)]
WeightWord = Annotated[str, _words(Weight)]
WhyWord = Annotated[str, _words(Why)]
