#!/usr/bin/env bash
# paddlepaddle 3.3.1 on the CPU; numpy 2.2.6
#
# Guess:   a sum over uint8 frames is widened, as NumPy, PyTorch and Paddle's own sum of int32 do it; the mean of integers is a fraction, as in
#          NumPy, or refused, as in PyTorch.
# Reality: sum widens int32 but leaves uint8 as it is, and wraps; mean of int64 is an int64, cut. Both without a word.
# Seen:    200 + 250 as uint8: 194 of type uint8; as int32: an int64 of 450; mean of 1 and 2 as int64: 1
# Matters: the brightness of a frame, the number of pixels of a mask, the difference of two frames are all sums of uint8: nothing above 255
#          comes out, ever, and scene cuts or masks are decided by remainders. astype("float32") first.
# Holds:   on any processor.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 setuptools==80.9.0 paddlepaddle==3.3.1
GLOG_minloglevel=2 "$folder/venv/bin/python" - <<'PY'
import sys

import numpy as np
import paddle

paddle.device.set_device("cpu")
sums = {kind: paddle.sum(paddle.to_tensor(np.array([200, 250], kind))) for kind in ("uint8", "int32")}
mean = paddle.mean(paddle.to_tensor(np.array([1, 2], np.int64)))
for kind, total in sums.items():
    print(f"sum of 200 and 250 as {kind}: {int(total)} of type {total.dtype}; NumPy: {np.array([200, 250], kind).sum()}")
print(f"mean of 1 and 2 as int64: {mean.item()} of type {mean.dtype}; NumPy: {np.mean([1, 2])}")
if (int(sums["uint8"]), sums["uint8"].dtype) != (194, paddle.uint8) or (int(sums["int32"]), sums["int32"].dtype) != (450, paddle.int64):
    sys.exit("the behaviour has changed")
if (mean.item(), mean.dtype) != (1, paddle.int64):
    sys.exit("the behaviour has changed")
PY
