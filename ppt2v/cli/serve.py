"""``ppt2v serve``: the service over HTTP."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any, List, Optional

import typer

from ppt2v.errors import InputError
from ppt2v.models.sources import locate
from ppt2v.modes.machine import MACHINE
from ppt2v.parameters import resolve
from ppt2v.progress import say
from ppt2v.serving import webhooks
from ppt2v.serving.admission import check_address
from ppt2v.serving.limits import Limits
from ppt2v.serving.server import Queue, address, listen

from .options import DEVICE, DTYPE, ENGINE, RUNNER, check_runner

_MOST = Limits()

# The options that the web page has as well.
QUEUE = typer.Option(16, min=1, metavar="N", help="Most jobs that wait.")
WORKERS = typer.Option(1, min=1, metavar="N", help="Jobs made at once; each worker holds a model of its own.")
SIDE = typer.Option(_MOST.side, min=1, metavar="N", help="Longest side of a video that may be asked for, in pixels.")
FRAMES = typer.Option(_MOST.frames, min=1, metavar="N", help="Most frames.")
STEPS = typer.Option(_MOST.steps, min=1, metavar="N", help="Most steps.")
CLIP_SECONDS = typer.Option(_MOST.clip_seconds, min=1, metavar="SECONDS", help="Longest clip.")
UPLOAD_MB = typer.Option(_MOST.upload_mb, min=1, metavar="MB", help="Largest clip, in MB.")
KEEP_DAYS = typer.Option(
    None,
    min=0.01,
    metavar="DAYS",
    help="Delete finished videos and uploaded clips after so many days; kept for ever if not given.",
)


def serve(
    host: str = typer.Option(
        "127.0.0.1", metavar="HOST", help="Address to listen at; any but this machine's own needs --token."
    ),
    port: int = typer.Option(8000, min=0, max=65535, metavar="PORT", help="Port to listen at; 0 for a free one."),
    folder: str = typer.Option("ppt2v-jobs", metavar="FOLDER", help="Where the videos and the list of jobs go."),
    token: Optional[str] = typer.Option(
        None, metavar="TOKEN", envvar="PPT2V_TOKEN", show_envvar=True, help="What requests have to bring along."
    ),
    model: Optional[List[str]] = typer.Option(
        None, metavar="MODEL", help="Folder or id of a model that may be asked for beside the embedded ones."
    ),
    webhook: Optional[List[str]] = typer.Option(
        None, metavar="SERVER", help="Server that finished jobs may be reported to, such as https://hooks.example.com."
    ),
    priority: int = typer.Option(
        _MOST.priority, min=0, metavar="N", help="Highest priority that may be asked for; those of a higher go first."
    ),
    workers: int = WORKERS,
    runner: str = RUNNER,
    queue: int = QUEUE,
    side: int = SIDE,
    frames: int = FRAMES,
    steps: int = STEPS,
    clip_seconds: int = CLIP_SECONDS,
    upload_mb: int = UPLOAD_MB,
    keep_days: Optional[float] = KEEP_DAYS,
    device: Optional[str] = DEVICE,
    dtype: Optional[str] = DTYPE,
    engine: Optional[str] = ENGINE,
) -> None:
    """Make videos for others over HTTP: a small REST API, which its own page describes."""
    from ppt2v.serving import offers

    limits = Limits(
        side=side,
        frames=frames,
        steps=steps,
        clip_seconds=clip_seconds,
        upload_mb=upload_mb,
        models=tuple(model or ()),
        seeds=min(_MOST.seeds, queue),
        webhooks=tuple(webhook or ()),
        priority=priority,
    )
    for name in limits.models:
        locate.check(name)
    offers.check_names(limits.models)
    for address_of_server in limits.webhooks:
        webhooks.check(address_of_server)
    check_runner(runner)
    machine = resolve(MACHINE, {"device": device, "dtype": dtype, "engine": engine}, {})
    check_address(host, token)
    listening = listen(host, port)
    with listening:
        _run(listening, Queue(folder, queue, limits, keep_days, runner, workers), token, machine)


def _run(listening: socket.socket, queue: Queue, token: str | None, machine: Mapping[str, Any]) -> None:
    try:
        from ppt2v.serving.api.app import create_app
        from ppt2v.serving.connections import server
    except ModuleNotFoundError as error:
        raise InputError(
            "E-SERVICE-PACKAGE", "the service needs {package}: pip install 'ppt2v[serve]'", package=error.name
        ) from None
    with queue.opened(machine, for_strangers=token is not None) as jobs:
        app = create_app(jobs, token, listening.getsockname()[1])
        say(f"Listening at {address(listening)}, where it is described; videos go to {jobs.folder}. Ctrl-C stops.")
        server(app, ending=app.state.changes.end).run(sockets=[listening])
