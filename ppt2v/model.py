"""``Model``: one object that makes videos in every mode."""
from __future__ import annotations

import importlib
import inspect
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from . import adapters, hub, inputs, memory, request, video, video_models, weights
from .devices import device_name
from .engine.choice import WORTH_EXPORTING, Choice, build, choose
from .errors import InputError
from .modes import ADAPTERS, MODES, Mode
from .progress import Progress, Watch, bars, counted, say
from .quiet import quiet_libraries
from .versions import installed

EXPORT_NOTICE = "Preparing the networks for OpenVINO, once per model and size ..."
EMBEDDED_NOTICE = (
    "Using the small model that ships with ppt2v: it knows about fifty subjects in about a dozen places, at 128x128 "
    "pixels.\n"
    "For anything else give a model of its kind, such as --model {example} or a folder (in Python: model_name=...)."
)

# Parameters that do not change what the networks compute, or only through the size and the number of the frames.
UNDECISIVE = ("chunk_size", "memory", "decode_tile", "offload", "fps", "watermark", "save_path", "save_format",
              "checkpoint_dir", "resolution", "fast")


_ABOUT = """

        Every parameter is described in ``ppt2v.MODES["{mode}"].parameters``; None stands for the model's own default,
        else for the one given there. ``is_gradio``, what is returned and what is raised are as for
        ``process_text2video``.
        """


def _signed(mode: str) -> Callable[[Callable], Callable]:
    """Gives a method that takes a mode's parameters their names in its signature, and says so in its docstring."""

    def sign(method: Callable) -> Callable:
        own = [each for each in inspect.signature(method).parameters.values() if each.kind is not each.VAR_KEYWORD]
        covered = {each.name for each in own} | {"model_name", "controlnet"}
        rest = [inspect.Parameter(each.name, inspect.Parameter.KEYWORD_ONLY, default=None)
                for each in MODES[mode].parameters if each.name not in covered]
        method.__signature__ = inspect.Signature([*own, *rest])
        method.__doc__ += _ABOUT.format(mode=mode)
        return method

    return sign


