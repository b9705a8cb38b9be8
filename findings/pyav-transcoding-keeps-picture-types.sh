#!/usr/bin/env bash
# av (PyAV) 18.1.0 with its bundled FFmpeg 8, libx264; numpy 2.2.6
#
# Guess:   decoded frames are pictures; an encoder decides by itself which of them become key frames, as it does for frames from arrays
#          and as the ffmpeg tool does for the same file.
# Reality: a decoded frame carries the type that it had in its old file, reformat() keeps it, and the encoder obeys. From a source
#          of key frames alone (here FFV1) the H.264 has key frames alone; gop_size is ignored. frame.pict_type = 0 frees it.
# Seen:    20 frames of a moving picture from FFV1: 20 key frames; with pict_type 0, and from arrays: 1;
#          90,805 bytes for 13,371
# Matters: cutting, resizing or joining clips frame by frame is the everyday use. Nothing looks wrong: the video plays, only it takes
#          several times the space at a given quality, or has a fraction of the quality at a given rate.
# Holds:   on any processor.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 av==18.1.0
"$folder/venv/bin/python" - <<'PY'
import io
import sys
from collections.abc import Iterable

import av
import numpy as np

av.logging.set_level(None)


def written(frames: Iterable[av.VideoFrame], codec: str, container: str, pixels: str) -> io.BytesIO:
    """The frames as a file, gop_size 250."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 96, 64, pixels, 250
        for frame in frames:
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    file.seek(0)
    return file


def decoded(file: io.BytesIO, forget: bool) -> list[av.VideoFrame]:
    """The frames of a file, in the encoder's format, with or without the picture type that they had."""
    file.seek(0)
    with av.open(file) as source:
        frames = [frame.reformat(format="yuv420p") for frame in source.decode(video=0)]
    for frame in frames if forget else []:
        frame.pict_type = 0
    return frames


def measured(frames: Iterable[av.VideoFrame]) -> tuple[int, int]:
    """The number of key frames and the bytes of the frames as H.264."""
    file = written(frames, "libx264", "mp4", "yuv420p")
    with av.open(file) as source:
        return sum(packet.is_keyframe for packet in source.demux(video=0) if packet.size), len(file.getvalue())


picture = (np.indices((64, 96)).prod(0)[..., None] * [7, 11, 13] % 256).astype(np.uint8)
arrays = [av.VideoFrame.from_ndarray(np.roll(picture, step, 1), "rgb24") for step in range(20)]
source_clip = written([frame.reformat(format="yuv420p") for frame in arrays], "ffv1", "matroska", "yuv420p")
kept, freed = measured(decoded(source_clip, False)), measured(decoded(source_clip, True))
fresh = measured([frame.reformat(format="yuv420p") for frame in arrays])
for name, (keys, size) in {"decoded": kept, "decoded, pict_type 0": freed, "from arrays": fresh}.items():
    print(f"{name}: {keys} key frames of 20, {size} bytes")
if (kept[0], freed[0], fresh[0]) != (20, 1, 1) or kept[1] < 2 * freed[1]:
    sys.exit("the behaviour has changed")
PY
