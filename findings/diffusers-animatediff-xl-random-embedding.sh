#!/usr/bin/env bash
# diffusers 0.42.1, torch 2.13.0 (on the CPU), transformers 5.24.0, numpy 2.2.6
#
# Guess:   UNetMotionModel.from_unet2d(unet, adapter), which AnimateDiffSDXLPipeline calls on the UNet that it is given, has all weights of
#          that UNet; only the motion modules are new.
# Reality: Stable Diffusion XL's add_embedding (pooled text, sizes and crops) is not copied. It keeps the random numbers that it was made
#          with: another model each time, without a word. All else is copied, and Stable Diffusion 1 and 2 have no such part.
# Seen:    motion modules that do nothing, one frame: XL is 19 % off the 2D UNet and differs by 16 % from one making to the next; the
#          kind without add_embedding differs by 0.0000 %, and so does XL with add_embedding copied by hand
# Matters: one seed gives another video after each start; size and crop conditions and half of the prompt are noise to every block. The rest is
#          right, so that pictures come out, and the motion module, which is young for XL, gets the blame.
# Holds:   on any processor; tiny random weights, no network.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 torch==2.13.0 transformers==5.24.0 diffusers==0.42.1
"$folder/venv/bin/python" - <<'PY'
import sys
import warnings

import diffusers
import torch

warnings.simplefilter("ignore")
diffusers.logging.set_verbosity_error()
WIDTHS, GROUPS, TEXT, POOLED = (32, 64), 8, 32, 16
XL = {"addition_embed_type": "text_time", "addition_time_embed_dim": 8, "projection_class_embeddings_input_dim": POOLED + 6 * 8}


def picture_unet(**more):
    torch.manual_seed(0)
    return diffusers.UNet2DConditionModel(
        block_out_channels=WIDTHS,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=TEXT,
        attention_head_dim=(2, 4),
        norm_num_groups=GROUPS,
        layers_per_block=1,
        **more,
    ).eval()


def video_unet(unet, seed: int):
    """The same UNet with motion modules that add nothing."""
    torch.manual_seed(seed)
    shape = {"motion_layers_per_block": 1, "motion_norm_num_groups": GROUPS, "use_motion_mid_block": False}
    adapter = diffusers.MotionAdapter(block_out_channels=WIDTHS, motion_num_attention_heads=4, **shape)
    video = diffusers.UNetMotionModel.from_unet2d(unet, adapter).eval()
    for name, weight in video.named_parameters():
        if "motion_modules" in name and "proj_out" in name:
            torch.nn.init.zeros_(weight)
    return video


@torch.no_grad()
def prediction(unet, frames: bool) -> torch.Tensor:
    torch.manual_seed(1)
    latent, text, pooled = torch.randn(1, 4, 16, 16), torch.randn(1, 7, TEXT), torch.randn(1, POOLED)
    added = {"text_embeds": pooled, "time_ids": torch.tensor([[512.0, 512.0, 0.0, 0.0, 512.0, 512.0]])}
    sample = latent[:, :, None] if frames else latent
    return unet(sample, torch.tensor([500]), encoder_hidden_states=text, added_cond_kwargs=added).sample.reshape(latent.shape)


def apart(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).norm() / b.norm())


seen = {}
for name, more in {"without": {}, "XL": XL}.items():
    flat = picture_unet(**more)
    videos = [video_unet(flat, seed) for seed in (2, 3)]
    wanted, first, second = prediction(flat, False), *(prediction(video, True) for video in videos)
    missing = [key for key, weight in flat.state_dict().items() if not torch.equal(weight, videos[0].state_dict()[key])]
    seen[name] = apart(first, wanted), apart(first, second), missing
    print(f"{name}: off by {100 * apart(first, wanted):.4f} %, two makings apart by {100 * apart(first, second):.4f} %; not copied: {missing}")
videos[0].add_embedding.load_state_dict(flat.add_embedding.state_dict())
cured = apart(prediction(videos[0], True), wanted)
print(f"XL, add_embedding copied by hand: off by {100 * cured:.4f} %")
same = max(*seen["without"][:2], cured) < 1e-4 and not seen["without"][2]
if not same or min(seen["XL"][:2]) < 0.02 or {key.split(".")[0] for key in seen["XL"][2]} != {"add_embedding"}:
    sys.exit("the behaviour has changed")
PY
