import json

import numpy as np
import paddle
import pytest

from ppt2v.cache import Cache
from ppt2v.engine.eager import EagerRunner
from ppt2v.models.adapters import textual_inversion
from ppt2v.models.adapters.adapters import Adapters
from ppt2v.models.families.stable_diffusion import load_stable_diffusion
from ppt2v.models.formats.writing import save_torch
from ppt2v.models.sources import locate
from ppt2v.pipelines.denoising.noise import Noise
from ppt2v.pipelines.networks.text_programs import TextEncoder
from ppt2v.pipelines.text_to_video_zero import TextToVideoZeroPipeline

LONG = "the fox in the snow and the dog on the beach " * 12  # over two windows of 75 tokens
SHORT = "the fox in the snow"


def pipeline(model) -> TextToVideoZeroPipeline:
    return TextToVideoZeroPipeline(**model.components, requires_safety_checker=False)


@pytest.fixture
def pipe(tiny_pipe) -> TextToVideoZeroPipeline:
    """One whose text encoder has a mean, as that of Stable Diffusion has."""
    norm = tiny_pipe.text_encoder.text_model.final_layer_norm
    norm.bias.set_value(paddle.full(norm.bias.shape, -0.3))
    return pipeline(tiny_pipe)


@pytest.fixture(scope="module")
def embedded() -> TextToVideoZeroPipeline:
    return pipeline(load_stable_diffusion(locate.locate("embedded")))


def encoded(pipe, *texts: str, **settings) -> np.ndarray:
    return pipe._encode_text(list(texts), **settings).numpy()


def as_the_tokenizer_pads(pipe, text: str) -> np.ndarray:
    """A text as it was encoded before there were windows."""
    length = pipe.text_encoder.config.max_position_embeddings
    tokens = pipe.tokenizer([text], padding="max_length", max_length=length, truncation=True, return_tensors="pd")
    return EagerRunner(TextEncoder(pipe.text_encoder))([tokens["input_ids"]])[0].numpy()


@pytest.mark.parametrize("text", ["", SHORT, 'A fox, a dog: 3 foxes - "snow"!'])
def test_a_plain_prompt_gives_the_bytes_that_the_tokenizers_own_padding_gives(pipe, embedded, text):
    for each in (pipe, embedded):
        assert encoded(each, text).tobytes() == as_the_tokenizer_pads(each, text).tobytes()


@pytest.mark.parametrize(
    "prompt, windows",
    [
        (SHORT, 1),
        ("a (fox:1.3) in the [[snow]], ((at night))", 1),
        ("a fox (in the snow:0)", 1),
        (LONG, 3),
    ],
)
def test_texts_are_those_of_ppdiffusers_weighted_prompts(pipe, prompt, windows):
    from ppdiffusers.pipelines.paddleinfer_utils import get_weighted_text_embeddings

    expected, empty = get_weighted_text_embeddings(pipe, prompt, "", max_embeddings_multiples=windows)
    made = encoded(pipe, "", prompt)
    assert made.shape == (2, windows * 77, 16)
    np.testing.assert_allclose(made, [empty[0].numpy(), expected[0].numpy()], atol=1e-5)


def test_each_window_keeps_its_own_mean(pipe):
    """As AUTOMATIC1111's "original" emphasis: z * weights * mean(z) / mean(z * weights), for each window."""
    plain, made = encoded(pipe, LONG), encoded(pipe, f"({LONG[:200]}:1.5){LONG[200:]}")
    for start in range(0, 3 * 77, 77):
        before, after = plain[0, start : start + 77], made[0, start : start + 77]
        ratio = (after / before).mean(axis=1)
        np.testing.assert_allclose(after, before * ratio[:, None], atol=1e-4)
        np.testing.assert_allclose(ratio / ratio[0], np.where(ratio / ratio[0] > 1.2, 1.5, 1.0), atol=1e-3)
        np.testing.assert_allclose(after.mean(), before.mean(), rtol=1e-4)
    assert (made[0, :77] != plain[0, :77]).any() and (made[0, -77:] == plain[0, -77:]).all()


def test_an_encoder_without_a_mean_is_weighted_alone(embedded):
    plain, made = encoded(embedded, "a fox in the snow")[0], encoded(embedded, "a (fox:1.5) in the snow")[0]
    np.testing.assert_allclose(made[2], plain[2] * 1.5, rtol=1e-6)
    others = np.delete(np.arange(32), 2)
    np.testing.assert_array_equal(made[others], plain[others])


def test_what_stands_behind_the_first_window_counts(embedded, caplog):
    """The embedded encoder reads 32 tokens at once."""
    common = "a fox in the snow, " * 20
    one, other = encoded(embedded, common + "a castle"), encoded(embedded, common + "a rocket at night")
    assert one.shape == other.shape and one.shape[1] % 32 == 0
    assert (one[:, :64] == other[:, :64]).all() and (one != other).any()
    assert not caplog.records, "the tokenizer itself takes long texts for a mistake"


def test_shorter_texts_are_filled_up_with_empty_windows(pipe):
    made, nothing = encoded(pipe, SHORT, LONG), encoded(pipe, "")
    np.testing.assert_array_equal(made[0, :77], encoded(pipe, SHORT)[0])
    for start in (77, 154):
        np.testing.assert_array_equal(made[0, start : start + 77], nothing[0])


def test_break_fills_the_window(pipe):
    made = encoded(pipe, f"{SHORT} BREAK dog")
    np.testing.assert_array_equal(made[0], np.concatenate([encoded(pipe, SHORT)[0], encoded(pipe, "dog")[0]]))


