"""What can go wrong, by meaning. Damage is not here: damage is a Finding, returned, never raised.

    OffloadctlError
    ├── UsageError                 2  the caller must change the command or the settings
    │   ├── BadValue                  a size, a duration, a name that does not parse
    │   ├── SettingsError             a context file, variable or client.conf that cannot be used
    │   ├── UnsupportedTopic          non-persistent, system or five-part topic names
    │   └── MissingExtra              an optional part is not installed
    ├── BrokerError                1  the admin REST service
    │   ├── BrokerUnreachable         no connection, no answer in time, name does not resolve
    │   ├── NotAuthenticated          no credentials, or bad ones
    │   ├── NotAuthorised             good credentials without the right
    │   ├── NotFound                  no such topic, namespace or cluster
    │   ├── Busy                      409: already going on
    │   ├── Rejected                  400, 405, 412: the broker does not accept the request
    │   ├── NoOwner                   412: the topic's bundle is being unloaded or moved
    │   ├── ServerError               5xx
    │   ├── BadReply                  an answer that cannot be understood
    │   ├── Unstable                  answers that contradict each other, reading after reading
    │   └── RedirectRefused           a redirect loop, or a target that must not get our credentials
    ├── StoreError                 1  the object store
    │   ├── StoreUnreachable
    │   │   └── StoreBusy             asked too often: fewer requests at once would be answered
    │   ├── StoreDenied
    │   ├── BucketNotFound
    │   └── StoreFailed               any other answer that is not success
    │       └── ObjectArchived        the object must be restored before it can be read
    ├── StateError                 1  a file of our own that a run must remember something in
    │   ├── StateUnwritable           read-only, no right, no room
    │   ├── StateDamaged              not SQLite, or broken, or another program's
    │   ├── StateNewer                written by a newer offloadctl
    │   └── StateBusy                 another process does not let go of it
    ├── Refused                    6  a safety rule; nothing was done
    │   ├── ReadOnlyContext
    │   ├── ProtectedContext
    │   ├── ClusterMismatch
    │   ├── ApprovalNeeded            so much is not begun without a yes
    │   ├── CannotResume              no unfinished run asked for the same
    │   └── PlanChanged               what was approved is not what would be done
    ├── LeaseHeld                  8  another instance runs the schedules
    ├── LeaseLost                  1  another instance may run them from now on
    └── Interrupted                130  Ctrl-C ended the run
        └── Terminated             143  SIGTERM did
FormatError (a ValueError, format/errors.py) tells why bytes are not what Pulsar writes; check/ turns it into a Finding.
"""

from typing import ClassVar

from offloadctl.exitcodes import ExitCode


class OffloadctlError(Exception):
    """A failure with words for a person: what, where, expected, found; and what to do next."""

    code: ClassVar[str] = "error"
    exit_code: ClassVar[ExitCode] = ExitCode.FAILED
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(OffloadctlError):
    """The command or the settings must change; nothing was done."""

    code = "usage"
    exit_code = ExitCode.USAGE


class BadValue(UsageError):
    """A value that does not parse."""

    code = "bad-value"


class SettingsError(UsageError):
    """Settings that cannot be used."""

    code = "settings"


class UnsupportedTopic(UsageError):
    """A topic that can have no offloaded ledgers, or that this tool must leave alone."""

    code = "unsupported-topic"


class MissingExtra(UsageError):
    """An optional part of the installation is needed."""

    code = "missing-extra"


