#!/usr/bin/env bash
# av (PyAV) 18.1.0 with its bundled FFmpeg 8, H.264; numpy 2.2.6
#
# Guess:   the crop rectangle of an H.264 stream is applied by the decoder: frames are as wide as the stream says and begin with the first
#          column that is to be seen.
# Reality: rows at the top and columns at the right are cut, columns at the left only in steps that keep memory aligned: here
#          not at all. The frames are wider than stream.width and begin with what is to be hidden; nothing is
#          said. Flags.unaligned, set before decoding, cuts rightly.
# Seen:    128 x 64, column x of brightness 2 x, crop_left 10 or 40: stream 118 or 88 wide, frames 128 wide from column 0; with
#          Flags.unaligned 118 or 88 wide from column 10 or 40; crop_top 10: 54 rows
# Matters: hardware encoders, capture cards and lossless croppers hide their padding or borders so. An array of the size that the stream
#          declared is overrun or refuses the frame, and a reader that trusts the frames trains on, or copies, the hidden border.
# Holds:   on any processor: the step is a constant of FFmpeg.
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
from av.bitstream import BitStreamFilterContext
from av.codec.context import Flags

av.logging.set_level(None)


def ramp() -> io.BytesIO:
    """An MP4 of one frame whose column x has brightness 2 x."""
    columns = np.tile((np.arange(128) * 2).astype(np.uint8)[None, :, None], (64, 1, 3))
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as output:
        stream = output.add_stream("libx264", rate=10, options={"crf": "1"})
        stream.width, stream.height, stream.pix_fmt = 128, 64, "yuv420p"
        output.mux(stream.encode(av.VideoFrame.from_ndarray(columns, "rgb24").reformat(format="yuv420p")))
        output.mux(stream.encode(None))
    file.seek(0)
    return file


def cropped(rectangle: str) -> io.BytesIO:
    """The same pictures, with a crop rectangle in the stream's header."""
    file = io.BytesIO()
    with av.open(ramp()) as source, av.open(file, "w", format="mp4") as output:
        stream = source.streams.video[0]
        copy = output.add_stream_from_template(stream)
        header = BitStreamFilterContext(f"h264_metadata={rectangle}", stream, copy)
        for packet in source.demux(stream):
            for filtered in header.filter(packet if packet.size else None):
                filtered.stream = copy
                output.mux(filtered)
    file.seek(0)
    return file


def decoded(rectangle: str, unaligned: bool) -> tuple[tuple[int, int], tuple[int, int], int]:
    """The size of the stream, the size of its frame, and the number of the column that the frame begins with."""
    with av.open(cropped(rectangle)) as source:
        stream = source.streams.video[0]
        if unaligned:
            stream.codec_context.flags |= Flags.unaligned
        declared = stream.width, stream.height
        frame = next(source.decode(stream))
        first = round(int(frame.to_ndarray(format="rgb24")[5, 0, 1]) / 2)
    return declared, (frame.width, frame.height), first


seen = {}
for rectangle in ("crop_left=10", "crop_left=40", "crop_top=10"):
    for unaligned in (False, True):
        seen[rectangle, unaligned] = declared, size, first = decoded(rectangle, unaligned)
        print(f"{rectangle}, unaligned {unaligned}: stream {declared}, frame {size} from column {first}")
for left in (10, 40):
    declared, size, first = seen[f"crop_left={left}", False]
    if (declared, size) != ((128 - left, 64), (128, 64)) or first > 2:
        sys.exit("the behaviour has changed")
    declared, size, first = seen[f"crop_left={left}", True]
    if (declared, size) != ((128 - left, 64), (128 - left, 64)) or abs(first - left) > 2:
        sys.exit("the behaviour has changed")
if seen["crop_top=10", False][:2] != ((128, 54), (128, 54)):
    sys.exit("the behaviour has changed")
PY
