"""Writes tests/data/adapter_methods.npz: what LyCORIS and PEFT, in training, make of a weight with each method.

For each case the arrays that the library saves, and the weight with which it computes then: LyCORIS' taken from its
layer's forward pass, PEFT's merged by itself. All numbers given are float32; the libraries compute in float64, but for
OFT, whose matrices LyCORIS inverts in float32. Made with torch 2.13, lycoris-lora 4.1.3, peft 0.21, which the tests do
not need.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import peft
import torch
from lycoris import modules
from safetensors.torch import load_file
from torch import nn

FILE = Path(__file__).parent / "adapter_methods.npz"
ALPHA = 3.0
LAYERS = {
    "linear": lambda: nn.Linear(24, 16),
    "conv1": lambda: nn.Conv2d(12, 8, 1),
    "conv3": lambda: nn.Conv2d(12, 8, 3, padding=1),
    "norm": lambda: nn.GroupNorm(2, 8),
}
EVERY, CONV = ("linear", "conv1", "conv3"), ("conv3",)
LYCORIS = (
    ("lora", modules.LoConModule, {"lora_dim": 2}, EVERY),
    ("lora tucker", modules.LoConModule, {"lora_dim": 2, "use_tucker": True}, CONV),
    ("lora rank-stabilized", modules.LoConModule, {"lora_dim": 4, "rs_lora": True}, ("linear",)),
    ("lora scalar", modules.LoConModule, {"lora_dim": 2, "use_scalar": True}, EVERY),
    ("dora rows", modules.LoConModule, {"lora_dim": 2, "weight_decompose": True}, EVERY),
    ("dora columns", modules.LoConModule, {"lora_dim": 2, "weight_decompose": True, "wd_on_out": False}, EVERY),
    ("loha", modules.LohaModule, {"lora_dim": 2}, EVERY),
    ("loha tucker", modules.LohaModule, {"lora_dim": 2, "use_tucker": True}, CONV),
    ("loha dora", modules.LohaModule, {"lora_dim": 2, "weight_decompose": True}, EVERY),
    ("lokr whole", modules.LokrModule, {"lora_dim": 2, "full_matrix": True}, EVERY),
    ("lokr factored", modules.LokrModule, {"lora_dim": 1}, EVERY),
    ("lokr both factored", modules.LokrModule, {"lora_dim": 1, "decompose_both": True}, EVERY),
    ("lokr tucker", modules.LokrModule, {"lora_dim": 1, "use_tucker": True}, CONV),
    ("lokr dora", modules.LokrModule, {"lora_dim": 1, "weight_decompose": True, "wd_on_out": False}, EVERY),
    ("full", modules.FullModule, {}, EVERY),
    ("norm", modules.NormModule, {}, ("norm",)),
    ("glora", modules.GLoRAModule, {"lora_dim": 2}, EVERY),
    ("ia3 rows", modules.IA3Module, {}, EVERY),
    ("ia3 columns", modules.IA3Module, {"train_on_input": True}, EVERY),
    ("oft", modules.DiagOFTModule, {"lora_dim": 4}, EVERY),
    ("oft limited", modules.DiagOFTModule, {"lora_dim": 4, "constraint": 0.05}, EVERY),
    ("oft rescaled", modules.DiagOFTModule, {"lora_dim": 4, "rescaled": True}, EVERY),
    ("boft", modules.ButterflyOFTModule, {"lora_dim": 4}, EVERY),
    ("boft rescaled", modules.ButterflyOFTModule, {"lora_dim": 4, "rescaled": True}, EVERY),
)
PEFT = (
    ("peft lora", lambda: peft.LoraConfig(r=2, lora_alpha=ALPHA, target_modules=["layer"]), EVERY),
    (
        "peft lora rank-stabilized",
        lambda: peft.LoraConfig(r=2, lora_alpha=ALPHA, use_rslora=True, target_modules=["layer"]),
        ("linear",),
    ),
    (
        "peft lora bias",
        lambda: peft.LoraConfig(r=2, lora_alpha=ALPHA, lora_bias=True, target_modules=["layer"]),
        ("linear",),
    ),
    ("peft dora", lambda: peft.LoraConfig(r=2, lora_alpha=ALPHA, use_dora=True, target_modules=["layer"]), EVERY),
    ("peft loha", lambda: peft.LoHaConfig(r=2, alpha=ALPHA, target_modules=["layer"]), EVERY),
    (
        "peft loha tucker",
        lambda: peft.LoHaConfig(r=2, alpha=ALPHA, use_effective_conv2d=True, target_modules=["layer"]),
        CONV,
    ),
    ("peft lokr", lambda: peft.LoKrConfig(r=1, alpha=ALPHA, target_modules=["layer"]), EVERY),
    ("peft lokr whole", lambda: peft.LoKrConfig(r=8, alpha=ALPHA, target_modules=["layer"]), EVERY),
)


def made(layer: str) -> nn.Module:
    """The layer, with the same weights every time."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return LAYERS[layer]()


