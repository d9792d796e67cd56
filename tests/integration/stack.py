"""The stack that the integration tests run on: containers that they start, or a stack that runs already.

IT_PULSAR_IMAGE, IT_MINIO_IMAGE    other images than the local ones of `make images`
IT_ADMIN_URL, IT_BROKER_URL        a stack that runs already: nothing is started or killed
IT_S3_ENDPOINT, IT_BUCKET,
IT_ACCESS_KEY, IT_SECRET_KEY
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

import boto3
import requests
from mypy_boto3_s3 import S3Client

from tests.stack import images

PREFIX: Final = "IT_"
REGION: Final = "us-east-1"


@dataclass(frozen=True, slots=True)
class Choice:
    """What the environment says the tests shall run on."""

    pulsar_image: str
    minio_image: str
    running: Stack | None

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Choice:
        """Read the variables; a running stack needs all of them."""

        def value(name: str, default: str = "") -> str:
            return environment.get(PREFIX + name, default)

        names = ("ADMIN_URL", "BROKER_URL", "S3_ENDPOINT", "BUCKET", "ACCESS_KEY", "SECRET_KEY")
        given = [value(name) for name in names]
        if any(given) and not all(given):
            missing = [PREFIX + name for name, text in zip(names, given, strict=True) if not text]
            raise ValueError(f"a running stack is named by {len(names)} variables, missing: {', '.join(missing)}")
        running = Stack(*given) if all(given) else None
        return cls(value("PULSAR_IMAGE", images.PULSAR), value("MINIO_IMAGE", images.MINIO), running)


@dataclass(frozen=True, slots=True)
class Stack:
    """Where a broker and its bucket are."""

    admin_url: str
    broker_url: str
    s3_url: str
    bucket: str
    access_key: str
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)

    def s3(self) -> S3Client:
        """A client of the bucket's server."""
        return boto3.client(
            "s3",
            endpoint_url=self.s3_url,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            region_name=REGION,
        )

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        """One request of the admin REST service, its answer whatever it is."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return requests.request(method, f"{self.admin_url}/admin/v2/{path}", headers=headers, timeout=60, **options)

    def get(self, path: str) -> Any:
        """The JSON that a path answers with."""
        answer = self.call("GET", path)
        answer.raise_for_status()
        return answer.json()

    def answers(self, path: str) -> bool:
        """Does a path answer well, wherever its redirects lead?"""
        try:
            return self.call("GET", path).ok
        except requests.RequestException:
            return False

    def put(self, path: str, body: object = None) -> None:
        """Set something; the answer must be good."""
        self.call("PUT", path, json=body).raise_for_status()

    def post(self, path: str, body: object = None) -> None:
        """Change something; the answer must be good."""
        self.call("POST", path, json=body).raise_for_status()


CHOICE: Final = Choice.of(os.environ)
"""Read while the tests are collected, before the environment is cleaned for them."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic of a stack, and what a test does with it through REST alone."""

    stack: Stack
    name: str

    @property
    def path(self) -> str:
        """Its path in the admin REST service."""
        domain, rest = self.name.split("://", 1)
        tenant, namespace, local = rest.split("/", 2)
        return f"{domain}/{tenant}/{namespace}/{quote(local, safe='')}"

    @property
    def namespace(self) -> str:
        """Its tenant and namespace."""
        return "/".join(self.name.split("://", 1)[1].split("/")[:2])

    def served_ledgers(self) -> list[dict[str, Any]]:
        """The ledgers of internalStats, which loads the topic."""
        return list(self.stack.get(f"{self.path}/internalStats")["ledgers"])

    def stored_ledgers(self) -> list[dict[str, Any]]:
        """The ledgers of internal-info, which loads nothing."""
        return list(self.stack.get(f"{self.path}/internal-info")["ledgers"])

    def unload(self) -> None:
        """Unload it, which closes its open ledger."""
        self.stack.put(f"{self.path}/unload")

    def trigger_offload(self) -> None:
        """Ask for everything before the last ledger."""
        last = self.served_ledgers()[-1]["ledgerId"]
        self.stack.put(f"{self.path}/offload", {"ledgerId": last, "entryId": 0, "partitionIndex": -1})

    def offload_status(self) -> dict[str, Any]:
        """What the broker says of the last offload by hand."""
        return dict(self.stack.get(f"{self.path}/offload"))

    def set_offload_policies(self, **changes: object) -> None:
        """Change policies of its namespace; the others are sent as they are in force, else defaults replace them."""
        in_force = self.offload_policies()
        self.stack.post(f"namespaces/{self.namespace}/offloadPolicies", {**in_force, **changes})
        eventually(
            lambda: self.offload_policies().items() >= changes.items(), f"the policies of {self.namespace} are in force"
        )

    def offload_policies(self) -> dict[str, Any]:
        """The policies in force."""
        return dict(self.stack.get(f"{self.path}/offloadPolicies?applied=true"))

    def offload(self) -> dict[str, Any]:
        """Offload everything closed, and answer the status that it ended with."""
        self.trigger_offload()
        eventually(lambda: self.offload_status()["status"] != "RUNNING", "the offload ends")
        return self.offload_status()


def everywhere(key: str, value: object) -> dict[str, object]:
    """A policy under the keys of every driver: S3 reads the general one, aws-s3 its own first."""
    return {f"managedLedgerOffload{key}": value, f"s3ManagedLedgerOffload{key}": value}


def eventually(is_so: Callable[[], bool], what: str, *, seconds: float = 180, pause: float = 0.2) -> None:
    """Wait until it is so, or fail with its name; a loaded machine may need minutes for what else takes a second."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(pause)
