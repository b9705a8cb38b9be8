"""LoRA and textual inversion: against PyTorch diffusers, in every engine, undone for the next run; what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import paddle
import pytest
from conftest import DATA

from ppt2v import InputError, Model, video
from ppt2v.engine.inference import InferenceEngine
from ppt2v.engine.openvino import OpenVINOEngine
from ppt2v.models.adapters import adapters
from ppt2v.models.adapters.lora import Lora
from ppt2v.models.families import stable_diffusion
from ppt2v.models.formats import fitting, reading
from ppt2v.pipelines.latent_diffusion import VideoPipeline
from ppt2v.pipelines.networks.programs import TextEncoder

BASE = DATA / "text2video_reference" / "model"
FILES = DATA / "adapters_reference"
KOHYA, OLD = FILES / "kohya.safetensors", FILES / "old.safetensors"
STRENGTH = 0.7
TOKEN, PROMPT = "<thing>", "a fox like <thing> in the snow"
# One pass through a network in float32 on numbers near 1: sums in another order differ by some 1e-6.
TOLERANCE = {"rtol": 1e-4, "atol": 1e-4}


@pytest.fixture(scope="module")
def expected() -> dict[str, np.ndarray]:
    return dict(np.load(FILES / "outputs.npz"))


def adapted(lora=(), textual_inversion=()) -> adapters.Adapters:
    return adapters.read({"lora": adapters.as_texts(lora), "textual_inversion": adapters.as_texts(textual_inversion)})


def load(*, lazy: bool = False, **given):
    return stable_diffusion.load_stable_diffusion(BASE, lazy=lazy, adapters=adapted(**given))


def outputs(model, latents: np.ndarray, prompt: str = "the fox in the snow") -> dict[str, np.ndarray]:
    ids = model.tokenizer(prompt, padding="max_length", max_length=77, truncation=True, return_tensors="pd")
    text = model.text_encoder(ids["input_ids"])[0]
    return {"text": text.numpy(), "noise": model.unet(paddle.to_tensor(latents), 801, text).sample.numpy()}


@pytest.fixture(scope="module")
def latents() -> np.ndarray:
    from test_single_file import seeded

    return seeded("latents", (1, 4, 8, 8))


def assert_as_expected(found: dict, expected: dict, case: str) -> None:
    for name, array in found.items():
        np.testing.assert_allclose(array, expected[f"{case} {name}"], **TOLERANCE, err_msg=name)


# LoRA


@pytest.mark.parametrize("case", ["kohya", "old", "peft", "kohya old"])
def test_lora_is_merged_as_by_diffusers(case, expected, latents):
    files = [(FILES / f"{name}.safetensors", STRENGTH) for name in case.split()]
    assert_as_expected(outputs(load(lora=files), latents), expected, case)


def test_strength_0_changes_no_weight():
    plain, same = load(), load(lora=[(KOHYA, 0)])
    for name, value in plain.unet.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), same.unet.state_dict()[name].numpy(), err_msg=name)


def _in_paddle(file: Path, folder: Path) -> Path:
    """A LoRA file as PPDiffusers' training writes it."""
    tensors = {
        name: paddle.to_tensor(array.T.copy() if array.ndim == 2 else array.copy())
        for name, array in reading.read(file).tensors.items()
    }
    paddle.save(tensors, str(folder / "paddle_lora_weights.pdparams"))
    return folder


def test_lora_of_ppdiffusers_from_its_folder(tmp_path, expected, latents):
    found = outputs(load(lora=[(_in_paddle(OLD, tmp_path), STRENGTH)]), latents)
    assert_as_expected(found, expected, "old")


@pytest.mark.parametrize("engine", [OpenVINOEngine, InferenceEngine])
def test_engines_see_the_lora(engine, expected):
    """The text encoder stands for all: an engine takes its weights from the same place for every network."""
    prepared = engine("float32")
    for given, case in (({}, "none"), ({"lora": [(KOHYA, STRENGTH)]}, "kohya"), ({}, "none")):
        model = load(lazy=True, **given)
        ids = model.tokenizer("the fox in the snow", padding="max_length", max_length=77, return_tensors="pd")
        text = prepared.prepare(TextEncoder(model.text_encoder))([ids["input_ids"]])[0]
        np.testing.assert_allclose(np.asarray(text), expected[f"{case} text"], **TOLERANCE)


def test_fingerprints_tell_files_and_strengths_apart():
    cases = [[], [(KOHYA, 0.5)], [(KOHYA, 0.6)], [(OLD, 0.5)], [(OLD, 0.5), (KOHYA, 0.5)]]
    models = [load(lazy=True, lora=case) for case in cases]
    assert len({model.unet.weights.fingerprint for model in models}) == len(cases)
    assert models[3].text_encoder.weights.fingerprint == models[0].text_encoder.weights.fingerprint  # it has no part
    assert len({model.vae.weights.fingerprint for model in models}) == 1


