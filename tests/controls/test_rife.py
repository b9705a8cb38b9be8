"""Frames between frames by RIFE: the network against PyTorch's (``data/make_rife_reference.py``), files, commands."""

from __future__ import annotations

import json
import pickle

import cv2
import numpy as np
import paddle
import pytest
from conftest import DATA
from rife_tiny import MOMENT, SIDE, WIDTHS, pictures, seeded
from safetensors.numpy import save_file

from ppt2v import InputError, Model, video
from ppt2v.detectors import rife
from ppt2v.detectors.ifnet import Form, IFNet

REFERENCE = np.load(DATA / "rife_reference.npz")
VERSIONS = {"4.6": "4.6", "4.25": "4.25, 4.26"}


def shapes(network: IFNet) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in network.state_dict().items()}


def narrow(version: str) -> Form:
    """The form of a version with few channels."""
    form = rife.FORMS[VERSIONS[version]]
    return form._replace(widths=WIDTHS[: len(form.widths)])


@pytest.fixture(params=VERSIONS)
def version(request, monkeypatch) -> str:
    """Each version, whose networks have few channels here."""
    monkeypatch.setattr(rife, "FORMS", {VERSIONS[name]: narrow(name) for name in VERSIONS})
    return request.param


def weights_of(version: str) -> dict[str, np.ndarray]:
    return seeded(shapes(IFNet(rife.FORMS[VERSIONS[version]])))


@pytest.fixture
def file(version, tmp_path):
    """Weights as they are published, with what only the training needed."""
    weights = {f"module.{name}": array for name, array in weights_of(version).items()}
    path = tmp_path / "flownet.pkl"
    path.write_bytes(pickle.dumps({**weights, "module.teacher.beta": np.ones(3, np.float32)}))
    return path


@pytest.mark.parametrize("version", VERSIONS)
def test_the_network_finds_what_that_of_pytorch_finds(version):
    network = IFNet(narrow(version))
    network.set_state_dict(seeded(shapes(network)))
    moment = paddle.full([1, 1, SIDE, SIDE], MOMENT)
    with paddle.no_grad():
        found = network(*map(paddle.to_tensor, pictures()), moment).numpy()[0, :, ::8]
    assert np.abs(found - REFERENCE[version]).max() < 1e-5


@pytest.mark.parametrize("version", VERSIONS)
def test_the_published_networks_have_these_weights(version):
    with paddle.LazyGuard():
        network = IFNet(rife.FORMS[VERSIONS[version]])
    published = json.loads(str(REFERENCE[f"{version} shapes"]))
    assert shapes(network) == {name: tuple(shape) for name, shape in published.items()}


def test_a_frame_of_any_size_is_made_from_the_file_as_it_is_published(file):
    pair = [(255 * each[0].transpose(1, 2, 0)[:50, :37]).astype(np.uint8) for each in pictures()]
    network = rife.Rife(file)
    made = network.frame(*pair, 0.5)
    assert made.shape == (50, 37, 3) and made.dtype == np.uint8
    assert (made != network.frame(*pair, 0.25)).any()


@pytest.mark.parametrize("version", ["4.25"], indirect=True)
def test_the_given_frames_stay_and_scenes_are_told_apart(file, tmp_path, run):
    noise = (np.random.default_rng(seed).standard_normal((SIDE, 2 * SIDE, 3)).astype(np.float32) for seed in (0, 7))
    scenes = ((128 + 400 * cv2.GaussianBlur(each, (0, 0), 3)).clip(0, 255).astype(np.uint8) for each in noise)
    one, other = (scene[:, :SIDE] for scene in scenes)
    given = np.stack([one, one, other])
    clip = video.write(list(given), tmp_path / "clip.png", 8, {})
    told = ["interpolate", str(clip), "--times", "2", "--model", str(file), "--out", "smooth.png"]
    assert run(*told)[0] == 0
    frames = video.read("smooth.png", multiple=1).frames
    assert np.array_equal(frames[::2], given)
    assert (frames[1] != given[0]).any()  # random weights change what stood still
    assert np.array_equal(frames[3], given[2])
    assert video.read_recipe("smooth.png")["model"] == str(file)
    code, _, message = run("rerun", "smooth.png")
    assert code == 2 and f"--times 2 --model {file}" in message.replace("\n", " ")


@pytest.mark.parametrize("version", ["4.6"], indirect=True)
def test_a_run_takes_it_too(file, tiny_folder, tmp_path):
    model = Model(device="cpu", engine="eager", show_progress=False)
    told = {"prompt": "a fox", "model_name": tiny_folder, "resolution": 16, "video_length": 2, "seed": 1}
    made = {}
    for name, own in {"flow": {}, "rife": {"interpolate_model": file}}.items():
        told["save_path"] = tmp_path / f"{name}.png"
        path = model.run("text2video", num_inference_steps=2, use_motion_field=False, interpolate=2, **told, **own)
        made[name] = video.read(path, multiple=1).frames
    assert np.array_equal(made["flow"][::2], made["rife"][::2])
    assert (made["flow"][1] != made["rife"][1]).any()
    recipe = video.read_recipe(tmp_path / "rife.png")
    assert recipe["parameters"]["interpolate_model"] == str(file) and file.name in recipe["files"]


@pytest.mark.parametrize(
    "changed, code",
    [
        ({}, "E-RIFE-WEIGHTS"),
        ({"block0.conv0.0.0.weight": (8, 7, 3, 3), "block0.lastconv.weight": (16, 5, 4, 4)}, "E-RIFE-VERSION"),
        ({"block3.lastconv.0.weight": (24, 24, 4, 4)}, "E-RIFE-VERSION"),
        ({"encode.0.weight": (16, 3, 3, 3)}, "E-RIFE-VERSION"),
        ({"block3.convblock.7.beta": (1, 9, 1, 1)}, "E-WEIGHTS-SHAPES"),
    ],
)
@pytest.mark.parametrize("version", ["4.6"], indirect=True)
def test_other_weights_are_refused_by_what_they_are(version, tmp_path, changed, code):
    whole = weights_of(version) if any(name.startswith(("block3", "encode")) for name in changed) else {"a": np.ones(1)}
    file = tmp_path / "flownet.safetensors"
    save_file({**whole, **{name: np.zeros(shape, np.float32) for name, shape in changed.items()}}, file)
    with pytest.raises(InputError, match="flownet.safetensors") as refused:
        rife.Rife(file)
    assert refused.value.code == code
    if code.startswith("E-RIFE"):
        assert "4.6" in str(refused.value) and "4.26" in str(refused.value)


@pytest.mark.parametrize(
    "given, code",
    [
        ({"interpolate_model": "flownet.pkl"}, "E-INTERPOLATE-ALONE"),
        ({"interpolate_model": "models/flownet.pkl", "interpolate": 2}, "E-FILE-OR-ID"),
    ],
)
def test_a_run_refuses_it_before_anything_is_made(tiny_folder, tmp_path, given, code):
    model, steps = Model(device="cpu", engine="eager", show_progress=False), []
    told = {"prompt": "a fox", "model_name": tiny_folder, "save_path": tmp_path / "a.png", "callback": steps.append}
    with pytest.raises(InputError) as refused:
        model.run("text2video", **told, **given)
    assert refused.value.code == code and not steps
