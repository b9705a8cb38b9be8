"""Folders to networks: loading of every layout, and what is refused."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import DATA

from ppt2v.errors import InputError
from ppt2v.models.families import stable_diffusion
from ppt2v.models.formats import fitting
from ppt2v.models.loading import tokenizer, weights
from ppt2v.models.sources import locate

CHECKPOINTS = DATA / "checkpoints"
NETWORKS = ("text_encoder", "unet", "vae")


def _classes() -> dict[str, type]:
    from ppdiffusers import AutoencoderKL, UNet2DConditionModel
    from ppdiffusers.transformers import CLIPTextModel

    return {"text_encoder": CLIPTextModel, "unet": UNet2DConditionModel, "vae": AutoencoderKL}


def _linear_names(network) -> set[str]:
    from paddle import nn

    return {f"{name}.weight" for name, layer in network.named_sublayers() if isinstance(layer, nn.Linear)}


def _pytorch_arrays(network) -> dict[str, np.ndarray]:
    linear = _linear_names(network)
    return {
        name: np.ascontiguousarray(value.numpy().T if name in linear else value.numpy())
        for name, value in network.state_dict().items()
    }


def _save_pytorch(network, folder: Path, file: str, rename=lambda name: name) -> None:
    """Replaces the weights in a folder by the same ones as PyTorch's libraries name and lay them out."""
    from safetensors.numpy import save_file

    for old in (*folder.glob("*.safetensors"), *folder.glob("*.pdparams")):
        old.unlink()
    arrays = {rename(name): array for name, array in _pytorch_arrays(network).items()}
    save_file(arrays, folder / file, {"format": "pt"})


def _same_weights(one, other) -> None:
    theirs = other.state_dict()
    assert one.state_dict().keys() == theirs.keys()
    for name, value in one.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), theirs[name].numpy(), err_msg=name)


def _listing(folder: Path) -> dict[str, tuple]:
    return {str(file): (file.stat().st_mtime_ns, file.stat().st_size) for file in (folder, *sorted(folder.rglob("*")))}


@pytest.fixture
def pytorch_copy(copy, tiny_pipe) -> Path:
    """The tiny model in the layout that PyTorch's diffusers writes."""
    _save_pytorch(tiny_pipe.unet, copy / "unet", "diffusion_pytorch_model.safetensors")
    _save_pytorch(tiny_pipe.vae, copy / "vae", "diffusion_pytorch_model.safetensors")
    _save_pytorch(tiny_pipe.text_encoder, copy / "text_encoder", "model.safetensors")
    return copy


def test_pipeline_is_complete(tiny_pipe):
    assert tiny_pipe.safety_checker is None
    assert type(tiny_pipe.scheduler).__name__ == "DDIMScheduler"
    assert tiny_pipe.scheduler.config.steps_offset == 1
    assert not tiny_pipe.scheduler.config.clip_sample
    assert tiny_pipe.unet.config.sample_size == 8
    assert not tiny_pipe.unet.training
    image = tiny_pipe("the fox in the snow", num_inference_steps=2, height=16, width=16, output_type="np").images
    assert np.isfinite(np.asarray(image)).all()


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_are_those_of_the_libraries_own_loader(tiny_folder, tiny_pipe, name):
    _same_weights(getattr(tiny_pipe, name), _classes()[name].from_pretrained(str(tiny_folder / name)))


@pytest.mark.parametrize("name", NETWORKS)
def test_pytorch_folder_gives_the_same_networks(pytorch_copy, tiny_pipe, name):
    _same_weights(weights.load_component(pytorch_copy / name, _classes()[name]), getattr(tiny_pipe, name))


@pytest.mark.parametrize("name", NETWORKS)
def test_paddle_pickles_give_the_same_networks(copy, tiny_pipe, name):
    import paddle

    for file in (copy / name).glob("*.safetensors"):
        file.unlink()
    network = getattr(tiny_pipe, name)
    paddle.save(network.state_dict(), str(copy / name / "model_state.pdparams"))
    _same_weights(weights.load_component(copy / name, _classes()[name]), network)


def test_half_precision_variant_is_found(copy, tiny_pipe):
    _save_pytorch(tiny_pipe.unet, copy / "unet", "diffusion_pytorch_model.fp16.safetensors")
    locate.check(copy)
    _same_weights(weights.load_component(copy / "unet", type(tiny_pipe.unet)), tiny_pipe.unet)


