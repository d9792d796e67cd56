"""Every kind of document that has a schema; a command loads only the documents that it writes."""

from typing import Final

import msgspec

from offloadctl.plan.schedule_file import Schedule
from offloadctl.report.acknowledgements import ACKNOWLEDGEMENT_KINDS
from offloadctl.report.broker_conf_documents import BROKER_CONF_KINDS
from offloadctl.report.check_diff_documents import CHECK_DIFF_KINDS
from offloadctl.report.check_documents import CHECK_KINDS
from offloadctl.report.check_object_documents import CHECK_OBJECT_KINDS
from offloadctl.report.doctor import DOCTOR_KINDS
from offloadctl.report.documents import (
    Context,
    ContextList,
    ContextSummary,
    Error,
    OffloadResult,
    OffloadRun,
    OffloadStatus,
    TopicOffloadStatus,
)
from offloadctl.report.history_documents import OffloadHistory
from offloadctl.report.learning_documents import LEARNING_KINDS
from offloadctl.report.policy_documents import POLICY_KINDS
from offloadctl.report.retention_documents import RETENTION_KINDS
from offloadctl.report.schedule_command_documents import SCHEDULE_COMMAND_KINDS
from offloadctl.report.schedule_documents import SCHEDULE_KINDS
from offloadctl.report.schedule_learning import SCHEDULE_LEARNING_KINDS

KINDS: Final[tuple[type[msgspec.Struct], ...]] = (
    OffloadRun,
    OffloadResult,
    OffloadStatus,
    TopicOffloadStatus,
    OffloadHistory,
    *CHECK_KINDS,
    *CHECK_DIFF_KINDS,
    *ACKNOWLEDGEMENT_KINDS,
    *CHECK_OBJECT_KINDS,
    Context,
    ContextSummary,
    ContextList,
    *BROKER_CONF_KINDS,
    *POLICY_KINDS,
    *RETENTION_KINDS,
    *DOCTOR_KINDS,
    *LEARNING_KINDS,
    Schedule,
    *SCHEDULE_KINDS,
    *SCHEDULE_COMMAND_KINDS,
    *SCHEDULE_LEARNING_KINDS,
    Error,
)
"""In the order in which `offloadctl schema` lists them."""
