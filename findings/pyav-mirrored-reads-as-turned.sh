#!/usr/bin/env bash
# av (PyAV) 18.1.0 with its bundled FFmpeg 8, MP4; numpy 2.2.6
#
# Guess:   frame.rotation says how a clip is to be shown; a clip that is only mirrored has nothing to turn and says 0, and the eight
#          orientations of an MP4 have eight answers, or a mirrored one none.
# Reality: it is the angle of the matrix's first column, whatever the second does. Mirrored left to right reads as turned by 180 degrees,
#          upside down as upright, and transposed as a quarter turn. PyAV has no other property; the side data's nine numbers tell.
# Seen:    turned by 180: -180; mirrored: -180, determinant -1; flipped: 0, determinant -1; turned by 90 and transposed: both -90
# Matters: front cameras, screen mirroring and "flip" of phone editors write such matrices. Turning by the property puts people on their heads
#          where leaving them alone would have been right but for the mirror, and it looks like a bug in one's own sign.
# Holds:   on any processor.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 av==18.1.0
"$folder/venv/bin/python" - <<'PY'
import io
import struct
import sys

import av
import numpy as np

av.logging.set_level(None)
Matrix = tuple[int, int, int, int]
MATRICES: dict[str, Matrix] = {
    "as stored": (1, 0, 0, 1),
    "turned by 180": (-1, 0, 0, -1),
    "mirrored left to right": (-1, 0, 0, 1),
    "flipped upside down": (1, 0, 0, -1),
    "turned by 90": (0, 1, -1, 0),
    "transposed": (0, 1, 1, 0),
}


def clip() -> bytearray:
    """An MP4 of one grey frame."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as output:
        stream = output.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        output.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((64, 96, 3), 128, np.uint8), "rgb24")))
        output.mux(stream.encode(None))
    return bytearray(file.getvalue())


def shown(data: bytearray, matrix: Matrix) -> tuple[int, int]:
    """The rotation that PyAV gives for a clip with this matrix in its track header, and the determinant in the side data."""
    a, b, c, d = (number << 16 for number in matrix)
    header = data.index(b"tkhd") + 4  # version 0: the matrix lies 40 bytes behind
    data[header + 40 : header + 76] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    with av.open(io.BytesIO(data)) as source:
        frame = next(source.decode(video=0))
        sides = [bytes(side) for side in frame.side_data if side.type.name == "DISPLAYMATRIX"]
    a, b, _, c, d, *_ = struct.unpack("=9i", sides[0]) if sides else (1 << 16, 0, 0, 0, 1 << 16)
    return frame.rotation, (a * d - b * c) >> 32


data = clip()
seen = {name: shown(data, matrix) for name, matrix in MATRICES.items()}
for name, (rotation, determinant) in seen.items():
    print(f"{name}: rotation {rotation}, determinant {determinant}")
rotations = [abs(rotation) for rotation, _ in seen.values()]
determinants = [determinant for _, determinant in seen.values()]
if rotations != [0, 180, 180, 0, 90, 90] or seen["turned by 90"][0] != seen["transposed"][0]:
    sys.exit("the behaviour has changed")
if determinants != [1, 1, -1, -1, 1, -1]:
    sys.exit("the behaviour has changed")
PY
