#!/usr/bin/env bash
# av (PyAV) 18.1.0 with its bundled FFmpeg 8, AVI and MOV; numpy 2.2.6
#
# Guess:   uncompressed video cannot be wrong: a rawvideo stream in rgb24 comes back as it was written, or the container refuses
#          the format.
# Reality: AVI has no RGB of this order. The muxer writes the bytes as they are, the reader takes them for bgr24: red and blue
#          are exchanged. MOV keeps rgb24, and AVI keeps bgr24. No exception; FFmpeg says "unreadable" in a line of
#          its log, which PyAV keeps quiet unless asked.
# Seen:    a red and a blue column: MOV rgb24 and AVI bgr24 the same, AVI rgb24 exchanged, decoded as bgr24
# Matters: raw AVI is what one writes to be safe from codecs: references for tests, frames for other programs. rgb24 is what from_ndarray
#          has at hand, sizes and shapes are right, and a grey or green test picture shows nothing.
# Holds:   on any processor.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 av==18.1.0
"$folder/venv/bin/python" - <<'PY'
import io
import sys

import av
import numpy as np

RED, BLUE = [255, 0, 0], [0, 0, 255]


def read_back(container: str, pixels: str) -> tuple[str, list[list[int]]]:
    """The format that a raw frame of a red and a blue half is decoded in, and the colours of the halves."""
    picture = np.zeros((64, 96, 3), np.uint8)
    picture[:, :48], picture[:, 48:] = RED, BLUE
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream("rawvideo", rate=8)
        stream.width, stream.height, stream.pix_fmt = 96, 64, pixels
        output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format=pixels)))
        output.mux(stream.encode(None))
    file.seek(0)
    with av.open(file) as source:
        frame = next(source.decode(video=0))
        return frame.format.name, frame.to_ndarray(format="rgb24")[32, [20, 70]].tolist()


seen = {case: read_back(*case) for case in (("mov", "rgb24"), ("avi", "bgr24"), ("avi", "rgb24"))}
for (container, pixels), (format_read, colours) in seen.items():
    print(f"{container} {pixels}: read as {format_read}, red and blue are {colours}")
if list(seen.values()) != [("rgb24", [RED, BLUE]), ("bgr24", [RED, BLUE]), ("bgr24", [BLUE, RED])]:
    sys.exit("the behaviour has changed")
PY
