#!/usr/bin/env bash
# av (PyAV) 18.1.0 with its bundled FFmpeg 8, libx264 and libx265; numpy 2.2.6
#
# Guess:   a grey clip (pix_fmt "gray") comes back with the greys that were written, up to the compression, whichever codec says that it
#          takes the format.
# Reality: as H.264 it comes back as yuv420p of limited range. libx264 stores the full range 0 to 255 without saying so, the decoder knows no grey,
#          and the usual conversion stretches 16 to 235 over it: what was below 16 is black, above 235 white. H.265, FFV1, and
#          H.264 of a yuv420p clip are right.
# Seen:    8, 64, 128, 240: gray in H.264 0, 56, 130, 255; gray in H.265 and yuv420p in H.264 8, 64, 128, 240 (all to within 3)
# Matters: depth maps, masks and edge maps are grey clips, and asking for gray is the natural way to store them. The nearest and the farthest
#          eighteenth of the depth merge and the rest is scaled by 1.16; in a picture it looks like a little more contrast.
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

av.logging.set_level(None)
GREYS = [8, 64, 128, 240]


def read_back(codec: str, container: str, pixels: str) -> tuple[str, list[int]]:
    """The format that a clip of four grey bars is decoded in, and the grey in the middle of each bar."""
    bars = np.tile(np.repeat(np.array(GREYS, np.uint8), 32), (64, 1))
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=10, options={"x265-params": "log-level=none"} if codec == "libx265" else {})
        stream.width, stream.height, stream.pix_fmt = 128, 64, pixels
        output.mux(stream.encode(av.VideoFrame.from_ndarray(bars, "gray").reformat(format=pixels)))
        output.mux(stream.encode(None))
    file.seek(0)
    with av.open(file) as source:
        frame = next(source.decode(video=0))
        return frame.format.name, frame.to_ndarray(format="gray")[32, 16::32].tolist()


def near(greys: list[int], expected: list[int]) -> bool:
    return all(abs(grey - right) <= 3 for grey, right in zip(greys, expected, strict=True))


wrong = read_back("libx264", "mp4", "gray")
right = {
    "yuv420p in H.264": read_back("libx264", "mp4", "yuv420p"),
    "gray in H.265": read_back("libx265", "mp4", "gray"),
    "gray in FFV1": read_back("ffv1", "matroska", "gray"),
}
print("written", GREYS)
print("gray in H.264", *wrong)
for name, seen in right.items():
    print(name, *seen)
if wrong[0] != "yuv420p" or not near(wrong[1], [0, 56, 130, 255]) or not all(near(greys, GREYS) for _, greys in right.values()):
    sys.exit("the behaviour has changed")
PY
