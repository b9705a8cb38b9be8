"""Motion modules in files and folders, LoRA for them, and what is given in their place."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import paddle
import pytest
import tiny_model
from conftest import CLIPS
from tiny_model import write_json

from ppt2v import MODES, InputError
from ppt2v.models.adapters import adapters, motion
from ppt2v.models.families import motion as networks
from ppt2v.models.families.stable_diffusion import load_stable_diffusion
from ppt2v.models.formats.writing import save_torch
from ppt2v.models.layouts import motion_modules
from ppt2v.models.sources import locate
from ppt2v.request.request import Request

# Of one module, the names in the files of the authors, and diffusers' names for the same.
PAIRS = {
    "temporal_transformer.norm.weight": "norm.weight",
    "temporal_transformer.norm.bias": "norm.bias",
    "temporal_transformer.proj_in.weight": "proj_in.weight",
    "temporal_transformer.proj_in.bias": "proj_in.bias",
    **{
        f"temporal_transformer.transformer_blocks.0.{theirs}": f"transformer_blocks.0.{ours}"
        for theirs, ours in {
            "attention_blocks.0.pos_encoder.pe": "pos_embed.pe",
            **{
                f"attention_blocks.{number}.{layer}": f"attn{number + 1}.{layer}"
                for number in (0, 1)
                for layer in ("to_q.weight", "to_k.weight", "to_v.weight", "to_out.0.weight", "to_out.0.bias")
            },
            **{
                f"{theirs}.{kind}": f"{ours}.{kind}"
                for theirs, ours in (("norms.0", "norm1"), ("norms.1", "norm2"), ("ff_norm", "norm3"))
                for kind in ("weight", "bias")
            },
            **{
                f"ff.net.{layer}": f"ff.net.{layer}" for layer in ("0.proj.weight", "0.proj.bias", "2.weight", "2.bias")
            },
        }.items()
    },
    "temporal_transformer.proj_out.weight": "proj_out.weight",
    "temporal_transformer.proj_out.bias": "proj_out.bias",
}
WIDTHS = {"block_out_channels": [32, 64], "motion_norm_num_groups": 32, "motion_num_attention_heads": 8}


def state(network) -> dict[str, np.ndarray]:
    """The weights in PyTorch's layout."""
    linear = [f"{name}.weight" for name, layer in network.named_sublayers() if isinstance(layer, paddle.nn.Linear)]
    return {
        name: np.ascontiguousarray(tensor.numpy().T if name in linear else tensor.numpy())
        for name, tensor in network.state_dict().items()
    }


def authors_file(path: Path, network, prefix: str = "", positions: bool = True) -> Path:
    """The weights as the authors of AnimateDiff publish them."""
    tensors = {}
    for name, array in state(network).items():
        place, _, inner = name.partition(".motion_modules.")
        number, _, inner = inner.partition(".")
        [theirs] = [theirs for theirs, ours in PAIRS.items() if ours == inner]
        if positions or not theirs.endswith(".pe"):
            tensors[f"{prefix}{place}.motion_modules.{number}.{theirs}"] = array
        if positions and theirs.endswith(".pe"):
            tensors[f"{prefix}{place}.motion_modules.{number}.{theirs.replace('blocks.0.pos', 'blocks.1.pos')}"] = array
    save_torch(path, tensors, entry="state_dict" if prefix else None)
    return path


def loaded(place: Path) -> dict[str, np.ndarray]:
    network = networks.motion_modules(motion.read(str(place)), "float32")
    network.weights.load()
    return {name: tensor.numpy() for name, tensor in network.state_dict().items()}


VERSIONS = {
    "v1": {"use_motion_mid_block": False, "motion_max_seq_length": 24},
    "v2": {"use_motion_mid_block": True, "motion_max_seq_length": 32},
    "v3": {"use_motion_mid_block": False, "motion_max_seq_length": 32},
}


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("version", VERSIONS)
def test_files_of_the_authors_are_read(version, prefix, tmp_path):
    network = tiny_model.motion_modules(**WIDTHS, **VERSIONS[version])
    file = authors_file(tmp_path / "mm.ckpt", network, prefix)
    config, _ = motion_modules.configuration(file)
    assert {**config, **WIDTHS, **VERSIONS[version]} == config
    made = loaded(file)
    assert made.keys() == network.state_dict().keys()
    assert all(np.array_equal(made[name], tensor.numpy()) for name, tensor in network.state_dict().items())


