#!/usr/bin/env bash
# opencv-python-headless 5.0.0.93 and 4.12.0.88; numpy 2.2.6
#
# Guess:   COLOR_RGB2YUV and back gives an 8-bit picture again, to a level or two, as COLOR_RGB2YCrCb does: both are brightness and two
#          differences of colour, moved to 128.
# Reality: YUV's differences have the factors of analogue video. The red one needs -157 to 157, 8 bits have -128 to 127: it is cut,
#          and strong red, or its opposite, comes back paler. CIE L*a*b* in 8 bits, whose steps are wide in dark channels, is no lossless stop either.
# Seen:    red (255, 0, 0) comes back as (221, 17, 1); worst of 140,608 colours: YUV 34 levels, L*a*b* 23, YCrCb 1; in floats 1.3 levels at most
# Matters: brightness is taken apart from colour to smooth flicker, to equalise, to hold colours over a video. A frame that was merely taken
#          apart has paler reds, and test charts of greys show nothing; what overlaps is taken apart twice.
# Holds:   on any processor.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for release in 5.0.0.93 4.12.0.88; do
  "${PYTHON:-python3}" -m venv "$folder/$release"
  "$folder/$release/bin/pip" install --quiet numpy==2.2.6 "opencv-python-headless==$release"
  "$folder/$release/bin/python" - <<'PY'
import sys

import cv2
import numpy as np

LEVELS = np.arange(0, 256, 5, np.uint8)
COLOURS = np.stack(np.meshgrid(LEVELS, LEVELS, LEVELS, indexing="ij"), -1).reshape(len(LEVELS), -1, 3)
SPACES = {"YUV": "RGB2YUV", "L*a*b*": "RGB2LAB", "YCrCb": "RGB2YCrCb"}


def there_and_back(picture: np.ndarray, name: str) -> np.ndarray:
    space = name.removeprefix("RGB2")
    return cv2.cvtColor(cv2.cvtColor(picture, getattr(cv2, f"COLOR_{name}")), getattr(cv2, f"COLOR_{space}2RGB"))


def worst(picture: np.ndarray, name: str) -> float:
    return float(abs(there_and_back(picture, name).astype(float) - picture).max())


red = there_and_back(np.uint8([[[255, 0, 0]]]), "RGB2YUV")[0, 0].tolist()
bytes_, floats = ({space: worst(picture, name) for space, name in SPACES.items()} for picture in (COLOURS, COLOURS.astype(np.float32) / 255))
print(f"OpenCV {cv2.__version__}: red becomes {red}; worst of {COLOURS.size // 3} colours: {bytes_}; in floats, of 1:", end=" ")
print({space: round(error, 4) for space, error in floats.items()})
if red[0] > 230 or bytes_["YUV"] < 25 or bytes_["L*a*b*"] < 15 or bytes_["YCrCb"] > 2 or floats["YUV"] > 0.002:
    sys.exit("the behaviour has changed")
PY
done