def test_text_forms(tmp_path, monkeypatch):
    (tmp_path / "a:0.5").touch()
    (tmp_path / "b.bin").touch()
    monkeypatch.chdir(tmp_path)
    here = f"{tmp_path}/"
    assert adapters.as_texts("b.bin:0.3") == [f"{here}b.bin:0.3"]
    assert adapters.as_texts(("b.bin", 0.3)) == [f"{here}b.bin:0.3"]
    assert adapters.as_texts([Path("b.bin"), ("b.bin", -1)]) == [f"{here}b.bin", f"{here}b.bin:-1"]
    assert adapters.as_texts(["a:0.5"]) == [f"{here}a:0.5"]
    assert adapters.as_texts(["hf:org/name", "hf:org/name:0.5"]) == ["hf:org/name", "hf:org/name:0.5"]
    assert adapters._split(f"{here}a:0.5") == (f"{here}a:0.5", None)


def _saved(path: Path, tensors: dict, metadata: dict | None = None) -> Path:
    from safetensors.numpy import save_file

    save_file({name: np.ascontiguousarray(array) for name, array in tensors.items()}, path, metadata)
    return path


LAYER = "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
DOWN, UP = np.ones((2, 8), np.float32), np.ones((8, 2), np.float32)
BAD_LORAS = {
    "no LoRA": ({"conv.weight": DOWN}, "is no LoRA"),
    "no counterpart": ({f"{LAYER}.lora_A.weight": DOWN}, "lack their counterpart"),
    "LoHa": (
        {f"{LAYER}.hada_w1_a": DOWN, f"{LAYER}.lora_A.weight": DOWN, f"{LAYER}.lora_B.weight": UP},
        "hada_w1_a belong to another method",
    ),
    "another layer": (
        {"unet.no_such.lora_A.weight": DOWN, "unet.no_such.lora_B.weight": UP},
        "1 of its 1 layers do not: unet.no_such; give a LoRA that was made for a model of this family",
    ),
    "SDXL": (
        {
            "lora_te2_text_model_encoder_layers_0_mlp_fc1.lora_down.weight": DOWN,
            "lora_te2_text_model_encoder_layers_0_mlp_fc1.lora_up.weight": UP,
        },
        "lora_te2_text_model",
    ),
    "another width": (
        {f"{LAYER}.lora_A.weight": np.ones((2, 320), np.float32), f"{LAYER}.lora_B.weight": UP},
        r"by their shapes: .*attn1.to_q takes \[8, 8\], the file is for \[8, 320\]",
    ),
    "no JSON": ({f"{LAYER}.lora_A.weight": DOWN, f"{LAYER}.lora_B.weight": UP}, "is no JSON object"),
    "ranks that differ": (
        {f"{LAYER}.lora_A.weight": np.ones((4, 8), np.float32), f"{LAYER}.lora_B.weight": UP},
        "by their shapes",
    ),
}


@pytest.mark.parametrize("name", BAD_LORAS)
def test_loras_that_do_not_fit(name, tmp_path):
    tensors, message = BAD_LORAS[name]
    with pytest.raises(InputError, match=message):
        metadata = {"lora_adapter_metadata": "[1"} if name == "no JSON" else None
        load(lora=_saved(tmp_path / "bad.safetensors", tensors, metadata), lazy=True)


# Textual inversion


@pytest.mark.parametrize("file", ["one.safetensors", "two.bin", "thing.pt", "thing.safetensors"])
def test_inversion_gives_what_diffusers_gives(file, expected, latents):
    given = adapted(textual_inversion=[(FILES / file, TOKEN)])
    model = stable_diffusion.load_stable_diffusion(BASE, adapters=given)
    assert_as_expected(outputs(model, latents, given.expand(PROMPT)), expected, file)


def test_words_and_their_tokens(tmp_path):
    two = adapted(textual_inversion=[FILES / "two.bin"])
    assert two.inversions[0].tokens == [TOKEN, f"{TOKEN}_1"]
    assert two.expand(PROMPT) == "a fox like <thing> <thing>_1 in the snow"
    [web] = adapted(textual_inversion=[FILES / "thing.pt"]).inversions
    assert web.token == "thing" and web.expand("Thing, nothing, things") == "thing thing_1, nothing, things"


