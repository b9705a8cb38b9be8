"""``Model``: one object that makes videos in every mode."""
from __future__ import annotations

import importlib
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import hub, sizes, video, weights
from .chunks import followers
from .devices import device_name
from .engine.choice import WORTH_EXPORTING, Choice, build, choose
from .errors import InputError
from .modes import MODES, Mode
from .overlay import names_image
from .parameters import resolve
from .progress import bar, counted, say
from .versions import installed

EXPORT_NOTICE = "Preparing the networks for OpenVINO, once per model and size ..."
EMBEDDED_NOTICE = (
    "Using the small model that ships with ppt2v: it knows about fifty subjects in about a dozen places, at 128x128 "
    "pixels.\n"
    "For anything else give a Stable Diffusion model, such as --model stable-diffusion-v1-5/stable-diffusion-v1-5 or a "
    "folder (in Python: model_name=...)."
)


class Model:
    """Makes videos; holds the pipeline of the last run, so that the next one with the same model starts at once.

    Args:
        device: "cpu", "cuda", "cuda:1", ...; None: a GPU where there is one.
        dtype: Paddle's dtype or its name; None: float16 on a GPU; on a CPU bfloat16 where it is faster, else float32.
        show_progress: whether progress bars and notices go to standard error.
        engine: what executes the networks, one of ``engine.choice.ENGINES``; "auto" takes the fastest for each run.

    Raises:
        InputError: this Paddle does not have the device, the device not the precision, or the machine not the engine.
    """

    _notice_given = False

    def __init__(
        self, device: str | None = None, dtype: Any = None, show_progress: bool = True, engine: str = "auto"
    ):
        self.device = device_name(device)
        self.show_progress = show_progress
        self._choice = choose(engine, self.device, dtype)
        # Eager mode may take over short work, unless a precision is asked for that it does not have.
        self._automatic = engine == "auto" and (dtype is None or self._choice.precision == self._choice.network)
        self._engine = build(self._choice, self._explain_export)
        self._export_explained = False
        self._loaded: tuple[tuple[str, Path], Any] | None = None

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
        num_inference_steps: int | None = None,
        guidance_scale: float | None = None,
        solver: str | None = None,
        eta: float | None = None,
        save_path: str | Path | None = None,
        save_format: str | None = None,
        is_gradio: bool = False,
        checkpoint_dir: str | Path | None = None,
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

    def run(self, mode: str, **given: Any) -> str:
        """Makes a video in the mode of that name; ``given`` are its parameters. Returns the path written."""
        row = _mode(mode)
        given = _plain(given)
        # First without the model's own defaults, so that a wrong value is refused before anything is downloaded.
        values = resolve(row.parameters, given, {})
        check(values)
        hub.check(values["model_name"])
        output = _output_file(values)
        folder = hub.locate(values["model_name"], self.show_progress)
        values = resolve(row.parameters, given, weights.model_defaults(folder).get(mode, {}))
        check(values)
        height, width = sizes.frame_size(*sizes.parse(values["resolution"]), *weights.frame_configs(folder))
        self._notice(values["model_name"])
        values["seed"] = self._seed(values)
        return self._make(row, folder, values, output, {"height": height, "width": width})

    def _process(self, mode: str, given: dict[str, Any], is_gradio: bool) -> str:
        if is_gradio and given["save_path"]:
            raise InputError("is_gradio=True chooses the path itself; leave save_path out, or is_gradio")
        if is_gradio:
            given["save_path"] = str(Path(tempfile.mkdtemp(prefix="ppt2v-")) / f"video.{given['save_format'] or 'mp4'}")
        return self.run(mode, **given)

    def _make(self, mode: Mode, folder: Path, values: dict[str, Any], output: Path, size: dict[str, int]) -> str:
        from .pipelines.noise import Noise

        arguments = {p.argument: values[p.name] for p in mode.parameters if p.argument} | size
        pipeline = self._pipeline(mode, folder)
        choice = self._use_engine(pipeline, values, arguments)
        checkpoint = self._checkpoint(values, arguments, choice)
        with bar(f"Denoising ({choice.engine}, {choice.precision})", self.show_progress) as report:
            latents = pipeline(noise=Noise(values["seed"]), checkpoint=checkpoint, progress=report, **arguments)
        with bar("Decoding", self.show_progress) as report:
            frames = counted(pipeline.decode(latents), latents.shape[0], report)
            if values["watermark"]:
                frames = video.watermark(frames, values["watermark"])
            path = video.write(frames, output, values["fps"], self._recipe(mode, values, choice))
        if checkpoint:
            checkpoint.remove()
        return str(path)

    def _pipeline(self, mode: Mode, folder: Path):
        import paddle

        paddle.set_device(self.device)
        key = mode.pipeline, folder
        if self._loaded is None or self._loaded[0] != key:
            self._loaded = None  # the old one goes before the new one comes
            module, name = mode.pipeline.split(":")
            cls = getattr(importlib.import_module(f".pipelines.{module}", __package__), name)
            loaded = weights.load_stable_diffusion(folder, self._choice.network, lazy=True)
            pipeline = cls(**loaded.components, requires_safety_checker=False)
            self._loaded = key, pipeline
        return self._loaded[1]

    def _use_engine(self, pipeline, values: dict[str, Any], arguments: dict[str, Any]) -> Choice:
        """Gives the pipeline its engine for this run: that of the run to go on with, else the fastest."""
        choice = self._choice
        if self._automatic and choice.engine != "eager":
            before = self._before(values)
            if before is not None:
                short = before["engine"] == "eager"
            else:
                program = pipeline.main_program(*(arguments[name] for name in ("height", "width", "use_cf_attn")))
                steps = values["video_length"] * values["num_inference_steps"]
                short = steps < WORTH_EXPORTING and not self._engine.cached(program)
            choice = choice.eager if short else choice
        pipeline.engine = self._engine if choice == self._choice else build(choice)
        return choice

    def _checkpoint(self, values: dict[str, Any], arguments: dict[str, Any], choice: Choice):
        if values["checkpoint_dir"] is None:
            return None
        from .pipelines.resume import Checkpoint

        decisive = {name: value for name, value in arguments.items() if name != "chunk_size"}
        machine = {"engine": choice.engine, "dtype": choice.precision}
        settings = {**decisive, "model_name": values["model_name"], "seed": values["seed"], **machine}
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
        left_out = "save_path", "save_format", "checkpoint_dir"
        kept = {name: value for name, value in values.items() if name not in left_out}
        machine = {"device": self.device, "engine": choice.engine, "dtype": choice.precision}
        return {"mode": mode.name, "parameters": kept, **machine, "versions": installed()}

    def _explain_export(self) -> None:
        if self.show_progress and not self._export_explained:
            self._export_explained = True
            say(EXPORT_NOTICE)

    def _notice(self, model_name: str) -> None:
        if model_name == hub.EMBEDDED and self.show_progress and not Model._notice_given:
            Model._notice_given = True
            say(EMBEDDED_NOTICE)


