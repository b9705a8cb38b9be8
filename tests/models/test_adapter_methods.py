"""Every method of fine-tuning, under every name and in every type of numbers, against the libraries that train it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import DATA

from ppt2v import InputError
from ppt2v.models.adapters.adapters import Adapters
from ppt2v.models.adapters.lora import Lora
from ppt2v.models.formats.dtypes import BFLOAT16, widen
from ppt2v.models.formats.writing import save_safetensors, save_torch

REFERENCE = dict(np.load(DATA / "adapter_methods.npz"))
CASES = sorted({name.rpartition("/")[0] for name in REFERENCE if "/file " in name})
CONFIG = {"layers_per_block": 1, "down_block_types": ["CrossAttnDownBlock2D"], "up_block_types": ["UpBlock2D"]}
# Where the layers of the reference are in the networks that these tests make.
PLACES = {
    "linear": "mid_block.attentions.0.transformer_blocks.0.attn1.to_q",
    "conv1": "down_blocks.0.attentions.0.proj_in",
    "conv3": "down_blocks.0.resnets.0.conv1",
    "norm": "conv_norm_out",
}


def networks():
    """A UNet and a text encoder of the layers of the reference alone, under the names of real ones."""
    from paddle import nn

    made = {
        "linear": nn.Linear(24, 16),
        "conv1": nn.Conv2D(12, 8, 1),
        "conv3": nn.Conv2D(12, 8, 3),
        "norm": nn.GroupNorm(2, 8),
    }
    unet = _network({PLACES[layer]: module for layer, module in made.items()})
    unet.config = CONFIG
    return {"unet": unet, "text_encoder": _network({"text_model.encoder.layers.0.self_attn.q_proj": nn.Linear(24, 16)})}


def _network(layers):
    from paddle import nn

    root = nn.Layer()
    for name, layer in layers.items():
        *folders, last = name.split(".")
        place = root
        for folder in folders:
            if not hasattr(place, folder):
                place.add_sublayer(folder, nn.Layer())
            place = getattr(place, folder)
        place.add_sublayer(last, layer)
    return root


NETWORKS = networks()


def parts(case: str) -> dict[str, np.ndarray]:
    """What the library saves for the layer of a case, by its name behind that of the layer."""
    return {name.split("/file ")[1]: array for name, array in REFERENCE.items() if name.startswith(f"{case}/file ")}


def written(folder: Path, case: str, prefix: str = "", name: str = "adapter_model.safetensors", dtype=None) -> Path:
    """A file of a case, its layer named as in the network, with ``prefix``; and beside it what PEFT says."""
    layer = PLACES[case.split("/")[-1]]
    tensors = {f"{prefix}{layer}.{part}": _as(array, dtype) for part, array in parts(case).items()}
    save_safetensors(folder / name, tensors, "pt")
    if f"{case}/said" in REFERENCE:
        (folder / "adapter_config.json").write_bytes(REFERENCE[f"{case}/said"].tobytes())
    return folder / name


def _as(array: np.ndarray, dtype) -> np.ndarray:
    if dtype == BFLOAT16:
        return np.asarray(array.view(np.uint32) >> 16, "<u2").view(BFLOAT16)
    return array if dtype is None else array.astype(dtype)


def merged(lora: Lora, layer: str, kind: str = "weight", part: str = "unet", place: str | None = None) -> np.ndarray:
    """A weight or a bias of the reference, in PyTorch's layout, as the LoRA changes it."""
    merge = Adapters(loras=(lora,)).merges(NETWORKS)[part]
    before = REFERENCE[f"{layer}/{kind}"]
    after = merge(f"{place or PLACES[layer]}.{kind}", before.T if before.ndim == 2 else before)
    return after.T if before.ndim == 2 else after


@pytest.mark.parametrize("case", CASES)
def test_merged_as_the_library_that_trains_it_computes(case, tmp_path):
    lora, layer = Lora(written(tmp_path, case), 1.0), case.split("/")[-1]
    for kind in ("weight", "bias"):
        if f"{case}/after {kind}" in REFERENCE:
            expected = REFERENCE[f"{case}/after {kind}"]
            np.testing.assert_allclose(merged(lora, layer, kind), expected, rtol=1e-6, atol=1e-6, err_msg=kind)


