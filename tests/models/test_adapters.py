"""LoRA and textual inversion: against PyTorch diffusers, in every engine, undone for the next run; what is refused."""

from __future__ import annotations

import json
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
from ppt2v.models.formats.dtypes import BFLOAT16
from ppt2v.models.formats.writing import save_safetensors, save_torch
from ppt2v.pipelines.latent_diffusion import VideoPipeline
from ppt2v.pipelines.networks.text_programs import TextEncoder

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
LOW_RANK = {f"{LAYER}.lora_A.weight": DOWN, f"{LAYER}.lora_B.weight": UP}
BAD_LORAS = {
    "no counterpart": ({f"{LAYER}.lora_A.weight": DOWN}, r"attn1.to_q has no lora_up; download this file again"),
    "half a LoHa": ({f"{LAYER}.hada_w1_a": UP, f"{LAYER}.hada_w1_b": DOWN}, "has no hada_w2_a, hada_w2_b"),
    "half a Tucker core": (
        {f"{LAYER}.{name}": UP for name in ("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1")},
        "has no hada_t2",
    ),
    "nothing but an alpha": ({**LOW_RANK, "unet.mid_block.alpha": np.float32(1)}, "mid_block has nothing but alpha"),
    "two methods": ({**LOW_RANK, f"{LAYER}.hada_w1_a": DOWN}, r"parts of more than one method \(.*hada_w1_a"),
    "ranks that differ": (
        {f"{LAYER}.lora_A.weight": np.ones((4, 8), np.float32), f"{LAYER}.lora_B.weight": np.ones((6, 3), np.float32)},
        r"parts that do not go together \(lora_down \[4, 8\], lora_up \[6, 3\]\)",
    ),
    "no rank": (
        {f"{LAYER}.lora_A.weight": np.ones((0, 8), np.float32), f"{LAYER}.lora_B.weight": np.ones((8, 0), np.float32)},
        r"lora_down \[0, 8\], lora_up \[8, 0\]",
    ),
    "an alpha of several numbers": (
        {**LOW_RANK, f"{LAYER}.alpha": np.ones(2, np.float32)},
        "no single number for alpha",
    ),
    "an alpha that is no number": (
        {**LOW_RANK, f"{LAYER}.alpha": np.float32("nan")},
        "the numbers of .*to_q.alpha are not finite",
    ),
    "no numbers": (
        {f"{LAYER}.lora_A.weight": np.full_like(DOWN, np.inf), f"{LAYER}.lora_B.weight": UP},
        "the numbers of .*lora_A.weight are not finite, so that the training failed: give an earlier state",
    ),
    "something beside": (
        {**LOW_RANK, "other.thing": UP},
        r"holds weights of an unknown kind beside its LoRA \(other.thing\)",
    ),
    "another layer": (
        {"unet.no_such.lora_A.weight": DOWN, "unet.no_such.lora_B.weight": UP},
        "1 of its 1 layers do not: unet.no_such; give a LoRA made for this model",
    ),
    "another width": (
        {f"{LAYER}.lora_A.weight": np.ones((2, 320), np.float32), f"{LAYER}.lora_B.weight": UP},
        r"by their shapes: .*attn1.to_q takes \[8, 8\], the file is for \[8, 320\]",
    ),
    "another kernel": (
        {f"{LAYER}.lora_A.weight": np.ones((2, 8, 3, 3), np.float32), f"{LAYER}.lora_B.weight": UP},
        r"takes \[8, 8\], the file is for \[8, 8, 3, 3\]",
    ),
    "a magnitude of another width": (
        {**LOW_RANK, f"{LAYER}.lora_magnitude_vector": np.ones(6, np.float32)},
        r"attn1.to_q takes \[8, 8\]",
    ),
    "another number of rows": (
        {f"{LAYER}.oft_blocks": np.ones((5, 2, 2), np.float32)},
        r"takes \[8, 8\], the file is for \[10, \.\.\.\]",
    ),
    "a bias that is not there": ({f"{LAYER}.diff_b": np.ones(8, np.float32)}, "attn1.to_q has no bias"),
}


@pytest.mark.parametrize("name", BAD_LORAS)
def test_loras_that_do_not_fit(name, tmp_path):
    tensors, message = BAD_LORAS[name]
    with pytest.raises(InputError, match=message):
        load(lora=_saved(tmp_path / "bad.safetensors", tensors), lazy=True)


OTHER_METHODS = {
    "oft_R.weight": "OFT as PEFT writes it",
    "boft_R": "BOFT as PEFT writes it",
    "ia3_l": "IA3 as PEFT writes it",
    "oft_diag": "OFT as LyCORIS wrote it before version 2",
    "bias_values": "LoCon with sparse biases",
    "lambda_layer": "T-LoRA",
    "p_layer.weight": "T-LoRA",
    "lora_E": "AdaLoRA",
    "lora_embedding_A": "LoRA of a table of words",
    "vera_lambda_b": "VeRA",
    "hra_u": "HRA",
}


