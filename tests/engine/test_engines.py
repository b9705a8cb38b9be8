"""The engines: they compute what eager Paddle does, export once, and step aside where they cannot."""

from __future__ import annotations

import ctypes
import json
from pathlib import Path

import numpy as np
import paddle
import pytest
from paddle import nn
from paddle.static import InputSpec

from ppt2v import InputError, Model, video
from ppt2v.cache import Cache
from ppt2v.engine import choice
from ppt2v.engine.choice import Choice, build, choose
from ppt2v.engine.eager import EagerRunner
from ppt2v.engine.program import Program
from ppt2v.environment import threads
from ppt2v.models.families import stable_diffusion
from ppt2v.models.loading import weights
from ppt2v.pipelines.denoising.checkpoint import Checkpoint
from ppt2v.pipelines.denoising.noise import Noise
from ppt2v.pipelines.networks.autoencoders import Decoder
from ppt2v.pipelines.networks.text_programs import TextEncoder, TextLookup
from ppt2v.pipelines.networks.unet_programs import NoisePrediction
from ppt2v.pipelines.text_to_video_zero import TextToVideoZeroPipeline

pytest.importorskip("openvino")
if int(paddle.__version__.split(".")[0]) < 3:
    pytest.skip("the OpenVINO engine needs Paddle 3", allow_module_level=True)

from ppt2v.engine import openvino as engine_module
from ppt2v.engine import precisions
from ppt2v.engine import weights as weights_module
from ppt2v.engine.inference import InferenceEngine
from ppt2v.engine.openvino import OpenVINOEngine

SHORT = {"prompt": "the fox in the snow", "num_inference_steps": 10, "t1": 35, "t0": 20, "video_length": 5}


def random(*shape: int, seed: int = 0) -> paddle.Tensor:
    return paddle.to_tensor(np.random.default_rng(seed).standard_normal(shape, np.float32))


def distance(made: list, expected: list) -> float:
    """The largest difference, relative to the standard deviation of what is expected."""
    pairs = [(np.asarray(one), other.numpy()) for one, other in zip(made, expected)]
    return max(np.abs(one - other).max() / other.std() for one, other in pairs)


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Cache:
    """One cache for all tests that do not look into it: a program is exported once."""
    return Cache(tmp_path_factory.mktemp("engines"))


@pytest.fixture(scope="module")
def pipe(tiny_folder) -> TextToVideoZeroPipeline:
    loaded = stable_diffusion.load_stable_diffusion(tiny_folder)
    return TextToVideoZeroPipeline(**loaded.components, requires_safety_checker=False)


@pytest.fixture(scope="module")
def engine(cache) -> OpenVINOEngine:
    return OpenVINOEngine("float32", cache)


def make(pipe, engine=None, **changes) -> np.ndarray:
    pipe.engine = engine or TextToVideoZeroPipeline.engine
    return pipe(noise=Noise(0), **{**SHORT, **changes}).numpy()


def test_texts_are_encoded_and_looked_up_as_by_paddle(pipe, engine):
    program, tokens = TextEncoder(pipe.text_encoder), [paddle.randint(0, 40, [1, 77])]
    assert distance(engine.prepare(program)(tokens), EagerRunner(program)(tokens)) < 1e-4
    look_up, encoded = TextLookup(pipe.unet), [random(3, 77, 16)]
    assert distance(engine.prepare(look_up)(encoded), EagerRunner(look_up)(encoded)) < 1e-4


@pytest.mark.parametrize("height, width", [(8, 8), (16, 2)])
@pytest.mark.parametrize("branches", [1, 2, 3])
def test_noise_is_predicted_as_by_paddle(pipe, engine, branches, height, width):
    program = NoisePrediction(pipe.unet, height, width)
    eager, exported = EagerRunner(program), engine.prepare(program)
    fixed = [random(1, 8), *EagerRunner(TextLookup(pipe.unet))([random(branches, 77, 16)])]
    first = [random(branches * 2, 4, height, width, seed=1), *fixed, *program.no_anchor(branches)]
    expected, made = eager(first), exported(first)
    assert distance(made, expected) < 1e-4
    for frames in (1, 3):
        later = random(branches * frames, 4, height, width, seed=2)
        assert distance(exported([later, *fixed, *made[1:]])[:1], eager([later, *fixed, *expected[1:]])[:1]) < 1e-4
    assert distance(made, expected) < 1e-4, "later calls must leave the anchor alone"


