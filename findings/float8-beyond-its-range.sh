#!/usr/bin/env bash
# torch 2.13.0, paddlepaddle 3.3.1 and ml_dtypes 0.6.0 (NumPy's float8, that of JAX and onnx), all on the CPU; numpy 2.2.6
#
# Guess:   what is too large for float8_e4m3fn (at most 448) becomes the same in every library: NaN, for the format has no infinity, or 448. NaN stays
#          NaN.
# Reality: ml_dtypes makes NaN. PyTorch makes 448, of infinity too, but infinity in float8_e5m2. Paddle makes NaN of what lies between 464 and 480 alone,
#          448 of all that is larger, of infinity and of NaN itself; in e5m2 it makes infinity of 61,440 to 65,535 and 57,344 of all beyond, infinity
#          included.
# Seen:    464, 470, 500, infinity, NaN as e4m3fn: ml_dtypes 448, NaN, NaN, NaN, NaN; PyTorch 448, 448, 448, 448, NaN; Paddle 448, NaN, 448, 448, 448.
#          60,000, 62,000, 70,000, infinity, NaN as e5m2: ml_dtypes and PyTorch 57,344, infinity, infinity, infinity, NaN; Paddle 57,344, infinity, 57,344,
#          57,344, NaN. Up to the largest number all three round alike.
# Matters: weights and caches of large video models are kept in e4m3fn, scaled to 448 or not at all. One overflow is a NaN here, a usable number there;
#          what checks for NaN behind the cast finds nothing in Paddle, and a conversion checked with NumPy says little about the others.
# Holds:   on any processor without float8 of its own in use: all three convert by bits, on the CPU.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 ml_dtypes==0.6.0 torch==2.13.0 setuptools==80.9.0 paddlepaddle==3.3.1
cat > "$folder/cast.py" <<'PY'
import json
import sys

import numpy as np

LIBRARY = sys.argv[1]
NAN, INFINITY = float("nan"), float("inf")
VALUES = {"float8_e4m3fn": [464, 470, 500, INFINITY, NAN], "float8_e5m2": [60000, 62000, 70000, INFINITY, NAN]}
FITTING = {"float8_e4m3fn": np.linspace(-448, 448, 9001), "float8_e5m2": np.linspace(-57344, 57344, 9001)}


def through(kind: str, values) -> np.ndarray:
    """float32 numbers, cast to this float8 and back by the library."""
    x = np.array(values, np.float32)
    if LIBRARY == "ml_dtypes":
        import ml_dtypes

        return x.astype(getattr(ml_dtypes, kind)).astype(np.float32)
    if LIBRARY == "torch":
        import torch

        return torch.from_numpy(x).to(getattr(torch, kind)).float().numpy()
    import paddle

    paddle.device.set_device("cpu")
    return paddle.to_tensor(x).cast(kind).cast("float32").numpy()


print(json.dumps({kind: [str(value) for value in through(kind, values)] for kind, values in VALUES.items()}))
print(json.dumps({kind: through(kind, values).tolist() for kind, values in FITTING.items()}), file=open(sys.argv[2], "w"))
PY
expect() { # a library, then what e4m3fn and e5m2 give
  seen=$(GLOG_minloglevel=2 "$folder/venv/bin/python" "$folder/cast.py" "$1" "$folder/$1" 2> "$folder/log") || { cat "$folder/log"; exit 1; }
  echo "$1: $seen"
  [ "$(tr -d '[]{}":,' <<< "$seen")" = "float8_e4m3fn $2 float8_e5m2 $3" ] || { echo "the behaviour has changed"; exit 1; }
}
expect ml_dtypes "448.0 nan nan nan nan" "57344.0 inf inf inf nan"
expect torch "448.0 448.0 448.0 448.0 nan" "57344.0 inf inf inf nan"
expect paddle "448.0 nan 448.0 448.0 448.0" "57344.0 inf 57344.0 57344.0 nan"
cmp "$folder/ml_dtypes" "$folder/torch" && cmp "$folder/ml_dtypes" "$folder/paddle" && echo "within the range: the same numbers in all three"
