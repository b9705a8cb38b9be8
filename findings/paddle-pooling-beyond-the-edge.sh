#!/usr/bin/env bash
# paddlepaddle 3.3.1 on the CPU; numpy 2.2.6
#
# Guess:   pooling with ceil_mode=True covers the columns that are left over; every output is of at least one real pixel, as in PyTorch, which
#          drops a window that would begin in the padding.
# Reality: Paddle keeps such a window. It holds no pixel at all: its average is 0 / 0 = NaN (with exclusive=True, the default), its maximum the
#          least number there is, -3.4e38. The output is one column or row wider than PyTorch's, too.
# Seen:    11 columns of ones, kernel 3, stride 3, padding 1: five outputs, the last NaN by avg_pool2d, 0 with exclusive=False, -3.4e+38 by
#          max_pool2d; with 9 columns, or ceil_mode=False, there is no such column
# Matters: at some sizes of pictures only, so that 512 works and 500 makes NaN of the whole picture in the next normalisation, or a white
#          block; weights carried over from PyTorch meet maps of another size.
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
import paddle.nn.functional as F

paddle.device.set_device("cpu")
WINDOW = {"kernel_size": 3, "stride": 3, "padding": 1}


def rows(columns: int, ceil_mode: bool) -> dict[str, np.ndarray]:
    """The middle row of what becomes of a picture of ones."""
    picture = paddle.ones([1, 1, 9, columns])
    pooled = {
        "mean": F.avg_pool2d(picture, ceil_mode=ceil_mode, **WINDOW),
        "mean with padding": F.avg_pool2d(picture, ceil_mode=ceil_mode, exclusive=False, **WINDOW),
        "maximum": F.max_pool2d(picture, ceil_mode=ceil_mode, **WINDOW),
    }
    return {name: values.numpy()[0, 0, 1] for name, values in pooled.items()}


beyond, fitting, floor = rows(11, True), rows(9, True), rows(11, False)
for name, row in beyond.items():
    print(f"11 columns, {name}: {row}; 9 columns: {fitting[name]}; without ceil_mode: {floor[name]}")
last = {name: row[-1] for name, row in beyond.items()}
ones = [row for rows_ in (fitting, floor) for name, row in rows_.items() if name != "mean with padding"]
if {row.size for row in beyond.values()} != {5} or not np.isnan(last["mean"]) or last["maximum"] > -1e38 or any((row != 1).any() for row in ones):
    sys.exit("the behaviour has changed")
PY