@pytest.mark.parametrize("frames", [1, 3])
def test_pictures_are_decoded_as_by_paddle(pipe, engine, frames):
    program, latents = Decoder(pipe.vae, 8, 12), [random(frames, 4, 8, 12)]
    assert distance(engine.prepare(program)(latents), EagerRunner(program)(latents)) < 1e-4


@pytest.mark.parametrize(
    "changes",
    [{}, {"use_cf_attn": False}, {"use_motion_field": False}, {"guidance_scale": 1}, {"height": 32, "width": 16}],
    ids=str,
)
def test_latents_are_those_of_eager_mode(pipe, engine, changes):
    expected = make(pipe, **changes)
    made = make(pipe, engine, **changes)
    assert np.abs(made - expected).max() <= 1e-3 * expected.std()


def test_chunk_size_changes_nothing(pipe, engine):
    assert np.ptp([make(pipe, engine, chunk_size=size) for size in (2, 3, 8)], axis=0).max() <= 1e-4


def test_bfloat16_is_near_float32_and_a_rescue_returns_to_float32(pipe, cache, engine):
    program, latents = Decoder(pipe.vae, 8, 8), [random(1, 4, 8, 8)]
    (exact,) = engine.prepare(program)(latents)
    runner = OpenVINOEngine("bfloat16", cache).prepare(program)
    assert runner.half
    (near,) = runner(latents)
    assert np.abs(near - exact).max() < 0.1 * exact.std()
    runner.use_float32()
    assert not runner.half
    assert np.array_equal(runner(latents)[0], exact)
    runner.restore()
    assert runner.half and np.array_equal(runner(latents)[0], near)


@pytest.fixture
def exports(monkeypatch) -> list[str]:
    """The kinds of programs that are exported from now on."""
    kinds, trace = [], engine_module.trace
    monkeypatch.setattr(engine_module, "trace", lambda p: kinds.append(type(p).__name__) or trace(p))
    return kinds


@pytest.fixture
def decoder(copy):
    """Makes a program of the model in ``copy`` as a new process would: with weights that are not read yet."""
    from ppdiffusers import AutoencoderKL

    return lambda: Decoder(weights.load_component(copy / "vae", AutoencoderKL, lazy=True), 8, 8)


def test_a_program_is_exported_once_and_then_needs_no_weights(decoder, exports, tmp_path):
    latents = [random(1, 4, 8, 8)]
    (first,) = OpenVINOEngine("float32", Cache(tmp_path / "c")).prepare(decoder())(latents)
    program = decoder()
    (second,) = OpenVINOEngine("float32", Cache(tmp_path / "c")).prepare(program)(latents)
    assert np.array_equal(first, second)
    assert exports == ["Decoder"]
    assert not any(parameter._is_initialized() for parameter in program.network.parameters())


def test_weights_are_freed_after_export_and_come_back(decoder, tmp_path):
    program, latents = decoder(), [random(1, 4, 8, 8)]
    made = OpenVINOEngine("float32", Cache(tmp_path / "c")).prepare(program)(latents)
    assert not any(parameter._is_initialized() for parameter in program.network.parameters())
    assert distance(made, EagerRunner(program)(latents)) < 1e-4


def test_other_weights_and_damaged_programs_are_exported_again(decoder, copy, exports, tmp_path):
    cache = Cache(tmp_path / "c")
    OpenVINOEngine("float32", cache).prepare(decoder())
    for number, file in enumerate(("model.bin", "model.xml"), 2):
        [damaged] = cache.folder.glob(f"*/{file}")
        damaged.write_bytes(damaged.read_bytes()[:-8])
        OpenVINOEngine("float32", cache).prepare(decoder())
        assert len(exports) == number
    [damaged] = cache.folder.glob("*/weights.bin")
    damaged.write_bytes(damaged.read_bytes()[:-8])
    latents = [random(1, 4, 8, 8)]
    made = OpenVINOEngine("float32", cache).prepare(decoder())(latents)
    assert len(exports) == 3 and distance(made, EagerRunner(decoder())(latents)) < 1e-4
    from safetensors.numpy import load_file, save_file

    [stored] = (copy / "vae").glob("*.safetensors")
    tensors = load_file(stored)
    save_file({name: array * 1.01 for name, array in tensors.items()}, stored, {"format": "pt"})
    OpenVINOEngine("float32", cache).prepare(decoder())
    assert len(exports) == 4 and len(cache.entries()) == 4


