"""Videos for clients, as ``hub serving`` makes them: all that comes and goes is JSON, clips and videos are base64.

A request can say neither where a file is written nor which file or model is read: whoever starts the server does.
"""

from __future__ import annotations

import base64
import binascii
import tempfile
from pathlib import Path
from typing import Any

from ppt2v.errors import InputError
from ppt2v.modes import Mode
from ppt2v.parameters import holding
from ppt2v.request.request import Request
from ppt2v.serving.limits import OPERATORS, Limits

from .paddlehub import VideoMaker

LIMITS = Limits(closed=(*OPERATORS, "model", "clip"))


def answer(
    make: VideoMaker, /, clip: str | None = None, save_format: str | None = None, **given: Any
) -> dict[str, str]:
    """Makes a video for a request.

    Args:
        make: makes the videos.
        clip: the file of the clip to start from (mp4, mov, webm, mkv, gif or avi) as base64.
        save_format: "mp4", "gif" or "webm"; mp4 if not given.
        given: other parameters of the mode, as ``LIMITS`` lets clients give them.

    Returns:
        "video", the video's file as base64, and "format".

    Raises:
        InputError: what cannot be used, or only by whoever starts the server; too much of something.
        NumericalError: the networks produced NaN or infinite numbers.
    """
    given["save_format"] = save_format = save_format or "mp4"
    make.resolve(given)
    LIMITS.check_given(make.mode, given)
    with tempfile.TemporaryDirectory(prefix="ppt2v-") as folder:
        try:
            if clip is not None:
                given[_clip_parameter(make.mode)] = str(_write(clip, Path(folder)))
            _check_values(make.mode, make.resolve(given))
            file = make(**given, save_path=f"{folder}/video.{save_format}")
        except InputError as error:
            raise InputError.of(error.message.changed(lambda text: text.replace(f"{folder}/", "the "))) from None
        return {"video": base64.b64encode(Path(file).read_bytes()).decode("ascii"), "format": save_format}


def _clip_parameter(mode: Mode) -> str:
    for name in holding(mode.parameters, "clip"):
        return name
    raise InputError("E-CLIP-UNWANTED", "{mode} starts from no clip: leave it out", mode=mode.name)


def _write(clip: Any, folder: Path) -> Path:
    """The file of a clip that is given as base64."""
    if not isinstance(clip, str):
        raise InputError("E-CLIP-BASE64-TEXT", "the clip is no text: give its file as base64")
    if len(clip) * 3 // 4 > LIMITS.upload_mb * 10**6:
        raise InputError(
            "E-CLIP-BASE64-SIZE",
            "the clip is too large, the most here is {most} MB: cut it, or make it smaller",
            most=LIMITS.upload_mb,
        )
    try:
        content = base64.b64decode(clip, validate=True)
    except (binascii.Error, ValueError):
        raise InputError(
            "E-CLIP-BASE64", "the clip is no base64: give its file in the standard alphabet, without line breaks"
        ) from None
    file = folder / "clip"
    file.write_bytes(content)
    LIMITS.check_clip(file)
    return file


def _check_values(mode: Mode, values: dict[str, Any]) -> None:
    if mode.takes_clip and not any(values[name] for name in holding(mode.parameters, "clip")):
        raise InputError("E-CLIP-BASE64-MISSING", "there is no clip: give its file as base64, as clip")
    LIMITS.check_request(Request.of(mode, values))
