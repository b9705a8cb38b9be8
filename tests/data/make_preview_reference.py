"""Writes tests/data/preview_reference: a tiny AutoencoderTiny of diffusers, latents, and what it makes of them.

python make_preview_reference.py, with torch 2.13.0 and diffusers 0.42.1
"""

from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderTiny

FOLDER = Path(__file__).parent / "preview_reference"

torch.manual_seed(0)
network = AutoencoderTiny(
    encoder_block_out_channels=(8, 8),
    decoder_block_out_channels=(8, 8),
    num_encoder_blocks=(1, 1),
    num_decoder_blocks=(1, 1),
).eval()
network.save_pretrained(FOLDER)
latents = torch.randn(2, 4, 8, 12)
with torch.no_grad():
    pictures = network.decode(latents).sample
np.savez_compressed(FOLDER / "decoded.npz", latents=latents.numpy(), pictures=pictures.numpy())
