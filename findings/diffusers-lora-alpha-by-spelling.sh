#!/usr/bin/env bash
# diffusers 0.42.1, peft 0.21.2, torch 2.13.0 (on the CPU), transformers 5.24.0, numpy 2.2.6
#
# Guess:   load_lora_adapter(folder, weight_name=NAME) and load_lora_adapter(folder/NAME) read the same file in the same way.
# Reality: the second takes the path of an older, pickled format that has no header. It reads the weights as well, but not what
#          save_lora_adapter wrote beside them: lora_alpha becomes the rank, so that the effect is rank / alpha of what was trained.
#          The pipelines' own load_lora_weights keeps it, whichever way the file is named.
# Seen:    rank 4, alpha 16: scale 4.0 before saving; 4.0 from the folder and the name, 1.0 from the path of the file; no warning
# Matters: alpha of twice the rank is common. A style, a motion or a few-step LoRA of a UNet or a transformer comes back at half
#          of its strength or less, looks merely weak, and is "mended" by a higher adapter weight.
# Holds:   on any processor; tiny random weights, no network.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 torch==2.13.0 transformers==5.24.0 diffusers==0.42.1 peft==0.21.2
"$folder/venv/bin/python" - "$folder/lora" <<'PY' 2>&1 | tee "$folder/output"
import sys
from pathlib import Path

import diffusers
import peft

SHAPE = {
    "block_out_channels": (32, 64),
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
    "cross_attention_dim": 32,
    "attention_head_dim": 8,
    "norm_num_groups": 8,
    "layers_per_block": 1,
}


def scale_of(unet):
    return next(module.scaling["style"] for name, module in unet.named_modules() if name.endswith("attn1.to_q"))


folder = Path(sys.argv[1])
trained = diffusers.UNet2DConditionModel(**SHAPE)
trained.add_adapter(peft.LoraConfig(r=4, lora_alpha=16, target_modules=["to_q"]), "style")
trained.save_lora_adapter(folder, "style")
(file,) = folder.iterdir()
scales = {"trained": scale_of(trained)}
for name, place in {
    "folder and name": {"pretrained_model_name_or_path_or_dict": folder, "weight_name": file.name},
    "path of the file": {"pretrained_model_name_or_path_or_dict": file},
}.items():
    unet = diffusers.UNet2DConditionModel(**SHAPE)
    unet.load_lora_adapter(**place, prefix=None, adapter_name="style")
    scales[name] = scale_of(unet)
for name, scale in scales.items():
    print(f"{name:18s} scale {scale}")
sys.exit("the behaviour has changed" if list(scales.values()) != [4.0, 4.0, 1.0] else 0)
PY
if grep -qi "alpha\|metadata" "$folder/output"; then
  echo "the behaviour has changed: something is said"
  exit 1
fi
