"""Models on their way to this machine, where the page's visitors may ask for one."""

from __future__ import annotations

import multiprocessing
import threading
from multiprocessing.connection import Connection
from typing import NamedTuple

from ppt2v.errors import InputError
from ppt2v.language import Message
from ppt2v.models.sources import locate


class Download(NamedTuple):
    """How a download stands: whether it goes on, how many bytes are here, and what has gone wrong, if anything."""

    runs: bool
    received: int
    error: Message | None = None


class Downloads:
    """Each is a process of its own, which can be ended at any time; started again, it goes on where it stopped."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[str, tuple[multiprocessing.process.BaseProcess, Connection]] = {}
        self._errors: dict[str, Message | None] = {}

    def start(self, name: str) -> None:
        """Downloads a model, unless it is on its way already."""
        with self._lock:
            if self._runs(name):
                return
            context = multiprocessing.get_context("spawn")  # a forked process would share what Paddle holds
            receiver, sender = context.Pipe(duplex=False)
            process = context.Process(target=_download, args=(name, sender), daemon=True)
            process.start()
            sender.close()  # the process has the other end of it
            self._running[name], self._errors[name] = (process, receiver), None

    def cancel(self, name: str) -> None:
        """Stops a download; what has arrived is kept."""
        with self._lock:
            if self._runs(name):
                process, receiver = self._running.pop(name)
                process.terminate()
                process.join()
                receiver.close()

    def state(self, name: str) -> Download:
        """How the download of a model stands."""
        with self._lock:
            return Download(self._runs(name), locate.received(name), self._errors.get(name))

    def _runs(self, name: str) -> bool:
        if name not in self._running:
            return False
        process, receiver = self._running[name]
        if process.is_alive():
            return True
        self._errors[name] = _last_words(receiver)
        del self._running[name]
        return False


def _last_words(receiver: Connection) -> Message | None:
    try:
        return receiver.recv()
    except EOFError:
        return Message(
            "E-DOWNLOAD-ENDED", "the download has ended before its time; try again to go on where it stopped"
        )
    finally:
        receiver.close()


def _download(name: str, sender: Connection) -> None:
    """Downloads a model, and sends what has gone wrong."""
    try:
        locate.locate(name, progress=False)
        sender.send(None)
    except InputError as error:
        sender.send(error.message)
