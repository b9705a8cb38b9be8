"""Frames between frames by RIFE (Huang et al., arXiv 2011.06294), with the weights of Practical-RIFE."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import paddle

from ppt2v.errors import InputError
from ppt2v.language import words
from ppt2v.models.formats import fitting, reading
from ppt2v.models.sources import locate
from ppt2v.pipelines.methods.interpolation import Between

from .ifnet import Form, IFNet

FILES = ("flownet.pkl", "flownet.pth", "flownet.safetensors")

# By version. Those of 4.25 and 4.26 differ in their weights alone.
FORMS = {
    "4.6": Form((192, 128, 96, 64), outputs=6, encoded=0),
    "4.25, 4.26": Form((192, 128, 96, 64, 32), outputs=13, encoded=4),
}

_USED = re.compile(r"(?:module\.)?((?:block\d+|encode)\..+)")  # the rest was needed in the training


class Rife:
    """Makes frames between two frames.

    Args:
        weights: flownet.pkl of RIFE 4.6, 4.25 or 4.26, also as .pth or .safetensors, or where one is, as
            ``locate.locate_file``.

    Raises:
        InputError: there is no such file, or it is of another version or another network.
    """

    def __init__(self, weights: str | Path) -> None:
        file = locate.locate_file(weights, FILES, words("weights of RIFE"))
        loaded = reading.read(file)
        named = ((_USED.fullmatch(name), array) for name, array in loaded.tensors.items())
        loaded = loaded._replace(tensors={match[1]: array for match, array in named if match})
        self.network = IFNet(_form(loaded.tensors, file))
        self.network.eval()
        fitting.put(self.network, loaded, str(file))

    def between(self, before: np.ndarray, after: np.ndarray) -> Between:
        """The way from one frame to the next, uint8 RGB ``[H, W, 3]`` both."""
        return _ByNetwork(self, before, after)

    def frame(self, before: np.ndarray, after: np.ndarray, moment: float) -> np.ndarray:
        """The frame at a moment in 0..1 between two frames, uint8 RGB ``[H, W, 3]`` each."""
        height, width = before.shape[:2]
        pair = [self._picture(frame) for frame in (before, after)]
        time = paddle.full([1, 1, *pair[0].shape[2:]], moment, "float32")
        with paddle.no_grad():
            made = self.network(*pair, time)[0, :, :height, :width].numpy()
        return (made.transpose(1, 2, 0) * 255).round().clip(0, 255).astype(np.uint8)

    def _picture(self, frame: np.ndarray) -> paddle.Tensor:
        """``[1, 3, H, W]`` in 0..1, continued in black at the right and below to sides that the network takes."""
        more = [-side % self.network.form.multiple for side in frame.shape[:2]]
        padded = np.pad(frame, [(0, more[0]), (0, more[1]), (0, 0)])
        return paddle.to_tensor(padded.transpose(2, 0, 1)[None].astype(np.float32) / 255)


class _ByNetwork(Between):
    def __init__(self, rife: Rife, before: np.ndarray, after: np.ndarray) -> None:
        super().__init__(before, after)
        self._rife = rife

    def _mixed(self, moment: float) -> np.ndarray:
        before, after = self._pair
        return self._rife.frame(before, after, moment)


def _form(tensors: dict[str, np.ndarray], file: Path) -> Form:
    """The form of the network whose weights these are; InputError where it is none of ``FORMS``."""
    if "block0.conv0.0.0.weight" not in tensors:
        raise InputError(
            "E-RIFE-WEIGHTS",
            "{file} does not hold the weights of RIFE: give a flownet.pkl of version {versions}",
            file=file,
            versions=list(FORMS),
        )
    form = next((form for form in FORMS.values() if form == _said(tensors)), None)
    if form is None:
        raise InputError(
            "E-RIFE-VERSION",
            "{file} holds the weights of another version of RIFE: give a flownet.pkl of version {versions}",
            file=file,
            versions=list(FORMS),
        )
    return form


def _said(tensors: dict[str, np.ndarray]) -> Form | None:
    """The form that the weights of a RIFE say; None where they lack what those of ``FORMS`` have."""
    blocks = sorted({name.partition(".")[0] for name in tensors if name.startswith("block")})
    try:
        last = [tensors[f"{block}.lastconv.0.weight"].shape for block in blocks]
        encoded = tensors["encode.cnn3.bias"].size if any(name.startswith("encode.") for name in tensors) else 0
    except KeyError:
        return None
    return Form(tuple(shape[0] for shape in last), last[0][1] // 4, encoded)
