"""``Model``: one object that makes videos in every mode."""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from ppt2v.environment.devices import device_name
from ppt2v.environment.quiet import quiet_libraries
from ppt2v.request import request
from ppt2v.runs.session import Session
from ppt2v.runs.team import Team

from .errors import InputError
from .modes import MODES
from .progress import Watch, bars

if TYPE_CHECKING:
    import numpy as np

_ABOUT = """

        Every parameter is described in ``ppt2v.MODES["{mode}"].parameters``; None stands for the model's own default,
        else for the one given there. ``is_gradio``, ``callback``, ``return_frames``, what is returned and what is
        raised are as for ``process_text2video``.
        """


def _signed(mode: str) -> Callable[[Callable], Callable]:
    """Gives a method that takes a mode's parameters their names in its signature, and says so in its docstring."""

    def sign(method: Callable) -> Callable:
        own = [each for each in inspect.signature(method).parameters.values() if each.kind is not each.VAR_KEYWORD]
        covered = {each.name for each in own} | {"model_name", "controlnet"}
        rest = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default)
            for name, default in [
                *((each.name, None) for each in MODES[mode].parameters if each.name not in covered),
                ("callback", None),
                ("return_frames", False),
            ]
        ]
        vars(method)["__signature__"] = inspect.Signature([*own, *rest])
        method.__doc__ = f"{method.__doc__}{_ABOUT.format(mode=mode)}"
        return method

    return sign


