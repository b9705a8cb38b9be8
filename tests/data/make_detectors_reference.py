"""Writes tests/data/detectors_reference: what the PyTorch originals of the detectors find.

OpenPose's body network, decoding and drawing come from controlnet_aux 0.0.1, U2-Net from backgroundremover 0.4.5, DPT
from transformers 5. Made with torch 2.13 and OpenCV 4.11, which draws and resizes like the version of the tests. The
large networks get weights that the tests compute again (``seeded``), so that they need not be stored.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from unittest import mock

import cv2
import numpy as np
import torch
from transformers import BitConfig, DPTConfig, DPTForDepthEstimation

# What the packages import and these parts of them do not use.
with mock.patch.dict(sys.modules, dict.fromkeys(("einops", "timm", "torchvision"), mock.MagicMock())):
    from backgroundremover.u2net.u2net import U2NET, U2NETP
    from controlnet_aux.open_pose.body import Body
    from controlnet_aux.open_pose.model import bodypose_model
    from controlnet_aux.open_pose.util import draw_bodypose

FOLDER = Path(__file__).parent / "detectors_reference"
FRAME = (200, 290)  # of the scenes: height, width
MAPS = (23, 34)  # of the network for such a frame: scaled to 184 x 267, padded to a multiple of 8, an eighth of it
STANDING = np.array(
    [
        (50, 20),
        (50, 35),
        (38, 36),
        (30, 55),
        (26, 72),
        (62, 36),
        (70, 55),
        (74, 72),
        (43, 78),
        (41, 108),
        (40, 138),
        (57, 78),
        (59, 108),
        (60, 138),
        (46, 16),
        (54, 16),
        (41, 18),
        (59, 18),
    ],
    np.float64,
)
LIMBS = [
    (1, 2),
    (1, 5),
    (2, 3),
    (3, 4),
    (5, 6),
    (6, 7),
    (1, 8),
    (8, 9),
    (9, 10),
    (1, 11),
    (11, 12),
    (12, 13),
    (1, 0),
    (0, 14),
    (14, 16),
    (0, 15),
    (15, 17),
    (2, 16),
    (5, 17),
]
FIELDS = [12, 20, 14, 16, 22, 24, 0, 2, 4, 6, 8, 10, 28, 30, 34, 32, 36, 18, 26]


def seeded(shapes: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Weights that keep the size of what passes through them; the test computes the same."""
    random = np.random.default_rng(0)
    weights = {}
    for name, shape in sorted(shapes.items()):
        values = random.random(shape, np.float32) - np.float32(0.5)
        if len(shape) == 4:
            gain = 0.1 if name.startswith("side") else 1.0  # so that the masks are neither black nor white
            weights[name] = values * np.float32(gain * (24 / np.prod(shape[1:])) ** 0.5)
        else:
            weights[name] = values * np.float32(0.2) + np.float32(name.endswith(("running_var", "bn_s1.weight")))
    return weights


def picture(height: int, width: int) -> np.ndarray:
    """float32 ``[1, 3, height, width]``, from -0.5 to 0.5; the test computes the same."""
    rows, columns, channels = np.mgrid[:height, :width, :3].astype(np.float32)
    waves = np.sin(rows / 5 + channels) * np.cos(columns / 7 - channels) / 2
    return waves.transpose(2, 0, 1)[None].astype(np.float32)


def fill(network: torch.nn.Module) -> torch.nn.Module:
    shapes = {name: tuple(value.shape) for name, value in network.state_dict().items() if value.ndim}
    loaded = {name: torch.from_numpy(value) for name, value in seeded(shapes).items()}
    network.load_state_dict(loaded, strict=False)
    return network.eval()