def test_all_sizes_share_the_weights(decoder, tmp_path):
    from ppdiffusers import AutoencoderKL

    cache, network = Cache(tmp_path / "c"), decoder().network
    assert isinstance(network, AutoencoderKL)
    runners = [OpenVINOEngine("float32", cache).prepare(Decoder(network, side, 8)) for side in (8, 12)]
    sizes = {entry.about["program"]: entry.size for entry in cache.entries()}
    assert sorted(entry.about["program"] for entry in cache.entries()) == ["Decoder", "Decoder", "weights"]
    assert sizes["weights"] > sum(4 * parameter.size for parameter in network.parameters())
    assert (
        not list(cache.folder.glob("*/model.bin"))
        or max(file.stat().st_size for file in cache.folder.glob("*/model.bin")) < 10_000
    )
    for side, runner in zip((8, 12), runners):
        latents = [random(1, 4, side, 8)]
        assert distance(runner(latents), EagerRunner(Decoder(network, side, 8))(latents)) < 1e-4


def test_a_cache_below_one_runs_programs_serves_the_run(decoder, tmp_path):
    engine = OpenVINOEngine("float32", Cache(tmp_path / "c", limit=1))
    networks = [decoder().network, decoder().network]
    runners = [engine.prepare(Placed(network, side, 8)) for network, side in zip(networks, (8, 12))]
    assert len(engine.cache.entries()) == 2, "the last program and its weights"
    for side, network, runner in zip((8, 12), networks, runners):
        latents = [random(1, 4, side, 8)]
        assert distance(runner(latents), EagerRunner(Decoder(network, side, 8))(latents)) < 1e-4


class Placed(Decoder):
    """A decoder of which an engine keeps one for each size."""

    def __init__(self, network, height: int, width: int):
        super().__init__(network, height, width)
        self.place = f"{height}x{width}"


@pytest.mark.parametrize("engine_class", [OpenVINOEngine, InferenceEngine])
@pytest.mark.parametrize("size", [10_000, 100_000])
def test_on_a_full_disk_it_runs_eagerly(decoder, full_disk, tmp_path, engine_class, size):
    program, latents = decoder(), [random(1, 4, 8, 8)]
    with full_disk(size), pytest.warns(UserWarning, match="Decoder runs eagerly.*no room"):
        runner = engine_class("float32", Cache(tmp_path / "c")).prepare(program)
    assert isinstance(runner, EagerRunner) and np.isfinite(runner(latents)[0].numpy()).all()
    assert list((tmp_path / "c").iterdir()) == []


def test_without_a_writable_cache_it_exports_for_itself_alone(decoder, tmp_path):
    (tmp_path / "file").touch()
    program, latents = decoder(), [random(1, 4, 8, 8)]
    with pytest.warns(UserWarning, match="cache cannot be used"):
        runner = OpenVINOEngine("float32", Cache(tmp_path / "file" / "c")).prepare(program)
    assert distance(runner(latents), EagerRunner(program)(latents)) < 1e-4


def test_what_differs_from_eager_is_refused(decoder, monkeypatch, tmp_path):
    view = weights_module._view
    monkeypatch.setattr(weights_module, "_view", lambda *place, **given: view(*place, **given) * np.float32(1.1))
    with pytest.warns(UserWarning, match="Decoder runs eagerly.*differs from eager Paddle"):
        runner = OpenVINOEngine("float32", Cache(tmp_path)).prepare(decoder())
    assert isinstance(runner, EagerRunner)
    assert [entry.about["program"] for entry in Cache(tmp_path).entries()] == ["weights"]


class Plain(Program):
    def forward(self, inputs: list) -> list:
        return [self.network(inputs[0])]

    def inputs(self) -> list[InputSpec]:
        return [InputSpec([None, 4], "float32", "x")]


def test_what_is_zero_everywhere_does_not_differ(tmp_path):
    zero = nn.initializer.Constant(0.0)
    network = nn.Linear(4, 4, weight_attr=zero, bias_attr=zero)
    network.config, network.dtype = {}, paddle.float32
    assert not isinstance(OpenVINOEngine("float32", Cache(tmp_path)).prepare(Plain(network)), EagerRunner)


class Unknown(Plain):
    def forward(self, inputs: list) -> list:
        return [paddle.erfinv(self.network(inputs[0]))]


def test_an_unknown_operation_runs_eagerly(tmp_path):
    network = nn.Linear(4, 4)
    network.config, network.dtype = {}, paddle.float32
    with pytest.warns(UserWarning, match="Unknown runs eagerly.*pd_op.erfinv"):
        runner = OpenVINOEngine("float32", Cache(tmp_path)).prepare(Unknown(network))
    assert isinstance(runner, EagerRunner)


# Paddle Inference, on the CPU