class Model:
    """Makes videos; holds the pipeline of the last run, so that the next one with the same model starts at once.

    Args:
        device: "cpu", "cuda", "cuda:1", ...; None: a GPU where there is one.
        dtype: Paddle's dtype or its name; None: float16 on a GPU; on a CPU what is fastest there, else float32.
        show_progress: whether progress bars and notices go to standard error, in a notebook below the cell.
        engine: what executes the networks, one of ``engine.choice.ENGINES``; "auto" takes the fastest for each run.
        for_strangers: whether recipes leave out the folders of this machine, for files that others get.
        workers: processes or machines that share the frames of a video; each holds the model.
        runner: where they are, one of ``workers.runners.RUNNERS``: "local", processes of this machine; "ray", a Ray
            cluster, whose address is in RAY_ADDRESS.

    Raises:
        InputError: this Paddle does not have the device, the device not the precision, or the machine not the engine.
    """

    def __init__(
        self,
        device: str | None = None,
        dtype: Any = None,
        show_progress: bool = True,
        engine: str = "auto",
        for_strangers: bool = False,
        workers: int = 1,
        runner: str = "local",
    ):
        self.device, self.show_progress = device_name(device), show_progress
        team = Team(workers, runner)
        self._session = Session(self.device, dtype, engine, show_progress, for_strangers, team)

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
        interpolate: int | None = None,
        interpolate_model: str | Path | None = None,
        upscale: float | None = None,
        upscale_model: str | Path | None = None,
        upscale_strength: float | None = None,
        upscale_tile: int | None = None,
        use_cf_attn: bool | None = None,
        use_motion_field: bool | None = None,
        merging_ratio: float | None = None,
        cache_interval: int | None = None,
        memory: str | None = None,
        decode_tile: int | None = None,
        offload: str | bool | None = None,
        smooth_bg: bool | None = None,
        smooth_bg_strength: float | None = None,
        saliency_weights: str | Path | None = None,
        camera: str | list | None = None,
        anchors: str | None = None,
        prompt_at: str | list | None = None,
        loop: bool | None = None,
        init_image: str | Path | None = None,
        guidance_rescale: float | None = None,
        freeu_b1: float | None = None,
        freeu_b2: float | None = None,
        freeu_s1: float | None = None,
        freeu_s2: float | None = None,
        pag_scale: float | None = None,
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
        clip_skip: int | None = None,
        callback: Watch | None = None,
        return_frames: bool = False,
    ) -> Any:
        """Zero-shot text to video (Text2Video-Zero, arXiv 2303.13439, section 3.3).

        Every parameter is described in ``ppt2v.MODES["text2video"].parameters``; None stands for the model's own
        default, else for the one given there. With ``is_gradio`` the file goes to a new folder in the temporary
        directory, where Gradio may serve it from.

        Args:
            callback: called after every step with a ``ppt2v.progress.Progress``, whose ``frames()`` makes the frames as
                they are then; an exception that it raises stops the run, and nothing is written.
            return_frames: whether the frames are returned beside the path.

        Returns:
            The path of the file that was written (of the folder for "png"); with ``return_frames`` a pair of it and
            the frames, uint8 RGB ``[F, H, W, 3]``, as they were before the file's format changed them.

        Raises:
            InputError: a value that cannot be used; no model has been loaded then, and nothing written.
            NumericalError: the network produced NaN or infinite numbers; nothing has been written.
        """
        given = {name: value for name, value in locals().items() if name not in ("self", "is_gradio")}
        return self._process("text2video", given, is_gradio)

    @_signed("pix2pix")
    def process_pix2pix(self, video_path, prompt, model_path=None, is_gradio=False, **given) -> Any:
        """Edits a clip as an instruction says (Video Instruct-Pix2Pix, arXiv 2303.13439, section 3.3.5)."""
        return self._process("pix2pix", _clip(video_path, prompt, model_path, given), is_gradio)

    @_signed("pose")
    def process_controlnet_pose(self, video_path, prompt, model_path_list=None, is_gradio=False, **given) -> Any:
        """Makes a video that follows the poses in a clip (arXiv 2303.13439, section 3.3.4)."""
        return self._controlled("pose", video_path, prompt, model_path_list, given, is_gradio)

    @_signed("canny")
    def process_controlnet_canny(self, video_path, prompt, model_path_list=None, is_gradio=False, **given) -> Any:
        """Makes a video that follows the edges in a clip (arXiv 2303.13439, section 3.3.4)."""
        return self._controlled("canny", video_path, prompt, model_path_list, given, is_gradio)

    @_signed("depth")
    def process_controlnet_depth(self, video_path, prompt, model_path_list=None, is_gradio=False, **given) -> Any:
        """Makes a video that follows the depth in a clip (arXiv 2303.13439, section 3.3.4)."""
        return self._controlled("depth", video_path, prompt, model_path_list, given, is_gradio)

    @_signed("canny-db")
    def process_controlnet_canny_db(
        self, dreambooth_model_path, video_path, prompt, model_path_list=None, is_gradio=False, **given
    ) -> Any:
        """Makes a video that follows the edges in a clip with a Dreambooth model (arXiv 2303.13439, section 4.2)."""
        models = [dreambooth_model_path, *(model_path_list or [])]
        return self._controlled("canny-db", video_path, prompt, models, given, is_gradio)

    @_signed("controlnet")
    def process_controlnet(self, video_path, prompt, model_path_list=None, is_gradio=False, **given) -> Any:
        """Makes a video that follows other control maps of a clip, of the kind ``control_kind``."""
        return self._controlled("controlnet", video_path, prompt, model_path_list, given, is_gradio)

    @_signed("synthesize")
    def process_text2video_synthesis(self, prompt, model_name=None, is_gradio=False, **given) -> Any:
        """Makes a video with a model that was trained on videos (ModelScope's text to video, arXiv 2308.06571)."""
        return self._process("synthesize", {"prompt": prompt, "model_name": model_name, **given}, is_gradio)

    @_signed("animate")
    def process_animate(self, prompt, model_name=None, motion_module=None, is_gradio=False, **given) -> Any:
        """Makes a video with an image model and a motion module (AnimateDiff, arXiv 2307.04725)."""
        named = {"prompt": prompt, "model_name": model_name, "motion_module": motion_module}
        return self._process("animate", {**named, **given}, is_gradio)

    @overload
    def run(
        self, mode: str, callback: Watch | None = ..., return_frames: Literal[False] = ..., **given: Any
    ) -> str: ...

    @overload
    def run(
        self, mode: str, callback: Watch | None = ..., *, return_frames: Literal[True], **given: Any
    ) -> tuple[str, np.ndarray]: ...

    @quiet_libraries()
    def run(self, mode, callback=None, return_frames=False, **given):
        """Makes a video in the mode of that name; ``given`` are its parameters.

        ``callback``, ``return_frames``, what is returned and what is raised are as for ``process_text2video``.
        """
        frames: list[np.ndarray] = []
        with bars(self.show_progress, callback) as told:
            path = self._session.make(request.mode(mode), given, told, frames.append if return_frames else None)
        if not return_frames:
            return path
        import numpy as np

        return path, np.stack(frames)

    @quiet_libraries()
    def quantize(self, mode: str, **given: Any) -> list[str]:
        """Makes the short runs of a mode that the precision int8 needs, which else its first use with a model makes.

        Args:
            mode: a name of ``MODES``.
            given: of its parameters those that say which networks it uses: model, adapters, ControlNets.

        Returns:
            A line for each network: how near its predictions in int8 are, and whether it will be used.

        Raises:
            InputError: this object's precision is not int8, or the model cannot be used.
        """
        with bars(self.show_progress) as told:
            return self._session.quantize(request.mode(mode), given, told)

    def _process(self, mode: str, given: dict[str, Any], is_gradio: bool) -> Any:
        if is_gradio and given.get("save_path"):
            raise InputError(
                "E-GRADIO-PATH", "is_gradio=True chooses the path itself; leave save_path out, or is_gradio"
            )
        if is_gradio:
            file = f"video.{given.get('save_format') or 'mp4'}"
            given["save_path"] = str(Path(tempfile.mkdtemp(prefix="ppt2v-")) / file)
        return self.run(mode, **given)

    def _controlled(self, mode: str, video_path, prompt, models, given: dict[str, Any], is_gradio: bool) -> Any:
        """``models`` are a model and a ControlNet, both optional, as the published code's model_path_list."""
        if models and len(models) > 2:
            raise InputError(
                "E-CONTROLNETS-TOO-MANY",
                "model_path_list has {models} models for one kind of control maps; give a Stable Diffusion model and "
                "one ControlNet, and others as extra_controls=['KIND:STRENGTH:MODEL']",
                models=len(models),
            )
        model, controlnet = (*(models or ()), None, None)[:2]
        if controlnet is not None:
            given = {"controlnet": controlnet, **given}
        return self._process(mode, _clip(video_path, prompt, model, given), is_gradio)


def _clip(video_path, prompt, model, given: Mapping[str, Any]) -> dict[str, Any]:
    """What a guided mode is given, by the names of the table."""
    named = {"video_path": video_path, "prompt": prompt, **given}
    return named if model is None else {"model_name": model, **named}
