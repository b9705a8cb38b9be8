"""What is kept of a run: its recipe, and the settings of its checkpoint."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ppt2v.engine.choice import Choice
from ppt2v.environment.threads import threads
from ppt2v.environment.versions import installed
from ppt2v.modes import Mode
from ppt2v.parameters import holding
from ppt2v.request.request import Request

from .inputs import Inputs


def recipe(request: Request, device: str, choice: Choice, files: dict[str, str], for_clients: bool) -> dict[str, Any]:
    """All that is needed to make the same video again, and what made it.

    Args:
        request: its values complete.
        device: Paddle's name.
        choice: what executed the networks.
        files: ``files.fingerprints`` of the run.
        for_clients: whether files are kept by their names alone, for those who are not to know this machine's folders.
    """
    mode = request.mode
    left_out = {each.name for each in mode.parameters if each.decides == "values"}
    left_out.update(holding(mode.parameters, "output", "format"))
    left_out.update(holding([each for each in mode.parameters if each.decides == "nothing"], "file"))
    kept = {each.name: request.values[each.name] for each in mode.parameters if each.name not in left_out}
    if for_clients:
        kept = _without_folders(mode, kept)
    machine = {"device": device, "engine": choice.engine, "dtype": choice.precision, "threads": threads()}
    read = {"files": files} if files else {}
    return {"mode": mode.name, "parameters": kept, **read, **machine, "versions": installed()}


def _without_folders(mode: Mode, values: dict[str, Any]) -> dict[str, Any]:
    files = holding(mode.parameters, "clip", "model", "still", "file")
    return {
        name: Path(value).name if name in files and os.path.isabs(value or "") else value
        for name, value in values.items()
    }


def checkpoint(request: Request, made: Inputs, choice: Choice, files: dict[str, str]):
    """Where the run keeps its last completed step, with all that decides it; None where it keeps none.

    Args:
        files: ``files.fingerprints`` of the run.
    """
    folder = request.values.get("checkpoint_dir")
    if folder is None:
        return None
    from ppt2v.pipelines.denoising.checkpoint import Checkpoint

    before = settings_before(request)
    decisive = [each for each in request.mode.parameters if each.decides == "frames" and each.name in request.values]
    # A version that had no such parameter noted none, and did what its default does.
    new = [each.name for each in decisive if before is not None and each.name not in before]
    settings = {
        each.name: request.values[each.name]
        for each in decisive
        if each.name not in new or request.values[each.name] != each.default
    }
    settings |= {"count": made.count, "size": list(made.size), "engine": choice.engine, "dtype": choice.precision}
    for name, noted in (("threads", threads()), ("files", files)):
        if before is None or name in before:  # version 0.1 noted neither
            settings[name] = noted
    return Checkpoint(folder, settings)


def forget_checkpoint(request: Request) -> None:
    """Removes the checkpoint of a run that is complete, if it has kept one."""
    folder = request.values.get("checkpoint_dir")
    if folder is not None:
        from ppt2v.pipelines.denoising.checkpoint import Checkpoint

        Checkpoint(folder, {}).remove()


def settings_before(request: Request) -> dict[str, Any] | None:
    """The settings of the run to go on with, if there is one."""
    folder = request.values.get("checkpoint_dir")
    if folder is None:
        return None
    from ppt2v.pipelines.denoising.checkpoint import Checkpoint

    return Checkpoint.saved_settings(folder)


def seed(request: Request, before: Mapping[str, Any] | None) -> int:
    """The seed given, else that of the run to go on with (``before``), else one from Paddle's global generator."""
    import paddle

    if request.values.get("seed") is not None:
        return request.values["seed"]
    return paddle.randint(0, 2**31 - 1, [1]).item() if before is None else before["seed"]
