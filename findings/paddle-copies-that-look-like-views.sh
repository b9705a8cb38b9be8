#!/usr/bin/env bash
# paddlepaddle 3.3.1 on the CPU; numpy 2.2.6
#
# Guess:   slices, reshape, chunk, split and expand are all views, as in PyTorch (and NumPy), or none is: Paddle's changes "in place" reach
#          the whole tensor through each of them, or through none.
# Reality: slices, an index, unbind, reshape, transpose and detach are views; chunk, split, tensor_split and expand are copies, of the same
#          shapes and numbers.
# Seen:    of zeros [4, 3], add_(1) to the upper half: changed through x[:2] and unbind, not through chunk(x, 2)[0], split or tensor_split
# Matters: frames.chunk(2) and an in-place change of one half (guidance, masks, the frames that are kept) is code from PyTorch that changes nothing,
#          while the same with x[:2] does; the other way round, a reshape() taken for a copy is written through. Memory differs, too.
# Holds:   on any processor.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 setuptools==80.9.0 paddlepaddle==3.3.1
GLOG_minloglevel=2 "$folder/venv/bin/python" - <<'PY'
import sys

import paddle

paddle.device.set_device("cpu")
PARTS = {
    "x[:2]": lambda x: x[:2],
    "x[0]": lambda x: x[0],
    "unbind": lambda x: paddle.unbind(x)[0],
    "reshape": lambda x: x.reshape([3, 4]),
    "transpose": lambda x: x.transpose([1, 0]),
    "detach": lambda x: x.detach(),
    "chunk": lambda x: paddle.chunk(x, 2)[0],
    "split": lambda x: paddle.split(x, 2)[0],
    "tensor_split": lambda x: paddle.tensor_split(x, 2)[0],
    "expand": lambda x: x.unsqueeze(0).expand([2, 4, 3]),
}
views = []
for name, part_of in PARTS.items():
    whole = paddle.zeros([4, 3])
    part_of(whole).add_(paddle.ones([1]))
    if float(whole.sum()) > 0:
        views.append(name)
print("views:", *views)
print("copies:", *(name for name in PARTS if name not in views))
if views != ["x[:2]", "x[0]", "unbind", "reshape", "transpose", "detach"]:
    sys.exit("the behaviour has changed")
PY