@pytest.mark.parametrize("ending", OTHER_METHODS)
@pytest.mark.parametrize("beside", [{}, LOW_RANK])
def test_methods_that_are_not_merged_are_called_by_their_names(ending, beside, tmp_path):
    file = _saved(tmp_path / "other.safetensors", {**beside, f"{LAYER}.{ending}": UP})
    with pytest.raises(InputError, match=f"other.safetensors is {OTHER_METHODS[ending]}, which cannot be merged here"):
        Lora(file, 1.0)


def test_layers_with_numbers_for_names_are_refused(tmp_path):
    file = _saved(tmp_path / "old.safetensors", {"unet:0:up": UP, "unet:0:down": DOWN})
    with pytest.raises(InputError, match="LoRA that numbers the layers instead of naming them"):
        Lora(file, 1.0)


def _low_rank(*layers: str, width: int = 8) -> dict[str, np.ndarray]:
    down = np.ones((2, width), np.float32)
    return {
        f"{layer}.{name}.weight": array for layer in layers for name, array in (("lora_down", down), ("lora_up", UP))
    }


FAMILIES = {
    "te2": (_low_rank("lora_te2_text_model_encoder_layers_0_mlp_fc1"), {}, "Stable Diffusion XL"),
    "text_encoder_2": (_low_rank("text_encoder_2.text_model.encoder.layers.0.mlp.fc1"), {}, "Stable Diffusion XL"),
    "many blocks": (_low_rank("lora_unet_input_blocks_4_1_transformer_blocks_1_attn1_to_q"), {}, "Stable Diffusion XL"),
    "Flux": (_low_rank("transformer.single_transformer_blocks.0.attn.to_q"), {}, "Flux or a relative of it"),
    "Flux, kohya": (_low_rank("lora_unet_double_blocks_0_img_attn_proj"), {}, "Flux or a relative of it"),
    "Stable Diffusion 3": (_low_rank("lora_unet_joint_blocks_0_x_block_attn_qkv"), {}, "Stable Diffusion 3"),
    "Wan": (_low_rank("diffusion_model.blocks.0.cross_attn.q"), {}, "a transformer"),
    "metadata": (_low_rank("lora_unet_other"), {"ss_base_model_version": "sdxl_base_v1-0"}, "Stable Diffusion XL"),
    "model spec": (_low_rank("lora_unet_other"), {"modelspec.architecture": "flux-1-dev/lora"}, "Flux"),
    "width of the text, 1.x": (
        _low_rank("lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k", width=768),
        {},
        "Stable Diffusion 1.x",
    ),
    "width of the text, 2.x": (
        _low_rank("unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.processor.to_v", width=1024),
        {},
        "Stable Diffusion 2.x",
    ),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_lora_of_another_family_is_called_by_its_name(name, tmp_path):
    tensors, metadata, family = FAMILIES[name]
    with pytest.raises(InputError, match=f"does not fit the model; it was made for {family}: 1 of its 1 layers"):
        load(lora=_saved(tmp_path / "other.safetensors", tensors, metadata), lazy=True)


NO_LORAS = {
    "a model of Stable Diffusion": (
        [
            "model.diffusion_model.input_blocks.0.0.weight",
            "cond_stage_model.transformer.text_model.final_layer_norm.bias",
        ],
        r"give it as model_name=... \(--model\)",
    ),
    "a ControlNet": (["control_model.zero_convs.0.0.weight"], r"give it as controlnet=... \(--controlnet\)"),
    "an autoencoder": (["decoder.mid_block.resnets.0.conv1.weight"], r"give it as vae=... \(--vae\)"),
    "a textual inversion": (["emb_params"], r"give it as textual_inversion=... \(--textual-inversion\)"),
    "a UNet alone": (["down_blocks.0.resnets.0.conv1.weight"], "it has no use there"),
    "a text encoder alone": (["text_model.embeddings.token_embedding.weight"], "it has no use there"),
    "a motion module of AnimateDiff": (
        ["down_blocks.0.motion_modules.0.proj_in.weight"],
        r"give it as motion_module=... \(--motion-module\)",
    ),
    "weights of an unknown kind": (["conv.weight"], "it has no use there"),
}


@pytest.mark.parametrize("what", NO_LORAS)
def test_what_is_no_lora_is_called_by_its_name(what, tmp_path):
    names, use = NO_LORAS[what]
    file = _saved(tmp_path / "other.safetensors", dict.fromkeys(names, DOWN))
    with pytest.raises(InputError, match=rf"other.safetensors is no LoRA but {what}.*: {use}"):
        Lora(file, 1.0)


SAID = {
    "no JSON": ("[1", "is no JSON object"),
    "a list": ("[1]", "is no JSON object"),
    "a text for a number": ('{"unet.lora_alpha": "8"}', "is '8'; the rule is a number above 0"),
    "no finite number": ('{"unet.lora_alpha": 1e999}', "is inf; the rule is a number above 0"),
    "an expression": ('{"unet.alpha_pattern": {"(a+)+b": 8}}', "is an expression; only names are understood"),
}


@pytest.mark.parametrize("name", SAID)
def test_what_peft_says_of_alphas_is_checked(name, tmp_path):
    text, message = SAID[name]
    with pytest.raises(InputError, match=message):
        Lora(_saved(tmp_path / "bad.safetensors", LOW_RANK, {"lora_adapter_metadata": text}), 1.0)


@pytest.mark.parametrize(
    ("said", "scale"),
    [
        ({"unet.lora_alpha": 8}, 4),
        ({"unet.lora_alpha": 8, "unet.use_rslora": True}, 8 / np.sqrt(2)),
        ({"unet.lora_alpha": 8, "unet.alpha_pattern": {"attn1.to_q": 6}}, 3),
        ({"unet.lora_alpha": 8, "unet.alpha_pattern": {"attn2.to_q": 6, "^to_q": 10}}, 4),
        ({"unet.lora_alpha": 8, "unet.alpha_pattern": {f"^{LAYER[5:]}": 6}}, 3),
        ({"text_encoder.lora_alpha": 8}, 1),
        ({}, 1),
    ],
)
def test_alphas_that_diffusers_writes(said, scale, tmp_path):
    lora = Lora(_saved(tmp_path / "a.safetensors", LOW_RANK, {"lora_adapter_metadata": json.dumps(said)}), 1.0)
    merge = adapters.Adapters(loras=(lora,)).merges({"unet": load(lazy=True).unet})["unet"]
    after = merge(f"{LAYER.removeprefix('unet.')}.weight", np.zeros((8, 8), np.float32))
    np.testing.assert_allclose(after, 2 * scale, rtol=1e-6)


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
    web = adapted(textual_inversion=[FILES / "thing.pt"])
    assert web.inversions[0].word == "thing"
    assert web.expand("Thing, nothing, things") == "<thing> <thing>_1, nothing, things"


def test_words_within_words_are_not_expanded_twice(tmp_path):
    words = ("cat-toy", "toy", "my cat-toy", "s")
    files = [_saved(tmp_path / f"{number}.safetensors", {word: VECTORS[0]}) for number, word in enumerate(words)]
    given = adapted(textual_inversion=files)
    assert given.expand("my  Cat-Toy, a cat-toy, a TOY") == "<my_cat-toy>, a <cat-toy>, a <toy>"
    assert given.expand("ſ") == "<s>"  # which is the same letter in another case
    assert adapted().expand("a toy") == "a toy"


def test_a_word_is_not_found_within_others():
    """A tokenizer looks for added tokens in the middle of words, too."""
    ids = []
    for given in ([], [FILES / "thing.pt"]):
        model = load(textual_inversion=given, lazy=True)
        ids.append(model.tokenizer("nothing, something, things")["input_ids"])
    assert ids[0] == ids[1]


@pytest.mark.parametrize("name", ["My Style v2.pt", "style (v2).pt", "风格.pt", "EasyNegative.pt", "a.b-c.pt"])
def test_every_name_of_a_file_can_be_a_word(name, tmp_path):
    file = Path(shutil.copyfile(FILES / "thing.pt", tmp_path / name))
    given = adapted(textual_inversion=[file])
    prompt = f"a fox, {Path(name).stem}, in the snow"
    given.check([prompt])
    tokenizer = load(textual_inversion=[file], lazy=True).tokenizer
    added = set(tokenizer.get_added_vocab().values()) & set(tokenizer(given.expand(prompt))["input_ids"])
    assert added == {tokenizer.convert_tokens_to_ids(token) for token in given.inversions[0].tokens}


VECTORS = np.arange(32, dtype=np.float32).reshape(2, 16)
INVERSIONS = {
    "emb_params": {"emb_params": VECTORS},
    "star": {"*": VECTORS},
    "clip_l alone": {"clip_l": VECTORS},
    "half": {"emb_params": VECTORS.astype(np.float16)},
    "bfloat16": {"emb_params": (VECTORS.view(np.uint32) >> 16).astype("<u2").view(BFLOAT16)},
}


@pytest.mark.parametrize("name", INVERSIONS)
def test_inversions_without_a_word_have_that_of_their_file(name, tmp_path):
    save_safetensors(tmp_path / "Style.safetensors", INVERSIONS[name], "pt")
    [inversion] = adapted(textual_inversion=[tmp_path / "Style.safetensors"]).inversions
    assert inversion.word == "style"
    np.testing.assert_array_equal(inversion.vectors, VECTORS)


@pytest.mark.parametrize("name", INVERSIONS)
def test_inversions_of_the_web_ui(name, tmp_path):
    """As its pickles have them: under the name of the placeholder, in an entry of the dictionary."""
    save_torch(tmp_path / "style.pt", {"*": next(iter(INVERSIONS[name].values()))}, "string_to_param")
    [inversion] = adapted(textual_inversion=[tmp_path / "style.pt"]).inversions
    assert inversion.word == "style"
    np.testing.assert_array_equal(inversion.vectors, VECTORS)


def test_inversion_of_the_first_code():
    [inversion] = adapted(textual_inversion=[DATA / "checkpoints" / "parameter_dict.pt"]).inversions
    assert inversion.tokens == ["<parameter_dict>", "<parameter_dict>_1"]
    np.testing.assert_array_equal(inversion.vectors, np.ones((2, 3)))


def test_a_file_of_several_words(tmp_path):
    file = _saved(tmp_path / "two.safetensors", {"<a>": VECTORS[0], "<b>": VECTORS})
    given = adapted(textual_inversion=[file])
    assert given.expand("<a> and <b>") == "<a> and <b> <b>_1"
    given.check(["only <b>"])
    with pytest.raises(InputError, match=r"holds 2 words \(<a>, <b>\); give it without a word"):
        adapted(textual_inversion=[(file, "<c>")])


def test_words_that_lie_in_a_lora_are_taken(tmp_path):
    bundled = {"bundle_emb.my style.string_to_param.*": VECTORS, "bundle_emb.fox.emb_params": VECTORS[0]}
    file = _saved(tmp_path / "lora.safetensors", {**LOW_RANK, **bundled})
    given = adapted(lora=[file])
    given.check(["a prompt without these words"])
    assert given.expand("a fox in my style") == "a <fox> in <my_style> <my_style>_1"
    model = load(lora=[file])
    rows = model.text_encoder.get_input_embeddings().weight.numpy()
    token = model.tokenizer.convert_tokens_to_ids("<my_style>_1")
    np.testing.assert_array_equal(rows[token], VECTORS[1])


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
        (KOHYA, r"is no textual inversion but a LoRA: give it as lora=... \(--lora\)"),
        ((FILES / "one.safetensors", "fox"), "'fox' is a word that the model has already; give another, such as"),
        ((FILES / "one.safetensors", " "), "a word, given as PATH:WORD"),
        ("missing.pt", "no file"),
    ],
)
def test_inversions_that_do_not_fit(given, message):
    with pytest.raises(InputError, match=message):
        load(textual_inversion=[given], lazy=True)


