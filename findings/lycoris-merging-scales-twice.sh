#!/usr/bin/env bash
# lycoris-lora 4.1.3 with torch 2.13.0; numpy 2.2.6
#
# Guess:   merge_to puts into the weights what apply_to adds in the forward pass, for each algorithm, as it does for LoCon.
# Reality: LoHa, and LoKr with a factored second matrix, are merged with the square of their scale: alpha / rank is multiplied in
#          where the product is made and once more where it is added. The direction is right, so that the effect looks merely weak.
# Seen:    rank 4, alpha 1 (scale 0.25): what is merged is 1.00 of what is applied for LoCon and whole LoKr, 0.25 for LoHa and factored LoKr
# Matters: alpha 1 with rank 16 or 32 is common for both: a sixteenth or less of the style is left in the merged checkpoint, and raising the
#          strength hides it. With alpha above the rank it is too strong instead; alpha equal to rank hides it altogether.
# Holds:   on any processor.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 torch==2.13.0 lycoris-lora==4.1.3
"$folder/venv/bin/python" - 2> "$folder/log" <<'PY' || { tail -n 3 "$folder/log"; exit 1; }
import sys

import torch
from lycoris import LycorisNetwork, create_lycoris


def share(algorithm: str, **options: int) -> float:
    """The size of what merge_to adds to a weight, in parts of what apply_to adds in the forward pass."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(64, 64, bias=False)).eval()
    before = network[0].weight.detach().clone()
    adapter = create_lycoris(network, 1.0, linear_dim=4, linear_alpha=1.0, algo=algorithm, **options).eval()
    for parameter in adapter.loras[0].parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    adapter.apply_to()
    applied = network(torch.eye(64)).detach().T - before
    adapter.restore()
    adapter.merge_to(1.0)
    merged = network[0].weight.detach() - before
    if torch.cosine_similarity(applied.flatten(), merged.flatten(), 0) < 0.999:
        sys.exit("the behaviour has changed")
    return float(merged.norm() / applied.norm())


LycorisNetwork.apply_preset({"target_module": ["Linear"]})
seen = {
    "LoCon": share("locon"),
    "LoKr, whole": share("lokr"),
    "LoHa": share("loha"),
    "LoKr, factored": share("lokr", factor=2),
}
for name, part in seen.items():
    print(f"{name}: merged / applied = {part:.3f}")
if any(abs(part - expected) > 0.01 for part, expected in zip(seen.values(), (1, 1, 0.25, 0.25), strict=True)):
    sys.exit("the behaviour has changed")
PY