@pytest.mark.parametrize("case", CASES)
def test_every_method_changes_the_weight_or_the_bias(case):
    layer = case.split("/")[-1]
    kinds = [kind for kind in ("weight", "bias") if f"{case}/after {kind}" in REFERENCE]
    assert max(np.abs(REFERENCE[f"{case}/after {kind}"] - REFERENCE[f"{layer}/{kind}"]).max() for kind in kinds) > 0.01


@pytest.mark.parametrize("case", CASES)
def test_strength_is_the_share_of_the_change(case, tmp_path):
    file, layer = written(tmp_path, case), case.split("/")[-1]
    whole, none, half = (merged(Lora(file, strength), layer) for strength in (1.0, 0.0, 0.5))
    np.testing.assert_array_equal(none, REFERENCE[f"{layer}/weight"])
    np.testing.assert_allclose(half, (whole + none) / 2, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", [BFLOAT16, np.float16, np.float64])
@pytest.mark.parametrize("case", CASES)
def test_every_type_of_numbers_gives_what_the_same_numbers_give_in_float32(case, dtype, tmp_path):
    (tmp_path / "wide").mkdir()
    layer, narrow = case.split("/")[-1], written(tmp_path, case, dtype=dtype)
    same = {
        f"{PLACES[layer]}.{part}": widen(_as(array, dtype)).astype(np.float32) for part, array in parts(case).items()
    }
    save_safetensors(tmp_path / "wide" / "adapter_model.safetensors", same, "pt")
    if (tmp_path / "adapter_config.json").exists():
        (tmp_path / "adapter_config.json").rename(tmp_path / "wide" / "adapter_config.json")
        (tmp_path / "adapter_config.json").write_bytes((tmp_path / "wide" / "adapter_config.json").read_bytes())
    first, second = (
        merged(Lora(file, 1.0), layer) for file in (narrow, tmp_path / "wide" / "adapter_model.safetensors")
    )
    np.testing.assert_array_equal(first, second)


# Names

UNET_NAMES = {
    "kohya": "lora_unet_{_}",
    "kohya, of the original code": "lora_unet_{ldm_}",
    "LyCORIS": "lycoris_{_}",
    "diffusers": "unet.{.}",
    "OneTrainer": "unet.{_}",
    "original code": "diffusion_model.{ldm}",
    "original code, whole": "model.diffusion_model.{ldm}",
    "original code around kohya": "diffusion_model.lora_unet_{_}",
    "PEFT": "base_model.model.{.}",
    "PEFT within a pipeline": "base_model.model.unet.{.}",
    "diffusers around PEFT": "unet.base_model.model.{.}",
    "nothing": "{.}",
    "nothing, original code": "{ldm}",
}
LDM = {
    "linear": "middle_block.1.transformer_blocks.0.attn1.to_q",
    "conv1": "input_blocks.1.1.proj_in",
    "conv3": "input_blocks.1.0.in_layers.2",
    "norm": "out.0",
}
TEXT_NAMES = {
    "kohya": "lora_te_text_model_encoder_layers_0_self_attn_q_proj",
    "kohya, first of two": "lora_te1_text_model_encoder_layers_0_self_attn_q_proj",
    "diffusers": "text_encoder.text_model.encoder.layers.0.self_attn.q_proj",
    "diffusers and transformers 5": "text_encoder.encoder.layers.0.self_attn.q_proj",
    "diffusers before 0.22": "text_encoder.text_model.encoder.layers.0.self_attn.to_q",
    "ComfyUI": "text_encoders.clip_l.transformer.text_model.encoder.layers.0.self_attn.q_proj",
    "original code": "cond_stage_model.transformer.text_model.encoder.layers.0.self_attn.q_proj",
    "PEFT": "base_model.model.text_model.encoder.layers.0.self_attn.q_proj",
    "nothing": "text_model.encoder.layers.0.self_attn.q_proj",
}
TEXT_LAYER = "text_model.encoder.layers.0.self_attn.q_proj"
NAMED = ("lora", "dora rows", "loha", "lokr both factored", "full", "glora", "ia3 rows", "oft", "peft lora")


def spelled(form: str, layer: str) -> str:
    name, ldm = PLACES[layer], LDM[layer]
    for key, value in {
        "{_}": name.replace(".", "_"),
        "{ldm_}": ldm.replace(".", "_"),
        "{.}": name,
        "{ldm}": ldm,
    }.items():
        form = form.replace(key, value)
    return form


@pytest.mark.parametrize("names", UNET_NAMES)
@pytest.mark.parametrize("layer", ["linear", "conv1", "conv3"])
@pytest.mark.parametrize("method", NAMED)
def test_every_name_of_a_layer_is_understood(method, layer, names, tmp_path):
    name = spelled(UNET_NAMES[names], layer)
    tensors = {f"{name}.{part}": array for part, array in parts(f"{method}/{layer}").items()}
    save_safetensors(tmp_path / "named.safetensors", tensors, "pt")
    found = merged(Lora(tmp_path / "named.safetensors", 1.0), layer)
    plain = merged(Lora(written(tmp_path, f"{method}/{layer}", name="plain.safetensors"), 1.0), layer)
    np.testing.assert_array_equal(found, plain)


@pytest.mark.parametrize("names", UNET_NAMES)
def test_every_name_of_a_norm_is_understood(names, tmp_path):
    tensors = {f"{spelled(UNET_NAMES[names], 'norm')}.{part}": array for part, array in parts("norm/norm").items()}
    save_safetensors(tmp_path / "named.safetensors", tensors, "pt")
    for kind in ("weight", "bias"):
        found = merged(Lora(tmp_path / "named.safetensors", 1.0), "norm", kind)
        np.testing.assert_allclose(found, REFERENCE[f"norm/norm/after {kind}"], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("names", TEXT_NAMES)
@pytest.mark.parametrize("method", NAMED)
def test_every_name_of_the_text_encoder_is_understood(method, names, tmp_path):
    tensors = {f"{TEXT_NAMES[names]}.{part}": array for part, array in parts(f"{method}/linear").items()}
    save_safetensors(tmp_path / "named.safetensors", tensors, "pt")
    found = merged(Lora(tmp_path / "named.safetensors", 1.0), "linear", part="text_encoder", place=TEXT_LAYER)
    plain = merged(Lora(written(tmp_path, f"{method}/linear", name="plain.safetensors"), 1.0), "linear")
    np.testing.assert_array_equal(found, plain)


ENDINGS = {
    "kohya": (".lora_down.weight", ".lora_up.weight"),
    "PEFT": (".lora_A.weight", ".lora_B.weight"),
    "PEFT, with the adapter's name": (".lora_A.default.weight", ".lora_B.default.weight"),
    "PEFT, with another name": (".lora_A.my-style_1.weight", ".lora_B.my-style_1.weight"),
    "diffusers' layers": (".lora.down.weight", ".lora.up.weight"),
    "diffusers' linear layers": (".lora_linear_layer.down.weight", ".lora_linear_layer.up.weight"),
    "diffusers before 0.22": ("_lora.down.weight", "_lora.up.weight"),
    "without weight": (".lora_A", ".lora_B"),
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("layer", ["linear", "conv1", "conv3"])
def test_every_name_of_the_two_matrices_is_understood(layer, ending, tmp_path):
    saved = parts(f"lora/{layer}")
    down, up = ENDINGS[ending]
    tensors = {
        f"unet.{PLACES[layer]}{down}": saved["lora_down.weight"],
        f"unet.{PLACES[layer]}{up}": saved["lora_up.weight"],
        f"unet.{PLACES[layer]}.alpha": saved["alpha"],
    }
    save_safetensors(tmp_path / "named.safetensors", tensors, "pt")
    expected = REFERENCE[f"lora/{layer}/after weight"]
    np.testing.assert_allclose(merged(Lora(tmp_path / "named.safetensors", 1.0), layer), expected, rtol=1e-6, atol=1e-6)


# Layouts and containers


@pytest.mark.parametrize("name", ["lora.safetensors", "paddle_boat.safetensors", "pytorch_lora.safetensors"])
@pytest.mark.parametrize("metadata", ["pt", "np", "pd", "paddle"])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("layer", ["linear", "conv1", "conv3"])
def test_the_arrays_say_in_whose_layout_they_are(layer, transposed, metadata, name, tmp_path):
    tensors = {
        f"{PLACES[layer]}.{part}": array.T if transposed and array.ndim == 2 else array
        for part, array in parts(f"lora/{layer}").items()
    }
    save_safetensors(tmp_path / name, tensors, metadata)
    expected = REFERENCE[f"lora/{layer}/after weight"]
    np.testing.assert_allclose(merged(Lora(tmp_path / name, 1.0), layer), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("case", ["lora/linear", "dora columns/conv3", "loha/conv1", "lokr factored/linear"])
@pytest.mark.parametrize("container", ["pt", "pdparams"])
def test_every_container_is_read(container, case, tmp_path):
    import paddle

    layer = case.split("/")[-1]
    tensors = {f"{PLACES[layer]}.{part}": array for part, array in parts(case).items()}
    if container == "pt":
        save_torch(tmp_path / "lora.pt", tensors)
    else:
        paddle.save({name: paddle.to_tensor(array) for name, array in tensors.items()}, str(tmp_path / "lora.pdparams"))
    found = merged(Lora(tmp_path / f"lora.{container}", 1.0), layer)
    np.testing.assert_allclose(found, REFERENCE[f"{case}/after weight"], rtol=1e-6, atol=1e-6)


# Several at once


def test_the_order_of_files_does_not_matter(tmp_path):
    first = Lora(written(tmp_path, "dora rows/linear", name="a.safetensors"), 0.7)
    second = Lora(written(tmp_path, "glora/linear", name="b.safetensors"), 0.4)
    before = REFERENCE["linear/weight"].T
    one, other = (
        Adapters(loras=pair).merges(NETWORKS)["unet"](f"{PLACES['linear']}.weight", before)
        for pair in ((first, second), (second, first))
    )
    np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6)
    shares = [
        REFERENCE[f"{case}/after weight"] - REFERENCE["linear/weight"] for case in ("dora rows/linear", "glora/linear")
    ]
    expected = REFERENCE["linear/weight"] + 0.7 * shares[0] + 0.4 * shares[1]
    np.testing.assert_allclose(one.T, expected, rtol=1e-6, atol=1e-6)


def test_ranks_and_methods_may_differ_from_layer_to_layer(tmp_path):
    cases = ("lora/linear", "lokr dora/conv1", "loha tucker/conv3", "norm/norm")
    tensors = {
        f"lora_unet_{PLACES[case.split('/')[1]].replace('.', '_')}.{part}": array
        for case in cases
        for part, array in parts(case).items()
    }
    save_safetensors(tmp_path / "mixed.safetensors", tensors, "pt")
    for case in cases:
        found = merged(Lora(tmp_path / "mixed.safetensors", 1.0), case.split("/")[1])
        np.testing.assert_allclose(found, REFERENCE[f"{case}/after weight"], rtol=1e-6, atol=1e-6)


# Damage


def _damaged(array: np.ndarray, other: np.ndarray, kind: int) -> np.ndarray | None:
    """An array taken away, exchanged for another, cut, reshaped, or of other numbers."""
    none = np.zeros(0, np.float32)
    return (
        None,
        other,
        array[:0] if array.ndim else none,
        array[:-1] if array.ndim else none,
        array.T,
        array.reshape(-1),
        array.reshape(1, *array.shape),
        array.reshape(1, 1, 1, 1, -1),
        np.full_like(array, np.nan),
        (array > 0).astype(np.int8),
    )[kind]


@pytest.mark.parametrize("kind", range(10))
def test_damage_never_ends_in_anything_but_a_refusal(kind, tmp_path):
    random = np.random.default_rng(kind)
    for case, other in zip(CASES, random.permutation(CASES)):
        layer, given = case.split("/")[-1], parts(case)
        name, replacing = random.choice(sorted(given)), parts(other)[random.choice(sorted(parts(other)))]
        damaged = _damaged(given.pop(name), replacing, kind)
        given |= {} if damaged is None else {name: damaged}
        file = tmp_path / "damaged.safetensors"
        save_safetensors(file, {f"{PLACES[layer]}.{part}": array for part, array in given.items()}, "pt")
        try:
            after = merged(Lora(file, 1.0), layer)
        except InputError as error:
            assert str(file) in str(error)
        else:
            assert after.shape == REFERENCE[f"{layer}/weight"].shape
