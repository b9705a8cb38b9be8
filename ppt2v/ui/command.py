"""The command ``ppt2v ui``."""
from __future__ import annotations

import ipaddress
import secrets
from importlib.util import find_spec
from typing import List, Optional

import typer

from ..errors import InputError

_LOCAL = "127.0.0.1"


def ui(
    host: str = typer.Option(_LOCAL, help="Address to listen at; 0.0.0.0 for all of this machine's."),
    port: int = typer.Option(7860, min=0, max=65535, help="Port to listen at; 0 for any that is free."),
    folder: str = typer.Option("ppt2v-videos", help="Where the videos are kept; made if it is missing."),
    auth: Optional[str] = typer.Option(
        None, metavar="USER:PASSWORD", envvar="PPT2V_AUTH", help="What visitors must give; needed where others can reach the page."
    ),
    share: bool = typer.Option(False, "--share", help="Also open a public address, through Gradio's servers."),
    model: Optional[List[str]] = typer.Option(
        None, help="With --auth, a model that visitors may choose beside the embedded ones; repeatable."
    ),
    capacity: int = typer.Option(16, min=1, help="Most videos that wait for their turn."),
    device: Optional[str] = typer.Option(None, help="cpu, cuda or cuda:N; a GPU where there is one if not given."),
    dtype: Optional[str] = typer.Option(None, help="float32, float16 or bfloat16."),
    engine: str = typer.Option("auto", help="eager, openvino, inference, or auto."),
) -> None:
    """Open a web page for all modes, on this machine or, with a password, for others."""
    if find_spec("gradio") is None:
        raise InputError("the page needs Gradio: run pip install 'ppt2v[ui]' (Python 3.10 or newer)")
    is_open = share or not _is_local(host)
    password = _password(auth, is_open)
    from ..jobs import Jobs
    from ..limits import Limits
    from ..model import Model
    from .server import application, listen, serve

    sock = listen(host, port)
    limits = Limits(models=tuple(model or ()), at_home=password is None)
    jobs = Jobs(folder, Model(device, dtype, show_progress=False, engine=engine), capacity, limits)
    try:
        app = application(jobs, password)
        shown, port = sock.getsockname()[:2]
        typer.echo(f"http://{f'[{shown}]' if ':' in shown else shown}:{port}/")
        if share:
            typer.echo(_public_address(shown, port))
        serve(app, sock)
    finally:
        jobs.close()


def _is_local(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name
        return False


def _password(auth: str | None, is_open: bool) -> tuple[str, str] | None:
    if auth is None and is_open:
        raise InputError("others could use this machine: give --auth USER:PASSWORD, or leave out --host and --share")
    if auth is None:
        return None
    user, _, password = auth.partition(":")
    if not user or not password:
        raise InputError("--auth is to have the form USER:PASSWORD, neither of them empty")
    return user, password


def _public_address(host: str, port: int) -> str:
    from gradio.networking import setup_tunnel

    try:
        return setup_tunnel(host, port, secrets.token_urlsafe(32), None)
    except Exception as error:  # whatever its download and its connection raise
        raise InputError(f"no public address could be opened: {error}; leave out --share") from None
