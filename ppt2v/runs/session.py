"""One run of a mode: from its parameters to the file."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ppt2v import video
from ppt2v.engine.choice import WORTH_EXPORTING, Choice, build, choose
from ppt2v.environment.versions import installed
from ppt2v.models.adapters import adapters
from ppt2v.models.families import family
from ppt2v.models.sources import locate
from ppt2v.modes import Mode
from ppt2v.modes.shared import ADAPTERS
from ppt2v.pipelines.planning import memory
from ppt2v.progress import Progress, Watch, counted, say
from ppt2v.request import request

from . import inputs, record
from .loaded import Loaded
from .record import NOT_DECISIVE

EXPORT_NOTICE = "Preparing the networks for OpenVINO, once per model and size ..."
EMBEDDED_NOTICE = (
    "Using the small model that ships with ppt2v: it knows about fifty subjects in about a dozen places, at 128x128 "
    "pixels.\n"
    "For anything else give a model of its kind, such as --model {example} or a folder (in Python: model_name=...)."
)


class Session:
    """Makes videos on one device with one engine; the arguments are those of ``Model``."""

    _notice_given = False

    def __init__(self, device: str, dtype: Any, engine: str, show_progress: bool, for_strangers: bool):
        self.device, self._show_progress, self._for_strangers = device, show_progress, for_strangers
        self._choice = choose(engine, device, dtype)
        # Eager mode may take over short work, unless a precision is asked for that it does not have.
        self._automatic = engine == "auto" and (dtype is None or self._choice.precision == self._choice.network)
        self._engine = build(self._choice, self._explain_export)
        self._export_explained = False
        self.loaded = Loaded(device, self._choice.network)

    def make(self, row: Mode, given: Mapping[str, Any], watch: Watch) -> str:
        """Makes a video with the parameters given, and returns the path written; raises what ``Model`` raises."""
        given = request.plain(row, given)
        # First without the model's own defaults, so that a wrong value is refused before anything is downloaded.
        values = request.checked(row, given)
        output = request.output_file(values)
        folder = locate.locate(values["model_name"], self._show_progress)
        family.check_family(row.family, row.name, row.example, values["model_name"], folder)
        values = request.completed(row, given, folder)
        request.warn_of_language(values["prompt"])
        if folder.is_file() or any(values.get(parameter.name) for parameter in ADAPTERS):
            # Only the networks can say whether all fits; without weights they are light.
            self.loaded.model(row, folder, values)
        made = inputs.gather(row, values, folder, self.loaded.controlnet_loader(), self._explain, watch)
        video.check_fps(made.fps, request.ending(output))
        self._notice(row, values["model_name"])
        values["seed"] = self._seed(values)
        pipeline = self._pipeline(row, folder, values)
        values |= self._within_memory(pipeline, given, values, made)
        return self._make(pipeline, row, values, output, made, watch)

    def _make(
        self, pipeline, mode: Mode, values: dict[str, Any], output: Path, made: inputs.Inputs, watch: Watch
    ) -> str:
        from ppt2v.pipelines.denoising.noise import Noise

        arguments = {p.argument: values[p.name] for p in mode.parameters if p.argument} | made.arguments
        if values.get("a_prompt"):
            arguments["prompt"] = f"{values['prompt']}, {values['a_prompt']}"
        expand = adapters.read(values).expand
        arguments |= {name: expand(arguments[name]) for name in ("prompt", "negative_prompt")}
        pipeline.offload = values["offload"]
        choice = self._use_engine(pipeline, mode, values, made)
        checkpoint = self._checkpoint(values, made, choice)
        keeps_sound = values.get("audio") and video.keeps_sound(output)
        sound = inputs.sound(made, self._explain) if keeps_sound else None
        denoising, tile = f"Denoising ({choice.engine}, {choice.precision})", values["decode_tile"]

        def report(done: int, total: int) -> None:
            watch(Progress(denoising, done, total, lambda: pipeline.preview(tile)))

        watch(Progress(denoising))
        noise = Noise(values["seed"], values.get("content_seed"))
        latents = pipeline(noise=noise, checkpoint=checkpoint, progress=report, **arguments)
        frames = counted(pipeline.decode(latents, tile), latents.shape[0], "Decoding", watch)
        if values["watermark"]:
            frames = video.watermark(frames, values["watermark"])
        path = video.write(frames, output, made.fps, self._recipe(mode, values, choice), sound)
        if checkpoint:
            checkpoint.remove()
        return str(path)

    def _pipeline(self, mode: Mode, folder: Path, values: dict[str, Any]):
        parts = self.loaded.model(mode, folder, values)
        own = family.kind(folder).pipeline if mode.family == "video" else None
        module, name = (own or mode.pipeline).split(":")
        cls = getattr(importlib.import_module(f"ppt2v.pipelines.{module}"), name)
        return cls(**parts)

    def _use_engine(self, pipeline, mode: Mode, values: dict[str, Any], made: inputs.Inputs) -> Choice:
        """Gives the pipeline its engine for this run: that of the run to go on with, else the fastest."""
        choice = self._choice
        if self._automatic and choice.engine != "eager":
            before = self._before(values)
            if before is not None:
                short = before["engine"] == "eager"
            else:
                program = pipeline.main_program(*made.size, *self._program_settings(mode, values))
                steps = made.count * values["num_inference_steps"]
                short = steps < WORTH_EXPORTING and not self._engine.cached(program)
            choice = choice.eager if short else choice
        pipeline.engine = self._engine if choice == self._choice else build(choice)
        return choice

    @staticmethod
    def _program_settings(mode: Mode, values: dict[str, Any]) -> tuple:
        """What the pipeline's main program depends on beside its size."""
        if mode.family == "video":
            return ()
        from ppt2v.pipelines.networks.programs import SelfAttention

        attention = SelfAttention(values["use_cf_attn"], values["merging_ratio"])
        return attention, mode.control is not None, values["cache_interval"]

    def _within_memory(self, pipeline, given: Mapping[str, Any], values: dict[str, Any], made: inputs.Inputs) -> dict:
        """The settings that keep the run within the memory that it may use."""
        if values.get("memory") is None:
            return {}
        kept_frames = made.count if values["cache_interval"] > 1 else 0
        sizes = memory.Needs.of(
            pipeline, self.loaded.controlnets.values(), made.size, request.branches(values), kept_frames
        )
        fixed = {name: values[name] for name in ("chunk_size", "decode_tile", "offload") if given.get(name) is not None}
        plan = memory.choose(memory.parse(values["memory"]), sizes, self._choice.precision, fixed)
        self._explain(f"memory: {plan}")
        return {"chunk_size": plan.chunk_size, "decode_tile": plan.decode_tile, "offload": plan.offload}

    def _checkpoint(self, values: dict[str, Any], made: inputs.Inputs, choice: Choice):
        if values["checkpoint_dir"] is None:
            return None
        from ppt2v.pipelines.denoising.checkpoint import Checkpoint

        settings = {name: value for name, value in values.items() if name not in NOT_DECISIVE}
        settings |= {"count": made.count, "size": list(made.size), "engine": choice.engine, "dtype": choice.precision}
        return Checkpoint(values["checkpoint_dir"], settings)

    @staticmethod
    def _before(values: dict[str, Any]) -> dict[str, Any] | None:
        """The settings of the run to go on with."""
        if values["checkpoint_dir"] is None:
            return None
        from ppt2v.pipelines.denoising.checkpoint import Checkpoint

        return Checkpoint.saved_settings(values["checkpoint_dir"])

    def _seed(self, values: dict[str, Any]) -> int:
        """The seed given, else that of the run to go on with, else one from Paddle's global generator."""
        import paddle

        if values["seed"] is not None:
            return values["seed"]
        before = self._before(values)
        return paddle.randint(0, 2**31 - 1, [1]).item() if before is None else before["seed"]

    def _recipe(self, mode: Mode, values: dict[str, Any], choice: Choice) -> dict[str, Any]:
        """All that is needed to make the same video again, and what made it."""
        # What fast and memory stand for is among the values.
        left_out = "save_path", "save_format", "checkpoint_dir", "fast", "memory"
        kept = {name: value for name, value in values.items() if name not in left_out}
        if self._for_strangers:
            kept = record.without_folders(kept)
        machine = {"device": self.device, "engine": choice.engine, "dtype": choice.precision}
        return {"mode": mode.name, "parameters": kept, **machine, "versions": installed()}

    def _explain_export(self) -> None:
        if self._show_progress and not self._export_explained:
            self._export_explained = True
            say(EXPORT_NOTICE)

    def _explain(self, decision: str) -> None:
        if self._show_progress:
            say(decision)

    def _notice(self, mode: Mode, model_name: str) -> None:
        if locate.is_embedded(model_name) and self._show_progress and not Session._notice_given:
            Session._notice_given = True
            say(EMBEDDED_NOTICE.format(example=mode.example))
