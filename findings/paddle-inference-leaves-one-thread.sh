#!/usr/bin/env bash
# paddlepaddle 3.3.1 on the CPU, paddle.inference beside eager Paddle; numpy 2.2.6
#
# Guess:   the number of threads given to a predictor (set_cpu_math_library_num_threads(2)) is the predictor's own; what else runs in
#          the process keeps its number, or at worst also gets 2.
# Reality: after the first run of the predictor OpenMP is at 1 thread for the calling thread, neither the 2
#          asked for nor the 2 from before: each further eager operation (and each library on the same OpenMP) works on one core.
# Seen:    OpenMP (libiomp5) 2 before, 2 after the predictor was made, 1 after its first run
# Matters: a pipeline with an exported UNet and an eager VAE or text encoder computes the eager part on one core from the second
#          video on, whatever it was told, and only a profiler shows it.
# Holds:   on Linux with libiomp5 (Paddle's x86-64 wheels) and 2 cores or more; elsewhere said to be not applicable.
set -euo pipefail
if [ "$(uname -sm)" != "Linux x86_64" ]; then
  echo "not applicable here: Linux on x86-64 only"
  exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 setuptools==80.9.0 paddlepaddle==3.3.1
OMP_NUM_THREADS=2 GLOG_minloglevel=2 "$folder/venv/bin/python" - "$folder/network" <<'PY'
import ctypes
import os
import sys

import numpy as np
import paddle
from paddle import inference
from paddle.static import InputSpec


def threads() -> int:
    """The number of threads of the OpenMP that Paddle's mathematics use."""
    with open("/proc/self/maps") as maps:
        library = next(line.split()[-1] for line in maps if "libiomp5" in line)
    return ctypes.CDLL(library).omp_get_max_threads()


if (os.cpu_count() or 1) < 2:
    print("not applicable here: one core")
    sys.exit(0)
path = sys.argv[1]
paddle.device.set_device("cpu")
layer = paddle.nn.Linear(8, 8)
layer.eval()
paddle.jit.save(layer, path, input_spec=[InputSpec([None, 8], "float32", "x")])
before = threads()
config = inference.Config(path + ".json", path + ".pdiparams")
config.disable_gpu()
config.disable_glog_info()
config.set_cpu_math_library_num_threads(2)
predictor = inference.create_predictor(config)
made = threads()
predictor.get_input_handle("x").copy_from_cpu(np.ones((2, 8), np.float32))
predictor.run()
after = threads()
print(f"OpenMP threads: {before} before, {made} after the predictor was made, {after} after its first run")
if (before, made, after) != (2, 2, 1):
    sys.exit("the behaviour has changed")
PY
