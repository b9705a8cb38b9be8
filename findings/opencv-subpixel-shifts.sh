#!/usr/bin/env bash
# opencv-python-headless 5.0.0.93 and 4.12.0.88, numpy 2.2.6
#
# Guess:   cv2.remap of float32 pictures by float32 coordinates moves a smooth gradient by what the coordinates say; INTER_CUBIC is the
#          more exact of the two kinds.
# Reality: INTER_CUBIC, whose kernel has a = -0.75 (not Keys' -0.5, that of MATLAB and of Pillow), moves a gradient half as far again for
#          small shifts, 0.047 pixels too far at a quarter, and is right at a half alone. INTER_LINEAR is exact in OpenCV 5; in
#          OpenCV 4 coordinates are rounded to 1/32 pixel first, float32 or not, so that shifts below 1/64 do nothing.
# Seen:    shift of 0.01 pixel on a gradient of 1 per pixel: 0.0148 (cubic, 5.0), 0.0100 (linear, 5.0), 0 (both, 4.12); of 0.25:
#          0.297 (cubic, both), 0.250 (linear)
# Matters: slow pans and flow-guided warps. A pan of a hundredth of a pixel a frame stands still and then jumps under OpenCV 4, and the
#          same code drifts 1.5 times too fast with cubic under 5. To warp a warped frame again, or to measure warp errors with
#          cubic, adds errors that are the resampler's, not the flow's.
# Holds:   on any processor to the printed digits.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for version in 5.0.0.93 4.12.0.88; do
  "${PYTHON:-python3}" -m venv "$folder/$version"
  "$folder/$version/bin/pip" install --quiet numpy==2.2.6 opencv-python-headless==$version
  "$folder/$version/bin/python" - <<'PY'
import sys

import cv2
import numpy as np

ramp = np.tile(np.arange(256, dtype=np.float32), (4, 1))
rows, columns = np.mgrid[:4, :256].astype(np.float32)


def moved(shift: float, kind: int) -> float:
    """By how much the gradient is seen to move in the middle of the picture, in pixels."""
    return round(float(cv2.remap(ramp, columns + np.float32(shift), rows, kind)[1, 100] - 100), 4)


found = {}
for shift in (0.01, 0.25, 0.5):
    found[shift] = moved(shift, cv2.INTER_LINEAR), moved(shift, cv2.INTER_CUBIC)
    print(f"OpenCV {cv2.__version__}, shift of {shift} pixels: linear {found[shift][0]}, cubic {found[shift][1]}")
small = {"5": (0.01, 0.0148), "4": (0.0, 0.0)}[cv2.__version__[0]]
expected = {0.01: small, 0.25: (0.25, 0.2969), 0.5: (0.5, 0.5)}
sys.exit(0 if found == expected else "the behaviour has changed")
PY
done
