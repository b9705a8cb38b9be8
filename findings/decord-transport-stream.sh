#!/usr/bin/env bash
# decord 0.6.0 (its Linux x86-64 wheel), reading what av (PyAV) 18.1.0 wrote; numpy 2.2.6
#
# Guess:   an MPEG transport stream of H.264 with B-frames is read like the same packets in MP4: if the number of frames and the
#          rate are right, frame i is frame i.
# Reality: the length (48), the rate (24) and all time stamps are right, and the pictures are others: the first group of pictures is
#          never shown, all the rest is moved forward by it, and the last frame is repeated until the number is reached.
# Seen:    frames numbered by their grey, 12 to a group of pictures: PyAV reads 0, 1, 2 ... 47;
#          decord reads 12, 13, 14 ... 46, 47, then 47 twelve times more. No error.
# Matters: decord is the reader of most training and video-to-video code. Camcorders, OBS and HLS write transport streams: the start of the
#          clip, from which style and first frame are taken, is missing, and its end stands still for as long as a
#          group of pictures is, up to ten seconds with the encoders' usual 250 frames.
# Holds:   on Linux x86-64, for which the wheel is; elsewhere said to be not applicable.
set -euo pipefail
if [ "$(uname -sm)" != "Linux x86_64" ]; then
  echo "not applicable here: decord's wheel is for Linux on x86-64"
  exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 av==18.1.0 decord==0.6.0
"$folder/venv/bin/python" - "$folder/clip.ts" <<'PY'
import sys

import av
import numpy as np

FRAMES = 48
av.logging.set_level(None)
path = sys.argv[1]
with av.open(path, "w", format="mpegts") as output:
    stream = output.add_stream("libx264", rate=24, options={"g": "12", "bf": "2", "qp": "10"})
    stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
    for number in range(FRAMES):
        grey = np.full((96, 160, 3), 16 + 4 * number, np.uint8)
        output.mux(stream.encode(av.VideoFrame.from_ndarray(grey, "rgb24")))
    output.mux(stream.encode(None))
with av.open(path) as source:
    means = [frame.to_ndarray(format="rgb24").mean() for frame in source.decode(video=0)]
numbers = [round((float(mean) - 16) / 4) for mean in means]
print("PyAV  ", numbers)
if numbers != list(range(FRAMES)):
    sys.exit("the clip is not as meant")
PY
"$folder/venv/bin/python" - "$folder/clip.ts" <<'PY'
import sys

import decord

reader = decord.VideoReader(sys.argv[1], num_threads=1)
numbers = [round((float(reader[i].asnumpy().mean()) - 16) / 4) for i in range(len(reader))]
print("decord", numbers)
if numbers != list(range(12, 48)) + [47] * 12:
    sys.exit("the behaviour has changed")
PY
