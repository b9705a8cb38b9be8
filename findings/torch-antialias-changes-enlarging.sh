#!/usr/bin/env bash
# torch 2.13.0; pillow 12.3.0 and opencv-python-headless 4.12.0.88 to compare; numpy 2.2.6
#
# Guess:   antialias=True matters where a picture is made smaller. Where it is made larger there is nothing to filter, and
#          interpolate(mode="bicubic") gives the same with and without, as mode="bilinear" does.
# Reality: with antialias the cubic itself is another: Pillow's (a = -0.5) for OpenCV's (a = -0.75), which overshoots half as much again.
# Seen:    one white column, enlarged twice: undershoot -0.105 without, -0.070 with antialias; equal to OpenCV's and to Pillow's to
#          0.0001; bilinear: no difference
# Matters: control pictures and first frames are resized to the video's size, up as often as down, and torchvision's Resize
#          sets antialias by itself for tensors. Replacing one by the other "because it only matters downwards" gives other edges, and a
#          port to OpenCV or Pillow agrees with one of the two only.
# Holds:   on any processor.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 torch==2.13.0 pillow==12.3.0 opencv-python-headless==4.12.0.88
"$folder/venv/bin/python" - <<'PY'
import sys

import cv2
import numpy as np
import torch
from PIL import Image

picture = np.zeros((8, 8), np.float32)
picture[:, 4] = 1


def enlarged(mode: str, antialias: bool) -> np.ndarray:
    """The middle row of the picture at twice its size."""
    tensor = torch.from_numpy(picture)[None, None]
    return torch.nn.functional.interpolate(tensor, size=(16, 16), mode=mode, antialias=antialias)[0, 0, 8].numpy()


plain, filtered = enlarged("bicubic", False), enlarged("bicubic", True)
bilinear = abs(enlarged("bilinear", False) - enlarged("bilinear", True)).max()
opencv = cv2.resize(picture, (16, 16), interpolation=cv2.INTER_CUBIC)[8]
pillow = np.asarray(Image.fromarray(picture).resize((16, 16), Image.Resampling.BICUBIC))[8]
print(f"lowest value: {plain.min():.3f} without, {filtered.min():.3f} with antialias; bilinear differs by {bilinear:.6f}")
print(f"without antialias: {abs(plain - opencv).max():.6f} from OpenCV, {abs(plain - pillow).max():.6f} from Pillow")
print(f"with antialias:    {abs(filtered - opencv).max():.6f} from OpenCV, {abs(filtered - pillow).max():.6f} from Pillow")
if abs(plain.min() + 0.1055) > 1e-3 or abs(filtered.min() + 0.0703) > 1e-3 or bilinear > 1e-6:
    sys.exit("the behaviour has changed")
if abs(plain - opencv).max() > 1e-4 or abs(filtered - pillow).max() > 1e-4:
    sys.exit("the behaviour has changed")
PY
