"""The pipelines with Stable Diffusion XL: on every engine, in chunks, killed and resumed, within a limit of memory."""

from __future__ import annotations

import numpy as np
import paddle
import pytest
import xl_tiny
from kills import Killed, kill_at
from stand_in_engine import FragileEngine

from ppt2v.cache import Cache
from ppt2v.models.families import stable_diffusion
from ppt2v.models.families.stable_diffusion_xl import load_stable_diffusion_xl
from ppt2v.pipelines.denoising.checkpoint import Checkpoint
from ppt2v.pipelines.denoising.noise import Noise
from ppt2v.pipelines.networks.autoencoders import Decoder
from ppt2v.pipelines.planning.memory import Needs
from ppt2v.pipelines.stable_diffusion_xl import TextToVideoZeroXLPipeline, VideoControlNetXLPipeline
from ppt2v.pipelines.video_controlnet import Control

SHORT = {"prompt": "the fox in the snow", "num_inference_steps": 3, "video_length": 3, "height": 16, "width": 16}
SETTINGS = {"seed": 0}
MAPS = np.random.default_rng(1).integers(0, 256, (3, 16, 16, 3), np.uint8)


@pytest.fixture(scope="module")
def parts(tmp_path_factory) -> dict:
    models = tmp_path_factory.mktemp("models")
    file = xl_tiny.save(models / "xl.safetensors", xl_tiny.tensors())
    return load_stable_diffusion_xl(xl_tiny.write_folder(models / "xl", file), lazy=True)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return stable_diffusion.load_controlnet(xl_tiny.write_controlnet(tmp_path_factory.mktemp("models") / "control"))


@pytest.fixture(scope="module")
def pipe(parts) -> TextToVideoZeroXLPipeline:
    return TextToVideoZeroXLPipeline(**parts)


@pytest.fixture(scope="module")
def plain(pipe) -> np.ndarray:
    return make(pipe)


def make(pipe, **changes) -> np.ndarray:
    return pipe(noise=Noise(0), **{**SHORT, **changes}).numpy()


def guide(parts, network, engine=None, **changes) -> np.ndarray:
    pipe = VideoControlNetXLPipeline(**parts)
    pipe.engine = engine or pipe.engine
    given = {"prompt": SHORT["prompt"], "controls": [Control(network, MAPS, 1.0)], "num_inference_steps": 2}
    return pipe(noise=Noise(0), **{**given, **changes}).numpy()


def _engine(name: str, folder):
    if name == "openvino":
        from ppt2v.engine.openvino import OpenVINOEngine

        return OpenVINOEngine("float32", Cache(folder))
    from ppt2v.engine.inference import InferenceEngine

    return InferenceEngine("float32", Cache(folder))


@pytest.fixture(params=["openvino", pytest.param("inference", marks=pytest.mark.slow)])
def engine(request, tmp_path):
    pytest.importorskip("openvino")
    if int(paddle.__version__.split(".")[0]) < 3:
        pytest.skip("the engines need Paddle 3")
    return _engine(request.param, tmp_path)


@pytest.mark.filterwarnings("error:.*runs eagerly")
def test_every_engine_makes_the_videos_of_eager_mode(parts, plain, engine):
    pipe = TextToVideoZeroXLPipeline(**parts)
    pipe.engine = engine
    assert np.abs(make(pipe) - plain).max() <= 1e-3 * plain.std()


@pytest.mark.slow
@pytest.mark.filterwarnings("error:.*runs eagerly")
def test_every_engine_is_guided_as_in_eager_mode(parts, network, engine):
    expected = guide(parts, network, cache_interval=2)
    assert np.abs(guide(parts, network, engine, cache_interval=2) - expected).max() <= 1e-3 * expected.std()


def test_prompts_that_change_and_perturbed_attention_reach_both_encoders(pipe, plain):
    same, other = (make(pipe, prompt_at=f"1: {prompt}") for prompt in (SHORT["prompt"], "cat on the beach"))
    assert np.abs(same - plain).max() <= 1e-4 * plain.std()
    assert np.abs(other[1:] - plain[1:]).max() > 1e-3 * plain.std()
    perturbed = [make(pipe, pag_scale=3.0, chunk_size=chunk_size) for chunk_size in (2, 8)]
    assert np.ptp(perturbed, axis=0).max() <= 1e-4 * plain.std() < np.abs(perturbed[0] - plain).max()


def test_chunks_change_nothing(pipe, plain):
    assert np.abs(make(pipe, chunk_size=2) - plain).max() <= 1e-4 * plain.std()


def test_a_killed_run_ends_in_the_same(pipe, plain, tmp_path):
    with pytest.raises(Killed):
        make(pipe, checkpoint=Checkpoint(tmp_path, SETTINGS), progress=kill_at(4))
    np.testing.assert_array_equal(make(pipe, checkpoint=Checkpoint(tmp_path, SETTINGS)), plain)


@pytest.mark.parametrize("asked", [True, False])
def test_frames_are_decoded_in_float32_where_the_autoencoder_asks_for_it(parts, plain, asked):
    pipe = TextToVideoZeroXLPipeline(**parts)
    pipe.engine, pipe.vae_in_float32 = FragileEngine(Decoder), asked
    next(pipe.decode(paddle.to_tensor(plain)))
    assert pipe.engine.runners[0].calls == ([False] if asked else [True, False])
    assert TextToVideoZeroXLPipeline(**parts).vae_in_float32


def test_memory_is_planned_with_both_text_encoders_and_a_decoder_in_float32(pipe):
    needs = Needs.of(pipe, [], (16, 16), 2, 0)
    encoders = [pipe.text_encoder, pipe.text_encoder_2]
    assert needs.text == sum(int(np.prod(each.shape)) for one in encoders for each in one.parameters())
    assert needs.vae_in_float32
