#!/usr/bin/env bash
# Pillow 12.3.0; numpy 2.2.6
#
# Guess:   Image.open("depth.png").convert("L") or convert("RGB") of a 16-bit grey PNG scales 65,535 to 255, as browsers and OpenCV's
#          8-bit reading do.
# Reality: it cuts: every value above 255 becomes 255. Converting the 8-bit result back does not show it, and neither does the
#          mode, which is "L" either way.
# Seen:    a ramp of 0, 4096, ... 65535 becomes 0, 255, 255, ... 255; OpenCV's imdecode of the same bytes gives 0, 16, 32, ... 255
# Matters: depth maps for conditioning (MiDaS, Depth Anything, Blender) are 16-bit grey. The control picture is blank
#          white but for the farthest pixels, and the video follows no depth; the same map read through OpenCV works.
# Holds:   on any processor.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 pillow==12.3.0 opencv-python-headless==4.12.0.88
"$folder/venv/bin/python" - <<'PY'
import io
import sys

import cv2
import numpy as np
from PIL import Image

ramp = np.append(np.arange(0, 65536, 4096), 65535).astype(np.uint16)
file = io.BytesIO()
Image.fromarray(np.tile(ramp, (16, 1))).save(file, "PNG")
picture = Image.open(file)
rows = {mode: np.asarray(picture.convert(mode)).reshape(16, len(ramp), -1)[0, :, 0].tolist() for mode in ("L", "RGB")}
opencv = cv2.imdecode(np.frombuffer(file.getvalue(), np.uint8), cv2.IMREAD_GRAYSCALE)[0].tolist()
print("mode as opened", picture.mode)
print("Pillow", rows)
print("OpenCV", opencv)
cut = [0] + [255] * (len(ramp) - 1)
if rows["L"] != cut or rows["RGB"] != cut or opencv[8] not in (127, 128):
    sys.exit("the behaviour has changed")
PY
