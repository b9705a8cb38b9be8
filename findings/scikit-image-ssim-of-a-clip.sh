#!/usr/bin/env bash
# scikit-image 0.26.0; numpy 2.2.6
#
# Guess:   structural_similarity of two clips [frames, height, width, 3] with channel_axis=-1 is the mean of their frames' similarities, as
#          peak_signal_noise_ratio is one of all pixels.
# Reality: the windows of 7x7 become cubes of 7x7x7: time is a third axis of the picture. From seven frames on it is computed without a word, and
#          is another measure; fewer are refused, for a window that is too large.
# Seen:    a clip that flickers by 0.05 of 1: 0.994 as the mean of frames, 0.519 as a clip; one wrong frame in 16: 0.964 and 0.877; noise: the
#          same but for 0.004; six frames: ValueError
# Matters: tables of video metrics are means over frames; numbers of the other kind stand beside them as if they could be compared, and punish flicker
#          (or hide it, where the reference moves). Tried with noise or compression, the two agree.
# Holds:   on any processor.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 scikit-image==0.26.0
"$folder/venv/bin/python" - <<'PY'
import sys

import numpy as np
from skimage.filters import gaussian
from skimage.metrics import structural_similarity

FRAMES = 16
random = np.random.default_rng(0)
blobs = gaussian(random.random((64, 64, 3)), 3, channel_axis=-1)
picture = 0.2 + 0.6 * (blobs - blobs.min()) / np.ptp(blobs)
still = np.repeat(picture[None], FRAMES, 0)
number = np.arange(FRAMES)[:, None, None, None]
OTHERS = {
    "flicker": still + np.where(number % 2, 0.05, -0.05),
    "one wrong frame": np.where(number == FRAMES // 2, still[:, ::-1], still),
    "noise": still + 0.05 * random.standard_normal(still.shape),
}


def similarity(a: np.ndarray, b: np.ndarray) -> float:
    return structural_similarity(a, b, channel_axis=-1, data_range=1.0)


seen = {}
for name, other in OTHERS.items():
    seen[name] = float(np.mean([similarity(a, b) for a, b in zip(still, other)])), float(similarity(still, other))
    print("{}: {:.3f} as the mean of frames, {:.3f} as a clip".format(name, *seen[name]))
try:
    similarity(still[:6], OTHERS["noise"][:6])
    refused = False
except ValueError as error:
    refused = True
    print("six frames:", str(error).splitlines()[0])
(flicker, as_clip), (_, wrong), noise = seen["flicker"], seen["one wrong frame"], seen["noise"]
if flicker < 0.98 or as_clip > 0.7 or wrong > 0.9 or abs(noise[0] - noise[1]) > 0.02 or not refused:
    sys.exit("the behaviour has changed")
PY
