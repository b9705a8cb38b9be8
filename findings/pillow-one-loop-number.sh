#!/usr/bin/env bash
# pillow 13.0.0, GIF, WebP, APNG and AVIF; opencv-python-headless 5.0.0.93 counts the plays; numpy 2.2.6
#
# Guess:   save(..., save_all=True, loop=1) means one thing whichever extension the animation gets, and so does leaving it out.
# Reality: loop=1 plays twice in GIF (repetitions after the first), once in WebP and APNG (plays), for ever in AVIF (ignored). Left out, it
#          plays once in GIF and for ever in the others. info["loop"] gives the format's own number back, so that copying it from one
#          file to another looks right and changes the number of plays.
# Seen:    plays (0: for ever) of loop left out, 0, 1, 3: GIF 1, 0, 2, 4; WebP and APNG 0, 0, 1, 3; AVIF 0, 0, 0, 0
# Matters: the same clip offered as GIF and as WebP; "play once" has no spelling that holds for two of the formats.
# Holds:   on any processor.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 pillow==13.0.0 opencv-python-headless==5.0.0.93
cat > "$folder/show.py" <<'PY'
import sys

import cv2
import numpy as np
from PIL import Image

frames = [Image.fromarray(np.full((32, 48, 3), grey, np.uint8)) for grey in (50, 100, 200)]


def plays(extension: str, loop: int | None) -> int:
    """How often a file written with this loop is played, by OpenCV, which counts the plays in each format; 0 is for ever."""
    path = f"{sys.argv[1]}/clip.{extension}"
    named = {} if loop is None else {"loop": loop}
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100, **named)
    if loop is not None and extension != "avif" and Image.open(path).info["loop"] != loop:
        sys.exit("the behaviour has changed")
    return cv2.imreadanimation(path)[1].loop_count


seen = {extension: [plays(extension, loop) for loop in (None, 0, 1, 3)] for extension in ("gif", "webp", "png", "avif")}
for extension, counts in seen.items():
    print(f"{extension}: loop left out, 0, 1, 3 play {counts}")
counted = [0, 0, 1, 3]
if seen != {"gif": [1, 0, 2, 4], "webp": counted, "png": counted, "avif": [0, 0, 0, 0]}:
    sys.exit("the behaviour has changed")
PY
"$folder/venv/bin/python" "$folder/show.py" "$folder"