@pytest.mark.parametrize("changes", [{}, {"use_cf_attn": False}, {"guidance_scale": 1}], ids=str)
def test_paddle_inference_gives_the_latents_of_eager_mode(pipe, cache, changes):
    expected = make(pipe, **changes)
    made = make(pipe, InferenceEngine("float32", cache), **changes)
    assert np.abs(made - expected).max() <= 1e-3 * expected.std()


def test_paddle_inference_decodes_without_reading_the_weights_again(decoder, tmp_path):
    latents = [random(2, 4, 8, 8)]
    InferenceEngine("float32", Cache(tmp_path)).prepare(decoder())
    program = decoder()
    made = InferenceEngine("float32", Cache(tmp_path)).prepare(program)(latents)
    assert not any(parameter._is_initialized() for parameter in program.network.parameters())
    assert distance(made, EagerRunner(program)(latents)) < 1e-4


def intel_openmp() -> ctypes.CDLL | None:
    """The library that shares Paddle's work out to threads, where it is that one."""
    maps = Path("/proc/self/maps")
    lines = maps.read_text().splitlines() if maps.exists() else []
    return next((ctypes.CDLL(line.split()[-1]) for line in lines if "libiomp" in line), None)


@pytest.mark.skipif(intel_openmp() is None, reason="it needs Intel's OpenMP, on Linux")
@pytest.mark.parametrize("number", [1, 2])
def test_paddle_inference_leaves_eager_mode_as_it_was(pipe, cache, number):
    program, latents = Decoder(pipe.vae, 8, 8), [random(2, 4, 8, 8)]
    with threads.using(number):
        assert intel_openmp().omp_get_max_threads() == number
        (before,) = EagerRunner(program)(latents)
        InferenceEngine("float32", cache).prepare(program)(latents)
        assert intel_openmp().omp_get_max_threads() == number
        (after,) = EagerRunner(program)(latents)
    assert np.array_equal(before.numpy(), after.numpy())


@pytest.mark.parametrize("engine_class", [InferenceEngine, OpenVINOEngine])
def test_exports_of_other_precisions_are_others(pipe, tmp_path, engine_class):
    program, engine = Decoder(pipe.vae, 8, 8), engine_class("float32", Cache(tmp_path))
    key = engine._key(program)
    pipe.vae.to(dtype="float16")
    try:
        assert engine._key(program) != key
    finally:
        pipe.vae.to(dtype="float32")
    assert engine._key(program) == key


# The choice


@pytest.fixture
def computes(monkeypatch):
    """Lets the processor compute in these precisions, the first one the fastest."""

    def computes(*precisions: str) -> None:
        fastest = {"fastest": lambda device: precisions[0], "precisions": lambda device: precisions}
        row = choice.ROWS["openvino"]._replace(**fastest)
        monkeypatch.setitem(choice.ROWS, "openvino", row)

    return computes


def test_the_fastest_engine_and_precision_are_chosen(computes):
    computes("bfloat16", "float32")
    assert choose("auto", "cpu", None) == Choice("openvino", "bfloat16", "float32")
    assert choose("auto", "cpu", "float32") == Choice("openvino", "float32", "float32")
    assert choose("openvino", "cpu", paddle.bfloat16).precision == "bfloat16"
    assert choose("auto", "gpu", None) == Choice("eager", "float16", "float16")
    assert choose("eager", "cpu", None) == Choice("eager", "float32", "float32")
    assert choose("inference", "gpu:1", None) == Choice("inference", "float16", "float16")
    assert isinstance(build(choose("auto", "cpu", None)), OpenVINOEngine)
    assert isinstance(build(choose("inference", "cpu", None)), InferenceEngine)


@pytest.mark.parametrize(
    "engine, device, dtype, named",
    [
        ("tensorrt", "cpu", None, "unknown engine 'tensorrt': choose auto, eager, openvino, inference"),
        ("openvino", "gpu", None, "the device is gpu"),
        ("openvino", "cpu", "float16", "float16 on the CPU.*float32 or bfloat16"),
        ("eager", "cpu", "bfloat16", "bfloat16 on the CPU: eager Paddle .* choose float32$"),
        ("auto", "cpu", "int4", "unknown dtype"),
    ],
)
def test_what_cannot_be_had_is_refused(computes, engine, device, dtype, named):
    computes("bfloat16", "float32")
    with pytest.raises(InputError, match=named):
        choose(engine, device, dtype)


def test_without_openvino_it_runs_eagerly(monkeypatch):
    monkeypatch.setattr(choice.importlib.util, "find_spec", lambda name: None)
    assert choose("auto", "cpu", None) == Choice("eager", "float32", "float32")
    with pytest.raises(InputError, match="pip install openvino"):
        choose("openvino", "cpu", None)