class BrokerError(OffloadctlError):
    """The admin REST service did not do what was asked."""

    code = "broker"

    def __init__(self, message: str, *, hint: str = "", status: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status = status


class BrokerUnreachable(BrokerError):
    """No connection, no answer in time, or a host name that does not resolve."""

    code = "broker-unreachable"
    retryable = True


class NotAuthenticated(BrokerError):
    """The broker does not know who is asking."""

    code = "not-authenticated"


class NotAuthorised(BrokerError):
    """The broker knows who is asking and says no."""

    code = "not-authorised"


class NotFound(BrokerError):
    """There is no such topic, namespace, tenant or cluster."""

    code = "not-found"


class Busy(BrokerError):
    """409: the same work is going on already."""

    code = "busy"
    retryable = True


class Rejected(BrokerError):
    """The broker does not accept the request as it is (400, 405, 412)."""

    code = "rejected"


class NoOwner(BrokerError):
    """No broker owns the topic right now: its bundle is being unloaded, or moved to another broker (412)."""

    code = "no-owner"
    retryable = True


class ServerError(BrokerError):
    """The broker failed (5xx)."""

    code = "server-error"
    retryable = True


class BadReply(BrokerError):
    """An answer that cannot be understood; the message shows what came."""

    code = "bad-reply"


class Unstable(BrokerError):
    """The broker's views of a topic did not stand still long enough to be read together."""

    code = "unstable"
    retryable = True


class RedirectRefused(BrokerError):
    """A redirect that leads nowhere, or to a host that must not get our credentials."""

    code = "redirect-refused"


class StoreError(OffloadctlError):
    """The object store did not do what was asked."""

    code = "store"


class StoreUnreachable(StoreError):
    """No connection to the object store, or no answer in time."""

    code = "store-unreachable"
    retryable = True


class StoreBusy(StoreUnreachable):
    """The object store asks to be asked less often."""

    code = "store-busy"


class StoreDenied(StoreError):
    """The object store refuses these credentials, or there are none."""

    code = "store-denied"


class BucketNotFound(StoreError):
    """There is no such bucket."""

    code = "bucket-not-found"


class StoreFailed(StoreError):
    """Any other answer of the object store that is not success."""

    code = "store-failed"


class ObjectArchived(StoreFailed):
    """The object is in an archive and must be restored before anybody can read it."""

    code = "object-archived"


class StateError(OffloadctlError):
    """A file of our own that a run must remember something in cannot be used."""

    code = "state"


class StateUnwritable(StateError):
    """It is read-only, access is denied, or there is no room."""

    code = "state-unwritable"


class StateDamaged(StateError):
    """It is no SQLite file, broken, or another program's."""

    code = "state-damaged"


class StateNewer(StateError):
    """A newer offloadctl wrote it, in a shape that this one does not know."""

    code = "state-newer"


class StateBusy(StateError):
    """Another process held it for longer than any of ours should."""

    code = "state-busy"
    retryable = True


class Refused(OffloadctlError):
    """A safety rule said no; nothing was done."""

    code = "refused"
    exit_code = ExitCode.REFUSED


class ReadOnlyContext(Refused):
    """The context is marked read_only."""

    code = "read-only-context"


class ProtectedContext(Refused):
    """The context is marked protected and was not named on the command line."""

    code = "protected-context"


class ClusterMismatch(Refused):
    """The broker belongs to another cluster than the context says."""

    code = "cluster-mismatch"


class ApprovalNeeded(Refused):
    """The run is large enough to need a yes, and nobody gave it."""

    code = "approval-needed"


class CannotResume(Refused):
    """There is no run to go on with, or it asked for something else."""

    code = "cannot-resume"


class PlanChanged(Refused):
    """A plan that no longer holds: the file, the cluster, its expiry or the ledgers are other ones."""

    code = "plan-changed"


class LeaseHeld(OffloadctlError):
    """Another instance runs the schedules; nothing was done."""

    code = "lease-held"
    exit_code = ExitCode.LEASE_HELD


class LeaseLost(OffloadctlError):
    """This instance runs the schedules no more; what it has begun is gone on with by whoever has the lease now."""

    code = "lease-lost"
    retryable = True


class Interrupted(OffloadctlError):
    """A signal ended the run before it had a result."""

    code = "interrupted"
    exit_code = ExitCode.INTERRUPTED


class Terminated(Interrupted):
    """That signal was SIGTERM."""

    code = "terminated"
    exit_code = ExitCode.TERMINATED


class TerminationSignal(KeyboardInterrupt):
    """SIGTERM or SIGHUP came: what Ctrl-C does, under another exit code."""
