#!/usr/bin/env bash
# diffusers 0.42.1, torch 2.13.0 (on the CPU), imageio 2.38.1, imageio-ffmpeg 0.8.1, Pillow 13.0.0, numpy 2.2.6
#
# Guess:   export_to_video and the processors in front of the VAE take frames as NumPy arrays of either kind, uint8 of 0 to 255 or floats of 0 to 1, and
#          tell them apart by the type, as imageio does; or they refuse one.
# Reality: every array is taken for floats of 0 to 1. export_to_video multiplies uint8 by 255, which wraps around at 256: the film is a clean negative.
#          A float above 1 or below 0 is not clipped and wraps around, too. VideoProcessor makes values from -1 to 509 of uint8. There is no warning.
# Seen:    frames of (230, 120, 20) come back as that from Pillow's pictures and from floats, to a level or two, and as (24, 135, 235) from uint8; a
#          float red of 1.005 comes back as 0, one of -0.005 as 254; preprocess_video gives 255 for grey of 128, 0.004 for 128 / 255
# Matters: np.array(picture), OpenCV, PyAV and imageio all give uint8. The negative is seen at once; the rest is not: bright spots of a sharpened or
#          enlarged frame turn black, and an encoder that is given 255 times its range makes latents of it without a word.
# Holds:   on any processor, but for the floats: x86 wraps them around, where ARM clips; no network.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 torch==2.13.0 pillow==13.0.0 imageio==2.38.1 imageio-ffmpeg==0.8.1 diffusers==0.42.1
"$folder/venv/bin/python" - "$folder/clip.mp4" <<'PY'
import platform
import sys

import imageio
import numpy as np
import PIL.Image
from diffusers.utils import export_to_video
from diffusers.video_processor import VideoProcessor

COLOUR = np.array([230, 120, 20], np.uint8)
BYTES = np.full((32, 32, 3), COLOUR)
FLOATS = BYTES / 255


def with_red(value: float) -> np.ndarray:
    frame = FLOATS.copy()
    frame[..., 0] = value
    return frame


def read_back(frame) -> np.ndarray:
    """The colour in the middle of a film that repeats this frame."""
    export_to_video([frame] * 4, sys.argv[1], fps=8)
    with imageio.get_reader(sys.argv[1]) as film:
        return np.array(film.get_data(2)[16, 16], int)


def prepared(frame: np.ndarray) -> float:
    return float(VideoProcessor(vae_scale_factor=8).preprocess_video([frame] * 2).mean())


frames = {
    "Pillow's picture": PIL.Image.fromarray(BYTES),
    "floats": FLOATS,
    "uint8": BYTES,
    "floats, red 1.005": with_red(1.005),
    "floats, red -0.005": with_red(-0.005),
}
back = {name: read_back(frame) for name, frame in frames.items()}
for name, colour in back.items():
    print(f"{name}: comes back as {colour.tolist()}")
grey = np.full((16, 16, 3), 128, np.uint8)
given = [prepared(grey), prepared(grey / np.float32(255))]
print("grey before the VAE, from uint8 and from floats:", *given)
right = all(abs(back[name] - COLOUR).max() <= 4 for name in ("Pillow's picture", "floats"))
negative = abs(back["uint8"] - (256 - COLOUR.astype(int))).max() <= 4
wrapped = platform.machine() not in ("x86_64", "AMD64") or (back["floats, red 1.005"][0] < 10 and back["floats, red -0.005"][0] > 245)
if not right or not negative or not wrapped or given[0] != 255 or abs(given[1]) > 0.01:
    sys.exit("the behaviour has changed")
PY
