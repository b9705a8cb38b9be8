"""Writes tests/data/modelscope_reference: what ModelScope's own classes, OpenCLIP and diffusers make of tiny weights.

Made with torch 2.13, diffusers 0.42.1, and the sources of modelscope 1.13.3 and open_clip_torch 3.3.0, which are read
from a folder: ``pip install --no-deps --target FOLDER modelscope==1.13.3 open_clip_torch==3.3.0 einops ftfy regex
wcwidth``, then ``python tests/data/make_modelscope_reference.py FOLDER``.
"""

from __future__ import annotations

import importlib
import json
import sys
import tempfile
import types
from pathlib import Path

import numpy as np
import torch
from diffusers import UNet3DConditionModel

ROOT = Path(__file__).parent.parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]

from modelscope_tiny import (  # noqa: E402
    CONFIGURATION,
    GUIDANCE,
    ODD_SHAPES,
    PROMPT,
    REFERENCE,
    SHAPES,
    STEPS,
    inputs,
    start_noise,
    weight,
)

from ppt2v.models.formats import dtypes, writing  # noqa: E402
from ppt2v.models.layouts import modelscope  # noqa: E402

TEXTS = (
    PROMPT,
    "",
    "An astronaut's dog can't (won't!) ride 2 horses, in 1999... #hashtag  & co",
    "Ein Bär läuft über Öl",
    "a photo of a 猫 and a dog \U0001f600",
    "wow ! A panda!! Look!",
    "word " * 90,
    "it's &amp; they'LL we've I'd 3.14 x_y-z",
    "CAFÉ\tnaïve\nnew line",
)
VAE = {
    "double_z": True,
    "z_channels": 4,
    "resolution": 16,
    "in_channels": 3,
    "out_ch": 3,
    "ch": 32,
    "ch_mult": [1, 2],
    "num_res_blocks": 2,
    "attn_resolutions": [],
    "dropout": 0.0,
}
TIMESTEP = 481


def stub(name: str, **members) -> types.ModuleType:
    """A module that stands for one whose own code would import far more than is needed."""
    module = types.ModuleType(name)
    vars(module).update(members)
    sys.modules[name] = module
    return module


def import_sources(folder: Path) -> dict[str, types.ModuleType]:
    sys.path.append(str(folder))
    stub("torchvision"), stub("torchvision.ops"), stub("torchvision.ops.misc", FrozenBatchNorm2d=torch.nn.Module)
    stub("open_clip", __path__=[str(folder / "open_clip")])
    stub("synthesis", __path__=[str(folder / "modelscope" / "models" / "multi_modal" / "video_synthesis")])
    names = (
        "synthesis.unet_sd",
        "synthesis.autoencoder",
        "synthesis.diffusion",
        "open_clip.transformer",
        "open_clip.tokenizer",
    )
    return {name.split(".")[1]: importlib.import_module(name) for name in names}


def build_unet(module: types.ModuleType):
    """UNetSD; its decoder asks for a text of width 1024 whatever the configuration says."""
    config = CONFIGURATION["model"]["model_cfg"]
    spatial = module.SpatialTransformer

    class AnyWidth(spatial):
        def __init__(self, *args, context_dim=None, **kwargs):
            super().__init__(*args, context_dim=config["unet_context_dim"], **kwargs)

    module.SpatialTransformer = AnyWidth
    return module.UNetSD(
        in_dim=config["unet_in_dim"],
        dim=config["unet_dim"],
        y_dim=config["unet_y_dim"],
        context_dim=config["unet_context_dim"],
        out_dim=config["unet_out_dim"],
        dim_mult=config["unet_dim_mult"],
        num_heads=config["unet_num_heads"],
        head_dim=config["unet_head_dim"],
        num_res_blocks=config["unet_res_blocks"],
        attn_scales=config["unet_attn_scales"],
        dropout=config["unet_dropout"],
        temporal_attention=True,
    ).eval()


