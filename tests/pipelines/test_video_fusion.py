"""VideoFusion: what the pipeline's arguments do, its two seeds, every solver and engine, and the model's folder."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import paddle
import pytest
from conftest import DATA

from ppt2v import InputError, Model, video
from ppt2v.cli.app import main
from ppt2v.engine.openvino import OpenVINOEngine
from ppt2v.models.conversion import convert
from ppt2v.models.families import video_fusion
from ppt2v.models.sources import locate
from ppt2v.pipelines.denoising.checkpoint import Checkpoint
from ppt2v.pipelines.denoising.noise import Noise
from ppt2v.pipelines.denoising.solvers import Frames
from ppt2v.pipelines.denoising.solvers import solver as make_solver
from ppt2v.pipelines.methods.decomposed import Decomposition, Level
from ppt2v.pipelines.planning.solver_names import SOLVERS
from ppt2v.pipelines.video_fusion import DecomposedNoise, Generators, VideoFusionPipeline

REFERENCE = DATA / "video_fusion_reference"
CASES = json.loads((REFERENCE / "cases.json").read_text(encoding="utf-8"))
STEPS, FRAMES, BASE_FRAME = 3, 4, 2
SHORT = {"prompt": "a fox", "video_length": FRAMES, "height": 8, "width": 8, "num_inference_steps": STEPS}


@pytest.fixture(scope="module")
def parts(video_fusion_folder) -> dict:
    return video_fusion.load_video_fusion(video_fusion_folder)._asdict()


@pytest.fixture
def pipe(parts) -> VideoFusionPipeline:
    return VideoFusionPipeline(**parts)


@pytest.fixture(scope="module")
def plain(parts) -> np.ndarray:
    return make(VideoFusionPipeline(**parts))


@pytest.fixture
def clip() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (3, 12, 8, 3), np.uint8)


@pytest.fixture(scope="module")
def reference(tmp_path_factory) -> Path:
    """The model that the reference was made with (tests/data/make_video_fusion_reference.py)."""
    folder = tmp_path_factory.mktemp("reference") / "model"
    shutil.copytree(DATA / "text2video_reference" / "model", folder)
    shutil.copytree(REFERENCE / "residual", folder / "residual")
    change_json(folder / "model_index.json", base_noise_share=CASES["share"], frames=CASES["trained_frames"])
    change_json(folder / "scheduler" / "scheduler_config.json", prediction_type="v_prediction")
    return folder


class StoredNoise:
    """The noise that the reference was made with."""

    def __init__(self, stored: dict[str, np.ndarray]):
        self.stored = stored

    def draw(self, purpose: str, frame_ids: list[int], shape: list[int], step: int = 0) -> paddle.Tensor:
        noise = self.stored["base noise" if purpose.startswith("base ") else "residual noise"]
        return paddle.to_tensor(noise[0 if purpose.endswith("start") else 1 + step][frame_ids])


def change_json(file: Path, **changes) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text(encoding="utf-8")), **changes}), encoding="utf-8")


def make(pipe, seed: int = 0, content_seed: int | None = None, **changes) -> np.ndarray:
    return pipe(noise=Noise(seed, content_seed), **{**SHORT, **changes}).numpy()


def same_frames(one: np.ndarray, other: np.ndarray) -> list[int]:
    """The numbers of the frames that are the same to the bit."""
    return [frame for frame in range(len(one)) if np.array_equal(one[frame], other[frame])]


@pytest.mark.parametrize("name", CASES["cases"])
def test_a_clip_is_that_of_the_papers_equations(reference, name):
    """In PyTorch, frame by frame, with predicted noise."""
    stored = dict(np.load(REFERENCE / "latents.npz"))
    pipe = VideoFusionPipeline(**video_fusion.load_video_fusion(reference)._asdict())
    given = {
        "prompt": CASES["prompt"],
        "negative_prompt": CASES["negative_prompt"],
        "video_length": CASES["frames"],
        "height": 16,
        "width": 16,
        "num_inference_steps": CASES["steps"],
        "guidance_scale": 4.0,
    }
    latents = pipe(noise=StoredNoise(stored), **{**given, **CASES["cases"][name]}).numpy()
    # Guided steps multiply what float32 rounds off; 6 of them leave 4 digits.
    assert np.abs(latents - stored[name]).max() < 1e-3 * stored[name].std()


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"content_seed": 1},
        {"prompt": "a dog"},
        {"negative_prompt": "snow"},
        {"guidance_scale": 1},
        {"guidance_scale": 3},
        {"num_inference_steps": 2},
        {"guidance_stop_step": 0.4},
        {"eta": 0.5},
        {"solver": "dpmsolver++"},
        {"solver": "euler_a"},
        {"solver": "lcm"},
    ],
    ids=str,
)
def test_an_argument_has_its_effect_on_every_call(pipe, plain, change):
    first, back, second = make(pipe, **change), make(pipe), make(pipe, **change)
    assert np.abs(first - plain).max() > 1e-3 * plain.std()
    assert np.array_equal(back, plain) and np.array_equal(second, first)


def test_tiles_are_predicted_by_both_generators_together(pipe, plain):
    assert np.array_equal(make(pipe, tile=8), plain)
    large = {"height": 8, "width": 12, "num_inference_steps": 1}
    tiled = make(pipe, tile=8, **large)
    assert tiled.shape == (FRAMES, 4, 4, 6) and (tiled != make(pipe, **large)).any()


@pytest.mark.parametrize("change", [{}, {"eta": 1.0}, {"solver": "euler_a"}, {"solver": "dpmsolver++"}], ids=str)
def test_a_content_seed_keeps_the_base_frame_to_the_bit_and_the_seed_varies_the_others(pipe, change):
    one, other = (make(pipe, seed, content_seed=5, **change) for seed in (1, 2))
    assert same_frames(one, other) == [BASE_FRAME]
    assert same_frames(one, make(pipe, 1, content_seed=6, **change)) == []


def test_frames_and_steps_have_noise_of_their_own_beside_what_they_share():
    decomposition = Decomposition(paddle.to_tensor, FRAMES, 0.5, 16)
    noise = DecomposedNoise(Noise(3, content_seed=4), decomposition)
    shape, frame_ids = [1, 100, 100], list(range(FRAMES))
    drawn = [noise.draw("start", frame_ids, shape), *(noise.draw("step", frame_ids, shape, step) for step in (0, 1))]
    correlations = np.corrcoef(np.concatenate([one.numpy().reshape(FRAMES, -1) for one in drawn]))
    shares = np.full(FRAMES, 0.5)
    shares[BASE_FRAME] = 1
    expected = np.kron(np.eye(len(drawn)), np.sqrt(np.outer(shares, shares)))
    np.fill_diagonal(expected, 1)
    assert np.abs(correlations - expected).max() < 0.05


class RightGenerators:
    """Stands for both networks: predicts the velocities of a clip in whatever latents it is given."""

    schedule = None

    def __init__(self, clean: paddle.Tensor, parts: Decomposition, stepper):
        self.clean, self.parts, self.stepper = clean, parts, stepper

    def __call__(self, at_base: paddle.Tensor, step: int, frame_ids: list[int]) -> paddle.Tensor:
        level, clean = Level(*self.stepper.level(step)), self.parts.base_of(self.clean)
        return level.velocity(clean, (at_base - level.signal * clean) / level.noise)

    def predict(self, planes: paddle.Tensor, step: int) -> paddle.Tensor:
        level, _ = self.parts.residual_level(Level(*self.stepper.level(step)))
        noise = (planes[:, :4] - level.signal * self.clean) / (level.noise + 1e-9)
        return level.velocity(self.clean, noise)


# Those that take a schedule that ends without signal, as the model has it.
TAKEN = [name for name in SOLVERS if not name.endswith("_karras") and name not in ("heun", "dpm2_a")]


@pytest.mark.parametrize("solver", TAKEN)
@pytest.mark.parametrize("share", [0.1, 0.9])
def test_right_predictions_lead_every_solver_to_the_clip(pipe, solver, share):
    stepper, parts = make_solver(solver, pipe.scheduler, 8), Decomposition(paddle.to_tensor, FRAMES, share, 6)
    noise, frame_ids, shape = DecomposedNoise(Noise(0), parts), list(range(FRAMES)), [4, 3, 3]
    clean = Noise(1).draw("start", frame_ids, shape)
    right = RightGenerators(clean, parts, stepper)
    generators = Generators(right, right, parts, stepper)
    frames = Frames(stepper.start(noise.draw("start", frame_ids, shape)))
    for step in range(len(stepper.timesteps)):
        velocity = generators(frames.latents, step, frame_ids)
        frames = stepper.step(velocity, step, frames, lambda: noise.draw("step", frame_ids, shape, step))
    # Of the noise: Stable Diffusion's schedule ends a little above the clean clip.
    left = stepper.level(len(stepper.timesteps))[1]
    assert np.abs((frames.latents - clean).numpy()).max() < 5 * left + 1e-3


def test_the_base_generator_sees_one_frame_and_the_residual_generator_all(pipe):
    calls = Counter()
    hooks = [
        network.register_forward_pre_hook(lambda layer, inputs, name=name: calls.update({(name, *inputs[0].shape): 1}))
        for name, network in (("base", pipe.unet), ("residual", pipe.residual))
    ]
    make(pipe, guidance_stop_step=2 / 3)
    for hook in hooks:
        hook.remove()
    assert calls == {
        ("base", 2, 4, 4, 4): 2,
        ("residual", 2 * FRAMES, 9, 4, 4): 2,
        ("base", 1, 4, 4, 4): 1,
        ("residual", FRAMES, 9, 4, 4): 1,
    }


def test_without_residual_noise_to_predict_the_base_frame_is_the_image_models_picture(pipe):
    """Whatever the residual generator says."""
    base = make(pipe, content_seed=3)[BASE_FRAME]
    alone = make(pipe, seed=9, content_seed=3, video_length=1)
    assert np.abs(alone[0] - base).max() < 1e-5 * base.std()


def test_from_a_clip(pipe, clip):
    encoded = (pipe.encode(clip) * pipe.vae.config.scaling_factor).numpy()
    distances = [
        np.abs(make(pipe, clip=clip, strength=strength, num_inference_steps=10, guidance_scale=1) - encoded).mean()
        for strength in (0.1, 1)
    ]
    assert distances[0] < distances[1]
    assert make(pipe, clip=clip).shape == (3, 4, 6, 4)


def test_a_killed_run_ends_in_the_same_bytes(pipe, plain, tmp_path):
    class Killed(BaseException):
        pass

    def kill(done: int, total: int) -> None:
        if done == 2 * FRAMES:
            raise Killed

    with pytest.raises(Killed):
        make(pipe, checkpoint=Checkpoint(tmp_path, SHORT), progress=kill)
    assert np.array_equal(make(pipe, checkpoint=Checkpoint(tmp_path, SHORT)), plain)


def test_openvino_makes_the_same(pipe, plain):
    pipe.engine = OpenVINOEngine("float32")
    assert np.abs(make(pipe) - plain).max() < 1e-3 * plain.std()


@pytest.mark.parametrize(
    "change, named",
    [
        ({"video_length": 7}, "video_length=7: .* clips of 1 to 6 frames"),
        ({"video_length": 0}, "video_length=0"),
        ({"strength": 0}, "strength=0"),
        ({"height": 10}, "multiples of 4"),
        ({"eta": 0.5, "solver": "lcm"}, "eta=0.5"),
    ],
    ids=str,
)
def test_impossible_arguments_are_refused(pipe, change, named):
    with pytest.raises(InputError, match=named):
        make(pipe, **change)


# Folder, Model, command


@pytest.fixture
def copied(video_fusion_folder, tmp_path) -> Path:
    return Path(shutil.copytree(video_fusion_folder, tmp_path / "copied"))


@pytest.mark.parametrize(
    "file, changes, words",
    [
        ("model_index.json", {"base_noise_share": 1}, "base_noise_share=1"),
        ("model_index.json", {"frames": None}, "frames=None"),
        ("scheduler/scheduler_config.json", {"prediction_type": "epsilon"}, "prediction_type='epsilon'"),
        ("residual/config.json", {"in_channels": 5}, "from 5 to 4 channels; one from 9 to 4"),
    ],
    ids=str,
)
def test_a_folder_that_is_no_such_model_is_refused(copied, file, changes, words):
    change_json(copied / file, **changes)
    with pytest.raises(InputError, match=words):
        video_fusion.load_video_fusion(copied)


def test_weights_must_be_those_of_the_residual_generator(copied):
    shutil.rmtree(copied / "residual")
    with pytest.raises(InputError, match="it has no residual/config.json"):
        locate.check(copied)
    shutil.copytree(copied / "unet", copied / "residual")
    shutil.copy(copied / "residual" / "config.json", copied / "residual" / "before.json")
    change_json(copied / "residual" / "config.json", in_channels=9)
    with pytest.raises(InputError):
        video_fusion.load_video_fusion(copied)


def test_the_command_makes_the_same_from_its_recipe(video_fusion_folder, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for arguments in (
        [
            "synthesize",
            "a fox",
            "--model",
            str(video_fusion_folder),
            "--frames",
            "2",
            "--steps",
            "1",
            "--device",
            "cpu",
            "--resolution",
            "8",
            "--quiet",
            "--seed",
            "4",
            "--content-seed",
            "9",
            "--out",
            "fox.gif",
        ],
        ["rerun", "fox.gif", "--trust", "--quiet"],
    ):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert not ended.value.code, capsys.readouterr().err
    assert video.read_recipe("fox.gif")["parameters"]["content_seed"] == 9
    frames = [video.read(file, multiple=1).frames for file in ("fox.gif", "fox-rerun.gif")]
    assert frames[0].shape == (2, 8, 8, 3) and np.array_equal(*frames)


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"model": "modelscope_folder"}, "content_seed=9: in .* the frames share no noise"),
        ({"resolution": 10}, "multiples of 4"),
        ({"video_length": 7}, "1 to 6 frames"),
    ],
    ids=str,
)
def test_what_a_model_cannot_do_is_refused(request, tmp_path, changes, words):
    folder = request.getfixturevalue(changes.pop("model", "video_fusion_folder"))
    given = {"video_length": 2, "resolution": 8, "num_inference_steps": 1, "content_seed": 9, **changes}
    with pytest.raises(InputError, match=words):
        Model("cpu", show_progress=False).process_text2video_synthesis(
            "a fox", folder, save_path=tmp_path / "fox.gif", **given
        )


def test_there_is_no_other_format_to_convert_it_to(video_fusion_folder, tmp_path):
    with pytest.raises(InputError, match="only one format"):
        convert(video_fusion_folder, tmp_path / "made", "modelscope")
