#!/usr/bin/env bash
# safetensors 0.8.0 (safetensors.numpy), against 0.7.0; numpy 2.2.6
#
# Guess:   an array that is no C-ordered block of memory (weights.T, np.asfortranarray, moveaxis) is written in its logical
#          order, as 0.7.0 did, or refused, as safetensors.torch and safetensors.paddle refuse it.
# Reality: 0.8.0 writes the bytes as they lie in memory under the shape of the view. The file is valid, every shape and
#          dtype is right, the numbers are in other places, and nothing is said.
# Seen:    safetensors 0.7.0  transposed: kept      Fortran order: kept      moved axis: kept
#          safetensors 0.8.0  transposed: scrambled Fortran order: scrambled moved axis: scrambled
#          2x2 [[0, 1], [2, 3]].T is [[0, 2], [1, 3]] and comes back as [[0, 1], [2, 3]]
# Matters: converting text-to-video weights between PyTorch's and Paddle's layout is little but transposing matrices: a square
#          projection of attention comes back untransposed, passes every check of names and shapes, and the video is noise.
#          np.ascontiguousarray before saving is right with both releases.
# Holds:   on any processor (memory order, no arithmetic).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
cat > "$folder/show.py" <<'PY'
import sys

import numpy as np
import safetensors
from safetensors.numpy import load, save

weights = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
arrays = {
    "transposed": weights[0].T,
    "Fortran order": np.asfortranarray(weights[0]),
    "moved axis": np.moveaxis(weights, 0, 2),
    "C order": np.ascontiguousarray(weights[0].T),
}
loaded = load(save(arrays))
kept = {name: bool(np.array_equal(loaded[name], array)) for name, array in arrays.items()}
print("safetensors", safetensors.__version__, {name: "kept" if same else "scrambled" for name, same in kept.items()})
square = np.arange(4, dtype=np.float32).reshape(2, 2).T
print("saved", square.tolist(), "loaded", load(save({"a": square}))["a"].tolist())
expected = safetensors.__version__ == "0.7.0"
if not kept["C order"] or any(kept[name] != expected for name in arrays if name != "C order"):
    sys.exit("the behaviour has changed")
PY
for version in 0.7.0 0.8.0; do
  "$folder/venv/bin/pip" install --quiet numpy==2.2.6 "safetensors==$version"
  "$folder/venv/bin/python" "$folder/show.py"
done
