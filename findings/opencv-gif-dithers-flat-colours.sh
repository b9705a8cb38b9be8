#!/usr/bin/env bash
# opencv-python-headless 5.0.0.93, GIF; pillow 12.3.0; numpy 2.2.6
#
# Guess:   imwrite and imwriteanimation of GIF choose a palette for the picture. One of at most 256 colours, a single grey above all, is
#          kept exactly, as Pillow keeps it, and takes a few bytes.
# Reality: the palette is a fixed cube of 8 x 8 x 4 colours, four steps for blue, and what is not on it is dithered: a grey becomes
#          coloured specks whose mean is that grey.
# Seen:    128 becomes four colours from (108, 108, 85) to (144, 144, 170), off by up to 43, their mean 128; Pillow's is 128; the file of
#          64 x 64 pixels has 1,291 bytes instead of 144
# Matters: previews of videos. Skies, walls and letters of an even colour crawl with specks, the files are large because noise does
#          not compress, and two equal frames of a drawing are no longer told from grain. Let Pillow write them.
# Holds:   on any processor.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 opencv-python-headless==5.0.0.93 pillow==12.3.0
cat > "$folder/show.py" <<'PY'
import sys
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

folder = Path(sys.argv[1])
flat = np.full((64, 64, 3), 128, np.uint8)


def read(name: str) -> tuple[list[list[int]], float, int]:
    """The colours of the first frame of a GIF, their mean over the picture, and the size of the file in bytes."""
    pixels = np.asarray(Image.open(folder / name).convert("RGB")).reshape(-1, 3).astype(int)
    return np.unique(pixels, axis=0).tolist(), float(pixels.mean()), (folder / name).stat().st_size


cv2.imwrite(str(folder / "opencv.gif"), flat)
Image.fromarray(flat).save(folder / "pillow.gif")
animation = cv2.Animation()
animation.frames, animation.durations = [flat, flat // 2], np.array([100, 100], np.int32)
cv2.imwriteanimation(str(folder / "animation.gif"), animation)
seen = {name: read(f"{name}.gif") for name in ("opencv", "animation", "pillow")}
for name, (colours, mean, size) in seen.items():
    print(f"{name}: {len(colours)} colours {colours}, mean {mean:.1f}, {size} bytes")
specks = [[red, red, blue] for red in (108, 144) for blue in (85, 170)]
if seen["opencv"][0] != specks or seen["animation"][0] != specks or seen["pillow"][0] != [[128] * 3]:
    sys.exit("the behaviour has changed")
if abs(seen["opencv"][1] - 128) > 1 or seen["opencv"][2] < 5 * seen["pillow"][2]:
    sys.exit("the behaviour has changed")
PY
"$folder/venv/bin/python" "$folder/show.py" "$folder"
