"""Blocks that are on the accelerator only while they compute: how much is there at a time, and that nothing changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import paddle
import pytest
import xl_tiny
from conftest import CLIPS, DATA

from ppt2v import MODES, InputError, Model, video
from ppt2v.engine import offload
from ppt2v.engine.choice import Choice
from ppt2v.engine.eager import BlockRunner, EagerEngine

EAGER, INFERENCE = Choice("eager", "float32", "float32"), Choice("inference", "float16", "float16")


class Accelerator(EagerEngine):
    """Stands in for one: at home all weights are NaN, so that it shows where one computes that was not brought.

    ``most``: by the networks' kinds, the most weights of one that were there at a time, as a share of all.
    """

    def __init__(self):
        self.most: dict[str, float] = {}
        self._numbers: dict[int, paddle.Tensor] = {}

    def prepare(self, program):
        runner = BlockRunner(program, self._bring)

        def call(inputs: list) -> list:
            program.load()
            self._begin(program.network)
            return runner(inputs)

        return Watched(runner, call)

    def _begin(self, network) -> None:
        self._kind, self._all = type(network).__name__, 0
        for weight in network.parameters():
            self._all += int(weight.size)
            if not weight.isnan().all():
                self._numbers[id(weight)] = weight.clone()
                weight.set_value(paddle.full_like(weight, float("nan")))
        self._away: list[tuple] = []

    def _bring(self, weight: paddle.Tensor) -> paddle.Tensor:
        self._away = [(each, home) for each, home in self._away if each.data_ptr() != home]
        self._away.append((weight, weight.data_ptr()))
        share = sum(int(each.size) for each, _ in self._away) / self._all
        self.most[self._kind] = max(share, self.most.get(self._kind, 0))
        return self._numbers[id(weight)].clone()


class Watched:
    """A runner with something done before each call."""

    def __init__(self, runner, call):
        self._runner, self._call = runner, call

    def __call__(self, inputs: list) -> list:
        return self._call(inputs)

    def __getattr__(self, name: str):
        return getattr(self._runner, name)


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(device="cpu", engine="eager", show_progress=False)


@pytest.fixture
def accelerator(monkeypatch) -> Accelerator:
    """What the runs of a test that offload blocks compute on."""
    standing_in = Accelerator()
    monkeypatch.setattr(offload, "check", lambda *_: None)
    monkeypatch.setattr(offload, "offloading", lambda engine, how: standing_in if how == "blocks" else engine)
    return standing_in


@pytest.fixture
def same(model, accelerator, tmp_path):
    """Makes a video with and without, which must be the same one; the shares of the networks that were there."""

    def make(mode: str, **given) -> dict[str, float]:
        given = {"prompt": "a fox", "num_inference_steps": 2, "seed": 1, **given}
        paths = [
            model.run(mode, save_path=tmp_path / f"{number}.png", offload=how, **given)
            for number, how in enumerate(("none", "blocks", "none"))
        ]
        plain, *others = (video.read(path, multiple=1).frames for path in paths)
        assert all(np.array_equal(plain, other) for other in others)
        return accelerator.most

    return make


def test_the_blocks_of_a_unet_and_of_a_text_encoder(same, tiny_folder):
    most = same("text2video", model_name=tiny_folder, video_length=3, chunk_size=2, cache_interval=2, pag_scale=1.0)
    assert most["UNet2DConditionModel"] < 0.4 and most["CLIPTextModel"] < 0.8 and most["AutoencoderKL"] < 0.4


def test_those_of_a_controlnet(same):
    base, controlnet = DATA / "text2video_reference" / "model", DATA / "guided_reference" / "controlnet0"
    given = {"video_path": CLIPS / "car.mp4", "end_t": 0.2, "out_fps": 16, "resolution": 32}
    most = same("canny", model_name=base, controlnet=controlnet, freeu_b1=1.2, **given)
    assert most["ControlNetModel"] < 0.5 and most["UNet2DConditionModel"] < 0.5


def test_those_of_motion_modules(same, tiny_folder, motion_folder):
    assert same("animate", model_name=tiny_folder, motion_module=motion_folder, video_length=2)["MotionUNet"] < 0.3


def test_those_of_a_video_model(same, modelscope_folder):
    assert same("synthesize", model_name=modelscope_folder, video_length=2, resolution=16)["UNet3D"] < 0.3


def test_those_of_stable_diffusion_xl(same, tmp_path):
    file = xl_tiny.save(tmp_path / "xl.safetensors", xl_tiny.tensors())
    folder: Path = xl_tiny.write_folder(tmp_path / "xl", file)
    assert same("text2video", model_name=folder, video_length=2, resolution=16)["UNet2DConditionModel"] < 0.3


def test_where_no_block_could_leave_the_memory_it_is_refused_before_anything_is_loaded(model):
    for choice, device, said in ((EAGER, "cpu", "a CPU computes in"), (INFERENCE, "cuda:0", "Paddle Inference holds")):
        with pytest.raises(InputError, match=f"offload=blocks: {said}"):
            offload.check("blocks", choice, device)
    offload.check("blocks", EAGER, "cuda:0")
    offload.check("networks", EAGER, "cpu")
    with pytest.raises(InputError, match="offload=blocks: a CPU"):
        model.run("text2video", prompt="a fox", model_name="not/here", offload="blocks")


def test_true_and_false_mean_what_they_meant():
    [parameter] = [each for each in MODES["text2video"].parameters if each.name == "offload"]
    assert [parameter.check(value) for value in (True, False, "blocks")] == ["networks", "none", "blocks"]
    with pytest.raises(InputError, match="one of none, networks, blocks"):
        parameter.check("layers")