def test_every_window_of_a_tokenizer_with_a_pad_of_its_own_is_padded_with_it(copy, pipe):
    """As that of Stable Diffusion 2 and ModelScope's text to video."""
    settings = json.loads((copy / "tokenizer" / "tokenizer_config.json").read_text(encoding="utf-8"))
    settings = json.dumps({**settings, "pad_token": "!"})
    (copy / "tokenizer" / "tokenizer_config.json").write_text(settings, encoding="utf-8")
    other = pipeline(load_stable_diffusion(copy))
    assert other.tokenizer.pad_token_id != other.tokenizer.eos_token_id
    assert encoded(other, SHORT).tobytes() == as_the_tokenizer_pads(other, SHORT).tobytes()
    made = encoded(other, f"{SHORT} BREAK dog")
    np.testing.assert_array_equal(made[0, 77:], as_the_tokenizer_pads(other, "dog")[0])


@pytest.fixture
def many_vectors(tiny_folder, tmp_path) -> tuple[TextToVideoZeroPipeline, Adapters]:
    """A model that knows a word of 20 vectors."""
    vectors = np.random.default_rng(0).standard_normal((20, 16)).astype(np.float32)
    save_torch(tmp_path / "style.bin", {"<style>": vectors})
    adapters = Adapters(inversions=tuple(textual_inversion.read(tmp_path / "style.bin")))
    return pipeline(load_stable_diffusion(tiny_folder, adapters=adapters)), adapters


def test_the_vectors_of_a_word_count_and_stay_together(many_vectors):
    pipe, adapters = many_vectors
    filler = "the " * 60
    assert encoded(pipe, adapters.expand(f"{'the ' * 55}<style>")).shape[1] == 77
    made = encoded(pipe, adapters.expand(f"{filler}<style>"))
    alone = encoded(pipe, adapters.expand("<style>"))
    np.testing.assert_array_equal(made[0], np.concatenate([encoded(pipe, filler)[0], alone[0]]))


def test_a_word_with_vectors_is_weighted_as_a_whole(many_vectors):
    pipe, adapters = many_vectors
    plain, made = (encoded(pipe, adapters.expand(text))[0] for text in ("fox <style>", "fox (<style>:1.5)"))
    weights = np.ones(77)
    first = len(pipe.tokenizer("fox", add_special_tokens=False)["input_ids"]) + 1
    weights[first : first + 20] = 1.5
    np.testing.assert_allclose(made, plain * weights[:, None], rtol=1e-5)


def test_brackets_of_a_word_are_no_weight(tiny_folder, tmp_path):
    vectors = np.random.default_rng(0).standard_normal((2, 16)).astype(np.float32)
    save_torch(tmp_path / "v.bin", {"[V]": vectors})
    adapters = Adapters(inversions=tuple(textual_inversion.read(tmp_path / "v.bin")))
    assert adapters.expand("a ([V]:1.2) fox") == "a (<_v_> <_v_>_1:1.2) fox"
    pipe = pipeline(load_stable_diffusion(tiny_folder, adapters=adapters))
    known, other = (encoded(pipe, adapters.expand(text)) for text in ("[V]", "V"))
    assert np.abs(known - other).max() > 0.1


def test_clip_skip_is_that_of_diffusers(pipe):
    """Which counts from 0."""
    expected, _ = pipe.encode_prompt(SHORT, 1, False, clip_skip=1)
    np.testing.assert_allclose(encoded(pipe, SHORT, clip_skip=2), expected.numpy(), atol=1e-6)
    assert np.abs(encoded(pipe, SHORT, clip_skip=2) - encoded(pipe, SHORT)).max() > 0.1


def test_programs_of_different_layers_are_told_apart(pipe):
    identities = [TextEncoder(pipe.text_encoder, skip).identity()["settings"] for skip in (1, 2)]
    assert identities == [{}, {"clip_skip": 2}]


@pytest.mark.slow
@pytest.mark.skipif(int(paddle.__version__.split(".")[0]) < 3, reason="engines need Paddle 3")
@pytest.mark.parametrize("name, settings", [("openvino", {"clip_skip": 2}), ("inference", {})], ids=str)
def test_engines_take_long_prompts_with_the_programs_of_short_ones(pipe, tmp_path, name, settings):
    from ppt2v.engine.inference import InferenceEngine
    from ppt2v.engine.openvino import OpenVINOEngine

    asked = {"num_inference_steps": 4, "video_length": 3, "use_motion_field": False, **settings}
    expected = pipe(noise=Noise(0), prompt=f"(fox:1.3), {LONG}", **asked).numpy()
    pipe.engine = {"openvino": OpenVINOEngine, "inference": InferenceEngine}[name]("float32", Cache(tmp_path))
    short = pipe(noise=Noise(0), prompt=SHORT, **asked).numpy()
    exported = sorted(tmp_path.iterdir())
    made = pipe(noise=Noise(0), prompt=f"(fox:1.3), {LONG}", **asked).numpy()
    assert np.abs(made - expected).max() <= 1e-3 * expected.std() < np.abs(short - expected).max()
    assert exported == sorted(tmp_path.iterdir())


def test_chunks_change_nothing_for_long_prompts(pipe):
    asked = {"prompt": LONG, "num_inference_steps": 4, "video_length": 4, "use_motion_field": False}
    made = [pipe(noise=Noise(0), chunk_size=size, **asked).numpy() for size in (2, 3, 8)]
    assert np.ptp(made, axis=0).max() <= 1e-5
