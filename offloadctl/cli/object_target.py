"""Whose objects `offloadctl object` looks into: those of a topic's ledger, of an address, or two files."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import typer

from offloadctl.cli.connection import ConnectionFlags, connect, resolved
from offloadctl.cli.injection import injecting
from offloadctl.errors import BadValue, NotFound, UsageError
from offloadctl.format.keys import ObjectKey
from offloadctl.model.names import TopicName

if TYPE_CHECKING:
    from offloadctl.check.subject import Subject
    from offloadctl.operations.ledger_objects import LedgerObjects
    from offloadctl.ports import ObjectStore

R = TypeVar("R")

LoadTopics = Annotated[
    bool, typer.Option("--load-topics", help="Let a broker load the topic, to know whether the offload is complete.")
]


@dataclass(frozen=True, slots=True)
class Files:
    """Two files."""

    data: Path
    index: Path


@dataclass(frozen=True, slots=True)
class Address:
    """The objects of a key in a bucket."""

    bucket: str
    key: ObjectKey


@dataclass(frozen=True, slots=True)
class TopicLedger:
    """A ledger of a topic."""

    topic: TopicName
    ledger_id: int


Named = Files | Address | TopicLedger


@dataclass(frozen=True, slots=True)
class Opened:
    """Both objects, and what is known of their ledger."""

    objects: "LedgerObjects"
    subject: "Subject"


def with_target(command: Callable[..., R]) -> Callable[..., R]:
    """Give a command the options that name objects; it receives what they name as its parameter `named`."""
    return injecting("named", _OPTIONS, parse_target)(command)


def parse_target(*, target: str | None, ledger: int | None, data: Path | None, index: Path | None) -> Named:
    """What the command line names; UsageError if that is nothing, or several things."""
    if data is not None or index is not None:
        if target is not None or data is None or index is None:
            raise UsageError("files go together and alone: --data FILE --index FILE, without a topic or an address")
        return Files(data, index)
    if target is None:
        raise UsageError("name a topic and its ledger, s3://BUCKET/KEY, or --data FILE --index FILE")
    if target.startswith("s3://"):
        if ledger is not None:
            raise UsageError("the key names the ledger: leave its id away")
        return _address(target)
    if ledger is None:
        raise UsageError(
            f"which ledger of {target}?", hint="add its id; offloadctl check TOPIC -o wide lists the ledgers in S3"
        )
    return TopicLedger(TopicName.parse(target), ledger)


@contextmanager
def open_target(named: Named, flags: ConnectionFlags, *, load_topics: bool) -> Iterator[Opened]:
    """Both objects of what is named; an error if they are not both there."""
    from offloadctl.operations.find_ledger import LedgerFinder  # noqa: PLC0415 - protobuf is slow to load
    from offloadctl.operations.verify import subject_of_key  # noqa: PLC0415

    if isinstance(named, Files):
        yield open_files(named)
    elif isinstance(named, Address):
        with open_bucket(named.bucket, flags) as store:
            subject, found = subject_of_key(named.key, store)
            if found.objects is None:
                raise NotFound(f"not both {subject.data_key} and its index are in {store.location}")
            yield Opened(found.objects, subject)
    else:
        with connect(flags) as session:
            finder = LedgerFinder(session.ports, may_load=load_topics)
            asked = finder.ledger(named.topic, named.ledger_id)
            yield Opened(finder.objects(asked), asked.subject)


def open_files(
    files: Files, *, ledger_id: int | None = None, entries: int | None = None, size: int | None = None
) -> Opened:
    """Both files as if they were objects; nothing else is read, no settings either."""
    from offloadctl.check.subject import Subject  # noqa: PLC0415 - protobuf is slow to load
    from offloadctl.operations.ledger_objects import LedgerObjects  # noqa: PLC0415
    from offloadctl.wiring import open_local_files  # noqa: PLC0415

    store = open_local_files()
    infos = [store.head(str(path)) for path in (files.data, files.index)]
    data, index = infos
    if data is None or index is None:
        raise BadValue(f"no such file: {files.data if data is None else files.index}")
    subject = Subject(str(files.data), str(files.index), ledger_id=ledger_id, entries=entries, size=size)
    return Opened(LedgerObjects(store, data, index, are_files=True), subject)


@contextmanager
def open_bucket(bucket: str, flags: ConnectionFlags) -> "Iterator[ObjectStore]":
    """One bucket, by the context's settings for it if there are any; no broker is asked anything."""
    from offloadctl.wiring import open_ports  # noqa: PLC0415 - boto3 is slow to load

    given = tuple(one for one in flags.buckets if one.partition(",")[0] == bucket)
    settings = resolved(replace(flags, buckets=given or (bucket,)))
    with open_ports(settings.context) as ports:
        yield ports.stores[0]


def _file(name: str, help: str) -> Any:  # noqa: A002 - as typer has it
    return typer.Option(name, metavar="FILE", help=help, exists=True, dir_okay=False, readable=True, show_default=False)


_S3: Final = re.compile(r"s3://(?P<bucket>[^/]+)/(?P<key>.+)")


def _address(text: str) -> Address:
    match = _S3.fullmatch(text)
    if match is None:
        raise BadValue(f"{text!r} is not an address", hint="write s3://BUCKET/KEY")
    key = ObjectKey.parse(match["key"])
    if key is None:
        raise BadValue(
            f"{match['key']!r} is not a key that brokers write",
            hint="<uuid>-ledger-<id>, or the same with -index; others can be copied and looked at as files",
        )
    return Address(match["bucket"], key)


_OPTIONS: Final[dict[str, tuple[Any, object]]] = {
    "target": (
        Annotated[
            str | None,
            typer.Argument(
                metavar="s3://BUCKET/KEY|TOPIC",
                help="Either object's address, or a topic and its ledger.",
                show_default=False,
            ),
        ],
        None,
    ),
    "ledger": (
        Annotated[
            int | None, typer.Argument(metavar="LEDGER", help="The ledger's id, after a topic.", show_default=False)
        ],
        None,
    ),
    "data": (Annotated[Path | None, _file("--data", "The data object as a file, with --index.")], None),
    "index": (Annotated[Path | None, _file("--index", "The index object as a file, with --data.")], None),
}
