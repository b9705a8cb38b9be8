#!/usr/bin/env bash
# paddlepaddle 3.3.1 on the CPU; numpy 2.2.6
#
# Guess:   `x += 1` works in place, as in NumPy and PyTorch: who else holds the tensor sees it, and a loop
#          `for weight in layer.parameters(): weight += delta` changes the layer.
# Reality: all augmented assignments make a new tensor and bind the name to it; the old one stays as it was. The loop runs without a word,
#          and the layer has its old weights. With an index (x[0:2] += 1) it is in place, and so are add_ and its like. (As an
#          attribute, layer.weight += delta, it is refused: no Parameter.)
# Seen:    the object is another one after +=, -=, *=, /=, //=, **=, %= and @=; weights after the loop: changed by 0, after add_: by 1;
#          an integer tensor with += 0.5 becomes a float32 one
# Matters: LoRA that is merged, averages of weights, noise that is added to frames in a function: code that was carried over from PyTorch
#          or NumPy has no effect, and a merged checkpoint is the unmerged one.
# Holds:   on any processor.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 setuptools==80.9.0 paddlepaddle==3.3.1
GLOG_minloglevel=2 "$folder/venv/bin/python" - <<'PY'
import sys

import paddle

OPERATORS = ("+=", "-=", "*=", "/=", "//=", "**=", "%=", "@=")

paddle.device.set_device("cpu")
in_place = []
for operator in OPERATORS:
    names = {"x": paddle.to_tensor([[4.0, 2.0], [1.0, 3.0]])}
    names["given"] = names["x"]
    exec(f"x {operator} given", names)
    if names["x"] is names["given"]:
        in_place.append(operator)
print("in place:", in_place or "none of", *OPERATORS)

layer = paddle.nn.Linear(2, 2)
before = layer.weight.clone()
with paddle.no_grad():
    for weight in layer.parameters():
        weight += 1
    after_loop = float((layer.weight - before).abs().max())
    for weight in layer.parameters():
        weight.add_(paddle.ones_like(weight))
    after_add = float((layer.weight - before).abs().min())
print(f"weights changed by {after_loop:.0f} by the loop with +=, by {after_add:.0f} with add_")

frames = paddle.zeros([4])
frames[0:2] += 1
count = paddle.zeros([1], dtype="int64")
count += 0.5
print(f"with an index: {frames.tolist()}; int64 += 0.5: {count.dtype}")
seen = in_place, after_loop, round(after_add, 3), frames.tolist(), count.dtype
if seen != ([], 0.0, 1.0, [1.0, 1.0, 0.0, 0.0], paddle.float32):
    sys.exit("the behaviour has changed")
PY
