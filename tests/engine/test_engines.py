"""The engines: they compute what eager Paddle does, export once, and step aside where they cannot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import paddle
import pytest
from paddle import nn
from paddle.static import InputSpec

from ppt2v import InputError, Model, video
from ppt2v.cache import Cache
from ppt2v.engine import choice
from ppt2v.engine.choice import WORTH_EXPORTING, Choice, build, choose
from ppt2v.engine.eager import EagerRunner
from ppt2v.engine.program import Program
from ppt2v.models.families import stable_diffusion
from ppt2v.models.loading import weights
from ppt2v.pipelines.denoising.noise import Noise
from ppt2v.pipelines.networks.programs import Decoder, NoisePrediction, TextEncoder, TextLookup
from ppt2v.pipelines.text_to_video_zero import TextToVideoZeroPipeline

pytest.importorskip("openvino")
if int(paddle.__version__.split(".")[0]) < 3:
    pytest.skip("the OpenVINO engine needs Paddle 3", allow_module_level=True)

from ppt2v.engine import openvino as engine_module
from ppt2v.engine.inference import InferenceEngine
from ppt2v.engine.mapped import dropped
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


@pytest.mark.parametrize("height, width", [(8, 8), (16, 4)])
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
    file = next((cache.entries()[0].folder).glob("*.bin"))
    file.write_bytes(file.read_bytes()[:-8])
    OpenVINOEngine("float32", cache).prepare(decoder())
    assert len(exports) == 2
    from safetensors.numpy import load_file, save_file

    [stored] = (copy / "vae").glob("*.safetensors")
    tensors = load_file(stored)
    save_file({name: array * 1.01 for name, array in tensors.items()}, stored, {"format": "pt"})
    OpenVINOEngine("float32", cache).prepare(decoder())
    assert len(exports) == 3 and len(cache.entries()) == 2


def test_without_a_writable_cache_it_exports_for_itself_alone(decoder, tmp_path):
    (tmp_path / "file").touch()
    program, latents = decoder(), [random(1, 4, 8, 8)]
    with pytest.warns(UserWarning, match="cache cannot be used"):
        runner = OpenVINOEngine("float32", Cache(tmp_path / "file" / "c")).prepare(program)
    assert distance(runner(latents), EagerRunner(program)(latents)) < 1e-4


def test_what_differs_from_eager_is_refused(decoder, monkeypatch, tmp_path):
    translate = engine_module.translate

    def translate_wrongly(program, outputs, parameters):
        return translate(program, outputs, {name: array * 1.1 for name, array in parameters.items()})

    monkeypatch.setattr(engine_module, "translate", translate_wrongly)
    with pytest.warns(UserWarning, match="Decoder runs eagerly.*differs from eager Paddle"):
        runner = OpenVINOEngine("float32", Cache(tmp_path)).prepare(decoder())
    assert isinstance(runner, EagerRunner)
    assert Cache(tmp_path).entries() == []


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


# The choice


def test_the_fastest_engine_is_chosen():
    fastest = choose("auto", "cpu", None)
    assert fastest.engine == "openvino" and fastest.network == "float32"
    assert choose("auto", "cpu", "float32") == Choice("openvino", "float32", "float32")
    assert choose("openvino", "cpu", paddle.bfloat16).precision == "bfloat16"
    assert choose("auto", "gpu", None) == Choice("eager", "float16", "float16")
    assert choose("eager", "cpu", None) == Choice("eager", "float32", "float32")
    assert choose("inference", "gpu:1", None) == Choice("inference", "float16", "float16")
    assert isinstance(build(fastest), OpenVINOEngine)
    assert isinstance(build(choose("inference", "cpu", None)), InferenceEngine)


@pytest.mark.parametrize("computes, precision", [(True, "bfloat16"), (False, "float32")])
def test_bfloat16_is_the_default_where_the_processor_has_it(monkeypatch, computes, precision):
    monkeypatch.setattr(choice, "_computes_in_bfloat16", lambda: computes)
    assert choose("auto", "cpu", None).precision == precision


@pytest.mark.parametrize(
    "engine, device, dtype, named",
    [
        ("tensorrt", "cpu", None, "unknown engine 'tensorrt': choose auto, eager, openvino, inference"),
        ("openvino", "gpu", None, "the device is gpu"),
        ("openvino", "cpu", "float16", "float16 on the CPU.*float32 or bfloat16"),
        ("eager", "cpu", "bfloat16", "bfloat16 on the CPU"),
        ("auto", "cpu", "int8", "unknown dtype"),
    ],
)
def test_what_cannot_be_had_is_refused(engine, device, dtype, named):
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

    def run(steps: int, engine: str = "auto", name: str = "clip.mp4", **given) -> dict:
        model = Model(device="cpu", dtype="float32", show_progress=False, engine=engine)
        values = {"video_length": 4, "num_inference_steps": steps, "seed": 1, "save_path": tmp_path / name, **given}
        return video.read_recipe(model.run("text2video", prompt="a fox", model_name=tiny_folder, **values))

    return run


def test_short_work_exports_nothing_but_uses_what_is_there(run):
    short, long = 4, WORTH_EXPORTING // 4
    assert run(short)["engine"] == "eager"
    assert run(long)["engine"] == "openvino"
    assert run(short)["engine"] == "openvino"
    assert run(short, "eager")["engine"] == "eager"


def test_what_is_asked_for_is_used(run, tiny_folder, tmp_path):
    assert run(2, "openvino")["engine"] == "openvino"
    model = Model(device="cpu", dtype="bfloat16", show_progress=False)
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
    assert (recipe["engine"], recipe["dtype"]) == ("openvino", "bfloat16")


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
    assert capsys.readouterr().err.count("Preparing the networks for OpenVINO") == 1


def test_a_killed_run_goes_on_with_its_engine(run, monkeypatch, tmp_path):
    from ppt2v.pipelines.denoising.checkpoint import Checkpoint

    state, save = tmp_path / "state", Checkpoint.save

    def killed(self, **given):
        save(self, **given)
        raise KeyError

    with monkeypatch.context() as patch, pytest.raises(KeyError):
        patch.setattr(Checkpoint, "save", killed)
        run(4, checkpoint_dir=state)
    run(4, "openvino", name="other.mp4")  # from now on "auto" would take it
    assert run(4, checkpoint_dir=state)["engine"] == "eager"
    assert not state.exists()


def _mapped_mb(file: Path) -> float:
    """Megabytes of a mapped file that are in memory."""
    within, kilobytes = False, 0
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if "-" in line.split()[0]:
            within = line.endswith(str(file))
        elif within and line.startswith("Rss:"):
            kilobytes += int(line.split()[1])
    return kilobytes / 1024


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="it needs Linux")
def test_pages_of_a_mapped_file_leave_the_memory_and_can_be_read_again(tmp_path):
    content = np.random.default_rng(0).integers(0, 256, 8 * 2**20, np.uint8)
    content.tofile(tmp_path / "weights.bin")
    mapped = np.memmap(tmp_path / "weights.bin", np.uint8, "r")
    assert mapped.sum() == content.sum() and _mapped_mb(tmp_path / "weights.bin") >= 8
    with dropped(tmp_path / "weights.bin"):
        pass
    assert _mapped_mb(tmp_path / "weights.bin") < 1
    assert np.array_equal(mapped, content)
