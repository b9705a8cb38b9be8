#!/usr/bin/env bash
# scikit-image 0.26.0; numpy 2.2.6
#
# Guess:   peak_signal_noise_ratio of two float pictures in 0 to 1 takes 1 as the peak; a value of -0.000001 more or less changes nothing
#          that one could print.
# Reality: the peak is 1 while the first picture has no value below zero, and 2 as soon as it has one: all figures rise by 6.02 dB at
#          once. Only the first argument is looked at, so that exchanging the two changes the figure as well.
# Seen:    20.32 dB; with one pixel of the reference at -1e-6: 26.34 dB; the same two pictures the other way round: 20.32 dB
# Matters: decoders and Lanczos or cubic resizing overshoot a little below black. A dark clip then scores 6 dB better than a bright one, frame by
#          frame at random, and 6 dB is the difference between two codecs' settings. structural_similarity refuses floats without
#          data_range; this one does not. Name data_range=1.
# Holds:   on any processor.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 scikit-image==0.26.0
"$folder/venv/bin/python" - <<'PY'
import sys

import numpy as np
from skimage.metrics import peak_signal_noise_ratio as psnr

reference = (np.arange(64 * 64).reshape(64, 64) * 37 % 101) / 100
test = np.clip(reference + np.where(np.indices((64, 64)).sum(0) % 2, 0.1, -0.1), 0, 1)
undershot = reference.copy()
undershot[0, 0] = -1e-6
figures = {
    "as it is": psnr(reference, test),
    "one pixel at -1e-6": psnr(undershot, test),
    "the other way round": psnr(test, undershot),
    "data_range=1": psnr(undershot, test, data_range=1),
}
for name, figure in figures.items():
    print(f"{name}: {figure:.2f} dB")
plain, raised, exchanged, named = figures.values()
if abs(raised - plain - 20 * np.log10(2)) > 0.01 or max(abs(exchanged - plain), abs(named - plain)) > 0.01:
    sys.exit("the behaviour has changed")
PY
