#!/usr/bin/env bash
# av (PyAV) 18.1.0 with its bundled FFmpeg 8, ASF (WMV); numpy 2.2.6
#
# Guess:   a stream's duration is the stream's: the picture's and the sound's own in each container that has one, and None where the
#          container knows only the whole file's (Matroska).
# Reality: in ASF both streams have the duration of the longer one. It is the file's, in the stream's time base, and not marked
#          as such.
# Seen:    one second of pictures with five of sound: the picture's duration is 1.00 s in MP4 and AVI, None in Matroska, 5.0 s in ASF;
#          25 frames are decoded from each
# Matters: without a count of frames (ASF says 0) duration times rate is what readers go by: 125 frames are promised, 25 come, and
#          limits, progress and a "last second" are taken from the wrong number. The fallback for None does not help, as it is not None.
# Holds:   on any processor.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 av==18.1.0
"$folder/venv/bin/python" - <<'PY'
import io
import sys
from fractions import Fraction

import av
import numpy as np

av.logging.set_level(None)
RATE = 48000


def clip(container: str, pictures: str, sound: str) -> io.BytesIO:
    """One second of pictures, 25 a second, and five seconds of silence."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        video = output.add_stream(pictures, rate=25)
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        audio = output.add_stream(sound, rate=RATE, layout="stereo")
        audio.bit_rate = 128_000
        for index in range(25):
            picture = np.full((64, 64, 3), 8 * index, np.uint8)
            output.mux(video.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        output.mux(video.encode(None))
        for start in range(0, 5 * RATE, 1024):
            frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), "fltp", "stereo")
            frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
            output.mux(audio.encode(frame))
        output.mux(audio.encode(None))
    file.seek(0)
    return file


def measured(file: io.BytesIO) -> tuple[float | None, int]:
    """The duration in seconds that the video stream has, and the number of frames decoded from it."""
    with av.open(file) as source:
        stream = source.streams.video[0]
        duration = None if stream.duration is None else round(float(stream.duration * stream.time_base), 1)
        return duration, sum(1 for _ in source.decode(stream))


CASES = {"mp4": ("mpeg4", "aac"), "avi": ("mpeg4", "mp2"), "matroska": ("mpeg4", "aac"), "asf": ("wmv2", "wmav2")}
seen = {container: measured(clip(container, *codecs)) for container, codecs in CASES.items()}
for container, (duration, frames) in seen.items():
    print(f"{container}: the video stream's duration is {duration}, {frames} frames decoded")
if seen != {"mp4": (1.0, 25), "avi": (1.0, 25), "matroska": (None, 25), "asf": (5.0, 25)}:
    sys.exit("the behaviour has changed")
PY
