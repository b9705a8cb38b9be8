#!/usr/bin/env bash
# av (PyAV) 18.1.0 with its bundled FFmpeg 8, animated AVIF; pillow 13.0.0 writes it; numpy 2.2.6
#
# Guess:   decode(video=0) of an animation gives its frames, of an AVIF as of a GIF or an APNG.
# Reality: the file has two video streams: first the still picture that is shown where animations are not known, then the
#          animation. decode(video=0) gives one frame and ends, like any still picture. streams.best("video"), FFmpeg's own choice, is
#          the animation.
# Seen:    five frames: GIF and APNG one stream of 5; AVIF two streams of 1 and 5, best() is the second
# Matters: decode(video=0) and streams.video[0] are how everybody reads. A clip given as AVIF becomes a video of its first picture, without an error;
#          the container's duration is that of the animation.
# Holds:   on any processor.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 av==18.1.0 pillow==13.0.0
"$folder/venv/bin/python" - <<'PY'
import io
import sys

import av
import numpy as np
from PIL import Image

av.logging.set_level(None)
FRAMES = [Image.fromarray(np.full((64, 96, 3), 20 + 40 * index, np.uint8)) for index in range(5)]


def counted(kind: str) -> tuple[list[int], int]:
    """The number of frames in each video stream of an animation, and the index of the stream that FFmpeg prefers."""
    file = io.BytesIO()
    FRAMES[0].save(file, kind, save_all=True, append_images=FRAMES[1:], duration=100)
    with av.open(io.BytesIO(file.getvalue())) as source:
        number, preferred = len(source.streams.video), source.streams.best("video").index
    counts = []
    for index in range(number):
        with av.open(io.BytesIO(file.getvalue())) as source:
            counts.append(sum(1 for _ in source.decode(video=index)))
    return counts, preferred


seen = {kind: counted(kind) for kind in ("GIF", "PNG", "AVIF")}
for kind, (counts, preferred) in seen.items():
    print(f"{kind}: frames in each video stream {counts}, preferred stream {preferred}")
if seen != {"GIF": ([5], 0), "PNG": ([5], 0), "AVIF": ([1, 5], 1)}:
    sys.exit("the behaviour has changed")
PY
