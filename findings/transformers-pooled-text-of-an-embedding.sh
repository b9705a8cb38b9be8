#!/usr/bin/env bash
# transformers 5.24.0, torch 2.13.0 (on the CPU), numpy 2.2.6
#
# Guess:   the pooled text of CLIP (text_embeds, pooler_output) is taken at the end token, wherever it is and whatever was learned before it.
# Reality: with eos_token_id 2 in the configuration, which CLIP's and Stable Diffusion XL's published ones have, it is taken at the first
#          place of the largest id. Tokens that were added for a textual inversion have larger ids than the end: the sentence is pooled at the
#          embedding, before the rest of the prompt was read.
# Seen:    start, word, two added tokens, word, end, padding: taken at 3 (the last added one) with eos_token_id 2, at 5 (the end) with
#          49407; a word changed behind the embedding changes the pooled text by 0 with the first
# Matters: XL adds the pooled text to every step. Prompts with an embedding lose whatever stands behind it there ("STYLE, a red boat at
#          night" is pooled as "STYLE"), and it seems that the embedding is too strong. Similarities by CLIP suffer in the same way.
# Holds:   on any processor; tiny random weights, no network.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 torch==2.13.0 transformers==5.24.0
"$folder/venv/bin/python" - <<'PY'
import sys

import torch
import transformers

transformers.logging.set_verbosity_error()
START, END, STYLE = 49406, 49407, [49408, 49409]
PADDING = [END] * 4


def encoder(eos_token_id: int):
    torch.manual_seed(0)
    config = transformers.CLIPTextConfig(
        vocab_size=END + 1,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        projection_dim=16,
        eos_token_id=eos_token_id,
    )
    model = transformers.CLIPTextModelWithProjection(config).eval()
    model.resize_token_embeddings(END + 1 + len(STYLE))
    return model


@torch.no_grad()
def pooled(model, *ids: int) -> tuple[torch.Tensor, list[int]]:
    """The pooled text, and the places of the sequence that it may have been taken at."""
    outputs = model(torch.tensor([[START, *ids, END, *PADDING]]))
    everywhere = model.text_projection(outputs.last_hidden_state)[0]
    return outputs.text_embeds[0], [i for i, place in enumerate(everywhere) if torch.allclose(place, outputs.text_embeds[0], atol=1e-6)]


seen = {}
for eos in (2, END):
    model = encoder(eos)
    (night, places), (day, _) = pooled(model, 320, *STYLE, 1125), pooled(model, 320, *STYLE, 2063)
    change = float((night - day).abs().max())
    plain = pooled(model, 320, 1929, 786, 1125)[1]
    seen[eos] = places, change, plain
    print(f"eos_token_id {eos}: taken at {places}, without an embedding at {plain}; another word behind the embedding changes it by {change:.4f}")
if seen[2] != ([3], 0.0, [5]) or seen[END][0] != [5] or seen[END][1] < 1e-3 or seen[END][2] != [5]:
    sys.exit("the behaviour has changed")
PY