def test_places_that_a_file_leaves_out_are_sines_and_cosines(tmp_path):
    network = tiny_model.motion_modules(**WIDTHS, motion_max_seq_length=32)
    made = loaded(authors_file(tmp_path / "lcm.ckpt", network, positions=False))
    encoding = made["down_blocks.1.motion_modules.0.transformer_blocks.0.pos_embed.pe"]
    assert encoding.shape == (1, 32, 64)
    places = np.arange(32)[:, None] / 10000 ** (np.arange(0, 64, 2) / 64)
    assert np.abs(encoding[0, :, 0::2] - np.sin(places)).max() < 1e-5
    assert np.abs(encoding[0, :, 1::2] - np.cos(places)).max() < 1e-5


@pytest.mark.parametrize(
    "name", ["{}.temporal_transformer.transformer_blocks.0.attention_blocks.0.processor.to_q_lora.{}.weight",
             "unet.{}.transformer_blocks.0.attn1.processor.to_q_lora.{}.weight",
             "unet.{}.transformer_blocks.0.attn1.to_q.lora_{}.weight"],
)  # fmt: skip
def test_a_lora_may_change_motion_modules(name, tiny_folder, motion_folder, tmp_path):
    down, up = (
        np.random.default_rng(seed).standard_normal(shape, np.float32) for seed, shape in ((0, (2, 16)), (1, (16, 2)))
    )
    layer = "down_blocks.1.motion_modules.0"
    halves = ("A", "B") if "lora_{}" in name and "_lora" not in name else ("down", "up")
    save_torch(tmp_path / "zoom.ckpt", {name.format(layer, half): array for half, array in zip(halves, (down, up))})
    given = {"motion_module": str(motion_folder), "lora": [f"{tmp_path / 'zoom.ckpt'}:0.5"]}
    plain, changed = (
        load_stable_diffusion(tiny_folder, adapters=adapters.read(values)).unet.motion.state_dict()
        for values in ({"motion_module": str(motion_folder)}, given)
    )
    where = f"{layer}.transformer_blocks.0.attn1.to_q.weight"
    assert np.allclose(changed[where].numpy(), plain[where].numpy() + 0.5 * (up @ down).T, atol=1e-6)
    assert all(np.array_equal(changed[each].numpy(), plain[each].numpy()) for each in plain if each != where)


def test_with_modules_the_levels_of_noise_are_those_of_their_training(tiny_folder, motion_folder):
    made = load_stable_diffusion(tiny_folder, lazy=True, adapters=adapters.read({"motion_module": str(motion_folder)}))
    assert made.scheduler.config.beta_schedule == "linear"
    assert np.allclose(made.scheduler.betas.numpy(), np.linspace(0.00085, 0.012, 1000))


def test_modules_may_be_trained_with_the_levels_of_noise_of_their_model(tiny_folder, motion_folder, tmp_path):
    modules = with_config(motion_folder, tmp_path / "modules", noise_schedule="model")
    given = {"motion_module": str(modules)}
    made = load_stable_diffusion(tiny_folder, lazy=True, adapters=adapters.read(given))
    own = load_stable_diffusion(tiny_folder, lazy=True)
    assert made.scheduler.config.beta_schedule == own.scheduler.config.beta_schedule == "scaled_linear"


# What is given in their place


def with_config(folder: Path, place: Path, **values) -> Path:
    shutil.copytree(folder, place)
    write_json(place / "config.json", {**json.loads((folder / "config.json").read_text()), **values})
    return place


def request(**given) -> Request:
    return Request.of(MODES["animate"], {"prompt": "a fox", **given})


def test_another_model_than_the_embedded_one_needs_a_motion_module_of_its_own(tiny_folder):
    assert request().values["motion_module"] == "embedded/motion"
    for given in ({}, {"motion_module": "embedded/motion"}):
        with pytest.raises(InputError, match="tiny needs a motion module that was made for it, .*guoyww") as refused:
            request(model_name=tiny_folder, **given)
        assert refused.value.code == "E-MOTION-MODULE-MISSING"


