#!/usr/bin/env bash
# paddlepaddle 3.3.1 on the CPU; numpy 2.2.6
#
# Guess:   None, integers, slices and "..." in an index mean what they mean in NumPy and PyTorch: a new axis stands where None was written.
# Reality: after an earlier None and an axis that is kept, a None directly before an integer lands one axis too far to the left. All other
#          indices that were tried, with one None or without an integer behind it, agree.
# Seen:    of [2, 3, 4, 5], [None, ..., None, 0] is [1, 2, 3, 1, 4] where NumPy has [1, 2, 3, 4, 1]; [:, None, :, None, 0] is [2, 1, 1, 3, 5]
#          for [2, 1, 3, 1, 5]; 25 of 866 indices of up to five parts
# Matters: such indices are written to broadcast (weights over batch and height, say), and broadcasting makes a result of nearly any shape: where
#          two sizes are alike, of the expected one, with rows and columns exchanged.
# Holds:   on any processor.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 setuptools==80.9.0 paddlepaddle==3.3.1
GLOG_minloglevel=2 "$folder/venv/bin/python" - <<'PY'
import itertools
import sys

import numpy as np
import paddle

paddle.device.set_device("cpu")
ARRAY = np.arange(2 * 3 * 4 * 5, dtype=np.float32).reshape(2, 3, 4, 5)
TENSOR = paddle.to_tensor(ARRAY)
AXES = 7  # that Paddle's tensors may have here
PARTS = {"None": None, "...": Ellipsis, ":": slice(None), "0": 0}

agreeing, others = 0, {}
for length in range(1, 6):
    for names in itertools.product(PARTS, repeat=length):
        if names.count("...") > 1 or names.count(":") + names.count("0") > ARRAY.ndim:
            continue
        index = tuple(PARTS[name] for name in names)
        wanted = ARRAY[index]
        if wanted.ndim > AXES:
            continue
        found = TENSOR[index].numpy()
        if found.shape == wanted.shape and (found == wanted).all():
            agreeing += 1
        else:
            others["[" + ", ".join(names) + "]"] = found.shape, wanted.shape
for written in ("[None, ..., None, 0]", "[:, None, :, None, 0]"):
    if written in others:
        print("of {}, {} is {} in Paddle, {} in NumPy".format(ARRAY.shape, written, *others[written]))
print(f"{agreeing} indices agree, {len(others)} do not")
needs = all("None, 0" in written and written.count("None") > 1 for written in others)
if others.get("[None, ..., None, 0]") != ((1, 2, 3, 1, 4), (1, 2, 3, 4, 1)) or len(others) < 20 or agreeing < 500 or not needs:
    sys.exit("the behaviour has changed")
PY
