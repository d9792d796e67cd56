"""Fetch what comes next while what came last is worked on."""

import threading
from collections.abc import Iterator
from queue import Empty, SimpleQueue
from typing import Final

from offloadctl.errors import Interrupted

_SLICE_S: Final = 0.2


def one_ahead(chunks: Iterator[bytes], stop: threading.Event) -> Iterator[bytes]:
    """The same chunks, each next one fetched by a thread meanwhile: one is in hand and one comes, never more.

    Raises Interrupted once `stop` is set, also while nothing comes.
    """
    wanted: SimpleQueue[bool] = SimpleQueue()
    coming: SimpleQueue[bytes | BaseException | None] = SimpleQueue()

    def fetch() -> None:
        while wanted.get():
            try:
                chunk = next(chunks, None)
            except BaseException as error:  # noqa: BLE001 - raised again where it can be told
                coming.put(error)
                return
            coming.put(chunk)

    # A daemon: whoever hangs in a socket must not keep the process.
    threading.Thread(target=fetch, name="one-ahead", daemon=True).start()
    wanted.put(True)
    try:
        while (chunk := _next(coming, stop)) is not None:
            if isinstance(chunk, BaseException):
                raise chunk
            wanted.put(True)
            yield chunk
    finally:
        wanted.put(False)


def _next(coming: "SimpleQueue[bytes | BaseException | None]", stop: threading.Event) -> bytes | BaseException | None:
    while not stop.is_set():
        try:
            return coming.get(timeout=_SLICE_S)
        except Empty:
            continue
    raise Interrupted("interrupted")
