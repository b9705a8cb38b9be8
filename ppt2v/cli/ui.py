"""The command ``ppt2v ui``."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, List, Optional

import typer

from ppt2v.errors import InputError
from ppt2v.models.sources import locate
from ppt2v.modes.machine import MACHINE
from ppt2v.parameters import resolve
from ppt2v.serving.admission import LOCAL_HOSTS, parse_auth
from ppt2v.serving.limits import Limits
from ppt2v.serving.server import Queue, address, listen

from .options import DEVICE, DTYPE, ENGINE, RUNNER, check_runner
from .serve import CLIP_SECONDS, FRAMES, KEEP_DAYS, QUEUE, SIDE, STEPS, UPLOAD_MB, WORKERS


def ui(
    host: str = typer.Option(
        "127.0.0.1", metavar="HOST", help="Address to listen at; any but this machine's own needs --auth."
    ),
    port: int = typer.Option(7860, min=0, max=65535, metavar="PORT", help="Port to listen at; 0 for a free one."),
    folder: str = typer.Option("ppt2v-videos", metavar="FOLDER", help="Where the videos and the uploads go."),
    auth: Optional[str] = typer.Option(
        None, metavar="USER:PASSWORD", envvar="PPT2V_AUTH", show_envvar=True, help="What visitors have to give."
    ),
    share: bool = typer.Option(False, "--share", help="Also open a public address, by way of Gradio's servers."),
    model: Optional[List[str]] = typer.Option(
        None,
        metavar="MODEL",
        help="Folder or id of a model that may be chosen beside the embedded ones; without --auth any may.",
    ),
    adapters: Optional[str] = typer.Option(
        None, metavar="FOLDER", help="LoRA files and embeddings that may be chosen, with --auth too."
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
    """Make videos on a web page, in English or Chinese: for yourself or, with --auth, for others too."""
    password = parse_auth(auth, share or host not in LOCAL_HOSTS)
    limits = Limits(
        side=side,
        frames=frames,
        steps=steps,
        clip_seconds=clip_seconds,
        upload_mb=upload_mb,
        models=tuple(model or ()),
        at_home=password is None,
    )
    if adapters is not None:
        from ppt2v.serving.adapter_folder import AdapterFolder

        limits = replace(limits, adapters=AdapterFolder(adapters))
    for name in limits.models:
        locate.check(name)
    check_runner(runner)
    machine = resolve(MACHINE, {"device": device, "dtype": dtype, "engine": engine}, {})
    with listen(host, port) as listening:
        _run(listening, Queue(folder, queue, limits, keep_days, runner, workers), password, share, machine)


def _run(
    listening: socket.socket, queue: Queue, password: tuple[str, str] | None, share: bool, machine: Mapping[str, Any]
) -> None:
    try:
        from ppt2v.serving.connections import server
        from ppt2v.serving.ui.server import application
    except ModuleNotFoundError as error:
        raise InputError(
            "E-PAGE-PACKAGE",
            "the page needs {package}: pip install 'ppt2v[ui]', with Python 3.10 or newer",
            package=error.name,
        ) from None
    with queue.opened(machine, for_strangers=password is not None) as jobs:
        page = application(jobs, password, listening.getsockname()[1])
        typer.echo(f"{address(listening)}/")
        if share:
            typer.echo(_public_address(*listening.getsockname()[:2]))
        server(page, patience=1).run(sockets=[listening])  # pages keep a connection open


def _public_address(host: str, port: int) -> str:
    from gradio.networking import setup_tunnel

    try:
        return setup_tunnel(host, port, secrets.token_urlsafe(32), None)
    except Exception as error:  # whatever its download and its connection raise
        raise InputError(
            "E-SHARE-FAILED", "no public address could be opened: {reason}; leave out --share", reason=error
        ) from None
