"""Videos for strangers, as ``hub serving`` makes them: all that comes and goes is JSON, clips and videos are base64.

A request can say neither where a file is written nor which file or model is read: whoever starts the server does.
"""
from __future__ import annotations

import base64
import binascii
import tempfile
from pathlib import Path
from typing import Any

from . import video
from .errors import InputError
from .maker import VideoMaker
from .modes import Mode
from .parameters import Parameter, refuse_unknown

CLIP_BYTES = 32 * 2**20
CLIP_SIDE = 4096  # pixels
FRAMES = 128

# Of the parameters that are texts those that name no file; numbers, switches and choices never do.
_TEXTS = ("prompt", "n_prompt", "a_prompt", "resolution")
_FORMATS = ("mp4", "gif", "webm")
# How files of the accepted kinds begin. FFmpeg would also follow the play lists that it takes for films.
_BEGINNINGS = {"mp4": (4, b"ftyp"), "webm": (0, b"\x1a\x45\xdf\xa3"), "gif": (0, b"GIF8"), "avi": (8, b"AVI ")}


def answer(make: VideoMaker, /, clip: str | None = None, save_format: str = "mp4", **given: Any) -> dict[str, str]:
    """Makes a video for a request.

    Args:
        make: makes the videos.
        clip: the clip to start from (mp4, mov, webm, mkv, gif or avi) as base64, at most ``CLIP_BYTES`` large,
            ``CLIP_SIDE`` pixels wide and high, and ``FRAMES`` frames long.
        save_format: "mp4", "gif" or "webm".
        given: parameters of the mode that name no file; at most ``FRAMES`` frames.

    Returns:
        "video", the video's file as base64, and "format".

    Raises:
        InputError: what cannot be used, or only by whoever starts the server.
        NumericalError: the networks produced NaN or infinite numbers.
    """
    if save_format not in _FORMATS:
        raise InputError(f"save_format={save_format!r}: choose one of {', '.join(_FORMATS)}")
    _check(make.mode, given)
    with tempfile.TemporaryDirectory(prefix="ppt2v-") as folder:
        try:
            if clip is not None:
                given[_clip_parameter(make.mode)] = str(_write(clip, Path(folder)))
            _check_size(make.resolve(given), has_clip=clip is not None)
            file = make(**given, save_path=f"{folder}/video.{save_format}", save_format=save_format)
        except InputError as error:
            raise InputError(str(error).replace(f"{folder}/", "")) from None
        return {"video": base64.b64encode(Path(file).read_bytes()).decode("ascii"), "format": save_format}


def _check(mode: Mode, given: dict[str, Any]) -> None:
    """Refuses parameters that a request may not give."""
    known = {parameter.name: parameter for parameter in mode.parameters}
    open_to_all = [name for name, parameter in known.items() if _names_no_file(parameter)]
    closed = [name for name in given if name in known and name not in open_to_all]
    if closed:
        raise InputError(f"{closed[0]} is not taken from requests; it can be given where the module is loaded")
    refuse_unknown(given, open_to_all)


def _names_no_file(parameter: Parameter) -> bool:
    return parameter.kind is not str or bool(parameter.choices) or parameter.name in _TEXTS


def _clip_parameter(mode: Mode) -> str:
    for parameter in mode.parameters:
        if parameter.name in ("video_path", "init_video"):
            return parameter.name
    raise InputError(f"{mode.name} starts from no clip: leave it out")


def _write(clip: Any, folder: Path) -> Path:
    """The file of a clip that is given as base64."""
    if not isinstance(clip, str):
        raise InputError("the clip is no text: give its file as base64")
    if len(clip) > 4 * ((CLIP_BYTES + 2) // 3):
        raise InputError(f"the clip is larger than {CLIP_BYTES // 2**20} MiB: cut it, or make it smaller")
    try:
        content = base64.b64decode(clip, validate=True)
    except (binascii.Error, ValueError):
        raise InputError("the clip is no base64: give its file in the standard alphabet, without line breaks") from None
    for ending, (start, mark) in _BEGINNINGS.items():
        if content[start:].startswith(mark):
            file = folder / f"clip.{ending}"
            file.write_bytes(content)
            return file
    raise InputError("the clip is no video: give a file of the kind mp4, mov, webm, mkv, gif or avi")


def _check_size(values: dict[str, Any], has_clip: bool) -> None:
    file = values.get("video_path") or values.get("init_video")
    if has_clip:
        facts = video.facts(Path(file))
        if max(facts.height, facts.width) > CLIP_SIDE:
            raise InputError(f"the clip has {facts.width}x{facts.height} pixels: a side has at most {CLIP_SIDE}")
    if file:
        frames = video.check_clip(file, values["start_t"], values["end_t"], values["out_fps"])
    elif "video_length" in values:
        frames = values["video_length"]
    else:
        raise InputError("there is no clip: give its file as base64, as clip")
    if frames > FRAMES:
        raise InputError(f"{frames} frames are too many for a request: ask for at most {FRAMES}")
