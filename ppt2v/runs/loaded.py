"""The networks that are held from one run to the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ppt2v.models.adapters import adapters
from ppt2v.models.families import family, stable_diffusion
from ppt2v.models.loading import weights
from ppt2v.modes import Mode


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

    def model(self, mode: Mode, folder: Path, values: Mapping[str, Any]) -> dict[str, Any]:
        """The model's parts, which read their weights when they are needed; those of the last run where they serve."""
        import paddle

        paddle.set_device(self.device)
        adapted = adapters.read(values)
        tokenizer = values.get("tokenizer")
        key = folder, adapted.mark, tokenizer
        if self._key != key:
            self._key, self.parts = None, {}  # the old one goes before the new one comes
            if mode.family == "video":
                self.parts = family.kind(folder).load(folder, self.precision, lazy=True)._asdict()
            else:
                loaded = stable_diffusion.load_stable_diffusion(folder, self.precision, True, adapted, tokenizer)
                self.parts = {**loaded.components, "requires_safety_checker": False}
            self._key = key
        return self.parts

    def controlnet_loader(self) -> Callable[[Path], Any]:
        """Gives the ControlNets of a run, those of the last one where they serve; others leave the memory."""
        before, self.controlnets = self.controlnets, {}

        def load(folder: Path):
            from ppdiffusers import ControlNetModel

            if folder not in before:
                before[folder] = weights.load_component(folder, ControlNetModel, self.precision, lazy=True)
            self.controlnets[folder] = before[folder]
            return before[folder]

        return load
