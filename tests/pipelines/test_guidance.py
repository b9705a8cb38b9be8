"""FreeU, guidance rescale and perturbed attention: as diffusers', exported as well, and without effect when off."""

from __future__ import annotations

import numpy as np
import paddle
import pytest
from conftest import DATA

from ppt2v.cache import Cache
from ppt2v.models.families.stable_diffusion import load_stable_diffusion
from ppt2v.pipelines.denoising.noise import Noise
from ppt2v.pipelines.methods.freeu import FreeU
from ppt2v.pipelines.methods.guidance import Guidance
from ppt2v.pipelines.networks.unet_programs import NoisePrediction
from ppt2v.pipelines.text_to_video_zero import TextToVideoZeroPipeline

STORED = np.load(DATA / "guidance_reference.npz")
FREEU = {"freeu_b1": 1.5, "freeu_b2": 1.6, "freeu_s1": 0.9, "freeu_s2": 0.2}
# As in tests/data/make_guidance_reference.py.
CASES = {
    "plain": {},
    "rescale": {"guidance_rescale": 0.7},
    "freeu": FREEU,
    "wide freeu": {**FREEU, "guidance_rescale": 0.4},
    "pag": {"pag_scale": 3.0},
    "pag alone": {"pag_scale": 2.0, "guidance_scale": 1.0},
    "pag freeu rescale": {**FREEU, "pag_scale": 3.0, "guidance_rescale": 0.7},
}
SHORT = {"prompt": "the fox in the snow", "num_inference_steps": 6, "t1": 35, "t0": 20}


class StoredNoise:
    """The noise that the reference was made with."""

    def __init__(self, case: str):
        self.start = STORED["start wide" if "wide" in case else "start plain"]

    def draw(self, purpose: str, frame_ids: list[int], shape: list[int], step: int = 0) -> paddle.Tensor:
        return paddle.to_tensor(self.start)


@pytest.fixture(scope="module")
def pipe() -> TextToVideoZeroPipeline:
    loaded = load_stable_diffusion(DATA / "text2video_reference" / "model")
    return TextToVideoZeroPipeline(**loaded.components, requires_safety_checker=False)


def make(pipe, **changes) -> np.ndarray:
    return pipe(noise=Noise(0), **{**SHORT, "video_length": 4, "height": 16, "width": 16, **changes}).numpy()


@pytest.mark.parametrize("case", CASES)
def test_a_picture_is_that_of_diffusers(pipe, case):
    expected, width = STORED[case], 24 if "wide" in case else 16
    made = pipe(noise=StoredNoise(case), video_length=1, height=16, width=width, **{**SHORT, **CASES[case]}).numpy()
    assert np.abs(made - expected).max() <= 1e-3 * expected.std()


@pytest.mark.parametrize(
    "changes", [FREEU, {"pag_scale": 3.0, "guidance_stop_step": 0.5, "cache_interval": 2}], ids=str
)
def test_chunk_size_and_other_calls_change_nothing(pipe, changes):
    plain = make(pipe)
    latents = [make(pipe, chunk_size=chunk_size, **changes) for chunk_size in (2, 8)]
    assert np.ptp(latents, axis=0).max() <= 1e-4
    assert np.abs(latents[0] - plain).max() > 1e-3 * plain.std()
    assert np.array_equal(make(pipe), plain)


@pytest.mark.filterwarnings("error:.*runs eagerly")
def test_an_exported_network_is_guided_as_the_eager_one(pipe, tmp_path):
    pytest.importorskip("openvino")
    if int(paddle.__version__.split(".")[0]) < 3:
        pytest.skip("the engines need Paddle 3")
    from ppt2v.engine.openvino import OpenVINOEngine

    changes = {**FREEU, "pag_scale": 3.0, "guidance_rescale": 0.7, "guidance_stop_step": 0.7}
    expected, exported = (
        make(pipe, **changes),
        TextToVideoZeroPipeline(**pipe.components, requires_safety_checker=False),
    )
    exported.engine = OpenVINOEngine("float32", Cache(tmp_path))
    assert np.abs(make(exported, **changes) - expected).max() <= 1e-3 * expected.std()


def test_a_program_is_another_with_other_features_and_the_same_without(pipe):
    kinds = [{}, {"freeu": FreeU(b1=1.5)}, {"freeu": FreeU(s2=0.5)}, {"perturbed": True}]
    plain, *others = (NoisePrediction(pipe.unet, 8, 8, **kind).identity() for kind in kinds)
    assert NoisePrediction(pipe.unet, 8, 8, freeu=FreeU(), perturbed=False).identity() == plain
    assert all(plain != other for other in others) and others[0] != others[1]


def test_one_branch_stays_as_it_is():
    alone = paddle.ones([1, 1, 2, 2])
    assert Guidance((7.5,), 0.7, 3.0)([alone]) is alone
