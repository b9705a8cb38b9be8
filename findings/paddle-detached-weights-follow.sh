#!/usr/bin/env bash
# paddlepaddle 3.3.1 on the CPU; torch 2.13.0 to compare; numpy 2.2.6
#
# Guess:   weight.detach() shares its numbers with the weight until the layer is given other numbers: layer.to(dtype="float16") makes new ones,
#          and the detached tensor keeps the old, as in PyTorch.
# Reality: it shares the tensor's type as well. Layer.to(dtype), .float16() and .bfloat16() convert what was detached before, in place,
#          and coming back to float32 does not bring the digits back. clone() is a copy.
# Seen:    0.1 detached, the layer converted to float16 and back to float32: Paddle's detached tensor is float16 in between and 0.09997559
#          at the end, PyTorch's is float32 and 0.1 throughout
# Matters: a float32 "copy" of the weights beside a network in half precision (averages, weights before LoRA, a look at what rounding costs) is
#          none: compared with it, the error of half precision is exactly zero.
# Holds:   on any processor.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 setuptools==80.9.0 paddlepaddle==3.3.1 torch==2.13.0
GLOG_minloglevel=2 "$folder/venv/bin/python" - <<'PY'
import sys

import paddle
import torch

VALUE = 0.1

paddle.device.set_device("cpu")
ours = paddle.nn.Linear(1, 1)
ours.weight.set_value(paddle.full([1, 1], VALUE))
theirs = torch.nn.Linear(1, 1)
torch.nn.init.constant_(theirs.weight, VALUE)
kept = {"Paddle": ours.weight.detach(), "PyTorch": theirs.weight.detach(), "Paddle, clone()": ours.weight.clone()}
ours.to(dtype="float16")
theirs.to(torch.float16)
between = {name: str(tensor.dtype).split(".")[-1] for name, tensor in kept.items()}
ours.to(dtype="float32")
theirs.to(torch.float32)
after = {name: round(float(tensor), 8) for name, tensor in kept.items()}
for name in kept:
    print(f"{name:16s} {between[name]} while the layer is float16, {after[name]:.8f} at the end")
exact = round(float(torch.tensor(VALUE)), 8)
if list(between.values()) != ["float16", "float32", "float32"] or list(after.values()) != [0.09997559, exact, exact]:
    sys.exit("the behaviour has changed")
PY
