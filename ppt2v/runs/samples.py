"""Short runs with the prompts and clips that ship, for an engine that has to see how a model's networks are called."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Any

from ppt2v.engine import Engine
from ppt2v.environment.shipped import sample_clips
from ppt2v.models.families.replacements import Replacements
from ppt2v.models.sources import locate
from ppt2v.modes import MODES, Mode
from ppt2v.modes.inputs import ADAPTERS
from ppt2v.parameters import holding
from ppt2v.progress import Progress, Watch
from ppt2v.request.request import Request

from .calls import arguments, pipeline_class
from .inputs import gather
from .loaded import Loaded

FRAMES, STEPS = 4, 10


def sample(mode: Mode, number: int) -> dict[str, Any]:
    """What the run of that number is given.

    Where control maps guide and the mode's own samples are used up, other things are painted over the same clips: what
    a layer has to do with depends on both.
    """
    prompts = MODES["text2video"].samples
    tried = mode.samples or prompts
    clip, prompt = tried[number % len(tried)]
    if mode.control and number >= len(tried):
        prompt = prompts[number % len(prompts)][1]
    given = {"prompt": prompt, "seed": number, "num_inference_steps": STEPS}
    if clip is None:
        return {**given, "video_length": FRAMES}
    return {**given, "video_path": str(sample_clips() / clip), "end_t": 1.0, "out_fps": FRAMES}


class Samples:
    """The sample runs of a mode with a model (``ppt2v.engine.Samples``).

    They depend on model, adapters and ControlNets, and on nothing else that was asked for, so that the same is seen
    whatever comes first.

    Args:
        request: names them.
        loaded: holds the networks.
        watch: told how far the runs are.
    """

    watched: tuple[int, ...] = (0, 1)
    judged: tuple[int, ...] = (2,)

    def __init__(self, request: Request, loaded: Loaded, watch: Watch):
        self._mode, self._loaded, self._watch = request.mode, loaded, watch
        decisive = [parameter for parameter in self._mode.parameters if parameter.decides == "frames"]
        networks = holding(decisive, "model", "guide", "adapter", "file")
        kept = {*(parameter.name for parameter in ADAPTERS), *networks}
        self._given: Mapping[str, Any] = {name: value for name, value in request.given.items() if name in kept}
        self.about = {"mode": self._mode.name, "guides": [[guide.kind, guide.model] for guide in request.guides]}

    def run(self, engine: Engine, number: int) -> None:
        """Makes the latents of one, on an engine."""
        from ppt2v.pipelines.denoising.noise import Noise

        request = Request.of(self._mode, {**self._given, **sample(self._mode, number)}).with_motion_module(False)
        folder = locate.locate(request.model_name)
        request, family = request.with_defaults_of(folder), request.family_of(folder)
        kind = pipeline_class(family.pipeline(self._mode.pipeline))
        load_controlnet = self._loaded.controlnet_loader()
        made = gather(request, family, folder, kind, load_controlnet, lambda decision: None, lambda progress: None)
        adapters, instead = request.adapters, Replacements.among(request.values)
        parts = self._loaded.model(family, folder, adapters, instead)
        # A scheduler keeps the number of steps, and the run that waits for this one has it as well.
        pipeline = kind(**{**parts, "scheduler": copy(parts["scheduler"])})
        pipeline.engine = engine
        stage = f"Sample run {number + 1} of {len(self.watched + self.judged)} for int8"

        def report(done: int, total: int) -> None:
            self._watch(Progress(stage, done, total))

        pipeline(noise=Noise(number), progress=report, **arguments(request, made))
