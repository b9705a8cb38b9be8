"""``ppt2v serve``: the service over HTTP."""
from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, List, NamedTuple, Optional

import typer

from . import config, hub
from .commands.options import DEVICE, DTYPE, ENGINE
from .errors import InputError
from .limits import LOCAL_HOSTS, Limits
from .parameters import resolve
from .progress import say

if TYPE_CHECKING:
    from .jobs import Jobs

_MOST = Limits()

# The options that the web page has as well.
QUEUE = typer.Option(16, min=1, help="Most jobs that wait.")
SIDE = typer.Option(_MOST.side, min=1, help="Longest side of a video that may be asked for, in pixels.")
FRAMES = typer.Option(_MOST.frames, min=1, help="Most frames.")
STEPS = typer.Option(_MOST.steps, min=1, help="Most steps.")
CLIP_SECONDS = typer.Option(_MOST.clip_seconds, min=1, help="Longest clip.")
UPLOAD_MB = typer.Option(_MOST.upload_mb, min=1, help="Largest clip, in MB.")
KEEP_DAYS = typer.Option(
    None, min=0.01, help="Delete finished videos and uploaded clips after so many days; kept for ever if not given."
)


def serve(
    host: str = typer.Option("127.0.0.1", help="Address to listen at; any but this machine's own needs --token."),
    port: int = typer.Option(8000, min=0, max=65535, help="Port to listen at; 0 for a free one."),
    folder: str = typer.Option("ppt2v-jobs", metavar="FOLDER", help="Where the videos and the list of jobs go."),
    token: Optional[str] = typer.Option(
        None, envvar="PPT2V_TOKEN", show_envvar=True, help="What requests have to bring along."
    ),
    model: Optional[List[str]] = typer.Option(
        None, help="Folder or id of a model that may be asked for beside the embedded ones."
    ),
    queue: int = QUEUE,
    side: int = SIDE,
    frames: int = FRAMES,
    steps: int = STEPS,
    clip_seconds: int = CLIP_SECONDS,
    upload_mb: int = UPLOAD_MB,
    keep_days: Optional[float] = KEEP_DAYS,
    device: Optional[str] = DEVICE,
    dtype: Optional[str] = DTYPE,
    engine: str = ENGINE,
) -> None:
    """Make videos for others over HTTP: a small REST API, described at /openapi.json."""
    limits = Limits(side=side, frames=frames, steps=steps, clip_seconds=clip_seconds, upload_mb=upload_mb,
                    models=tuple(model or ()))
    for name in limits.models:
        hub.check(name)
    machine = resolve(config.MACHINE, {"device": device, "dtype": dtype, "engine": engine}, {})
    check_address(host, token)
    listening = listen(host, port)
    with listening:
        _run(listening, Queue(folder, queue, limits, keep_days), token, machine)


def check_address(host: str, token: str | None) -> None:
    """Refuses to let others in without a token.

    Raises:
        InputError: an address that others reach, and no token; or one that is easily guessed.
    """
    if token is None and host not in LOCAL_HOSTS:
        raise InputError(f"--host {host} lets others in: give --token, which they then have to know (or PPT2V_TOKEN)")
    if token is not None and len(token) < 16:
        raise InputError("the token is easily guessed: give one of 16 letters or more, such as `openssl rand -hex 16`")


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there.

    Raises:
        InputError: nobody can listen there, or somebody does already.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise InputError(f"--host {host} --port {port}: {error.strerror}; choose others") from None


def address(listening: socket.socket) -> str:
    """Where it is reached over HTTP, such as "http://127.0.0.1:8000"."""
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


class Queue(NamedTuple):
    """What the options say of the queue of jobs."""

    folder: str
    capacity: int
    limits: Limits
    keep_days: float | None

    def open(self, machine: Mapping[str, Any], for_strangers: bool) -> Jobs:
        """The queue over a model; ``machine`` are parameters of ``config.MACHINE``. Raises InputError as ``Jobs``."""
        from .jobs import Jobs
        from .model import Model

        model = Model(**machine, show_progress=False, for_strangers=for_strangers)
        return Jobs(self.folder, model, self.capacity, self.limits, self.keep_days)


def _run(listening: socket.socket, queue: Queue, token: str | None, machine: Mapping[str, Any]) -> None:
    try:
        import uvicorn

        from .api import create_app
    except ModuleNotFoundError as error:
        raise InputError(f"the service needs {error.name}: pip install 'ppt2v[serve]'") from None
    jobs = queue.open(machine, for_strangers=token is not None)
    here = address(listening)
    say(f"Listening at {here}, described at {here}/openapi.json; videos go to {jobs.folder}. Ctrl-C stops.")
    settings = uvicorn.Config(create_app(jobs, token), log_level="warning", server_header=False, limit_concurrency=100)
    uvicorn.Server(settings).run(sockets=[listening])
