"""int8: which layers are quantised, by what, and that a run in it is judged first."""

from __future__ import annotations

import warnings

import numpy as np
import paddle
import pytest

from ppt2v import InputError, Model, video
from ppt2v.cache import Cache
from ppt2v.engine.choice import Choice, choose

pytest.importorskip("openvino")
if int(paddle.__version__.split(".")[0]) < 3:
    pytest.skip("the OpenVINO engine needs Paddle 3", allow_module_level=True)

from ppt2v.engine import int8, quantization
from ppt2v.engine.quantization import Grid, Seen
from ppt2v.environment.openvino import import_openvino
from ppt2v.modes import MODES
from ppt2v.runs import samples

ov = import_openvino()
ops = ov.opset15

CHANNELS = 32


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def network(attention: str = "attn1.to_q.weight") -> ov.Model:
    """A convolution into the network, another one, a shortcut, a feed-forward layer and a projection of attention."""
    pictures = ops.parameter([2, 4, 8, 8], np.float32, "pictures")

    def convolved(x, name: str, *shape: int):
        return ops.convolution(x, ops.constant(numbers(*shape) / 10, name=name), [1, 1], [1, 1], [1, 1], [1, 1])

    x = ops.swish(convolved(pictures, "conv_in.weight", CHANNELS, 4, 3, 3))
    x = convolved(x, "down.conv.weight", CHANNELS, CHANNELS, 3, 3)
    x = convolved(x, "down.conv_shortcut.weight", CHANNELS, CHANNELS, 3, 3)
    x = ops.reshape(ops.transpose(x, np.array([0, 2, 3, 1])), np.array([2, 64, CHANNELS]), False)
    for name in ("block.ff.net.0.weight", attention):
        x = ops.matmul(x, ops.constant(numbers(CHANNELS, CHANNELS) / 5, name=name), False, False)
    return ov.Model([ops.result(x)], [pictures], "network")


def run(model: ov.Model, inputs: np.ndarray) -> list[np.ndarray]:
    made = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})([inputs])
    return [made[number] for number in range(len(made))]


def seen(model: ov.Model, inputs: np.ndarray) -> dict[str, Seen]:
    watched, names = quantization.watched(model)
    noted = run(watched, inputs)[1:]
    return {name: Seen(*noted[3 * place : 3 * place + 3]) for place, name in enumerate(names)}


def quantised(model: ov.Model) -> list[str]:
    """The names of the layers that take in rounded numbers."""
    layers = [each for each in model.get_ordered_ops() if each.get_type_name() in ("Convolution", "MatMul")]
    rounded = [each for each in layers if each.input_value(0).get_node().get_type_name() == "FakeQuantize"]
    return [each.input_value(1).get_node().get_type_name() for each in rounded]


def test_convolutions_and_feed_forward_layers_are_candidates_but_the_first_layer_shortcuts_and_attention_are_not():
    assert [layer.name for layer in quantization.layers(network())] == ["down.conv.weight", "block.ff.net.0.weight"]


def test_what_comes_in_is_seen_channel_by_channel():
    model, inputs = network(), numbers(2, 4, 8, 8, seed=1)
    noted = seen(model, inputs)["down.conv.weight"]
    first = ov.Model([model.get_ordered_ops()[-1]], model.get_parameters(), "first")
    [swish] = [each for each in first.get_ordered_ops() if each.get_type_name() == "Swish"]
    [coming] = run(ov.Model([ops.result(swish)], model.get_parameters(), "first"), inputs)
    assert np.allclose(noted.low, coming.min((0, 2, 3)), atol=1e-6)
    assert np.allclose(noted.high, coming.max((0, 2, 3)), atol=1e-6)
    assert np.allclose(noted.square, np.square(coming).mean((0, 2, 3)), atol=1e-6)


def test_a_quantised_network_is_near_the_one_in_float():
    model, inputs = network(), numbers(2, 4, 8, 8, seed=1)
    near = quantization.quantized(model, seen(model, inputs))
    assert quantised(near) == ["Multiply", "Multiply"] and quantised(model) == []
    [exact], [rounded] = run(model, inputs), run(near, inputs)
    assert 30 < int8._decibels(exact, rounded) < 60


def test_a_layer_into_which_outliers_come_stays_in_float():
    model, inputs = network(), numbers(2, 4, 8, 8, seed=1)
    noted = seen(model, inputs)
    name = "block.ff.net.0.weight"
    noted[name] = noted[name]._replace(high=noted[name].high * 1000)
    assert len(quantised(quantization.quantized(model, noted))) == 1