def scene(people: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Fields ``[38, h, w]`` and heatmaps ``[19, h, w]`` as the network would give them for people in the frame."""
    y, x = (np.mgrid[: MAPS[0], : MAPS[1]] + 0.5) * 8 * FRAME[0] / 184
    heatmaps, fields = np.zeros((19, *MAPS)), np.zeros((38, *MAPS))
    for person in people:
        for joint, (joint_x, joint_y) in enumerate(person):
            spot = np.exp(-((x - joint_x) ** 2 + (y - joint_y) ** 2) / (2 * 9**2))
            heatmaps[joint] = np.maximum(heatmaps[joint], spot)
        for (first, second), channel in zip(LIMBS, FIELDS):
            direction = person[second] - person[first]
            length = np.linalg.norm(direction)
            direction /= length
            along = (x - person[first, 0]) * direction[0] + (y - person[first, 1]) * direction[1]
            across = np.abs((x - person[first, 0]) * direction[1] - (y - person[first, 1]) * direction[0])
            near = (along > -8) & (along < length + 8) & (across < 9)
            fields[channel : channel + 2, near] = 0.9 * direction[:, None]
    return fields, heatmaps


def noise(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Maps without sense: many peaks, many limbs, people that are merged or too small."""
    random = np.random.default_rng(seed)
    fields, heatmaps = random.normal(0, 1, (38, *MAPS)), random.normal(0, 1, (19, *MAPS))
    smooth = lambda maps, sigma: np.stack([cv2.GaussianBlur(each, (0, 0), sigma) for each in maps])  # noqa: E731
    fields = smooth(fields, 4) * 8 + np.random.default_rng(seed + 1).normal(0, 0.3, (38, 1, 1))
    return fields, np.maximum(smooth(heatmaps, 2) * 2.5, 0)


def decode(fields: np.ndarray, heatmaps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """People ``[P, 18, 2]``, NaN for what was not found, and their drawing."""
    body = object.__new__(Body)
    body.model = lambda _: (torch.from_numpy(fields)[None], torch.from_numpy(heatmaps)[None])
    candidates, rows = body(np.zeros((*FRAME, 3), np.uint8))
    candidates = candidates.reshape(-1, 4)
    places = np.vstack([candidates[:, :2], [np.nan, np.nan]])
    drawing = draw_bodypose(np.zeros((*FRAME, 3), np.uint8), candidates, rows)
    return places[rows[:, :18].astype(int)], drawing


def write_pose() -> None:
    left, right = STANDING + (10, 20), STANDING[:, ::1] * (1.1, 1.0) + (150, 30)
    scenes = {
        "one": scene([left]),
        "two": scene([left, right]),
        "crowd": scene([left, left + (25, 8), right]),
        "nobody": scene([]),
        "noise": noise(1),
        "more noise": noise(3),
    }
    arrays = {}
    for name, maps in scenes.items():
        fields, heatmaps = (each.astype(np.float16).astype(np.float32) for each in maps)
        people, drawing = decode(fields, heatmaps)
        print(name, len(people), "people", np.isfinite(people[..., 0]).sum(), "joints")
        arrays |= {
            f"{name} fields": fields.astype(np.float16),
            f"{name} heatmaps": heatmaps.astype(np.float16),
            f"{name} people": people,
            f"{name} drawing": drawing,
        }
    np.savez_compressed(FOLDER / "people.npz", **arrays)
    network = fill(bodypose_model())
    with torch.no_grad():
        fields, heatmaps = network(torch.from_numpy(picture(40, 48)))
    print("body", fields.std().item(), heatmaps.std().item(), (heatmaps == 0).float().mean().item())
    np.savez_compressed(FOLDER / "body.npz", fields=fields.numpy(), heatmaps=heatmaps.numpy())


def write_saliency() -> None:
    masks = {}
    for cls in (U2NET, U2NETP):
        network = fill(cls(3, 1))
        with torch.no_grad():
            masks[cls.__name__] = network(torch.from_numpy(picture(64, 96)))[0].numpy()
        print(cls.__name__, masks[cls.__name__].mean(), masks[cls.__name__].std())
    np.savez_compressed(FOLDER / "masks.npz", **masks)


def write_depth() -> None:
    common = dict(
        hidden_size=16,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=32,
        image_size=64,
        patch_size=16,
        fusion_hidden_size=8,
        backbone_out_indices=[0, 1, 2, 3],
        neck_hidden_sizes=[8, 8, 12, 16],
    )
    backbone = BitConfig(
        embedding_size=8,
        hidden_sizes=[8, 8, 16],
        depths=[1, 1, 1],
        num_groups=2,
        global_padding="same",
        layer_type="bottleneck",
        out_features=["stage1", "stage2", "stage3"],
        embedding_dynamic_padding=True,
    )
    configs = {
        "dpt": DPTConfig(**common),
        "dpt_hybrid": DPTConfig(
            **common,
            is_hybrid=True,
            backbone_config=backbone,
            backbone_featmap_shape=[1, 16, 4, 4],
        ),
    }
    depths = {}
    for name, config in configs.items():
        torch.manual_seed(0)
        network = DPTForDepthEstimation(config).eval()
        with torch.no_grad():
            for key, parameter in network.named_parameters():
                if "position_embeddings" in key or "cls_token" in key:
                    parameter.normal_(0, 0.5)
                elif parameter.ndim > 1:
                    parameter.normal_(0, (2 / parameter[0].numel()) ** 0.5)
            network.head.head[-2].bias += 100  # so that most of the depth is not cut off at 0
            depths[name] = network(torch.from_numpy(picture(64, 64) * 2)).predicted_depth[0].numpy()
        print(name, depths[name].shape, depths[name].mean(), depths[name].std(), depths[name].min())
        network.save_pretrained(FOLDER / name)
    np.savez_compressed(FOLDER / "depths.npz", **depths)


def main() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    write_pose()
    write_saliency()
    write_depth()


if __name__ == "__main__":
    main()