def test_sharded_weights_are_put_together(copy, tiny_pipe):
    from safetensors.numpy import save_file

    for file in (copy / "unet").glob("*.safetensors"):
        file.unlink()
    shards: dict[str, dict] = {}
    for number, (name, array) in enumerate(_pytorch_arrays(tiny_pipe.unet).items()):
        shards.setdefault(f"diffusion_pytorch_model-0000{number % 2 + 1}-of-00002.safetensors", {})[name] = array
    for file, arrays in shards.items():
        save_file(arrays, copy / "unet" / file)
    index = {"weight_map": {name: file for file, arrays in shards.items() for name in arrays}}
    (copy / "unet" / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index))
    locate.check(copy)
    _same_weights(weights.load_component(copy / "unet", type(tiny_pipe.unet)), tiny_pipe.unet)

    (copy / "unet" / file).unlink()
    with pytest.raises(InputError, match=f"it has no unet/{file}"):
        locate.check(copy)


def test_a_network_shares_the_weights_of_another_model_but_for_its_own(copy, tiny_pipe):
    from safetensors.numpy import save_file

    name, own = "conv_in.bias", np.full(tiny_pipe.unet.conv_in.bias.shape, 7, np.float32)
    _save_pytorch(tiny_pipe.unet, copy / "unet", "diffusion_pytorch_model.safetensors")
    network = copy / "adapted" / "unet"  # a model within the other, as those that ship
    network.mkdir(parents=True)
    shutil.copy(copy / "model_index.json", network.parent)
    shutil.copy(copy / "unet" / "config.json", network)
    save_file({name: own}, network / "adapted.safetensors")
    others = dict.fromkeys(tiny_pipe.unet.state_dict(), "../../unet/diffusion_pytorch_model.safetensors")
    index = {"weight_map": {**others, name: "adapted.safetensors"}}
    (network / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index))
    locate.check(network)
    loaded = weights.load_component(network, type(tiny_pipe.unet)).state_dict()
    np.testing.assert_array_equal(loaded.pop(name).numpy(), own)
    for other, value in loaded.items():
        np.testing.assert_array_equal(value.numpy(), tiny_pipe.unet.state_dict()[other].numpy(), err_msg=other)

    (copy / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(InputError, match="it has no ../../unet/diffusion_pytorch_model.safetensors"):
        locate.check(network)


def test_old_attention_names_are_understood(copy, tiny_pipe):
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    pattern = "|".join(map(re.escape, old))
    _save_pytorch(
        tiny_pipe.vae,
        copy / "vae",
        "diffusion_pytorch_model.safetensors",
        lambda name: re.sub(rf"\.({pattern})\.(weight|bias)$", lambda m: f".{old[m[1]]}.{m[2]}", name),
    )
    _same_weights(weights.load_component(copy / "vae", type(tiny_pipe.vae)), tiny_pipe.vae)


def test_text_encoder_of_paddlenlp_is_understood(copy, tiny_pipe):
    import paddle
    from paddlenlp.transformers import CLIPTextConfig, CLIPTextModel

    config = json.loads((copy / "text_encoder" / "config.json").read_text())
    names = CLIPTextModel(CLIPTextConfig.from_dict(config)).state_dict().keys()
    assert any("transformer.layers" in name for name in names)
    network = tiny_pipe.text_encoder
    old_names = {fitting._current_name(name, set(network.state_dict())): name for name in names}
    state = {old_names[name]: value for name, value in network.state_dict().items()}
    (copy / "text_encoder" / "model.safetensors").unlink()
    paddle.save(state, str(copy / "text_encoder" / "model_state.pdparams"))
    _same_weights(weights.load_component(copy / "text_encoder", type(network)), network)


def test_text_encoder_of_transformers_5_gives_its_output():
    import paddle

    network = weights.load_component(CHECKPOINTS / "text_encoder", _classes()["text_encoder"])
    found = network(paddle.to_tensor(np.load(CHECKPOINTS / "text_encoder" / "ids.npy"), dtype="int64"))[0]
    np.testing.assert_allclose(found.numpy(), np.load(CHECKPOINTS / "text_encoder" / "output.npy"), atol=1e-5)


def test_position_ids_in_a_file_are_ignored(copy, tiny_pipe):
    from safetensors.numpy import load_file, save_file

    file = copy / "text_encoder" / "model.safetensors"
    arrays = {**load_file(file), "text_model.embeddings.position_ids": np.arange(77)[None]}
    save_file(arrays, file, {"format": "np"})
    _same_weights(weights.load_component(copy / "text_encoder", type(tiny_pipe.text_encoder)), tiny_pipe.text_encoder)


def test_bfloat16_vae_of_diffusers_gives_its_output():
    import paddle

    network = weights.load_component(CHECKPOINTS / "vae", _classes()["vae"])
    latents = np.linspace(-1, 1, 96, dtype=np.float32).reshape(1, 4, 4, 6)
    found = network.decode(paddle.to_tensor(latents)).sample
    np.testing.assert_allclose(found.numpy(), np.load(CHECKPOINTS / "vae" / "output.npy"), atol=1e-4)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_network(tiny_folder, dtype):
    import paddle

    network = weights.load_component(tiny_folder / "unet", _classes()["unet"], dtype)
    assert {str(value.dtype) for value in network.state_dict().values()} == {f"paddle.{dtype}"}
    assert paddle.get_default_dtype() == "float32"


def test_unknown_dtype_is_refused(tiny_folder):
    with pytest.raises(InputError, match="'int8' is unknown; valid are float32, float16, bfloat16"):
        stable_diffusion.load_stable_diffusion(tiny_folder, "int8")


def test_tokenizer_json_alone_gives_the_same_ids(tiny_folder):
    prompt = "The fox in   the snow, 3 cats!"
    with_files = tokenizer.load_tokenizer(tiny_folder / "tokenizer")
    alone = tokenizer.load_tokenizer(CHECKPOINTS / "tokenizer")
    arguments = {"padding": "max_length", "max_length": 77, "truncation": True}
    assert alone(prompt, **arguments)["input_ids"] == with_files(prompt, **arguments)["input_ids"]
    ids = np.load(CHECKPOINTS / "text_encoder" / "ids.npy")[0]
    assert alone("the fox in the snow", **arguments)["input_ids"] == ids.tolist()
    assert alone.model_max_length == 77


def test_loading_changes_nothing_in_the_folder(pytorch_copy):
    shutil.rmtree(pytorch_copy / "tokenizer")
    shutil.copytree(CHECKPOINTS / "tokenizer", pytorch_copy / "tokenizer")
    before = _listing(pytorch_copy)
    stable_diffusion.load_stable_diffusion(pytorch_copy)
    assert _listing(pytorch_copy) == before


def test_missing_weights_are_never_random(copy, tiny_pipe):
    rename = {"conv_in.weight": "conv_first.weight"}
    _save_pytorch(
        tiny_pipe.unet, copy / "unet", "diffusion_pytorch_model.safetensors", lambda name: rename.get(name, name)
    )
    with pytest.raises(InputError, match=r"unet.*1 weights are missing \(conv_in.weight\), 1 are unexpected \(conv_f"):
        stable_diffusion.load_stable_diffusion(copy)


def test_corrupt_checkpoint_is_named(copy):
    file = copy / "vae" / "diffusion_paddle_model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(InputError, match="vae/diffusion_paddle_model.safetensors is truncated"):
        stable_diffusion.load_stable_diffusion(copy)


def test_defaults_of_a_model(copy):
    assert stable_diffusion.model_defaults(copy) == {}
    (copy / "ppt2v.json").write_text('{"canny": {"resolution": 16}}')
    assert stable_diffusion.model_defaults(copy) == {"canny": {"resolution": 16}}
    (copy / "ppt2v.json").write_text("{")
    with pytest.raises(InputError, match="ppt2v.json is no JSON"):
        stable_diffusion.model_defaults(copy)


@pytest.mark.parametrize(
    "content",
    [
        {"canny": {"checkpoint_dir": "/home"}},
        {"canny": {"watermark": "/etc/hostname"}},
        {"fast": {"canny": {"lora": "x"}}},
        {"dreambooth": {"out": "x"}},
        {"canny": 5},
        {"fast": []},
        [],
    ],
)
def test_a_model_decides_no_more_than_how_it_is_run(copy, content):
    (copy / "ppt2v.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"ppt2v.json.*(not for a model to decide|the rule is an object|of an object)"):
        stable_diffusion.model_defaults(copy)


def test_folder_of_one_network_is_a_model_but_no_pipeline(tiny_folder):
    locate.check(tiny_folder / "unet")
    with pytest.raises(InputError, match="no Stable Diffusion model: it has no model_index.json"):
        stable_diffusion.load_stable_diffusion(tiny_folder / "unet")