BAD_INVERSIONS = {
    "another family": ({"<a>": np.zeros(1024, np.float32)}, "Stable Diffusion 2.x: its vectors have 1024 numbers inst"),
    "unknown family": ({"<a>": np.zeros(5, np.float32)}, "of another family: its vectors have 5 numbers instead of 16"),
    "XL": (
        {"clip_l": np.zeros((2, 768), np.float32), "clip_g": np.zeros((2, 1280), np.float32)},
        r"for Stable Diffusion XL, which has several text encoders \(\[2, 768\], \[2, 1280\]\)",
    ),
    "three axes": ({"<a>": np.zeros((1, 2, 16), np.float32)}, r"is no textual inversion: it holds <a> \[1, 2, 16\]"),
    "too many": ({"<a>": np.zeros((500, 16), np.float32)}, "at most 75"),
    "none": ({"<a>": np.zeros((0, 16), np.float32)}, r"vectors \[0, 16\]"),
    "no numbers": ({"<a>": np.full(16, np.nan, np.float32)}, "are not finite; the training failed"),
    "a VAE": ({"encoder.conv_in.weight": DOWN}, r"is no textual inversion but an autoencoder \(VAE\) alone"),
}


@pytest.mark.parametrize("name", BAD_INVERSIONS)
def test_files_that_are_no_inversion_for_the_model(name, tmp_path):
    tensors, message = BAD_INVERSIONS[name]
    with pytest.raises(InputError, match=message):
        load(textual_inversion=[_saved(tmp_path / "a.safetensors", tensors)], lazy=True)


# In a run


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(device="cpu", engine="eager", show_progress=False)


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
        ({"lora": [DATA / "make_checkpoints.py"]}, "is a text, not the weights"),
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
