"""The bucket compared with the metadata: what every scenario ends with."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import Any, Final, Self

from tests.integration.stack import Stack, Topic

_KEY: Final = re.compile(r"(?P<uuid>[0-9a-f-]{36})-ledger-(?P<ledger>\d+)(?P<index>-index)?")


@dataclass(frozen=True, slots=True)
class Audit:
    """Where bucket and metadata disagree; all empty is what a healthy cluster leaves behind."""

    missing: frozenset[str] = frozenset()
    """Keys of ledgers that internalStats calls offloaded."""
    strays: frozenset[str] = frozenset()
    """Objects that no ledger of the metadata names."""
    open_uploads: int = 0
    """Multipart uploads that are neither completed nor aborted."""


@dataclass(slots=True)
class Auditor:
    """Compares what a test has added to the bucket with the namespaces that it used."""

    stack: Stack
    namespaces: list[str]
    expected: Audit = field(default_factory=Audit)
    known_keys: frozenset[str] = frozenset()
    known_uploads: frozenset[str] = frozenset()

    @classmethod
    def from_now(cls, stack: Stack, namespaces: list[str]) -> Self:
        """What is in the bucket already is somebody else's."""
        watching = cls(stack, namespaces)
        watching.known_keys, watching.known_uploads = watching._keys(), watching._uploads()
        return watching

    def expect(self, **what: Any) -> None:
        """Something is left over, and that is known."""
        self.expected = Audit(**what)

    def settled(self, *, seconds: float = 60) -> Audit:
        """Compare until all is as expected, or for so long: what a retry replaced is deleted in the background."""
        deadline = time.monotonic() + seconds
        while (found := self.compare()) != self.expected and time.monotonic() < deadline:
            time.sleep(0.5)
        return found

    def compare(self) -> Audit:
        """List the bucket first, read the metadata second: the broker names a ledger's objects before it uploads."""
        keys, uploads = self._keys(), self._uploads() - self.known_uploads
        offloaded, named = self._references()
        new = {key for key in keys - self.known_keys if _KEY.fullmatch(key)}
        return Audit(frozenset(offloaded - keys), frozenset(new - named), len(uploads))

    def _references(self) -> tuple[set[str], set[str]]:
        offloaded: set[str] = set()
        named: set[str] = set()
        for namespace in self.namespaces:
            for name in self.stack.get(f"persistent/{namespace}"):
                topic = Topic(self.stack, name)
                complete = {ledger["ledgerId"] for ledger in topic.served_ledgers() if ledger["offloaded"]}
                for ledger in topic.stored_ledgers():
                    if uuid := ledger.get("offloadedContextUuid"):
                        keys = {f"{uuid}-ledger-{ledger['ledgerId']}", f"{uuid}-ledger-{ledger['ledgerId']}-index"}
                        named |= keys
                        offloaded |= keys if ledger["ledgerId"] in complete else set()
        return offloaded, named

    def _keys(self) -> frozenset[str]:
        pages = self.stack.s3().get_paginator("list_objects_v2").paginate(Bucket=self.stack.bucket)
        return frozenset(found["Key"] for page in pages for found in page.get("Contents", []))

    def _uploads(self) -> frozenset[str]:
        pages = self.stack.s3().get_paginator("list_multipart_uploads").paginate(Bucket=self.stack.bucket)
        return frozenset(found["UploadId"] for page in pages for found in page.get("Uploads", []))
