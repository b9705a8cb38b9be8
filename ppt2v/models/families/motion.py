"""Motion modules as networks, and image UNets that have them between their layers."""

from __future__ import annotations

from ppt2v.models.adapters.motion import MotionModules
from ppt2v.models.formats.reading import PYTORCH, WeightFile
from ppt2v.models.layouts import motion_modules as layout
from ppt2v.models.loading.weights import JoinedWeights, NetworkFiles, build_network

# Of the noise that the modules of AnimateDiff and AnimateLCM were trained with, which are not the image model's.
LEVELS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "linear", "trained_betas": None}


def motion_modules(source: MotionModules, dtype: str):
    """The modules as a network that has not read its weights; ``dtype`` as for ``load_component``.

    Raises:
        InputError: names and shapes of the weights are not those of the configuration.
    """
    from ppt2v.pipelines.networks.motion_modules import MotionModules as Network

    if source.place.is_dir():
        return build_network(Network, NetworkFiles(source.config, source.files), dtype)

    def convert(loaded: WeightFile) -> WeightFile:
        return WeightFile(layout.in_file(loaded, str(source.place)).tensors, PYTORCH)

    return build_network(Network, NetworkFiles(source.config, source.files, convert), dtype)


def with_motion(unet, modules):
    """A UNet with modules between its layers; both keep reading their weights when they are needed."""
    from ppt2v.pipelines.networks.motion_unet import MotionUNet

    joined = MotionUNet(unet, modules)
    joined.eval()
    joined.weights = JoinedWeights([unet.weights, modules.weights])
    return joined