class Model:
    """Makes videos; holds the pipeline of the last run, so that the next one with the same model starts at once.

    Args:
        device: "cpu", "cuda", "cuda:1", ...; None: a GPU where there is one.
        dtype: Paddle's dtype or its name; None: float16 on a GPU; on a CPU bfloat16 where it is faster, else float32.
        show_progress: whether progress bars and notices go to standard error, in a notebook below the cell.
        engine: what executes the networks, one of ``engine.choice.ENGINES``; "auto" takes the fastest for each run.
        for_strangers: whether recipes leave out the folders of this machine, for files that others get.

    Raises:
        InputError: this Paddle does not have the device, the device not the precision, or the machine not the engine.
    """

    _notice_given = False

    def __init__(
        self, device: str | None = None, dtype: Any = None, show_progress: bool = True, engine: str = "auto",
        for_strangers: bool = False,
    ):
        self.device = device_name(device)
        self.show_progress, self._for_strangers = show_progress, for_strangers
        self._choice = choose(engine, self.device, dtype)
        # Eager mode may take over short work, unless a precision is asked for that it does not have.
        self._automatic = engine == "auto" and (dtype is None or self._choice.precision == self._choice.network)
        self._engine = build(self._choice, self._explain_export)
        self._export_explained = False
        self._loaded: tuple[tuple, dict[str, Any]] | None = None
        self._controlnets: dict[Path, Any] = {}

    def process_text2video(
        self,
        prompt: str,
        model_name: str | None = None,
        motion_field_strength_x: float | None = None,
        motion_field_strength_y: float | None = None,
        t0: int | None = None,
        t1: int | None = None,
        n_prompt: str | None = None,
        chunk_size: int | None = None,
        video_length: int | None = None,
        watermark: str | None = None,
        seed: int | None = None,
        resolution: int | str | None = None,
        fps: float | None = None,
        use_cf_attn: bool | None = None,
        use_motion_field: bool | None = None,
        merging_ratio: float | None = None,
        cache_interval: int | None = None,
        memory: str | None = None,
        decode_tile: int | None = None,
        offload: bool | None = None,
        smooth_bg: bool | None = None,
        smooth_bg_strength: float | None = None,
        saliency_weights: str | Path | None = None,
        num_inference_steps: int | None = None,
        guidance_scale: float | None = None,
        guidance_stop_step: float | None = None,
        solver: str | None = None,
        fast: bool | None = None,
        eta: float | None = None,
        save_path: str | Path | None = None,
        save_format: str | None = None,
        is_gradio: bool = False,
        checkpoint_dir: str | Path | None = None,
        lora: str | list | None = None,
        textual_inversion: str | list | None = None,
        tokenizer: str | Path | None = None,
    ) -> str:
        """Zero-shot text to video (Text2Video-Zero, arXiv 2303.13439, section 3.3).

        Every parameter is described in ``ppt2v.MODES["text2video"].parameters``; None stands for the model's own
        default, else for the one given there. With ``is_gradio`` the file goes to a new folder in the temporary
        directory, where Gradio may serve it from.

        Returns:
            The path of the file that was written (of the folder for "png").

        Raises:
            InputError: a value that cannot be used; no model has been loaded then, and nothing written.
            NumericalError: the network produced NaN or infinite numbers; nothing has been written.
        """
        given = {name: value for name, value in locals().items() if name not in ("self", "is_gradio")}
        return self._process("text2video", given, is_gradio)

    @_signed("pix2pix")
    def process_pix2pix(self, video_path, prompt, model_path=None, is_gradio=False, **given) -> str:
        """Edits a clip as an instruction says (Video Instruct-Pix2Pix, arXiv 2303.13439, section 3.3.5)."""
        return self._process("pix2pix", _clip(video_path, prompt, model_path, given), is_gradio)

    @_signed("pose")
    def process_controlnet_pose(self, video_path, prompt, model_path_list=None, is_gradio=False, **given) -> str:
        """Makes a video that follows the poses in a clip (arXiv 2303.13439, section 3.3.4)."""
        return self._controlled("pose", video_path, prompt, model_path_list, given, is_gradio)

    @_signed("canny")
    def process_controlnet_canny(self, video_path, prompt, model_path_list=None, is_gradio=False, **given) -> str:
        """Makes a video that follows the edges in a clip (arXiv 2303.13439, section 3.3.4)."""
        return self._controlled("canny", video_path, prompt, model_path_list, given, is_gradio)

    @_signed("depth")
    def process_controlnet_depth(self, video_path, prompt, model_path_list=None, is_gradio=False, **given) -> str:
        """Makes a video that follows the depth in a clip (arXiv 2303.13439, section 3.3.4)."""
        return self._controlled("depth", video_path, prompt, model_path_list, given, is_gradio)

    @_signed("canny-db")
    def process_controlnet_canny_db(
        self, dreambooth_model_path, video_path, prompt, model_path_list=None, is_gradio=False, **given
    ) -> str:
        """Makes a video that follows the edges in a clip with a Dreambooth model (arXiv 2303.13439, section 4.2)."""
        models = [dreambooth_model_path, *(model_path_list or [])]
        return self._controlled("canny-db", video_path, prompt, models, given, is_gradio)

    @_signed("synthesize")
    def process_text2video_synthesis(self, prompt, model_name=None, is_gradio=False, **given) -> str:
        """Makes a video with a model that was trained on videos (ModelScope's text to video, arXiv 2308.06571)."""
        return self._process("synthesize", {"prompt": prompt, "model_name": model_name, **given}, is_gradio)

    @quiet_libraries()
    def run(self, mode: str, watch: Watch | None = None, **given: Any) -> str:
        """Makes a video in the mode of that name; ``given`` are its parameters. Returns the path written.

        Args:
            watch: is told how far the run is, and may stop it with an exception (``progress.Watch``).
        """
        with bars(self.show_progress, watch) as told:
            return self._run(request.mode(mode), given, told)

    def _run(self, row: Mode, given: Mapping[str, Any], watch: Watch) -> str:
        given = request.plain(row, given)
        # First without the model's own defaults, so that a wrong value is refused before anything is downloaded.
        values = request.checked(row, given)
        output = request.output_file(values)
        folder = hub.locate(values["model_name"], self.show_progress)
        inputs.check_family(row, values["model_name"], folder)
        values = request.completed(row, given, folder)
        request.warn_of_language(values["prompt"])
        if folder.is_file() or any(values.get(parameter.name) for parameter in ADAPTERS):
            # Only the networks can say whether all fits; without weights they are light.
            self._load(row, folder, values)
        made = inputs.gather(row, values, folder, self._controlnet_loader(), self._explain, watch)
        video.check_fps(made.fps, request.ending(output))
        self._notice(row, values["model_name"])
        values["seed"] = self._seed(values)
        pipeline = self._pipeline(row, folder, values)
        values |= self._within_memory(pipeline, given, values, made)
        return self._make(pipeline, row, values, output, made, watch)

    def _process(self, mode: str, given: dict[str, Any], is_gradio: bool) -> str:
        if is_gradio and given.get("save_path"):
            raise InputError("is_gradio=True chooses the path itself; leave save_path out, or is_gradio")
        if is_gradio:
            file = f"video.{given.get('save_format') or 'mp4'}"
            given["save_path"] = str(Path(tempfile.mkdtemp(prefix="ppt2v-")) / file)
        return self.run(mode, **given)

    def _controlled(self, mode: str, video_path, prompt, models, given: dict[str, Any], is_gradio: bool) -> str:
        """``models`` are a model and a ControlNet, both optional, as the published code's model_path_list."""
        if models and len(models) > 2:
            raise InputError(
                f"model_path_list has {len(models)} models for one kind of control maps; give a Stable Diffusion model "
                "and one ControlNet, and others as extra_controls=['KIND:STRENGTH:MODEL']"
            )
        model, controlnet = (*(models or ()), None, None)[:2]
        if controlnet is not None:
            given = {"controlnet": controlnet, **given}
        return self._process(mode, _clip(video_path, prompt, model, given), is_gradio)

    def _make(self, pipeline, mode: Mode, values: dict[str, Any], output: Path, made: inputs.Inputs,
              watch: Watch) -> str:
        from .pipelines.noise import Noise

        arguments = {p.argument: values[p.name] for p in mode.parameters if p.argument} | made.arguments
        if values.get("a_prompt"):
            arguments["prompt"] = f"{values['prompt']}, {values['a_prompt']}"
        expand = adapters.read(values).expand
        arguments |= {name: expand(arguments[name]) for name in ("prompt", "negative_prompt")}
        pipeline.offload = values["offload"]
        choice = self._use_engine(pipeline, mode, values, made)
        checkpoint = self._checkpoint(values, made, choice)
        denoising, tile = f"Denoising ({choice.engine}, {choice.precision})", values["decode_tile"]

        def report(done: int, total: int) -> None:
            watch(Progress(denoising, done, total, lambda: pipeline.preview(tile)))

        watch(Progress(denoising))
        noise = Noise(values["seed"], values.get("content_seed"))
        latents = pipeline(noise=noise, checkpoint=checkpoint, progress=report, **arguments)
        frames = counted(pipeline.decode(latents, tile), latents.shape[0], "Decoding", watch)
        if values["watermark"]:
            frames = video.watermark(frames, values["watermark"])
        path = video.write(frames, output, made.fps, self._recipe(mode, values, choice))
        if checkpoint:
            checkpoint.remove()
        return str(path)

    def _pipeline(self, mode: Mode, folder: Path, values: dict[str, Any]):
        parts = self._load(mode, folder, values)
        own = video_models.kind(folder).pipeline if mode.family == "video" else None
        module, name = (own or mode.pipeline).split(":")
        cls = getattr(importlib.import_module(f".pipelines.{module}", __package__), name)
        return cls(**parts)

    def _load(self, mode: Mode, folder: Path, values: dict[str, Any]) -> dict[str, Any]:
        """The model's parts, which read their weights when they are needed; those of the last run where they serve."""
        import paddle

        paddle.set_device(self.device)
        adapted = adapters.read(values)
        tokenizer = values.get("tokenizer")
        key = folder, adapted.mark, tokenizer
        if self._loaded is None or self._loaded[0] != key:
            self._loaded = None  # the old one goes before the new one comes
            if mode.family == "video":
                parts = video_models.kind(folder).load(folder, self._choice.network, lazy=True)._asdict()
            else:
                loaded = weights.load_stable_diffusion(folder, self._choice.network, True, adapted, tokenizer)
                parts = {**loaded.components, "requires_safety_checker": False}
            self._loaded = key, parts
        return self._loaded[1]

    def _controlnet_loader(self) -> Callable[[Path], Any]:
        """Gives the ControlNets of a run, those of the last one where they serve; others leave the memory."""
        before, self._controlnets = self._controlnets, {}

        def load(folder: Path):
            from ppdiffusers import ControlNetModel

            if folder not in before:
                before[folder] = weights.load_component(folder, ControlNetModel, self._choice.network, lazy=True)
            self._controlnets[folder] = before[folder]
            return before[folder]

        return load

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
        from .pipelines.programs import SelfAttention

        attention = SelfAttention(values["use_cf_attn"], values["merging_ratio"])
        return attention, mode.control is not None, values["cache_interval"]

    def _within_memory(self, pipeline, given: Mapping[str, Any], values: dict[str, Any], made: inputs.Inputs) -> dict:
        """The settings that keep the run within the memory that it may use."""
        if values.get("memory") is None:
            return {}
        kept_frames = made.count if values["cache_interval"] > 1 else 0
        sizes = memory.Sizes.of(
            pipeline, self._controlnets.values(), made.size, request.branches(values), kept_frames
        )
        fixed = {name: values[name] for name in ("chunk_size", "decode_tile", "offload") if given.get(name) is not None}
        plan = memory.choose(memory.parse(values["memory"]), sizes, self._choice.precision, fixed)
        self._explain(f"memory: {plan}")
        return {"chunk_size": plan.chunk_size, "decode_tile": plan.decode_tile, "offload": plan.offload}

    def _checkpoint(self, values: dict[str, Any], made: inputs.Inputs, choice: Choice):
        if values["checkpoint_dir"] is None:
            return None
        from .pipelines.resume import Checkpoint

        settings = {name: value for name, value in values.items() if name not in UNDECISIVE}
        settings |= {"count": made.count, "size": list(made.size), "engine": choice.engine, "dtype": choice.precision}
        return Checkpoint(values["checkpoint_dir"], settings)

    @staticmethod
    def _before(values: dict[str, Any]) -> dict[str, Any] | None:
        """The settings of the run to go on with."""
        if values["checkpoint_dir"] is None:
            return None
        from .pipelines.resume import Checkpoint

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
            kept = request.without_folders(kept)
        machine = {"device": self.device, "engine": choice.engine, "dtype": choice.precision}
        return {"mode": mode.name, "parameters": kept, **machine, "versions": installed()}

    def _explain_export(self) -> None:
        if self.show_progress and not self._export_explained:
            self._export_explained = True
            say(EXPORT_NOTICE)

    def _explain(self, decision: str) -> None:
        if self.show_progress:
            say(decision)

    def _notice(self, mode: Mode, model_name: str) -> None:
        if hub.is_embedded(model_name) and self.show_progress and not Model._notice_given:
            Model._notice_given = True
            say(EMBEDDED_NOTICE.format(example=mode.example))


def _clip(video_path, prompt, model, given: Mapping[str, Any]) -> dict[str, Any]:
    """What a guided mode is given, by the names of the table."""
    named = {"video_path": video_path, "prompt": prompt, **given}
    return named if model is None else {"model_name": model, **named}
