"""What files of weights and folders are called that are given in another's place, and what is advised."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from ppt2v.errors import InputError
from ppt2v.models.families import stable_diffusion
from ppt2v.models.layouts import contents
from ppt2v.models.layouts.diffusers import check_pipeline
from ppt2v.models.sources import locate

# Names as published files have them.
FILES = {
    "a LoRA": [
        ["lora_unet_mid_block_attentions_0_proj_in.lora_down.weight", "lora_te_text_model_encoder_layers_0.alpha"],
        ["unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_k.lora_A.weight"],
        [
            "text_encoder.text_model.encoder.layers.0.self_attn.q_proj.lora_linear_layer.up.weight",
            "unet.a.lora.up.weight",
        ],
        ["lycoris_mid_block.hada_w1_a"],
        ["down_blocks.0.attentions.0.processor.to_q_lora.down.weight"],
    ],
    "a textual inversion": [["emb_params"], ["<cat-toy>"], ["clip_g", "clip_l"], ["*"]],
    "a motion module of AnimateDiff": [["down_blocks.0.motion_modules.0.temporal_transformer.norm.weight"]],
    "a ControlNet": [
        ["control_model.input_blocks.0.0.weight", "control_model.input_hint_block.0.weight"],
        ["controlnet_cond_embedding.conv_in.weight", "down_blocks.0.resnets.0.conv1.weight"],
        ["input_hint_block.0.weight", "input_blocks.0.0.weight"],
    ],
    "a Control-LoRA": [["lora_controlnet", "input_blocks.1.0.in_layers.2.down", "input_hint_block.0.weight"]],
    "a T2I-Adapter": [["adapter.body.0.resnets.0.block1.weight"], ["body.0.block1.weight", "body.0.block1.bias"]],
    "an IP-Adapter": [["image_proj.proj.weight", "ip_adapter.1.to_k_ip.weight"]],
    "Stable Diffusion XL without one of its two text encoders, such as its refiner,": [
        ["conditioner.embedders.0.transformer.text_model.x", "model.diffusion_model.label_emb.0.0.weight"],
        ["conditioner.embedders.0.model.ln_final.bias", "model.diffusion_model.input_blocks.0.0.weight"],
    ],
    "Stable Diffusion 3 or a relative": [["model.diffusion_model.joint_blocks.0.context_block.attn.qkv.weight"]],
    "FLUX or a relative": [
        ["double_blocks.0.img_attn.qkv.weight", "img_in.weight"],
        ["transformer_blocks.0.attn.to_q.weight", "single_transformer_blocks.0.attn.to_q.weight"],
    ],
    "a diffusion transformer": [["blocks.0.cross_attn.k.weight", "patch_embedding.weight"]],
    "Stable Video Diffusion": [["model.diffusion_model.input_blocks.1.0.time_stack.in_layers.0.weight"]],
    "Stable unCLIP": [
        [
            "cond_stage_model.model.ln_final.bias",
            "model.diffusion_model.label_emb.0.0.weight",
            "model.diffusion_model.input_blocks.0.0.weight",
        ],
    ],
    "a latent consistency model with guidance of its own": [
        ["model.diffusion_model.time_embed.cond_proj.weight", "cond_stage_model.transformer.x"],
    ],
    "an autoencoder (VAE) alone": [
        ["first_stage_model.encoder.conv_in.weight"],
        ["encoder.down.0.block.0.conv1.weight", "decoder.conv_in.weight", "loss.logvar"],
        ["decoder.up_blocks.0.resnets.0.conv1.weight", "encoder.conv_in.weight"],
    ],
    "a tiny autoencoder (TAESD)": [["decoder.layers.1.weight"], ["encoder.0.weight"]],
    "a UNet alone": [
        ["model.diffusion_model.input_blocks.0.0.weight"],
        ["input_blocks.0.0.weight"],
        ["down_blocks.0.attentions.0.norm.weight", "conv_in.weight"],
    ],
    "a text encoder alone": [["text_model.encoder.layers.0.layer_norm1.weight"], ["transformer.resblocks.0.ln_1.bias"]],
    "a model of Stable Diffusion": [
        [
            "model.diffusion_model.input_blocks.0.0.weight",
            "cond_stage_model.transformer.text_model.x",
            "model_ema.decay",
        ],
        ["model.diffusion_model.input_blocks.0.0.weight", "cond_stage_model.model.ln_final.bias"],
    ],
    "a model of Stable Diffusion XL": [
        [
            "model.diffusion_model.label_emb.0.0.weight",
            "conditioner.embedders.0.transformer.text_model.x",
            "conditioner.embedders.1.model.ln_final.bias",
        ],
    ],
    "weights of an unknown kind": [["layers.0.weight"], []],
}
CASES = [(what, names) for what, files in FILES.items() for names in files]


@pytest.mark.parametrize(("what", "names"), CASES)
def test_a_file_is_called_what_it_is(what, names):
    assert str(contents.describe(names)) == what


@pytest.mark.parametrize(
    ("what", "names"),
    [case for case in CASES if not case[0].startswith(("a model of Stable Diffusion", "weights of an unknown kind"))],
)
def test_what_is_given_as_a_model_is_refused_by_its_name_with_advice(what, names, tmp_path):
    with pytest.raises(InputError) as refused:
        stable_diffusion.load_stable_diffusion(_written(tmp_path / "x.safetensors", names), lazy=True)
    assert f"holds {what} and no model of Stable Diffusion" in str(refused.value)
    assert str(refused.value).endswith(str(contents.advice(names))) and "\n" not in str(refused.value)


def _written(file: Path, names: list[str]) -> Path:
    from safetensors.numpy import save_file

    save_file({name: np.zeros((2, 2), np.float32) for name in names}, file)
    return file


def test_a_folder_says_what_to_give_instead(tiny_folder, tmp_path):
    folders = {name: tmp_path / name for name in ("lora", "single", "above", "cache", "empty")}
    for folder in folders.values():
        folder.mkdir()
    _written(folders["lora"] / "pytorch_lora_weights.safetensors", FILES["a LoRA"][1])
    _written(folders["single"] / "sd.safetensors", FILES["a model of Stable Diffusion"][0])
    shutil.copytree(tiny_folder, folders["above"] / "inner")
    (folders["cache"] / "models--org--name").mkdir()
    advice = {
        "lora": "is a LoRA: give it as lora=",
        "single": f"it holds a model in a single file: give {folders['single'] / 'sd.safetensors'}",
        "above": f"the model is in {folders['above'] / 'inner'}",
        "cache": "give the id of a model",
        "empty": "give a folder in the layout of diffusers",
    }
    for name, words in advice.items():
        with pytest.raises(InputError) as refused:
            locate.check(folders[name])
        assert words in str(refused.value)


@pytest.mark.parametrize(("network", "words"), [("vae", "--vae"), ("unet", "give a model of Stable Diffusion")])
def test_a_single_network_says_what_it_is_for(tiny_folder, network, words):
    with pytest.raises(InputError, match=words):
        stable_diffusion.load_stable_diffusion(tiny_folder / network, lazy=True)


@pytest.mark.parametrize("ending", ["", "snapshots"])
def test_the_entry_of_a_hubs_cache_stands_for_its_newest_version(tiny_folder, tmp_path, ending):
    entry = tmp_path / "models--org--name"
    for version in ("aaa", "bbb"):
        shutil.copytree(tiny_folder, entry / "snapshots" / version)
    (entry / "refs").mkdir()
    (entry / "refs" / "main").write_text("aaa\n")
    assert locate.locate(entry / ending) == entry / "snapshots" / "aaa"
    (entry / "refs" / "main").write_text("../../../etc")
    assert locate.locate(entry / ending).parent == entry / "snapshots"


@pytest.mark.parametrize(
    ("part", "family"),
    [("transformer", "another family"), ("motion_adapter", "AnimateDiff")],
)
def test_pipelines_of_other_families_are_refused_by_name(copy, part, family):
    index = json.loads((copy / "model_index.json").read_text())
    (copy / "model_index.json").write_text(json.dumps({**index, "_class_name": "SomePipeline", part: ["a", "B"]}))
    with pytest.raises(InputError, match=f"model of {family}.*a SomePipeline"):
        locate.check(copy)


@pytest.mark.parametrize("name", ["BertModel", "RobertaSeriesModelWithTransformation", "ChineseCLIPTextModel"])
def test_models_whose_texts_are_read_otherwise_are_refused_by_that(copy, name):
    index = json.loads((copy / "model_index.json").read_text())
    (copy / "model_index.json").write_text(json.dumps({**index, "text_encoder": ["transformers", name]}))
    (copy / "tokenizer" / "vocab.json").unlink()  # which those with a vocab.txt do not have
    with pytest.raises(InputError, match=f"read by a {name} and not by CLIP"):
        locate.check(copy)


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder", "tokenizer", "scheduler"])
def test_an_index_without_a_part_is_no_whole_model(copy, part):
    index = json.loads((copy / "model_index.json").read_text())
    (copy / "model_index.json").write_text(json.dumps({**index, part: [None, None]}))
    with pytest.raises(InputError, match=f"names no {part}"):
        locate.check(copy)


@pytest.mark.parametrize("part", ["text_encoder_2", "tokenizer_2"])
def test_what_is_named_as_xl_has_two_encoders_and_two_tokenizers(copy, part):
    index = json.loads((copy / "model_index.json").read_text())
    there = {"text_encoder_2", "tokenizer_2"} - {part}
    with pytest.raises(InputError, match=f"names no {part}"):
        check_pipeline({**index, **{name: ["a", "B"] for name in there}}, "it")
