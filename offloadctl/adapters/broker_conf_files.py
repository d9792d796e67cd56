"""The templates that come with offloadctl, and the files of brokers: read as bytes, replaced all or nothing."""

import errno
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import offloadctl
from offloadctl.errors import OffloadctlError, SettingsError

_PACKAGE = Path(offloadctl.__file__).parent
STDIN = "-"


def templates() -> Path:
    """The directory `broker-conf`: inside of an installed package, beside it in a checkout."""
    for candidate in (_PACKAGE / "_broker_conf", _PACKAGE.parent / "broker-conf"):
        if (candidate / "common.conf").is_file():
            return candidate
    raise OffloadctlError(
        f"the templates are missing from this installation ({_PACKAGE})", hint="install offloadctl again"
    )


def common_template() -> str:
    """What all profiles can have beside."""
    return (templates() / "common.conf").read_text(encoding="ascii")


def profile_templates() -> Mapping[str, str]:
    """The text of each profile, by its name."""
    files = sorted((templates() / "profiles").glob("*.conf"))
    return {file.stem: file.read_text(encoding="ascii") for file in files}


def read_file(name: str) -> bytes:
    """The bytes of a file, or of stdin for `-`."""
    if name == STDIN:
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise SettingsError(f"{name}: it cannot be read: {error.strerror}") from error


def replace_file(path: Path, before: bytes, after: bytes) -> Path:
    """Give the file its new bytes, if it still has the old ones; the old ones are kept in the file that is returned."""
    # Behind a symbolic link is where the person keeps it.
    target = path.resolve()
    try:
        if target.read_bytes() != before:
            raise SettingsError(f"{path}: somebody else has changed it meanwhile", hint="run the command again")
        backup = _backup(target)
        try:
            _write(target, after)
        except BaseException:
            backup.unlink()
            raise
    except OSError as error:
        # A single file that is mounted into a container can be written, and not replaced.
        hint = "it is a mount: edit it where it comes from" if error.errno == errno.EBUSY else ""
        raise SettingsError(f"{path}: it cannot be replaced: {error.strerror}", hint=hint) from error
    return backup


def _backup(target: Path) -> Path:
    """A copy beside the file, under a name that is not taken; the oldest one stays the original."""
    number = 0
    while True:
        backup = target.with_name(target.name + (f".bak.{number}" if number else ".bak"))
        try:
            descriptor = os.open(backup, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            number += 1
            continue
        with os.fdopen(descriptor, "wb") as file:
            file.write(target.read_bytes())
        shutil.copystat(target, backup)
        return backup


def _write(target: Path, data: bytes) -> None:
    status = target.stat()
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(status.st_mode & 0o7777)
        # Only root can give files away; for others the file becomes theirs, as with most editors.
        with suppress(PermissionError):
            os.chown(temporary, status.st_uid, status.st_gid)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
