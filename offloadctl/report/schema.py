"""The JSON Schemas of the documents, and of the lines of `-o ndjson` that are pieces of documents."""

import ast
import inspect
import textwrap
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any, Final

import msgspec

from offloadctl.plan.schedule_file import OneOf, Schedule
from offloadctl.report.acknowledgements import AcknowledgedFindingDocument
from offloadctl.report.broker_conf_documents import BrokerConfProfileDocument, BrokerConfSettingDocument
from offloadctl.report.check_diff_documents import ComparedFindingDocument
from offloadctl.report.check_object_documents import BlockDocument
from offloadctl.report.doctor import DoctorSubject
from offloadctl.report.errors import API_VERSION
from offloadctl.report.history_documents import HistoryNoteDocument, HistoryRunDocument
from offloadctl.report.kinds import KINDS
from offloadctl.report.learning_documents import FaultDocument
from offloadctl.report.policy_documents import OffloadPolicyItem, PolicyChangeDocument
from offloadctl.report.schedule_command_documents import ScheduleEntryDocument, ScheduleStandingDocument

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

LINE_KINDS: Final[Mapping[str, type[msgspec.Struct]]] = {
    "AcknowledgedFinding": AcknowledgedFindingDocument,
    "BrokerConfProfile": BrokerConfProfileDocument,
    "BrokerConfSetting": BrokerConfSettingDocument,
    "ComparedFinding": ComparedFindingDocument,
    "DoctorSubject": DoctorSubject,
    "Fault": FaultDocument,
    "HistoryNote": HistoryNoteDocument,
    "HistoryRun": HistoryRunDocument,
    "LedgerBlock": BlockDocument,
    "OffloadPolicyChange": PolicyChangeDocument,
    "OffloadPolicyItem": OffloadPolicyItem,
    "ScheduleEntry": ScheduleEntryDocument,
    "ScheduleStanding": ScheduleStandingDocument,
}
"""Pieces that stand alone as lines; there they say version and kind too, which inside a document they need not."""


def kinds() -> tuple[str, ...]:
    """Every kind of document that has a schema, lines included."""
    return (*_DOCUMENTS, *LINE_KINDS)


def line_document(line: msgspec.Struct) -> Mapping[str, Any]:
    """A line of `-o ndjson`, which always tells its version and kind."""
    made: dict[str, Any] = msgspec.to_builtins(line)
    if type(line).__name__ in _DOCUMENTS:
        return made
    return {"apiVersion": API_VERSION, "kind": _KIND_OF_LINE[type(line)], **made}


def schema_of(kind: str) -> Mapping[str, Any]:
    """The JSON Schema of one kind; KeyError if there is none."""
    found = _DOCUMENTS.get(kind) or LINE_KINDS[kind]
    schema = msgspec.json.schema(found)
    described = {one.__name__: one for one in _structs(msgspec.Struct)}
    for name, definition in schema["$defs"].items():
        if (struct := described.get(name)) is not None:
            _describe(definition, struct)
            if issubclass(struct, OneOf):
                definition |= {"minProperties": 1, "maxProperties": 1}
    if kind in LINE_KINDS:
        definition = schema["$defs"][found.__name__]
        stamp = {"apiVersion": {"enum": [API_VERSION]}, "kind": {"enum": [kind]}}
        definition["properties"] = stamp | definition["properties"]
        definition["required"] = [*stamp, *definition["required"]]
    return {"$schema": DIALECT, "title": f"offloadctl {kind}", **schema}


_DOCUMENTS: Final = {kind.__name__: kind for kind in KINDS}
_KIND_OF_LINE: Final = {struct: kind for kind, struct in LINE_KINDS.items()}


def _structs(kind: type[msgspec.Struct]) -> Iterable[type[msgspec.Struct]]:
    for one in kind.__subclasses__():
        if one.__module__.startswith(("offloadctl.report.", Schedule.__module__)):
            yield one
        yield from _structs(one)


def _describe(definition: dict[str, Any], struct: type[msgspec.Struct]) -> None:
    """The docstrings below fields become their descriptions."""
    names = {field.name: field.encode_name for field in msgspec.structs.fields(struct)}
    body = ast.parse(textwrap.dedent(inspect.getsource(struct))).body[0]
    statements = body.body if isinstance(body, ast.ClassDef) else []
    for one, after in pairwise(statements):
        if not (isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)):
            continue
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) and isinstance(after.value.value, str):
            definition["properties"][names[one.target.id]]["description"] = after.value.value
