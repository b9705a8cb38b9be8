"""One run of a mode: from its parameters to the file."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

from ppt2v import video
from ppt2v.cache import first_of_the_day
from ppt2v.engine import Engine, offload
from ppt2v.engine.choice import ROWS, Choice, build, choose
from ppt2v.environment import threads
from ppt2v.environment.devices import INT8
from ppt2v.errors import InputError, Notice
from ppt2v.language import Message, words
from ppt2v.models.families.family import Family
from ppt2v.models.families.replacements import Replacements
from ppt2v.models.sources import locate
from ppt2v.modes import Mode
from ppt2v.modes.inputs import ADAPTERS
from ppt2v.pipelines.planning import memory
from ppt2v.pipelines.planning.anchors import FIRST, Anchors
from ppt2v.pipelines.planning.windows import windows
from ppt2v.progress import Progress, Watch, counted, say
from ppt2v.request.request import Request

from . import record, second_pass
from .calls import arguments, equip, noise_of, pipeline_class
from .crew import Crew
from .files import fingerprints
from .finishing import finished, way_between
from .inputs import Inputs, frame_size, gather, sound
from .loaded import Loaded
from .samples import Samples, sample
from .second_pass import Decoded, Draft
from .team import Team

if TYPE_CHECKING:
    import numpy as np

    from ppt2v.engine.int8 import Int8Engine

    from .finishing import Way

Used = TypeVar("Used")
Take = Callable[["np.ndarray"], None]


class Ready(NamedTuple):
    """A request, complete, and its model: family, folder or file, and the class of the pipeline."""

    request: Request
    family: Family
    folder: Path
    kind: type


class Session:
    """Makes videos on one device with one engine; the arguments are those of ``Model``."""

    _notice_given = False

    def __init__(self, device: str, dtype: Any, engine: str, show_progress: bool, for_strangers: bool, team: Team):
        self._team = team
        self.device, self._show_progress, self._for_strangers = device, show_progress, for_strangers
        self._choice = choose(engine, device, dtype)
        self._automatic = engine == "auto" and dtype is None
        self._engine = self._build(self._choice)
        self._export_explained = False
        self.loaded = Loaded(device, self._choice.network)

    def make(self, row: Mode, given: Mapping[str, Any], watch: Watch, take: Take | None = None) -> str:
        """Makes a video with the parameters given, and returns the path written; raises what ``Model`` raises.

        ``take`` gets each frame, uint8 RGB ``[H, W, 3]``, as it goes into the file.
        """
        # First without the model's own defaults, so that a wrong value is refused before anything is downloaded.
        request = Request.of(row, given)
        offload.check(request.values.get("offload", offload.NONE), self._choice, self.device)
        for line in request.advice():
            warnings.warn(Notice.of(line), stacklevel=2)
        output = request.output_file()
        ready = self._ready(request)
        self._notice(row, request.model_name)
        write = partial(_written, output, take, way_between(request.values))
        if second_pass.asked(request.values):
            return self._larger(ready, output, watch, write)
        path = self._run(ready, output, watch, write)
        record.forget_checkpoint(request)
        return path

    def _larger(self, first: Ready, output: Path, watch: Watch, write: Callable[..., str]) -> str:
        """As ``make``, in two passes; what the second one cannot do is refused before the first one begins."""
        first = _with_seed(first)
        size = frame_size(first.request, first.family, first.folder)
        second = self._ready(second_pass.request_after(first.request, size))
        second_pass.check(first.request.values["upscale"], size, second.request, second.family, second.folder)
        draft = self._run(first, output, watch, second_pass.draft_of)
        second = second._replace(request=second_pass.starting_from(draft, second.request))
        path = self._run(second, output, watch, partial(write, draft=draft))
        for each in (second, first):  # the draft is made again from the state of the first pass
            record.forget_checkpoint(each.request)
        return path

    def _ready(self, request: Request) -> Ready:
        """The model of a request, downloaded where it is not here; InputError where it cannot do what is asked."""
        request = request.with_motion_module(self._show_progress)
        folder = locate.locate(request.model_name, self._show_progress)
        family = request.family_of(folder)
        request = request.with_defaults_of(folder)
        _notice_lacking(request)
        adapted = any(request.values.get(parameter.name) for parameter in ADAPTERS)
        if folder.is_file() or adapted or request.adapters.motion:
            # Only the networks can say whether all fits; without weights they are light.
            self._parts(request, family, folder)
        kind = pipeline_class(family.pipeline(request.mode.pipeline))
        self._team.check(request, kind)
        return Ready(request, family, folder, kind)

    def _run(self, ready: Ready, output: Path, watch: Watch, use: Callable[[Decoded], Used]) -> Used:
        """Makes the frames of a pass, and gives what is made of them by ``use``; ``output``: the file they are for."""
        request, family, folder, kind = ready
        preview_vae = self.loaded.preview_decoder(request.values, family, folder)
        before = record.settings_before(request)
        engine, choice = self._engine_for(before)
        with (
            threads.using((before or {}).get("threads") or threads.threads()),
            self._team.crew(request, self.device, choice) as crew,
        ):
            load_controlnet = self.loaded.controlnet_loader()
            look = crew.look if crew else None
            made = gather(request, family, folder, kind, load_controlnet, self._explain, watch, look)
            video.check_fps(made.fps, video.ending(output), request.values.get("interpolate", 1))
            pipeline = kind(**self._parts(request, family, folder))
            pipeline.preview_vae = preview_vae
            decided = {"seed": record.seed(request, before), **self._within_memory(pipeline, request, made)}
            request = replace(request, values={**request.values, **decided})
            self._explain(words("Seed: {seed}", seed=decided["seed"]))
            equip(pipeline, engine, request.values)
            pipeline.engine.samples = Samples(request, self.loaded, watch)
            if crew:
                decided |= crew.share_of(request, made.count)
                request = replace(request, values={**request.values, **decided})
                crew.take_part(pipeline, {**request.given, **decided}, made)
            return self._make(pipeline, request, choice, output, made, crew, watch, use)

    def quantize(self, row: Mode, given: Mapping[str, Any], watch: Watch) -> list[str]:
        """Makes the sample runs for int8; returns a line for each network."""
        if self._choice.precision != INT8:
            raise InputError(
                "E-QUANTIZE-DTYPE",
                "quantize prepares a model for int8, and the precision is {precision}: use Model(dtype='int8')",
                precision=self._choice.precision,
            )
        request = Request.of(row, {**sample(row, 0), **given}).with_motion_module(self._show_progress)
        folder = locate.locate(request.model_name, self._show_progress)
        request.family_of(folder)
        engine = cast("Int8Engine", self._engine)
        engine.samples = Samples(request.with_defaults_of(folder), self.loaded, watch)
        return [f"{place}: {table.about}" for place, table in engine.calibrate()]

    def _make(
        self,
        pipeline,
        request: Request,
        choice: Choice,
        output: Path,
        made: Inputs,
        crew: Crew | None,
        watch: Watch,
        use: Callable[[Decoded], Used],
    ) -> Used:
        values = request.values
        read = fingerprints(request.mode, values)
        checkpoint = record.checkpoint(request, made, choice, read)
        denoising, tile = f"Denoising ({choice.engine}, {choice.precision})", values.get("decode_tile")

        def report(done: int, total: int) -> None:
            first, every = lambda: pipeline.preview(tile, 1)[0], lambda: pipeline.preview(tile)
            watch(Progress(denoising, done, total, first, every))

        heard = sound(request, made.fps, self._explain) if video.keeps_sound(output) else None
        watch(Progress(denoising))
        latents = pipeline(noise=noise_of(values), checkpoint=checkpoint, progress=report, **arguments(request, made))
        decode = crew.decode if crew else pipeline.decode
        decoded = counted(decode(latents, tile), latents.shape[0], "Decoding", watch)
        recipe = record.recipe(request, self.device, choice, read, self._for_strangers)
        return use(Decoded(decoded, made, values, recipe, heard))

    def _parts(self, request: Request, family: Family, folder: Path) -> dict[str, Any]:
        return self.loaded.model(family, folder, request.adapters, Replacements.among(request.values))

    def _engine_for(self, before: Mapping[str, Any] | None) -> tuple[Engine, Choice]:
        """The engine of a run: that of the run to go on with, if there is one, unless another is asked for."""
        choice = self._choice
        if self._automatic and before is not None:
            choice = choose(before["engine"], self.device, before["dtype"])
        return self._engine if choice == self._choice else self._build(choice), choice

    def _within_memory(self, pipeline, request: Request, made: Inputs) -> dict[str, Any]:
        """The settings that keep the run within the memory that it may use."""
        if request.memory is None:
            return {}
        window = request.window and min(request.window, made.count)
        seen = made.count if window is None else sum(map(len, windows(made.count, window, window // 2)))
        kept_frames = seen if request.values.get("cache_interval", 1) > 1 else 0
        controlnets = self.loaded.controlnets.values()
        anchors = Anchors.parse(request.values.get("anchors", FIRST)).remembered(made.count)
        block = offload.largest_block((pipeline.unet, *controlnets), self._choice, self.device)
        needs = memory.Needs.of(pipeline, controlnets, made.size, request.branches, kept_frames, window, anchors, block)
        settings = ("chunk_size", "decode_tile", "offload")
        fixed = {name: request.values[name] for name in settings if request.given.get(name) is not None}
        plan = memory.choose(request.memory, needs, self._choice.of_floats, fixed)
        self._explain(words("memory: {plan}", plan=plan))
        chosen = {name: getattr(plan, name) for name in settings}
        return {name: value for name, value in chosen.items() if value is not None}

    def _build(self, choice: Choice) -> Engine:
        def explain_export() -> None:
            if self._show_progress and not self._export_explained:
                self._export_explained = True
                title = ROWS[choice.engine].title
                say(words("Preparing the networks for {engine}, once per model and size ...", engine=title))

        return build(choice, explain_export)

    def _explain(self, decision: Message) -> None:
        if self._show_progress:
            say(decision)

    def _notice(self, mode: Mode, model_name: str) -> None:
        if not locate.is_embedded(model_name) or not self._show_progress or Session._notice_given:
            return
        Session._notice_given = True
        if first_of_the_day("embedded-notice"):
            notice = words(
                "Using the small model that ships with ppt2v: it knows about fifty subjects in about a dozen places, "
                "at 128x128 pixels.\nFor anything else give a model of its kind, such as --model {example} or a "
                "folder (in Python: model_name=...).",
                example=mode.example,
            )
            say(notice)


def _notice_lacking(request: Request) -> None:
    """Says what of the sampler that the model's file asks for no solver here does, where none was chosen."""
    if request.lacking and request.given.get("solver") is None:
        notice = Notice(
            "N-SAMPLER-LACKING",
            "{model} asks for {settings}, which no solver here does: its steps are made by {solver}; solver=... "
            "(--solver) chooses another",
            model=request.model_name,
            settings=request.lacking,
            solver=request.values["solver"],
        )
        warnings.warn(notice, stacklevel=3)


def _with_seed(ready: Ready) -> Ready:
    """The same with the seed that the request will have, which another pass is to have too."""
    request = ready.request
    seed = {"seed": record.seed(request, record.settings_before(request))}
    request = replace(request, given={**request.given, **seed}, values={**request.values, **seed})
    return ready._replace(request=request)


def _written(output: Path, take: Take | None, between: Way | None, decoded: Decoded, draft: Draft | None = None) -> str:
    """Finishes frames and writes them, with recipe and sound of the ``draft`` that they are made from, if there is one;
    the path."""
    frames = finished(decoded.frames, decoded.values, decoded.made.clip, between)
    if take:
        frames = _passed(frames, take)
    recipe, heard = (draft.recipe, draft.heard) if draft else (decoded.recipe, decoded.heard)
    fps = decoded.made.fps * decoded.values.get("interpolate", 1)
    return str(video.write(frames, output, fps, recipe, heard))


def _passed(frames: Iterable[np.ndarray], take: Take) -> Iterator[np.ndarray]:
    for frame in frames:
        take(frame)
        yield frame
