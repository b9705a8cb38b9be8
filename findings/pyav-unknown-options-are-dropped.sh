#!/usr/bin/env bash
# av (PyAV) 18.1.0 with its bundled FFmpeg 8; numpy 2.2.6
#
# Guess:   an option that the encoder does not know is refused, as ffmpeg's own program does ("Unrecognized option"), or at least logged.
# Reality: it is dropped without a word, whether misspelled or another encoder's. It stays in codec_context.options, from which what was
#          taken disappears once the encoder is open: the only sign there is. A wrong value of a known option does raise.
# Seen:    24 frames of noise by x264: crf=10 makes 1.8 times the bytes of none; crff=10 exactly those of none, and so does quality=10; mpeg4 with crf=10
#          the bytes of mpeg4 without; preset=quick raises
# Matters: codecs are chosen by container, options by habit: crf is right for x264, x265, VP9 and AV1, and for MPEG-4, MJPEG, ProRes or GIF nothing. A
#          user's "highest quality" is then the encoder's default, at the default bit rate, and no test that counts frames sees it.
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

FRAMES = np.random.default_rng(0).integers(0, 256, (24, 64, 64, 3), np.uint8)


def encoded(codec: str, **options: str) -> tuple[bytes, dict[str, str]]:
    """The stream's packets, and the options that are left when the encoder was open."""
    with av.open(io.BytesIO(), "w", format="matroska") as output:
        stream = output.add_stream(codec, rate=24)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        stream.codec_context.thread_count = 1
        stream.options = {"x264-params": "mbtree=0", **options} if codec == "libx264" else options
        packets = [packet for frame in FRAMES for packet in stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24"))]
        packets += stream.encode(None)
        output.mux(packets)
        return b"".join(bytes(packet) for packet in packets), dict(stream.codec_context.options)


plain, with_crf, misspelled, foreign = (encoded("libx264", **options) for options in ({}, {"crf": "10"}, {"crff": "10"}, {"quality": "10"}))
mpeg4, mpeg4_crf = encoded("mpeg4"), encoded("mpeg4", crf="10")
try:
    encoded("libx264", preset="quick")
    raised = False
except av.FFmpegError as error:
    raised = True
    print("preset=quick:", type(error).__name__)
ratio = len(with_crf[0]) / len(plain[0])
print(f"x264, crf=10: {ratio:.1f} times the bytes; left: {with_crf[1]}")
for name, (packets, left), reference in (("x264, crff=10", misspelled, plain), ("x264, quality=10", foreign, plain), ("mpeg4, crf=10", mpeg4_crf, mpeg4)):
    print(f"{name}: {'the same bytes' if packets == reference[0] else 'other bytes'} as without; left: {left}")
dropped = misspelled[0] == foreign[0] == plain[0] and mpeg4_crf[0] == mpeg4[0]
left = [misspelled[1], foreign[1], mpeg4_crf[1]] == [{"crff": "10"}, {"quality": "10"}, {"crf": "10"}]
if ratio < 1.3 or with_crf[1] or not dropped or not left or not raised:
    sys.exit("the behaviour has changed")
PY