class TextTower(torch.nn.Module):
    """The text half of OpenCLIP's CLIP model, with the names it has there, and ModelScope's way through it."""

    WIDTH, LAYERS, WORDS, TOKENS = 128, 3, 49408, 77

    def __init__(self, transformer: types.ModuleType):
        super().__init__()
        self.transformer = transformer.Transformer(self.WIDTH, self.LAYERS, self.WIDTH // 64)
        self.token_embedding = torch.nn.Embedding(self.WORDS, self.WIDTH)
        self.positional_embedding = torch.nn.Parameter(torch.empty(self.TOKENS, self.WIDTH))
        self.ln_final = torch.nn.LayerNorm(self.WIDTH)
        self.text_projection = torch.nn.Parameter(torch.empty(self.WIDTH, self.WIDTH))
        self.logit_scale = torch.nn.Parameter(torch.empty([]))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        mask = torch.full((self.TOKENS, self.TOKENS), float("-inf")).triu(1)
        x = self.token_embedding(tokens) + self.positional_embedding
        for block in self.transformer.resblocks[:-1]:
            x = block(x, attn_mask=mask)
        return self.ln_final(x)


def fill(network: torch.nn.Module, prefix: str = "") -> dict[str, list[int]]:
    """Gives a network the weights that follow from their names; returns the names and shapes."""
    state = {
        name: torch.from_numpy(np.array(weight(prefix + name, tuple(tensor.shape))))
        for name, tensor in network.state_dict().items()
    }
    network.load_state_dict(state, strict=True)
    return {prefix + name: list(tensor.shape) for name, tensor in state.items()}


@torch.no_grad()
def run_chain(parts: dict, modules: dict, contexts: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Latents ``[FRAMES, 4, 8, 8]`` and frames uint8, by ModelScope's sampling loop and its handling of the result."""
    diffusion = modules["diffusion"]
    betas = diffusion.beta_schedule("linear_sd", 1000, init_beta=0.00085, last_beta=0.0120)
    process = diffusion.GaussianDiffusion(betas, "eps", "fixed_small", "mse", rescale_timesteps=False)
    noise = torch.from_numpy(start_noise().transpose(1, 0, 2, 3)[None].copy())
    texts = [{"y": contexts[1:]}, {"y": contexts[:1]}]
    latents = process.ddim_sample_loop(noise, parts["unet"], texts, guide_scale=GUIDANCE, ddim_timesteps=STEPS, eta=0.0)
    pictures = parts["vae"].decode(latents[0].transpose(0, 1) / 0.18215)
    frames = (pictures * 0.5 + 0.5).clamp(0, 1) * 255
    return latents[0].transpose(0, 1).numpy(), frames.permute(0, 2, 3, 1).numpy().astype(np.uint8)


@torch.no_grad()
def run_diffusers() -> dict[str, np.ndarray]:
    """diffusers' UNet3DConditionModel on the same weights, at sizes that ModelScope's network does not take."""
    config = CONFIGURATION["model"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        (path / "configuration.json").write_text(json.dumps(CONFIGURATION))
        writing.save_torch(path / config["model_args"]["ckpt_unet"], unet_weights())
        part = modelscope.read(path, "unet")
        network = UNet3DConditionModel.from_config({**part.config, "class_embed_type": None}).eval()
        tensors = modelscope.diffusers_names(part, network)
        network.load_state_dict({name: torch.from_numpy(array.copy()) for name, array in tensors.items()}, strict=True)
    made = {}
    for shape in (*SHAPES, *ODD_SHAPES):
        latents, text = map(torch.from_numpy, inputs(*shape))
        made[f"diffusers {shape}"] = network(latents, TIMESTEP, text).sample.numpy()
    return made


def unet_weights() -> dict[str, np.ndarray]:
    names = json.loads((REFERENCE / "names.json").read_text())["unet"]
    return {name: weight(name, tuple(shape)) for name, shape in names.items()}


def check_writer() -> None:
    """Writes a file without PyTorch that PyTorch reads; the test compares its bytes."""
    numbers = np.arange(24, dtype=np.float32).reshape(4, 6)
    tensors = {"a": numbers, "half": numbers.astype(np.float16), "number": np.array(7, np.int64)}
    tensors["bfloat16"] = (numbers.view(np.uint32) >> 16).astype("<u2").view(dtypes.BFLOAT16)
    file = REFERENCE / "written.pth"
    writing.save_torch(file, tensors, entry="state_dict")
    read = torch.load(file, weights_only=True)["state_dict"]
    assert list(read) == list(tensors)
    assert all(np.array_equal(read[name].float().numpy(), dtypes.widen(tensors[name])) for name in tensors)


def main() -> None:
    modules = import_sources(Path(sys.argv[1]))
    REFERENCE.mkdir(exist_ok=True)
    vae = modules["autoencoder"].AutoencoderKL(VAE, 4).eval()
    tower = TextTower(modules["transformer"]).eval()
    parts = {"unet": build_unet(modules["unet_sd"]), "vae": vae, "text_encoder": tower}
    prefixes = {"vae": modelscope.VAE_PREFIX}
    names = {part: fill(network, prefixes.get(part, "")) for part, network in parts.items()}
    (REFERENCE / "names.json").write_text(json.dumps(names, indent=0) + "\n")
    check_writer()
    tokenize = modules["tokenizer"].SimpleTokenizer()
    tokens = tokenize(list(TEXTS))
    made = {"tokens": tokens.numpy().astype(np.int32), **run_diffusers()}
    with torch.no_grad():
        contexts = parts["text_encoder"](tokenize(["", PROMPT]))
        for shape in SHAPES:
            latents, text = map(torch.from_numpy, inputs(*shape))
            made[f"modelscope {shape}"] = parts["unet"](latents, torch.full((shape[0],), TIMESTEP), text).numpy()
        picture = np.random.default_rng(1).uniform(-1, 1, (1, 3, 16, 16)).astype(np.float32)
        made["picture"], made["encoded"] = picture, vae.encode(torch.from_numpy(picture)).mean.numpy()
    made["contexts"] = contexts.numpy().astype(np.float32)
    made["latents"], made["frames"] = run_chain(parts, modules, contexts)
    np.savez_compressed(REFERENCE / "outputs.npz", texts=np.array(TEXTS), **made)
    for name, array in made.items():
        print(name, array.shape, f"standard deviation {array.std():.3f}")


if __name__ == "__main__":
    main()
