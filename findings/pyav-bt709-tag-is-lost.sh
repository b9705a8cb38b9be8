#!/usr/bin/env bash
# av (PyAV) 18.1.0 with its bundled FFmpeg 8; numpy 2.2.6
#
# Guess:   frame.reformat(dst_colorspace="ITU709", dst_color_range="MPEG") converts with BT.709 and tags the frame with it, so
#          the encoder writes the tag, as the ffmpeg program does, and readers turn the colours back.
# Reality: the frame is converted and tagged, but PyAV hands the tag to no encoder: H.264, H.265, VP9, AV1 and FFV1 files say
#          "unspecified" and are read back with BT.601, with other colours. ProRes alone keeps it, for its encoder writes
#          each frame's own tag. codec_context.colorspace and color_range have to be set beside the frames.
# Seen:    red (200, 30, 30) comes back as (185, 11, 31) from libx264, libvpx-vp9, ffv1, and as (198, 28, 28) from prores_ks;
#          with codec_context.colorspace = 1 libx264 gives (200, 29, 30). Left alone (BT.601, no tag) it is right here, too, but
#          players take untagged HD for BT.709.
# Matters: the writer of a generated video does the right thing for HD, the frame in hand says BT.709, and each round trip
#          (video to video, resuming, joining clips) shifts skin and greens by 15 to 20 of 255.
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

BT709 = 1
RED = (200, 30, 30)
av.logging.set_level(None)


def round_trip(codec: str, container: str, pixels: str, tag_stream: bool = False) -> tuple[int, list[int]]:
    """The colourspace that the file has, and the middle pixel of its first frame."""
    picture = np.full((64, 64, 3), RED, np.uint8)
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=8)
        stream.width = stream.height = 64
        stream.pix_fmt = pixels
        if tag_stream:
            stream.codec_context.colorspace = BT709
            stream.codec_context.color_range = 1
        frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(
            format=pixels, dst_colorspace="ITU709", dst_color_range="MPEG"
        )
        assert frame.colorspace == BT709, "the frame is tagged"
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    file.seek(0)
    with av.open(file) as source:
        frame = next(source.decode(video=0))
        return int(frame.colorspace), frame.to_ndarray(format="rgb24")[32, 32].tolist()


seen = {
    codec: round_trip(codec, container, pixels)
    for codec, container, pixels in (
        ("libx264", "mp4", "yuv420p"),
        ("libvpx-vp9", "webm", "yuv420p"),
        ("ffv1", "matroska", "yuv420p"),
        ("prores_ks", "mov", "yuv422p10le"),
    )
}
seen["libx264, stream tagged"] = round_trip("libx264", "mp4", "yuv420p", tag_stream=True)
for name, (colourspace, pixel) in seen.items():
    print(f"{name}: colourspace {colourspace}, {RED} comes back as {pixel}")
lost = all(seen[name][0] == 2 and seen[name][1][0] < 190 for name in ("libx264", "libvpx-vp9", "ffv1"))
kept = all(seen[name][0] == BT709 and seen[name][1][0] > 195 for name in ("prores_ks", "libx264, stream tagged"))
if not (lost and kept):
    sys.exit("the behaviour has changed")
PY
