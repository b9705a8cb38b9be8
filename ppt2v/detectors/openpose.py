"""The body network of OpenPose (Cao et al., arXiv 1812.08008) on Paddle: frames to people."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import paddle
from paddle import nn

from ppt2v.language import words
from ppt2v.models.formats import fitting, reading
from ppt2v.models.sources import locate

from .people import JOINTS, assemble

# Where the published weights are: lllyasviel/Annotators, lllyasviel/ControlNet, PaddleHub.
FILES = ("body_pose_model.pth", "annotator/ckpts/body_pose_model.pth", "openpose_body.pdparams")

_STEM = (
    ("conv1_1", 3, 64),
    ("conv1_2", 64, 64),
    "pool1_stage1",
    ("conv2_1", 64, 128),
    ("conv2_2", 128, 128),
    "pool2_stage1",
    ("conv3_1", 128, 256),
    ("conv3_2", 256, 256),
    ("conv3_3", 256, 256),
    ("conv3_4", 256, 256),
    "pool3_stage1",
    ("conv4_1", 256, 512),
    ("conv4_2", 512, 512),
    ("conv4_3_CPM", 512, 256),
    ("conv4_4_CPM", 256, 128),
)
_STAGES = 6
_FEATURES, _FIELDS, _HEATMAPS = 128, 38, JOINTS + 1  # channels; the last heatmap is the background's
_STRIDE = 8
_HEIGHT = 184  # to which frames are scaled: half of the 368 pixels of the training
_PADDING = 128


class BodyNetwork(nn.Layer):
    """Pictures ``[N, 3, H, W]`` to part affinity fields ``[N, 38, H/8, W/8]`` and heatmaps ``[N, 19, H/8, W/8]``.

    The names of the layers are those of the published files.
    """

    def __init__(self) -> None:
        super().__init__()
        self.model0 = _stem()
        for stage in range(1, _STAGES + 1):
            for branch, channels in (1, _FIELDS), (2, _HEATMAPS):
                self.add_sublayer(
                    f"model{stage}_{branch}",
                    _first_stage(branch, channels) if stage == 1 else _later_stage(stage, branch, channels),
                )

    def forward(self, pictures):
        features = stage_input = self.model0(pictures)
        for stage in range(1, _STAGES + 1):
            fields = getattr(self, f"model{stage}_1")(stage_input)
            heatmaps = getattr(self, f"model{stage}_2")(stage_input)
            stage_input = paddle.concat([fields, heatmaps, features], 1)
        return fields, heatmaps


def _stem() -> nn.Sequential:
    layers = []
    for row in _STEM:
        if isinstance(row, str):
            layers.append((row, nn.MaxPool2D(2, 2)))
        else:
            name, inputs, outputs = row
            layers += _convolution(name, inputs, outputs, 3)
    return nn.Sequential(*layers)


def _first_stage(branch: int, channels: int) -> nn.Sequential:
    layers = []
    for index in (1, 2, 3):
        layers += _convolution(f"conv5_{index}_CPM_L{branch}", 128, 128, 3)
    layers += _convolution(f"conv5_4_CPM_L{branch}", 128, 512, 1)
    return nn.Sequential(*layers, *_convolution(f"conv5_5_CPM_L{branch}", 512, channels, 1, relu=False))


def _later_stage(stage: int, branch: int, channels: int) -> nn.Sequential:
    layers = _convolution(f"Mconv1_stage{stage}_L{branch}", _FIELDS + _HEATMAPS + _FEATURES, 128, 7)
    for index in (2, 3, 4, 5):
        layers += _convolution(f"Mconv{index}_stage{stage}_L{branch}", 128, 128, 7)
    layers += _convolution(f"Mconv6_stage{stage}_L{branch}", 128, 128, 1)
    # The published network keeps this one ReLU by a slip in its list of exceptions, and was converted with it.
    last_heatmaps = stage == _STAGES and branch == 2
    layers += _convolution(f"Mconv7_stage{stage}_L{branch}", 128, channels, 1, relu=last_heatmaps)
    return nn.Sequential(*layers)


def _convolution(name: str, inputs: int, outputs: int, kernel: int, relu: bool = True) -> list[tuple[str, nn.Layer]]:
    convolution = (name, nn.Conv2D(inputs, outputs, kernel, padding=kernel // 2))
    return [convolution, (f"relu_{name}", nn.ReLU())] if relu else [convolution]


class OpenPose:
    """Finds the people in a frame.

    Args:
        weights: body_pose_model.pth or PaddleHub's openpose_body.pdparams, or where one is, as ``locate.locate_file``.

    Raises:
        InputError: there is no such file, or it is not exactly this network's.
    """

    name = "OpenPose"

    def __init__(self, weights: str | Path) -> None:
        file = locate.locate_file(weights, FILES, words("weights of OpenPose's body network"))
        self.network = BodyNetwork()
        self.network.eval()
        fitting.put(self.network, _with_prefixes(self.network, reading.read(file)), str(file))

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """People ``[P, 18, 2]`` as ``people.assemble`` gives them, in a frame uint8 RGB ``[H, W, 3]``."""
        fields, heatmaps = body_maps(self.network, frame)
        return assemble(heatmaps, fields)


def body_maps(network, frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Part affinity fields ``[H, W, 38]`` and heatmaps ``[H, W, 19]``, float32, of a frame uint8 RGB ``[H, W, 3]``."""
    height, width = frame.shape[:2]
    scale = _HEIGHT / height
    small = cv2.resize(frame[..., ::-1], (0, 0), fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    below, right = (-side % _STRIDE for side in small.shape[:2])
    padded = np.pad(small, ((0, below), (0, right), (0, 0)), constant_values=_PADDING)
    picture = padded.transpose(2, 0, 1)[None].astype(np.float32) / 256 - 0.5
    with paddle.no_grad():
        outputs = network(paddle.to_tensor(picture))
    fields, heatmaps = (_enlarge(output[0].numpy(), small.shape[:2], (height, width)) for output in outputs)
    return fields, heatmaps


def _enlarge(maps: np.ndarray, inner: tuple[int, int], size: tuple[int, int]) -> np.ndarray:
    """Maps ``[C, h, w]`` of the padded picture as ``[*size, C]``; ``inner`` is the picture's size without padding."""
    maps = np.ascontiguousarray(maps.transpose(1, 2, 0))
    maps = cv2.resize(maps, (0, 0), fx=_STRIDE, fy=_STRIDE, interpolation=cv2.INTER_CUBIC)
    return cv2.resize(maps[: inner[0], : inner[1]], size[::-1], interpolation=cv2.INTER_CUBIC)


def _with_prefixes(network: BodyNetwork, loaded: reading.WeightFile) -> reading.WeightFile:
    """The checkpoint with the block's name in front of each name, which the PyTorch file does not have."""
    full_names = {name.split(".", 1)[1]: name for name in network.state_dict()}
    tensors = {full_names.get(name, name): array for name, array in loaded.tensors.items()}
    return reading.WeightFile(tensors, loaded.layout)