def test_channels_of_unlike_size_are_evened_out_at_no_cost():
    layer = next(each for each in quantization.layers(network()) if each.name == "down.conv.weight")
    sizes = 10.0 ** np.linspace(-2, 2, CHANNELS).astype(np.float32)
    uneven = Seen(-sizes, sizes, sizes**2 / 3)
    even = uneven.divided(quantization._scales(layer, uneven))
    assert np.ptp(np.log10(even.high)) < np.ptp(np.log10(uneven.high))
    assert Grid.over(even).snr(even) > Grid.over(uneven).snr(uneven) + 3


@pytest.mark.parametrize("low, high", [(-1.0, 3.0), (0.5, 2.0), (-2.0, -1.0), (0.0, 0.0)])
def test_zero_is_a_level_and_all_that_was_seen_is_within(low, high):
    grid = Grid.over(Seen(np.array([low]), np.array([high]), np.array([1.0])))
    assert abs(grid.low / grid.step - round(grid.low / grid.step)) < 1e-9
    assert grid.low - grid.step <= low and high <= grid.high + grid.step


def test_a_mode_with_one_clip_is_sampled_with_other_prompts_too():
    given = [samples.sample(MODES["pose"], number) for number in range(3)]
    assert len({each["prompt"] for each in given}) == 3 and len({each["video_path"] for each in given}) == 1


def test_what_is_not_in_int8_is_in_the_fastest_other_precision():
    assert Choice("openvino", "int8", "float32").of_floats == choose("openvino", "cpu", None).precision
    assert Choice("openvino", "bfloat16", "float32").of_floats == "bfloat16"


# Through the facade


@pytest.fixture
def sampled(monkeypatch, tmp_path) -> list[int]:
    """The numbers of the sample runs that are made from now on, short ones, with a cache of its own."""
    numbers, run = [], samples.Samples.run
    monkeypatch.setenv("PPT2V_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(samples, "STEPS", 2)
    monkeypatch.setattr(samples, "FRAMES", 2)
    monkeypatch.setattr(samples.Samples, "run", lambda self, *given: numbers.append(given[1]) or run(self, *given))
    return numbers


@pytest.fixture
def make(tiny_folder, tmp_path):
    """Makes a clip in int8, with what is given; returns its bytes."""

    def make(name: str, mode: str = "text2video", dtype: str = "int8", **given) -> bytes:
        file = tmp_path / f"{name}.mp4"
        given = {"video_length": 3, "num_inference_steps": 3, "seed": 1, "save_path": file, **given}
        Model("cpu", dtype, show_progress=False).run(mode, prompt="a fox", model_name=tiny_folder, **given)
        return file.read_bytes()

    return make


def test_sample_runs_are_made_once_and_the_video_does_not_depend_on_when(sampled, make, tmp_path):
    first = make("first")
    assert sampled == [0, 1, 2]
    assert make("second") == first and make("larger", resolution=48) and sampled == [0, 1, 2]
    [kept] = [entry for entry in Cache(tmp_path / "cache").entries() if entry.about["program"] == "int8"]
    assert kept.size < 100_000, "the weights are those of the other precisions"
    recipe = video.read_recipe(tmp_path / "first.mp4")
    assert (recipe["engine"], recipe["dtype"]) == ("openvino", "int8")


def test_predictions_that_are_not_near_enough_are_made_in_float(sampled, make, monkeypatch, tmp_path):
    monkeypatch.setattr(int8, "LEAST_SNR", 1000.0)
    fastest = choose("auto", "cpu", None).precision
    with pytest.warns(UserWarning, match=r"NoisePrediction is not run in int8: \d+ dB of SNR.*stays in float"):
        make("refused")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        make("float", dtype=fastest)
    refused, exact = (video.read(tmp_path / f"{name}.mp4", multiple=1).frames[:] for name in ("refused", "float"))
    assert np.array_equal(refused, exact)


def test_a_model_is_prepared_beforehand(sampled, make, tiny_folder):
    [line] = Model("cpu", "int8", show_progress=False).quantize("text2video", model_name=tiny_folder)
    assert line.startswith("NoisePrediction: ") and " dB of SNR at least" in line
    assert sampled == [0, 1, 2]
    make("prepared")
    assert sampled == [0, 1, 2]
    with pytest.raises(InputError, match="use Model\\(dtype='int8'\\)"):
        Model("cpu", "float32").quantize("text2video", model_name=tiny_folder)


def test_int8_is_for_openvino_alone():
    assert choose("auto", "cpu", "int8") == Choice("openvino", "int8", "float32")
    for engine, device in (("eager", "cpu"), ("inference", "cpu"), ("auto", "gpu")):
        with pytest.raises(InputError, match=r"dtype int8 on .* does not compute in it"):
            choose(engine, device, "int8")
