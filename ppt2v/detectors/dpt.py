"""Depth from single frames by DPT (Ranftl et al., arXiv 2103.13413)."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import paddle
from paddlenlp.transformers import DPTForDepthEstimation
from PIL import Image

from ppt2v.errors import InputError
from ppt2v.models.layouts.json_files import read_json
from ppt2v.models.loading import weights
from ppt2v.models.sources import locate


class DPT(DPTForDepthEstimation):
    """DPT without the layer that no picture passes through: the published files do not have its weights, others do."""

    unused_weights = ("neck.fusion_stage.layers.0.residual_layer1.",)

    def __init__(self, config) -> None:
        super().__init__(config)
        self.neck.fusion_stage.layers[0].residual_layer1 = None


class DepthNetwork:
    """Inverse depth, known up to a scale and a shift, of a frame of any size.

    Args:
        model: folder or id of a DPT network in the layout of Hugging Face, such as hf:Intel/dpt-hybrid-midas.

    Raises:
        InputError: there is none, or its weights are not exactly those of its configuration.
    """

    def __init__(self, model: str | Path) -> None:
        folder = locate.locate(model)
        kind = read_json(folder / "config.json").get("model_type")
        if kind != "dpt":
            raise InputError(
                "E-DEPTH-NETWORK",
                "{folder} is a network of type {kind!r}; depth needs one of type 'dpt'",
                folder=folder,
                kind=kind,
            )
        self.network = weights.load_component(folder, DPT)
        self.side = self.network.config.image_size

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """Inverse depth float32 ``[H, W]``, larger is nearer, of a frame uint8 RGB ``[H, W, 3]``."""
        height, width = frame.shape[:2]
        # Pillow's resampling, as in DPT's image processor: OpenCV's does not smooth when it shrinks.
        square = np.asarray(Image.fromarray(frame).resize((self.side, self.side), Image.Resampling.BICUBIC), np.float32)
        picture = (square / 127.5 - 1).transpose(2, 0, 1)[None]
        with paddle.no_grad():
            inverse_depth = self.network(paddle.to_tensor(picture)).predicted_depth[0].numpy()
        return cv2.resize(inverse_depth, (width, height), interpolation=cv2.INTER_CUBIC)
