"""Convolutions of a doubled picture: computed on the picture as it was, with the same outcome."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from ppt2v.cache import Cache

pytest.importorskip("openvino")
if int(paddle.__version__.split(".")[0]) < 3:
    pytest.skip("the OpenVINO engine needs Paddle 3", allow_module_level=True)

from ppt2v.engine import upsampling
from ppt2v.engine.eager import EagerRunner
from ppt2v.engine.openvino import OpenVINOEngine
from ppt2v.environment.openvino import import_openvino
from ppt2v.models.families.stable_diffusion import load_stable_diffusion
from ppt2v.pipelines.networks.autoencoders import Decoder

ov = import_openvino()
ops = ov.opset15

DOUBLED = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def network(weight: np.ndarray, height: int, width: int, scale: float = 2, pad: int = 1, stride: int = 1, **doubled):
    """A picture enlarged and convolved."""
    picture = ops.parameter([2, weight.shape[1], height, width], np.float32)
    scales = np.array([scale, scale], np.float32)
    large = ops.interpolate(
        picture, scales, axes=np.array([2, 3]), shape_calculation_mode="scales", **DOUBLED | doubled
    )
    made = ops.convolution(large, ops.constant(weight), [stride] * 2, [pad] * 2, [pad] * 2, [1, 1])
    return ov.Model([ops.result(made)], [picture])


def convolved(model) -> list:
    return [each for each in model.get_ordered_ops() if each.get_type_name() == "Convolution"]


def run(model, picture: np.ndarray) -> np.ndarray:
    return ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})([picture])[0]


@pytest.mark.parametrize("height, width", [(1, 1), (1, 4), (5, 3)])
def test_the_transposed_convolution_makes_the_same(height, width):
    weight, picture = numbers(6, 4, 3, 3), numbers(2, 4, height, width, seed=1)
    model = network(weight, height, width)
    expected = run(model, picture)
    [convolution] = upsampling.convolutions(model)
    upsampling.replace(convolution, upsampling.kernels(weight))
    model.validate_nodes_and_infer_types()
    assert [each.get_input_shape(1)[2:] for each in convolved(model)] == [[2, 2]] * 4
    assert np.abs(run(model, picture) - expected).max() < 1e-5 * expected.std()


@pytest.mark.parametrize(
    "changed", [{"scale": 3}, {"pad": 0}, {"stride": 2}, {"mode": "linear_onnx"}, {"nearest_mode": "ceil"}], ids=str
)
def test_other_convolutions_of_an_enlarged_picture_stay(changed):
    assert not list(upsampling.convolutions(network(numbers(6, 4, 3, 3), 4, 4, **changed)))


def test_a_decoder_is_run_so_and_still_decodes_as_paddle_does(tiny_folder, tmp_path):
    program = Decoder(load_stable_diffusion(tiny_folder).vae, 8, 12)
    runner = OpenVINOEngine("float32", Cache(tmp_path)).prepare(program)
    growing = [block for block in program.network.decoder.up_blocks if block.upsamplers is not None]
    small = [each for each in convolved(runner.model) if each.get_input_shape(1)[2:] == [2, 2]]
    assert len(small) == 4 * len(growing) > 0
    assert "Interpolate" not in {each.get_type_name() for each in runner.model.get_ordered_ops()}
    latents = [numbers(2, 4, 8, 12)]
    program.load()
    [expected] = EagerRunner(program)([paddle.to_tensor(latents[0])])
    assert np.abs(runner(latents)[0] - expected.numpy()).max() < 1e-4 * expected.numpy().std()