def check(values: Mapping[str, Any]) -> None:
    """What the table of parameters cannot say of single values.

    Raises:
        InputError: an empty prompt, an impossible pair, a size that is none, a watermark that cannot be read.
    """
    from .pipelines.schedule import check_eta, check_motion_levels

    if not (values["prompt"] or "").strip():
        raise InputError("the prompt is empty: say in a few words what the video should show")
    sizes.parse(values["resolution"])
    followers(values["video_length"], values["chunk_size"])
    if values["use_motion_field"]:
        check_motion_levels(values["t0"], values["t1"])
        if values["num_inference_steps"] < 2:
            raise InputError("num_inference_steps=1: the motion field needs at least 2; or use_motion_field=False")
    check_eta(values["eta"], values["solver"])
    if values["watermark"]:
        video.watermark((), values["watermark"])


def _mode(name: str) -> Mode:
    if name not in MODES:
        raise InputError(f"unknown mode {name!r}: choose one of {', '.join(MODES)}")
    return MODES[name]


def _plain(given: Mapping[str, Any]) -> dict[str, Any]:
    """The values as recipes keep them: texts, with which the same model and picture are found from every folder."""
    as_text = {"resolution": str, "save_path": str, "checkpoint_dir": str}
    as_text |= {"model_name": hub.from_anywhere, "watermark": _mark_from_anywhere}
    return {name: as_text[name](value) if value is not None and name in as_text else value
            for name, value in given.items()}


def _mark_from_anywhere(watermark: str | Path) -> str:
    mark = str(watermark)
    return str(Path(os.path.expanduser(mark)).absolute()) if names_image(mark) else mark


def _output_file(values: Mapping[str, Any]) -> Path:
    stem = re.sub(r"\W+", "-", values["prompt"]).strip("-")[:60] or "video"
    output = video.output_file(values["save_path"], values["save_format"], stem)
    video.check_fps(values["fps"], output.suffix.lstrip(".").lower())
    return output
