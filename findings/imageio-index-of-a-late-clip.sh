#!/usr/bin/env bash
# imageio 2.38.1, its pyav plugin, av (PyAV) 18.1.0; numpy 2.2.6
#
# Guess:   imread(clip, index=i, plugin="pyav") is frame i of imread(clip, plugin="pyav"), whatever the time stamps begin with; were it not,
#          it would be so from the first index on.
# Reality: indices 0 and 1 are decoded, all later ones looked up at the time i / rate, counted from zero. In a clip whose time stamps begin
#          later that time lies before the clip, and frame 0 is handed out for each of them. The number of frames and the whole clip
#          are right; nothing is said. (As a transport stream, which always begins late: StopIteration from index 2 on.)
# Seen:    ten frames that begin at 5 s, MP4 and Matroska: 0, 1, 0, 0, 0, 0, 0, 0, 0, 0; that begin at 0 s: 0 to 9
# Matters: cameras' segments, HLS, clips cut by copying, recordings of browsers keep the time of their source. A data set of frames or a key frame
#          picked by index shows the first picture again and again, and a test with indices 0 and 1 passes.
# Holds:   on any processor.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 imageio==2.38.1 av==18.1.0
"$folder/venv/bin/python" - <<'PY'
import io
import sys
from fractions import Fraction

import av
import imageio.v3 as iio
import numpy as np

av.logging.set_level(None)


def clip(container: str, begin: int) -> bytes:
    """Ten frames, ten a second, frame i of grey 20 i + 10, whose time stamps begin at this second."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for index in range(10):
            frame = av.VideoFrame.from_ndarray(np.full((64, 96, 3), 20 * index + 10, np.uint8), "rgb24")
            frame.pts, frame.time_base = 10 * begin + index, Fraction(1, 10)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()


def number(frame: np.ndarray) -> int:
    """Which frame this is, by its grey."""
    return round((float(frame.mean()) - 10) / 20)


def numbers(container: str, extension: str, begin: int) -> tuple[list[int], list[int]]:
    """The frames that the whole clip has, and those that the indices 0 to 9 give."""
    options = {"plugin": "pyav", "extension": extension}
    data = clip(container, begin)
    whole = [number(frame) for frame in iio.imread(data, **options)]
    return whole, [number(iio.imread(data, index=index, **options)) for index in range(10)]


every = list(range(10))
for container, extension in (("mp4", ".mp4"), ("matroska", ".mkv")):
    for begin, expected in ((0, every), (5, [0, 1] + [0] * 8)):
        whole, single = numbers(container, extension, begin)
        print(f"{container} from {begin} s: whole clip {whole}, by index {single}")
        if whole != every or single != expected:
            sys.exit("the behaviour has changed")
PY