def test_a_number_may_be_said_for_each_level(motion_folder, tmp_path):
    own, _ = motion_modules.configuration(motion_folder)
    said = {
        "motion_layers_per_block": [own["motion_layers_per_block"]] * 4,
        "motion_transformer_layers_per_block": [[1, 1]] * 4,
        "motion_mid_block_layers_per_block": [1.0],
    }
    assert motion_modules.configuration(with_config(motion_folder, tmp_path / "m", **said))[0] == own


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"block_out_channels": [320, 640, 1280]}, "for Stable Diffusion XL: give one for Stable Diffusion 1.x"),
        ({"conv_in_channels": 9}, "PIA"),
        ({"motion_layers_per_block": [1, 2]}, "motion_layers_per_block=.1, 2.; the rule is a whole number"),
        ({"motion_transformer_layers_per_mid_block": 2}, "motion_transformer_layers_per_mid_block=2; the rule is 1"),
        ({"noise_schedule": "linear"}, "noise_schedule='linear'; the rule is 'model', or nothing"),
        ({"motion_max_seq_length": 0}, "motion_max_seq_length=0; the rule is a whole number from 1 to 4095"),
        ({"use_motion_mid_block": "no"}, "use_motion_mid_block='no'; the rule is true or false"),
        ({"_class_name": None}, "is no motion module: its config.json does not say of which network it is"),
        ({"_class_name": "ControlNetModel"}, "is no motion module: its config.json is that of 'ControlNetModel'"),
    ],
)
def test_modules_that_cannot_be_run_are_refused_by_name(config, words, motion_folder, tmp_path):
    with pytest.raises(InputError, match=words):
        request(motion_module=with_config(motion_folder, tmp_path / "other", **config))


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["down_blocks.0.motion_modules.0.attn1.processor.to_q_lora.down.weight"], "but a LoRA.*--lora"),
        (["lora_unet_mid_block_attentions_0_proj_in.lora_down.weight"], "but a LoRA.*--lora"),
        (["control_model.input_hint_block.0.weight"], "but a ControlNet.*--controlnet"),
        (
            ["controlnet_cond_embedding.conv_in.weight", "down_blocks.0.motion_modules.0.proj_in.weight"],
            "is a SparseCtrl of AnimateDiff",
        ),
        (["layers.0.weight"], "is no motion module but weights of an unknown kind"),
        (["up_blocks.0.motion_modules.0.temporal_transformer.norm.weight"], "not complete: .*down_blocks.0"),
    ],
)  # fmt: skip
def test_other_files_are_refused_by_what_they_are(names, words, tmp_path):
    save_torch(tmp_path / "file.ckpt", {name: np.zeros((2, 2), np.float32) for name in names})
    with pytest.raises(InputError, match=words):
        request(motion_module=str(tmp_path / "file.ckpt"))


def test_modules_of_other_widths_are_refused_before_weights_are_read(tiny_folder, tmp_path):
    file = authors_file(tmp_path / "mm.ckpt", tiny_model.motion_modules(**WIDTHS))
    asked = request(motion_module=file, model_name=tiny_folder)
    with pytest.raises(InputError, match="made for a model with 1 layers at each of the widths 32, 64; .* 8, 16: give"):
        asked.family_of(tiny_folder)


def test_a_folder_of_motion_modules_is_no_model(motion_folder):
    with pytest.raises(InputError, match="it is a motion module: give it as motion_module"):
        Request.of(MODES["text2video"], {"prompt": "a fox", "model_name": motion_folder}).family_of(motion_folder)


def test_the_window_is_checked_with_the_module(motion_folder):
    assert [request(motion_module=motion_folder, motion_window=asked).window for asked in (None, 4)] == [6, 4]
    with pytest.raises(InputError, match="motion_window=7: the motion module tells 6 frames apart"):
        request(motion_module=motion_folder, motion_window=7)
    with pytest.raises(InputError, match="motion_window=4 needs a motion module: give motion_module="):
        Request.of(MODES["canny"], {"prompt": "a car", "video_path": CLIPS / "car.mp4", "motion_window": 4})


def test_a_lora_of_motion_modules_without_them_says_what_lacks(tiny_folder, tmp_path):
    name = "down_blocks.0.motion_modules.0.temporal_transformer.transformer_blocks.0.attention_blocks.0"
    name = f"{name}.processor.to_q_lora.{{}}.weight"
    save_torch(tmp_path / "zoom.ckpt", {name.format(half): np.zeros((2, 2), np.float32) for half in ("down", "up")})
    with pytest.raises(InputError, match="made for AnimateDiff.*motion_module=... .--motion-module.*beside it"):
        load_stable_diffusion(tiny_folder, lazy=True, adapters=adapters.read({"lora": [str(tmp_path / "zoom.ckpt")]}))


def test_what_would_have_to_be_downloaded_is_not_asked_for_by_reading_a_request(motion_folder, monkeypatch):
    asked = []

    def located(name: str, progress: bool) -> Path:
        asked.append(name)
        return motion_folder

    monkeypatch.setattr(locate, "locate", located)
    read = request(motion_module="hf:someone/motion", motion_window=7)
    assert (asked, read.adapters.motion, read.window) == ([], None, None)
    with pytest.raises(InputError, match="motion_window=7"):
        read.with_motion_module(False)
    assert asked == ["hf:someone/motion"]
