"""Text to video as in ModelScope's library: ``pipeline(task, model)({"text": ...})[OutputKeys.OUTPUT_VIDEO]``."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ppt2v.errors import InputError
from ppt2v.model import Model
from ppt2v.models.families.family import family_of
from ppt2v.models.sources import catalogue, locate
from ppt2v.parameters import refuse_unknown
from ppt2v.pipelines.planning import sizes
from ppt2v.request import request, texts

TASK = "text-to-video-synthesis"
# ModelScope's ids of the published model: its server is none of those that models come from here.
_PUBLISHED_AS = dict.fromkeys(
    ("damo/text-to-video-synthesis", "iic/text-to-video-synthesis"), "damo-vilab/text-to-video-ms-1.7b"
)
_KEYS = ["text", "height", "width"]

Target = str | Path | None


class OutputKeys:
    """The keys of what a pipeline returns."""

    OUTPUT_VIDEO = "output_video"


def pipeline(
    task: str,
    model: str | Path | None = None,
    device: str | None = None,
    dtype: Any = None,
    show_progress: bool = True,
    engine: str = "auto",
) -> TextToVideoSynthesis:
    """A pipeline for a task of ModelScope's library.

    Args:
        task: "text-to-video-synthesis".
        model: folder or id of a text-to-video model; None: the one that ships with ppt2v.
        device, dtype, show_progress, engine: as for ``Model``.

    Raises:
        InputError: another task, or a model that cannot be had.
    """
    if task != TASK:
        raise InputError(
            "E-TASK-UNKNOWN", "unknown task {task!r}: the one that there is here is {here!r}", task=task, here=TASK
        )
    return TextToVideoSynthesis(model, Model(device, dtype, show_progress, engine))


class TextToVideoSynthesis:
    """Makes videos of texts.

    Args:
        model: folder or id of a text-to-video model; None: the one that ships with ppt2v.
        maker: makes the videos.

    Raises:
        InputError: a model that cannot be had.
    """

    def __init__(self, model: str | Path | None, maker: Model):
        named = texts.model_of(request.mode("synthesize"), _PUBLISHED_AS.get(str(model), model or catalogue.EMBEDDED))
        self._model, self._maker = locate.from_anywhere(named), maker
        locate.check(self._model)

    def __call__(
        self,
        input: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        output_video: Target | Sequence[Target] = None,
        negative_prompt: str | None = None,
        seed: int | None = None,
        num_inference_steps: int | None = None,
        guidance_scale: float | None = None,
        num_frames: int | None = None,
        fps: float | None = None,
        height: int | None = None,
        width: int | None = None,
        solver: str | None = None,
        eta: float | None = None,
    ) -> dict[str, Any] | list[dict[str, Any]]:
        """Makes a video of each input.

        Args:
            input: a dictionary with the prompt as "text", and "height" and "width" if these are to win over the
                arguments of those names; or a list of such dictionaries.
            output_video: the file to write, for a list of inputs one for each; None: the video is returned as bytes.
            negative_prompt: what the videos must not show.
            num_frames: 16 if not given.
            fps: frames per second, 8 if not given.
            height, width: in pixels; the model's own if not given.
            seed, num_inference_steps, guidance_scale, solver, eta: as in ``MODES["synthesize"].parameters``.

        Returns:
            ``{OutputKeys.OUTPUT_VIDEO: video}``, or a list of them: the path that was written, or the bytes of an mp4
            (H.264).

        Raises:
            InputError: an input or a value that cannot be used.
            NumericalError: the network produced NaN or infinite numbers.
        """
        several = isinstance(input, (list, tuple))
        given: list[Any] = list(input) if several else [input]
        for each in given:
            _check(each)
        targets = _targets(output_video, len(given), several)
        keywords = {
            "n_prompt": negative_prompt,
            "seed": seed,
            "num_inference_steps": num_inference_steps,
            "guidance_scale": guidance_scale,
            "video_length": num_frames,
            "fps": fps,
            "solver": solver,
            "eta": eta,
        }
        sides = {"height": height, "width": width}
        each_own = [
            {"prompt": each["text"], "resolution": self._resolution(**{**sides, **_sides(each)})} for each in given
        ]
        made = [self._make({**own, **keywords}, target) for own, target in zip(each_own, targets)]
        return made if several else made[0]

    def _make(self, values: dict[str, Any], target: Target) -> dict[str, Any]:
        values = {"model_name": self._model, **values}
        if target is not None:
            return {OutputKeys.OUTPUT_VIDEO: self._maker.run("synthesize", save_path=target, **values)}
        with tempfile.TemporaryDirectory(prefix="ppt2v-") as folder:
            file = self._maker.run("synthesize", save_path=os.path.join(folder, "video.mp4"), **values)
            return {OutputKeys.OUTPUT_VIDEO: Path(file).read_bytes()}

    def _resolution(self, height: int | None, width: int | None) -> str | None:
        if height is None and width is None:
            return None
        folder = locate.locate(self._model, self._maker.show_progress)
        family = family_of(folder)
        height, width = sizes.frame_size(height, width, *family.frame_configs(folder), any_latents=family.any_latents)
        return f"{width}x{height}"


def _sides(given: Mapping[str, Any]) -> dict[str, int]:
    return {name: given[name] for name in ("height", "width") if name in given}


def _check(given: Any) -> None:
    """Refuses what is no input."""
    if not isinstance(given, Mapping):
        raise InputError(
            "E-PIPELINE-INPUT",
            "the input {given!r} is no dictionary: give {{'text': 'what to show'}}, or a list of such",
            given=given,
        )
    refuse_unknown(given, _KEYS)
    if not isinstance(given.get("text"), str) or not given["text"].strip():
        raise InputError(
            "E-PIPELINE-TEXT", "the input {given!r} has no text: give {{'text': 'what to show'}}", given=dict(given)
        )
    for name, value in _sides(given).items():
        if not isinstance(value, int):
            raise InputError(
                "E-PIPELINE-SIZE", "{name}={value!r}: the rule is a whole number of pixels", name=name, value=value
            )


def _targets(output_video: Any, count: int, several: bool) -> list[Target]:
    """The file of each input."""
    if not isinstance(output_video, (list, tuple)):
        if output_video is not None and count > 1:
            raise InputError(
                "E-PIPELINE-ONE-FILE",
                "output_video={file!r} is one file for {count} inputs: give a list of them",
                file=str(output_video),
                count=count,
            )
        return [output_video] * count
    if not several or len(output_video) != count:
        raise InputError(
            "E-PIPELINE-FILES",
            "output_video names {files} files for {count} inputs: give one for each",
            files=len(output_video),
            count=count,
        )
    return list(output_video)
