#!/usr/bin/env bash
# openvino 2026.4.1, Python interface, CPU plugin on Linux; numpy 2.2.6
#
# Guess:   with INFERENCE_PRECISION_HINT=bf16 (or f16) a network of matrix products allocates half of what it takes in f32, whichever of
#          its two flags the MatMul has: a constant is reordered when the network is compiled, once.
# Reality: a constant [in, out] (transpose_b=False, the form of Paddle, TensorFlow and ONNX's MatMul) takes as much memory in bf16 as in
#          f32, beside the mapped file. The same numbers stored [out, in] with transpose_b=True (PyTorch's form) take half.
# Seen:    40 products with 2048x2048 weights, 640 MiB in the file; allocated by compiling, [in, out]: 653 in f32, 654 in bf16; [out, in]:
#          653 in f32, 333 in bf16
# Matters: "bfloat16 needs half the memory" is true or not by a flag that nobody looks at. The transformer parts of Stable Diffusion XL's
#          UNet have some 2.2 billion such weights: 4 GB. To transpose when the network is exported costs nothing later.
# Holds:   on processors with bfloat16; elsewhere the hint falls back to f32 and the script says that there is nothing to see.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 openvino==2026.4.1
cat > "$folder/network.py" <<'PY'
import sys
from pathlib import Path

import numpy as np
import openvino as ov
from openvino import opset13 as op

SIDE, LAYERS = 2048, 40


def write(file: Path, transposed: bool) -> None:
    parameter = op.parameter([1, 256, SIDE])
    x, random = parameter, np.random.default_rng(0)
    for _ in range(LAYERS):
        weight = op.constant(random.standard_normal((SIDE, SIDE), np.float32) / 45)
        x = op.tanh(op.matmul(x, weight, False, transposed))
    ov.save_model(ov.Model([x], [parameter], "products"), file, compress_to_fp16=False)


def allocated() -> int:
    """Memory of this process that no file stands for, in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) // 1024


form, hint = sys.argv[1:]
file = Path(__file__).with_name(f"{form}.xml")
if hint == "write":
    write(file, form == "out-in")
else:
    before = allocated()
    network = ov.Core().compile_model(ov.Core().read_model(file), "CPU", {"INFERENCE_PRECISION_HINT": hint})
    print(allocated() - before)
PY
python=$folder/venv/bin/python
if ! "$python" -c 'import sys, openvino; sys.exit("BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))'; then
  echo "this processor does not compute in bfloat16: nothing to see"
  exit 0
fi
declare -A size
for form in in-out out-in; do
  "$python" "$folder/network.py" $form write
  for hint in f32 bf16; do
    size[$form-$hint]=$("$python" "$folder/network.py" $form $hint)
    echo "weights [${form/-/, }] in $hint: ${size[$form-$hint]} MiB allocated, for 640 MiB in the file"
  done
  rm "$folder/$form."*
done
[ "${size[in-out-bf16]}" -gt 600 ] && [ "${size[out-in-f32]}" -gt 600 ] || { echo "the behaviour has changed"; exit 1; }
[ "${size[out-in-bf16]}" -lt 400 ] || { echo "the behaviour has changed"; exit 1; }