# Through the facade


@pytest.fixture
def run(tiny_folder, tmp_path, monkeypatch):
    """Makes a clip with a cache of its own; returns its recipe."""
    monkeypatch.setenv("PPT2V_CACHE", str(tmp_path / "cache"))

    def run(steps: int, engine: str = "auto", name: str = "clip.mp4", dtype: str | None = "float32", **given) -> dict:
        model = Model(device="cpu", dtype=dtype, show_progress=False, engine=engine)
        values = {"video_length": 4, "num_inference_steps": steps, "seed": 1, "save_path": tmp_path / name, **given}
        return video.read_recipe(model.run("text2video", prompt="a fox", model_name=tiny_folder, **values))

    return run


def test_what_the_cache_holds_changes_nothing(run, tmp_path):
    assert run(2, dtype=None, name="empty.mp4")["engine"] == "openvino"
    run(2, dtype=None, name="full.mp4")
    assert (tmp_path / "empty.mp4").read_bytes() == (tmp_path / "full.mp4").read_bytes()


def test_what_is_asked_for_is_used(run, tiny_folder, tmp_path):
    assert run(2, "openvino")["engine"] == "openvino"
    precision = precisions.available()[-1]
    model = Model(device="cpu", dtype=precision, show_progress=False)
    path = model.run(
        "text2video",
        prompt="a fox",
        model_name=tiny_folder,
        resolution=32,
        video_length=1,
        num_inference_steps=2,
        save_path=tmp_path / "half.mp4",
    )
    recipe = video.read_recipe(path)
    assert (recipe["engine"], recipe["dtype"]) == ("openvino", precision)


def test_waiting_for_an_export_is_explained_once(tiny_folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PPT2V_CACHE", str(tmp_path / "cache"))
    model = Model(device="cpu", engine="openvino")
    for name in ("a", "b"):
        model.run(
            "text2video",
            prompt="a fox",
            model_name=tiny_folder,
            video_length=2,
            num_inference_steps=2,
            save_path=tmp_path / f"{name}.gif",
        )
    assert capsys.readouterr().err.count("Preparing the networks for OpenVINO, once per model and size") == 1


def test_the_notice_of_an_export_names_the_engine(tiny_folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PPT2V_CACHE", str(tmp_path / "cache"))
    Model(device="cpu", engine="inference").run(
        "text2video",
        prompt="a fox",
        model_name=tiny_folder,
        video_length=1,
        num_inference_steps=2,
        save_path=tmp_path / "a.gif",
    )
    assert "Preparing the networks for Paddle Inference" in capsys.readouterr().err


@pytest.fixture
def killed(run, monkeypatch):
    """Makes a clip that is killed after its first step."""

    def killed(**given) -> None:
        save = Checkpoint.save

        def save_and_die(self, **state):
            save(self, **state)
            raise KeyError

        with monkeypatch.context() as patch, pytest.raises(KeyError):
            patch.setattr(Checkpoint, "save", save_and_die)
            run(4, **given)

    return killed


def test_a_killed_run_goes_on_with_its_engine(run, killed, tmp_path):
    killed(engine="eager", checkpoint_dir=tmp_path / "state")
    assert run(4, dtype=None, checkpoint_dir=tmp_path / "state")["engine"] == "eager"
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("engine", ["eager", "openvino"])
def test_a_killed_run_goes_on_with_its_threads_to_the_same_video(run, killed, tmp_path, engine):
    with threads.using(1):
        whole = run(4, engine, name="whole.mp4")
        killed(engine=engine, checkpoint_dir=tmp_path / "state")
    with threads.using(2):
        resumed = run(4, engine, checkpoint_dir=tmp_path / "state")
        assert threads.threads() == 2
    assert whole["threads"] == resumed["threads"] == 1
    assert (tmp_path / "whole.mp4").read_bytes() == (tmp_path / "clip.mp4").read_bytes()


def test_a_state_that_notes_no_threads_is_gone_on_with(run, killed, tmp_path):
    killed(engine="eager", checkpoint_dir=tmp_path / "state")
    [state] = (tmp_path / "state").glob("*.npz")
    with np.load(state) as stored:
        arrays = dict(stored)
    settings = json.loads(str(arrays.pop("settings")))
    del settings["threads"]
    np.savez(state, settings=json.dumps(settings), **arrays)
    run(4, "eager", checkpoint_dir=tmp_path / "state")
    assert not state.exists()