def scramble(module: nn.Module) -> None:
    """Gives every parameter but the layer's own numbers that are not those of the beginning."""
    for name, parameter in module.named_parameters():
        if "dora_scale" in name or "magnitude" in name or "rescale" in name:
            parameter.data *= 0.5 + torch.rand_like(parameter)
        elif "base_layer" not in name:
            parameter.data.normal_(0, 0.3)
        parameter.data = parameter.data.float().to(parameter.dtype)


def of_lycoris(kind: type, settings: dict, layer: nn.Module) -> tuple[dict, dict]:
    """The arrays that are saved, and the weight and the bias that the layer computes with."""
    module = kind("layer", layer, multiplier=1.0, alpha=ALPHA, **settings)
    if kind not in (modules.DiagOFTModule, modules.ButterflyOFTModule):
        module.double()
        layer.double()
    scramble(module)
    if kind is modules.FullModule:
        module.apply_to()  # before which it does not save differences
        return {name: array.detach() for name, array in module.state_dict().items()}, dict(module.named_parameters())
    used = {}

    def record(x, weight=None, bias=None, **_):
        used.update(weight=layer.weight + weight, bias=None if bias is None else layer.bias + bias)
        return torch.zeros(())

    module.op = record
    module.org_forward = lambda x: torch.zeros(())
    module.forward(torch.zeros(1, 24, dtype=layer.weight.dtype))
    return {name: array.detach() for name, array in module.state_dict().items()}, used


def of_peft(config, layer: nn.Module) -> tuple[dict, dict, dict]:
    """The same, and what PEFT says beside the arrays."""

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = layer

    model = peft.get_peft_model(Model(), config).double()
    scramble(model)
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        arrays = load_file(f"{folder}/adapter_model.safetensors")
        said = json.loads(Path(f"{folder}/adapter_config.json").read_text(encoding="utf-8"))
    merged = model.merge_and_unload().layer
    saved = {name.removeprefix("base_model.model.layer."): array for name, array in arrays.items()}
    kept = {
        key: said[key]
        for key in ("r", "alpha", "lora_alpha", "use_rslora", "rank_pattern", "alpha_pattern")
        if key in said
    }
    return saved, {"weight": merged.weight, "bias": merged.bias}, kept


@torch.no_grad()
def cases() -> Iterator[tuple[str, dict[str, torch.Tensor]]]:
    for name, kind, settings, layers in LYCORIS:
        for layer in layers:
            yield f"{name}/{layer}", arrays(*of_lycoris(kind, settings, made(layer)))
    for name, config, layers in PEFT:
        for layer in layers:
            saved, used, said = of_peft(config(), made(layer))
            text = np.frombuffer(json.dumps(said).encode(), np.uint8)
            yield f"{name}/{layer}", {**arrays(saved, used), "said": torch.from_numpy(text.copy())}


def arrays(saved: dict, used: dict) -> dict[str, torch.Tensor]:
    after = {f"after {name}": array for name, array in used.items() if array is not None}
    return {**after, **{f"file {name}": array.float() for name, array in saved.items()}}


@torch.no_grad()
def main() -> None:
    torch.manual_seed(0)
    stored = {f"{case}/{name}": array for case, found in cases() for name, array in found.items()}
    for layer in LAYERS:
        stored |= {f"{layer}/{name}": array for name, array in made(layer).state_dict().items()}
    rounded = {name: (array if name.endswith("said") else array.float()).numpy() for name, array in stored.items()}
    np.savez_compressed(FILE, **rounded)
    print(FILE, FILE.stat().st_size, "bytes;", len({name.rpartition("/")[0] for name in stored}), "cases")


if __name__ == "__main__":
    main()
