"""``ppt2v interpolate``: frames between those of a video."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import typer

from .options import OUT

TIMES = 2


def interpolate(
    file: str = typer.Argument(..., metavar="VIDEO", help="A video, or its folder of pictures."),
    times: Optional[int] = typer.Option(
        None, min=2, max=16, metavar="N", help="How many frames become of one; 2 if not given."
    ),
    fps: Optional[float] = typer.Option(
        None, metavar="NUMBER", help="Frames per second to reach instead: a multiple of VIDEO's."
    ),
    model: Optional[str] = typer.Option(
        None,
        metavar="FILE",
        help="RIFE's flownet.pkl of version 4.6, 4.25 or 4.26, or where one is; the optical flow if not given.",
    ),
    audio: bool = typer.Option(True, "--audio/--no-audio", help="Keep the sound; in mp4 and webm."),
    out: Optional[str] = typer.Option(None, *OUT, metavar="FILE", help="File to write; named after VIDEO, here."),
) -> None:
    """Make a video smoother: its frames stay as they are, and others come between, by the optical flow or by RIFE."""
    from ppt2v import video
    from ppt2v.models.sources.locate import from_anywhere
    from ppt2v.pipelines.methods.interpolation import interpolated
    from ppt2v.progress import bars, counted, say
    from ppt2v.runs.finishing import way_between

    part = video.part(file)
    factor = multiple(times, fps, part.fps)
    target = video.output_file(out, None, f"{Path(file).stem}-{factor}x", [file])
    video.check_fps(part.fps * factor, video.ending(target))
    for note in part.notes:
        say(note)
    sound = part.sound() if audio and video.keeps_sound(target) else None
    between = way_between({"interpolate_model": model})
    clip = part.read(multiple=1)
    with bars(True) as watch:
        frames = interpolated(counted(clip.frames, part.count, "Interpolating", watch), factor, between)
        named = {} if model is None else {"model": from_anywhere(model)}
        recipe = {"interpolate": factor, **named, "clip": str(Path(file).absolute()), **_recipe_of(file)}
        written = video.write(frames, target, clip.fps * factor, recipe, sound)
    typer.echo(written)


def multiple(times: int | None, fps: float | None, own: float) -> int:
    """How many frames become of one, of what is asked for and a video's own frames per second.

    Raises:
        InputError: both are asked for, or a rate at which the video's frames would not stay.
    """
    from ppt2v.errors import InputError

    if fps is None:
        return times or TIMES
    if times is not None:
        raise InputError("E-INTERPOLATE-TWICE", "--times and --fps say the same: give one of the two")
    factor = round(fps / own)
    if not 2 <= factor <= 16 or abs(fps / own - factor) > 0.01:
        raise InputError(
            "E-INTERPOLATE-FPS",
            "--fps={fps:g}: the video has {own:g} frames per second, which stay as they are; give 2 to 16 times as "
            "many, such as {examples}",
            fps=fps,
            own=own,
            examples=[f"{own * each:g}" for each in (2, 3, 4)],
        )
    return factor


def _recipe_of(file: str) -> dict[str, dict]:
    """The recipe of a video that has one."""
    from ppt2v import video
    from ppt2v.errors import InputError

    try:
        return {"recipe": video.read_recipe(file)}
    except InputError:
        return {}
