"""The networks that are held from one run to the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ppt2v.models.adapters.adapters import Adapters
from ppt2v.models.families import stable_diffusion
from ppt2v.models.families.family import Family
from ppt2v.models.families.preview_decoder import load_preview_decoder
from ppt2v.models.families.replacements import Replacements


class Loaded:
    """The parts of the last run's model and its ControlNets; what the next run does not use leaves the memory.

    Args:
        device: Paddle's name.
        precision: of the networks' weights.
    """

    def __init__(self, device: str, precision: str):
        self.device, self.precision = device, precision
        self.controlnets: dict[Path, Any] = {}
        self.parts: dict[str, Any] = {}
        self._key: tuple | None = None
        self._preview: tuple[tuple, Any] | None = None

    def model(self, family: Family, folder: Path, adapters: Adapters, instead: Replacements) -> dict[str, Any]:
        """The model's parts, which read their weights when they are needed; those of the last run where they serve."""
        import paddle

        paddle.set_device(self.device)
        key = folder, adapters.mark, instead
        if self._key != key:
            self._key, self.parts = None, {}  # the old one goes before the new one comes
            self.parts = family.load(folder, self.precision, adapters, instead)
            self._key = key
        return self.parts

    def preview_decoder(self, values: Mapping[str, Any], family: Family, folder: Path) -> Any:
        """The tiny autoencoder that a run's values name for its previews; None where they name none."""
        name, vae = values.get("preview_vae"), values.get("vae")
        if name is None:
            self._preview = None
        elif self._preview is None or self._preview[0] != (name, folder, vae):
            config = family.frame_configs(folder, vae)[1]
            self._preview = (name, folder, vae), load_preview_decoder(name, config, self.precision)
        return self._preview and self._preview[1]

    def controlnet_loader(self) -> Callable[[Path], Any]:
        """Gives the ControlNets of a run, those of the last one where they serve; others leave the memory."""
        before, self.controlnets = self.controlnets, {}

        def load(folder: Path):
            if folder not in before:
                before[folder] = stable_diffusion.load_controlnet(folder, self.precision)
            self.controlnets[folder] = before[folder]
            return before[folder]

        return load
