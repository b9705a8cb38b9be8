#!/usr/bin/env bash
# peft 0.21.2, torch 2.13.0 (on the CPU), transformers 5.24.0, numpy 2.2.6
#
# Guess:   add_weighted_adapter([a, b], [0.5, 0.5], ..., combination_type="linear") makes an adapter that changes the weights by half of what
#          a does and half of what b does; the default, "svd", by very nearly that.
# Reality: "linear" adds up the factors: (A1 + A2)(B1 + B2), with A1 B2 and A2 B1 in it, what nobody trained. It even depends on how a file's
#          factors are balanced. "svd" cuts to the larger of the two ranks. Only "cat" is the mixture, and it is exact.
# Seen:    two adapters of rank 4: the error is 105 % of the mixture itself with "linear", 39 % with "svd", 0.00001 % with "cat"; with b's
#          factors balanced otherwise (times 10, by 10: the same b to 0.00001 %) the "linear" one differs by 663 % of the mixture
# Matters: styles or motions that are mixed so come out as neither, and a negative weight ("less of b") adds what it should not. No size is
#          wrong, there is no warning, and with one adapter alone all three are right.
# Holds:   on any processor; random weights, no network.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 torch==2.13.0 transformers==5.24.0 peft==0.21.2
"$folder/venv/bin/python" - <<'PY'
import sys

import peft
import torch

STYLE, MOTION = BOTH = ("style", "motion")
CONFIG = {"r": 4, "lora_alpha": 4, "target_modules": ["0"]}
torch.manual_seed(0)
model = peft.get_peft_model(torch.nn.Sequential(torch.nn.Linear(16, 16, bias=False)), peft.LoraConfig(**CONFIG), STYLE)
model.add_adapter(MOTION, peft.LoraConfig(**CONFIG))
layer = model.base_model.model[0]
for name in BOTH:
    torch.nn.init.normal_(layer.lora_A[name].weight)
    torch.nn.init.normal_(layer.lora_B[name].weight)


def delta(name: str) -> torch.Tensor:
    return layer.get_delta_weight(name).detach().clone()


def mixed(names: tuple[str, ...], weights: list[float], way: str) -> torch.Tensor:
    name = f"mixture {len(layer.lora_A)}"
    model.add_weighted_adapter(list(names), weights, name, combination_type=way)
    return delta(name)


def apart(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).norm() / half.norm())


half, motion = (delta(STYLE) + delta(MOTION)) / 2, delta(MOTION)
errors = {way: apart(mixed(BOTH, [0.5, 0.5], way), half) for way in ("linear", "svd", "cat")}
alone = max(apart(mixed((STYLE,), [0.5], way), delta(STYLE) / 2) for way in errors)
before = mixed(BOTH, [0.5, 0.5], "linear")
layer.lora_A[MOTION].weight.data *= 10
layer.lora_B[MOTION].weight.data /= 10
other = apart(mixed(BOTH, [0.5, 0.5], "linear"), before)
for way, error in errors.items():
    print(f"half of each, {way}: wrong by {100 * error:.5f} % of the mixture")
print(f"one alone: at most {100 * alone:.5f} %")
print(f"one balanced otherwise: it differs by {100 * apart(delta(MOTION), motion):.5f} %, the linear mixture by {100 * other:.0f} %")
right = errors["cat"] < 1e-5 and alone < 1e-5 and apart(delta(MOTION), motion) < 1e-5
if not right or errors["linear"] < 0.5 or errors["svd"] < 0.1 or other < 0.5:
    sys.exit("the behaviour has changed")
PY
