#!/usr/bin/env bash
# av (PyAV) 18.1.0 with its bundled FFmpeg 8, WebM with VP9; numpy 2.2.6
#
# Guess:   a VP9 WebM that was written as yuva420p is read as yuva420p, as FFV1, ProRes 4444 and QuickTime RLE are; and if a reader
#          lacked transparency, pixels hidden by it would be missing or black.
# Reality: FFmpeg's own VP9 decoder, which a stream gets, reads only the first of the two pictures in each block and says yuv420p: the
#          hidden pixels are shown in full, opaque. Only the stream's metadata (alpha_mode 1) tells. The transparency is there: the wheel's
#          other decoder, asked for by name (libvpx-vp9), gives yuva420p.
# Seen:    alpha of a shown and a hidden pixel: vp9 255 and 255, libvpx-vp9 255 and 0, ffv1 255 and 0
# Matters: stickers, overlays and layers of generated video come as WebM with alpha. Read back (video to video, joining, alpha as a mask)
#          the layer covers the whole picture. The encoder is called libvpx-vp9 as well, so a test that looks at what was written finds nothing.
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


def clip(codec: str, container: str) -> io.BytesIO:
    """One red frame whose lower half is hidden."""
    picture = np.zeros((64, 64, 4), np.uint8)
    picture[..., 0] = 200
    picture[:32, :, 3] = 255
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=8)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuva420p"
        output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgba").reformat(format="yuva420p")))
        output.mux(stream.encode(None))
    file.seek(0)
    return file


def alphas(frame: av.VideoFrame) -> tuple[str, list[int]]:
    """The format of a frame, and the alpha of a shown and of a hidden pixel."""
    return frame.format.name, frame.to_ndarray(format="rgba")[[10, 50], 10, 3].tolist()


with av.open(clip("ffv1", "matroska")) as source:
    seen = {"ffv1": alphas(next(source.decode(video=0)))}
with av.open(clip("libvpx-vp9", "webm")) as source:
    print("metadata of the WebM:", source.streams.video[0].metadata.get("alpha_mode"))
    seen["vp9"] = alphas(next(source.decode(video=0)))
with av.open(clip("libvpx-vp9", "webm")) as source:
    decoder = av.CodecContext.create("libvpx-vp9", "r")
    frames = [frame for packet in source.demux(video=0) for frame in decoder.decode(packet if packet.size else None)]
    seen["libvpx-vp9"] = alphas(frames[0])
print(seen)
kept = ("yuva420p", [255, 0])
if seen != {"ffv1": kept, "vp9": ("yuv420p", [255, 255]), "libvpx-vp9": kept}:
    sys.exit("the behaviour has changed")
PY