def test_inversion_of_ppdiffusers_training(tmp_path, expected, latents):
    vectors = reading.read(FILES / "one.safetensors").tensors[TOKEN]
    paddle.save({TOKEN: paddle.to_tensor(np.array(vectors))}, str(tmp_path / "learned_embeds.pdparams"))
    model = load(textual_inversion=[tmp_path])
    assert_as_expected(outputs(model, latents, PROMPT), expected, "one.safetensors")


def test_two_inversions_in_an_engine(expected):
    given = adapted(textual_inversion=[FILES / "one.safetensors", (FILES / "thing.pt", "<other>")])
    model = stable_diffusion.load_stable_diffusion(BASE, lazy=True, adapters=given)
    pipeline = VideoPipeline(**model.components, requires_safety_checker=False)
    pipeline.engine = OpenVINOEngine("float32")
    np.testing.assert_allclose(pipeline._encode_text([PROMPT]).numpy(), expected["one.safetensors text"], **TOLERANCE)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (KOHYA, "tensors .* instead of one"),
        ((FILES / "one.safetensors", "fox</w>"), "'fox</w>' is a word that the model has already"),
        ((FILES / "one.safetensors", "fox"), "'fox' is a word that the model has already"),
        ((FILES / "one.safetensors", "two words"), "without spaces"),
        ("missing.pt", "no file"),
    ],
)
def test_inversions_that_do_not_fit(given, message):
    with pytest.raises(InputError, match=message):
        load(textual_inversion=[given], lazy=True)


def test_inversion_of_another_family(tmp_path):
    with pytest.raises(InputError, match="1024 numbers instead of 16"):
        load(textual_inversion=[_saved(tmp_path / "a.safetensors", {"<a>": np.zeros(1024, np.float32)})], lazy=True)


# In a run


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(device="cpu", show_progress=False)


@pytest.fixture
def make(model, tmp_path):
    def make(name: str = "made", **given) -> Path:
        arguments = {"prompt": PROMPT, "model_name": BASE, "num_inference_steps": 2, "video_length": 2, "seed": 0}
        return Path(model.run("text2video", save_path=tmp_path / f"{name}.gif", **{**arguments, **given}))

    return make


@pytest.mark.parametrize("given", [{"lora": [(KOHYA, 0.5)]}, {"textual_inversion": FILES / "two.bin"}])
def test_a_run_without_is_the_same_before_and_after(make, given):
    before, changed, after = make("before"), make("changed", **given), make("after")
    pictures = [video.read(file, multiple=1).frames for file in (before, changed, after)]
    assert not np.array_equal(pictures[0], pictures[1])
    assert before.read_bytes() == after.read_bytes()


def test_recipe_repeats_a_run_with_adapters(model, make, tmp_path):
    first = make("first", lora=f"{KOHYA}:0.5", textual_inversion=FILES / "two.bin")
    recipe = video.read_recipe(first)
    assert recipe["parameters"]["lora"] == [f"{KOHYA}:0.5"]
    again = model.run(recipe["mode"], **recipe["parameters"], save_path=tmp_path / "again.gif")
    assert first.read_bytes() == Path(again).read_bytes()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"lora": ["no/such/file.safetensors"]}, "LoRA file: .* is no file"),
        ({"lora": [f"{KOHYA}:strong"]}, "PATH:STRENGTH"),
        ({"lora": [(KOHYA, float("nan"))]}, "PATH:STRENGTH"),
        ({"lora": [DATA / "make_checkpoints.py"]}, "no checkpoint"),
        ({"textual_inversion": [(FILES / "one.safetensors", "<other>")]}, "'<other>' is in no prompt"),
        ({"textual_inversion": [FILES / "one.safetensors", FILES / "two.bin"]}, "two textual inversions have the word"),
        ({"tokenizer": "no/such/place/at/all"}, "tokenizer"),
    ],
)
def test_bad_adapters_are_refused_before_control_maps_and_weights(make, monkeypatch, tmp_path, wrong, message):
    monkeypatch.setattr(fitting, "put", lambda *_: pytest.fail("weights were loaded"))
    with pytest.raises(InputError, match=message):
        make(**wrong)
    assert not list(tmp_path.iterdir())


def test_a_lora_of_another_family_is_refused_before_weights_are_read(make, monkeypatch, tmp_path):
    monkeypatch.setattr(fitting, "put", lambda *_: pytest.fail("weights were loaded"))
    monkeypatch.setattr(video, "write", lambda *_: pytest.fail("a video was written"))
    tensors, message = BAD_LORAS["another width"]
    with pytest.raises(InputError, match=message):
        make(lora=_saved(tmp_path / "bad.safetensors", tensors))


def test_a_damaged_lora(tmp_path):
    file = Path(shutil.copyfile(KOHYA, tmp_path / "cut.safetensors"))
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(InputError, match="truncated"):
        Lora(file, 1.0)
