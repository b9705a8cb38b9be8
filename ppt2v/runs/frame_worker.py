"""What a worker does that makes a part of a video's frames: it holds the same networks as the one that asks it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ppt2v import controls
from ppt2v.engine.choice import Choice, build, choose
from ppt2v.errors import InputError
from ppt2v.models.families.replacements import Replacements
from ppt2v.models.sources import locate, network
from ppt2v.modes import MODES
from ppt2v.request.request import Request
from ppt2v.workers.pool import Parcelled

from .calls import arguments, equip, noise_of, pipeline_class
from .files import changed, named
from .inputs import Inputs
from .loaded import Loaded
from .samples import Samples

if TYPE_CHECKING:
    import numpy as np

    from ppt2v.pipelines.denoising.denoiser import Denoiser
    from ppt2v.pipelines.denoising.spread import Leg
    from ppt2v.pipelines.denoising.spread_windows import Part
    from ppt2v.pipelines.latent_diffusion import Run


class Job(NamedTuple):
    """A run as a worker has to know it.

    ``given``: parameters of the mode, as recipes keep them; ``files``: ``files.fingerprints`` of the run.
    """

    mode: str
    given: dict[str, Any]
    device: str
    choice: Choice
    files: Mapping[str, str]


class Shared(NamedTuple):
    """A job with the inputs made for it, but for networks; ``encoded``: the latents of what its pipeline encodes
    before the steps, in that order."""

    job: Job
    inputs: Inputs
    encoded: list[np.ndarray]


class Held(NamedTuple):
    """What a worker holds for a run: its request, complete, the networks, and the pipeline that they are parts of."""

    request: Request
    networks: Loaded
    pipeline: Any


class FrameWorker:
    """Makes control maps, latents, steps and pictures for one run."""

    def __init__(self) -> None:
        self._looking: tuple[str, Callable[[np.ndarray], Any]] | None = None
        self._held: Held | None = None
        self._pipeline: Any = None
        self._denoiser: Denoiser | None = None

    def check(self, job: Job) -> None:
        """Refuses a job for which something is not here, before anything is loaded.

        Raises:
            InputError: the engine, a model or another file is not here, or has other contents.
        """
        choose(job.choice.engine, job.device, job.choice.precision)
        mode = MODES[job.mode]
        request = Request.of(mode, job.given)
        for name in named(mode, request.values):
            if locate.missing_from(name):
                raise InputError("E-WORKER-FILE-ABSENT", "{name} is not here", name=name)
        differing = changed(mode, request.values, job.files)
        if differing:
            raise InputError("E-WORKER-OTHER-FILES", "{names} has other contents here", names=differing)

    def look(self, frame: np.ndarray, kind: str, values: Mapping[str, Any]) -> Any:
        """What the ``controls.Maker`` of a kind sees in a frame, uint8 RGB ``[H, W, 3]``."""
        if self._looking is None or self._looking[0] != kind:
            self._looking = None  # the old one goes before the new one comes
            self._looking = kind, controls.maker(kind, values).look
        return self._looking[1](frame)

    def encode(self, frame: np.ndarray, job: Job) -> np.ndarray:
        """The latents ``[1, channels, height, width]`` of a frame ``[H, W, 3]``, as ``LatentDiffusion.encode`` has."""
        return self._hold(job).pipeline.encode(frame[None]).numpy()

    def walk(self, leg: Leg, shared: Shared, left_behind: list | None = None) -> Any:
        """As ``spread.walk``, with what the anchor leaves behind as a parcel."""
        from ppt2v.pipelines.denoising.spread import walk

        self.get_ready(shared)
        walked, memories = walk(self._denoiser, leg, left_behind)
        return walked if memories is None else Parcelled(walked, memories)

    def predict(self, part: Part, shared: Shared, left_behind: Any = None) -> Any:
        """As ``spread_windows.predict``, likewise."""
        from ppt2v.pipelines.denoising.spread_windows import predict

        self.get_ready(shared)
        predicted, memory = predict(self._denoiser, part, left_behind)
        return predicted if memory is None else Parcelled(predicted, memory)

    def decode(self, latents: np.ndarray, tile: int | None, shared: Shared) -> np.ndarray:
        """The picture of one frame's latents ``[1, channels, height, width]``, as ``LatentDiffusion.decode`` has it."""
        import paddle

        self.get_ready(shared)
        if self._pipeline.offload and self._denoiser is not None:
            self._denoiser.unet.release()
            self._denoiser = None
        [picture] = self._pipeline.decode(paddle.to_tensor(latents), tile)
        return picture

    def get_ready(self, shared: Shared) -> None:
        """Loads the networks, and brings the run to where its steps would begin."""
        if self._pipeline is not None:
            return
        import paddle

        self._looking = None
        request, networks, pipeline = self._hold(shared.job)
        inputs, encoded = _with_networks(shared.inputs, request, networks), iter(shared.encoded)
        pipeline.perform, pipeline.encode = self._take, lambda frames: paddle.to_tensor(next(encoded))
        pipeline(noise=noise_of(request.values), **arguments(request, inputs))
        del pipeline.encode  # again its class's, for the calls of that name
        self._pipeline = pipeline

    def _hold(self, job: Job) -> Held:
        if self._held is None:
            self._held = _held(job)
        return self._held

    def _take(self, run: Run) -> None:
        self._denoiser = run.denoiser


def _held(job: Job) -> Held:
    mode = MODES[job.mode]
    request = Request.of(mode, job.given).with_motion_module(False)
    folder = locate.locate(request.model_name, progress=False)
    family, request = request.family_of(folder), request.with_defaults_of(folder)
    networks = Loaded(job.device, job.choice.network)
    parts = networks.model(family, folder, request.adapters, Replacements.among(request.values))
    pipeline = pipeline_class(family.pipeline(mode.pipeline))(**parts)
    equip(pipeline, build(job.choice), request.values)
    pipeline.engine.samples = Samples(request, networks, lambda progress: None)
    return Held(request, networks, pipeline)


def without_networks(inputs: Inputs) -> Inputs:
    """What can go to another process; backgrounds are made steady where the run is led."""
    given = {name: value for name, value in inputs.arguments.items() if name != "smooth_bg"}
    if "controls" in given:
        given["controls"] = [control._replace(network=None) for control in given["controls"]]
    return inputs._replace(arguments=given, clip=None)


def _with_networks(inputs: Inputs, request: Request, loaded: Loaded) -> Inputs:
    """What ``without_networks`` was given."""
    if "controls" not in inputs.arguments:
        return inputs
    load = loaded.controlnet_loader()
    networks = [load(network.place(guide.model, network.CONTROLNET, progress=False)) for guide in request.guides]
    controls = [each._replace(network=one) for each, one in zip(inputs.arguments["controls"], networks)]
    return inputs._replace(arguments={**inputs.arguments, "controls": controls})
