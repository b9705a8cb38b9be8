"""``ppt2v upscale``: a larger video by a second pass, which starts from the first one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Optional

import typer

from ppt2v.errors import InputError
from ppt2v.modes import MODES, Mode
from ppt2v.modes.machine import MACHINE
from ppt2v.parameters import Parameter
from ppt2v.pipelines.planning import keyframes, travel

from .making import OPTIONS, Manner, make_videos
from .options import OUT, by_flag, describe, given_values, sign
from .rerun import checked, follow

MODE = "synthesize"  # which has all that may be changed
_STRENGTH = MODES[MODE].default("upscale_strength")
_EVERY_FRAME = -1.0  # a rate would repeat some, since what a gif plays is rounded to hundredths of a second
_FILE = typer.Argument(..., metavar="FILE", help="A video that ppt2v has written.")
_OUT = typer.Option(None, *OUT, metavar="FILE", help="File to write; FILE's name with -upscaled, here, if not given.")
_TIMES = typer.Option(2.0, min=1.0, max=8.0, metavar="NUMBER", help="How many times as wide and high.")
_TRUST = typer.Option(
    False, "--trust", help="Read the files of this machine that the recipe names, and download the models."
)
_CHANGEABLE = ("prompt", "model_name", "n_prompt", "num_inference_steps", "guidance_scale", "seed", "strength", "tile")


def upscale_command() -> Callable[..., None]:
    """The function that typer turns into ``ppt2v upscale``."""
    options = _options()

    def command(file: Path, out: str | None, times: float, trust: bool, **values: Any) -> None:
        manner = Manner.taken_from(values)
        given = {**given_values(options, values), **({"save_path": out} if out else {})}
        _upscale(file, times, trust, manner, given)

    own = [("file", _FILE, Path), ("out", _OUT, Optional[str]), ("times", _TIMES, float), ("trust", _TRUST, bool)]
    sign(command, [*own, *OPTIONS, *(describe(flag, group) for flag, group in options.items())])
    return command


def _options() -> dict[str, list[Parameter]]:
    """The parameters that may be other than in the recipe, by their options."""
    rows = [each for each in MODES[MODE].parameters if each.name in _CHANGEABLE]
    own = [replace(each, default=_STRENGTH if each.name == "strength" else None, positional=None) for each in rows]
    return by_flag([*own, *MACHINE])


def _upscale(file: Path, times: float, trust: bool, manner: Manner, changes: Mapping[str, Any]) -> None:
    from ppt2v import video
    from ppt2v.runs.files import named
    from ppt2v.runs.second_pass import kept

    made, times_as_many = run_of(video.read_recipe(file))
    recipe, part = checked(file, made), video.part(file)
    mode = second_mode(file, recipe["mode"], changes)
    _check_prompts(file, recipe, mode, changes)
    facts = part.facts
    given = {
        **kept(recipe["mode"], mode, with_keyframes(recipe["parameters"], times_as_many)),
        "init_video": str(file.absolute()),
        "out_fps": _EVERY_FRAME,
        "fps": part.fps,
        "resolution": str(round(times * max(facts.width, facts.height))),
        "strength": _STRENGTH,
        **changes,
    }
    values = {each.name: given.get(each.name, each.default) for each in mode.parameters}
    told = {given["init_video"], changes.get("model_name")}
    follow(file, [name for name in named(mode, values) if name not in told], trust)
    machine = {parameter.name: recipe.get(parameter.name) for parameter in MACHINE if parameter.name not in given}
    given = {name: value for name, value in {**machine, **given}.items() if value is not None}
    make_videos(mode, given, manner, video.shortened(file.stem, ending="-upscaled"))


def second_mode(file: Path, first: str, changes: Mapping[str, Any]) -> Mode:
    """The mode of the second pass: the video's own where that can start from a clip.

    Raises:
        InputError: it cannot, and no model is given that can.
    """
    from ppt2v.runs.second_pass import mode_after

    mode = mode_after(MODES[first])
    if mode.name != first and changes.get("model_name") is None:
        raise InputError(
            "E-UPSCALE-MODEL",
            "{file} was made by {mode}, whose models do not start from a video: give a text-to-video model, such as "
            "--model cerspense/zeroscope_v2_576w",
            file=file,
            mode=first,
        )
    return mode


def _check_prompts(file: Path, recipe: Mapping[str, Any], mode: Mode, changes: Mapping[str, Any]) -> None:
    """Refuses to keep to the first of several prompts untold: an InputError."""
    if recipe["parameters"].get(travel.NAME) and not mode.has(travel.NAME) and changes.get("prompt") is None:
        raise InputError(
            "E-UPSCALE-FILE-PROMPTS",
            "{file} was made by prompts that follow each other (prompt_at), and its second pass keeps to one: say what "
            "all frames show (--prompt)",
            file=file,
        )


def run_of(recipe: Mapping[str, Any]) -> tuple[Mapping[str, Any], int]:
    """The recipe of the run that made a video, and how many frames ``ppt2v interpolate`` has made of each since."""
    times = 1
    while "mode" not in recipe and isinstance(recipe.get("recipe"), dict):
        factor, recipe = recipe.get("interpolate"), recipe["recipe"]
        times *= factor if isinstance(factor, int) else 1
    return recipe, times


def with_keyframes(values: Mapping[str, Any], times: int) -> dict[str, Any]:
    """The values of a run with its keyframes where they are in a video with ``times`` as many frames, and as many more
    as the run itself has put in between."""
    times *= values.get("interpolate") or 1
    return {
        name: keyframes.spread(name, value, times) if name == travel.NAME and value else value
        for name, value in values.items()
    }
