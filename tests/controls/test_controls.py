"""Frames to control maps: what is decided about a clip, what is made of it, and what is refused."""

from __future__ import annotations

from contextlib import nullcontext
from importlib import metadata
from itertools import count, islice
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import DATA
from packaging.requirements import Requirement

from ppt2v import MODES, video
from ppt2v.cli import app
from ppt2v.controls import CLIP, CONTROLS, check, check_detector, control_maps
from ppt2v.detectors import blazepose
from ppt2v.detectors.skeleton import draw
from ppt2v.errors import InputError, Notice
from ppt2v.parameters import resolve
from ppt2v.request.request import Request

PEOPLE = DATA / "detectors_reference" / "people.npz"
DPT = DATA / "detectors_reference" / "dpt"
SIZE = 192, 256


def values(name: str, **given) -> dict:
    return resolve(CONTROLS[name].parameters, given, {})


def film(index: int = 0, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Coloured texture, that moves."""
    noise = np.random.default_rng(0).integers(0, 256, (size[0] // 4, size[1] // 4, 3), np.uint8)
    return np.roll(cv2.resize(noise, size[::-1], interpolation=cv2.INTER_CUBIC), 2 * index, 1)


def soft_film(index: int = 0) -> np.ndarray:
    """A person-like blob before a wall, in colours, with little texture."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    blob = np.exp(-((x - 90 - 4 * index) ** 2 + (y - 100) ** 2) / 1800)[..., None]
    return np.rint(blob * (200, 140, 110) + (1 - blob) * (90, 120, 180)).astype(np.uint8)


def grey_film(index: int = 0) -> np.ndarray:
    return np.repeat(cv2.cvtColor(film(index), cv2.COLOR_RGB2GRAY)[..., None], 3, -1)


def skeleton(index: int = 0) -> np.ndarray:
    return draw(np.load(PEOPLE)["two people"] * 0.9 + (index, 0), *SIZE)


def edges(index: int = 0) -> np.ndarray:
    picture = cv2.circle(soft_film(index), (130, 90), 40 + index, (20, 30, 40), -1)
    return np.repeat(cv2.Canny(picture, 60, 120)[..., None], 3, -1)


def depth(index: int = 0) -> np.ndarray:
    ground = np.repeat(np.linspace(20, 150, SIZE[0])[:, None], SIZE[1], 1).astype(np.uint8)
    ball = cv2.circle(ground, (100 + 3 * index, 100), 50, 220, -1)
    return np.repeat(cv2.GaussianBlur(ball, (0, 0), 1.5)[..., None], 3, -1)


def black(index: int = 0) -> np.ndarray:
    return np.zeros((*SIZE, 3), np.uint8)


READY = {"canny": edges, "pose": skeleton, "depth": depth}
OTHERS = [
    (name, picture)
    for name in READY
    for picture in (film, soft_film, grey_film, black, *READY.values())
    if picture is not READY[name]
]


@pytest.fixture(params=["as drawn", "small", "mp4"])
def shown(request, tmp_path):
    """What is left of frames: all of them, half their size, or what H.264 keeps of them."""

    def after(frames: list[np.ndarray]) -> list[np.ndarray]:
        if request.param == "small":
            return [cv2.resize(frame, (0, 0), fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for frame in frames]
        if request.param == "mp4":
            return list(video.read(video.write(frames, tmp_path / "clip.mp4", 4, {})).frames)
        return frames

    return after


@pytest.mark.parametrize("name", READY)
def test_ready_maps_are_used_as_they_are(name, shown):
    clip = shown([READY[name](index) for index in range(6)])
    maps = control_maps(name, iter(clip), values(name))
    assert str(maps.decision) == f"{name}: the clip is already {CONTROLS[name].ready}; used as it is"
    np.testing.assert_array_equal(list(maps.frames), clip)


@pytest.mark.parametrize(("name", "picture"), OTHERS)
def test_other_clips_are_not_taken_for_maps(name, picture, shown, monkeypatch):
    monkeypatch.setattr(blazepose, "is_installed", lambda: False)
    clip = shown([picture(index) for index in range(4)])
    if name == "canny":
        maps = control_maps(name, clip, values(name))
        assert str(maps.decision) == (
            "canny: the clip is not an edge map; its maps are made by Canny's method with the thresholds 100 and 200"
        )
        np.testing.assert_array_equal(list(maps.frames)[2][..., 0], cv2.Canny(clip[2], 100, 200))
    elif name == "depth":
        with pytest.warns(Notice, match="found by the small network that ships"):
            maps = control_maps(name, clip, values(name))
        assert str(maps.decision) == (
            "depth: the clip is not a depth picture; its maps are made by the small network that ships"
        )
    else:
        with pytest.raises(InputError, match="need a detector"):
            control_maps(name, clip, values(name))


@pytest.mark.parametrize(
    ("control", "picture", "refused"),
    [("auto", film, True), ("auto", None, False), ("map", film, False), ("video", None, True)],
)
def test_a_missing_detector_is_said_before_a_network_is_loaded(control, picture, refused, tmp_path, monkeypatch):
    monkeypatch.setattr(blazepose, "is_installed", lambda: False)
    frames = [(picture or skeleton)(index) for index in range(6)]
    clip = video.write(frames, tmp_path / "clip.png", 4, {})
    given = {"prompt": "a fox", "video_path": str(clip), "control": control}
    with pytest.raises(InputError, match="need a detector") if refused else nullcontext():
        Request.of(MODES["pose"], given)


def test_the_package_of_the_detector_is_the_one_that_the_extra_installs():
    extra = [line for line in metadata.requires("ppt2v") if line.startswith("mediapipe")]
    assert [Requirement(line).specifier for line in extra] == [Requirement(blazepose.REQUIREMENT).specifier]


def test_nobody_in_some_frames_of_a_skeleton_clip():
    clip = [black(), skeleton(), black(), skeleton()]
    assert "already a skeleton drawing" in str(control_maps("pose", clip, values("pose")).decision)


def test_what_a_clip_is_can_be_said():
    maps = control_maps("depth", [film(0), film(1)], values("depth", control="map"))
    assert maps.decision is None
    np.testing.assert_array_equal(list(maps.frames), [film(0), film(1)])
    maps = control_maps("canny", [edges()], values("canny", control="video"))
    assert maps.decision is None
    np.testing.assert_array_equal(next(maps.frames)[..., 0], cv2.Canny(edges(), 100, 200))


def test_canny_sees_colours_and_obeys_its_thresholds():
    frame = np.zeros((64, 64, 3), np.uint8)
    frame[:, :32], frame[:, 32:] = (200, 60, 0), (0, 60, 200)  # of nearly one lightness
    (found,) = control_maps("canny", [frame], values("canny")).frames
    assert found.shape == (64, 64, 3) and found.dtype == np.uint8 and set(np.unique(found)) == {0, 255}
    columns = np.flatnonzero(found[32, :, 0])
    assert len(columns) and (np.abs(columns - 31.5) < 2).all()
    frame[:, 32:] = (200, 60, 40)  # a difference of 40 has the gradient 160
    for high, seen in (150, True), (170, False):
        (found,) = control_maps("canny", [frame], values("canny", high_threshold=high)).frames
        assert found.any() == seen


@pytest.mark.parametrize("control", ["auto", "map", "video"])
def test_a_clip_without_end_is_streamed(control):
    drawn = []

    def frames():
        for index in count():
            drawn.append(index)
            yield film(index)

    maps = control_maps("canny", frames(), values("canny", control=control)).frames
    assert len(list(islice(maps, 6))) == 6
    assert len(drawn) <= 7


def test_one_frame_is_a_clip():
    assert len(list(control_maps("canny", [film()], values("canny")).frames)) == 1


@pytest.mark.parametrize(("low", "high"), [(100, 100), (200, 100), (100, 99)])
def test_thresholds_the_wrong_way_round_are_refused(low, high):
    for refuse in check, lambda name, given: control_maps(name, [film()], given):
        with pytest.raises(InputError, match=f"low_threshold={low}, high_threshold={high}: the rule is"):
            refuse("canny", values("canny", low_threshold=low, high_threshold=high))


def test_bad_input_is_refused(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="unknown control 'hed': choose one of canny, pose, depth"):
        check("hed", {})
    with pytest.raises(InputError, match="no frames"):
        control_maps("canny", [], values("canny"))
    with pytest.raises(InputError, match="control='picture': the rule is one of auto, map, video"):
        values("canny", control="picture")
    monkeypatch.setattr(blazepose, "is_installed", lambda: False)
    monkeypatch.setattr(blazepose, "NOT_SINCE", (4,))
    ways = r"--detector hf:lllyasviel/Annotators.*body_pose_model.pth, or run pip install 'mediapipe>=.*already is a s"
    with pytest.raises(InputError, match=ways):
        control_maps("pose", [film()], values("pose"))
    monkeypatch.setattr(blazepose, "NOT_SINCE", (3,))
    with pytest.raises(InputError, match="body_pose_model.pth, or give a clip"):
        control_maps("pose", [film()], values("pose"))
    missing = str(tmp_path / "no" / "weights.pth")
    for name in "pose", "depth":
        with pytest.raises(InputError, match="weights.pth"):
            control_maps(name, [film()], values(name, detector_weights=missing))


@pytest.fixture
def mediapipe(monkeypatch):
    """Stands for MediaPipe: in each frame it finds the same people, which the test can change."""

    class Finder:
        name = "MediaPipe"
        people = np.load(PEOPLE)["one people"]

        def __call__(self, frame):
            return self.people

    monkeypatch.setattr(blazepose, "is_installed", lambda: True)
    monkeypatch.setattr(blazepose, "BlazePose", Finder)
    return Finder


def test_a_video_of_nobody_is_refused(mediapipe):
    mediapipe.people = np.empty((0, 18, 2))
    maps = control_maps("pose", [film(0), film(1)], values("pose")).frames
    with pytest.raises(InputError, match="MediaPipe found nobody in any frame"):
        list(maps)


def test_pose_by_mediapipe_where_it_is_installed(mediapipe):
    maps = control_maps("pose", [film(0), film(1)], values("pose"))
    assert str(maps.decision) == "pose: the clip is not a skeleton drawing; its maps are made by MediaPipe"
    expected = draw(np.load(PEOPLE)["one people"], *SIZE)
    np.testing.assert_array_equal(list(maps.frames), [expected, expected])


def test_depth_by_a_network():
    maps = control_maps("depth", [film(0), film(1)], values("depth", detector_weights=str(DPT)))
    assert str(maps.decision) == "depth: the clip is not a depth picture; its maps are made by DPT"
    first, second = maps.frames
    assert first.shape == second.shape == (*SIZE, 3) and first.dtype == np.uint8
    assert (first.min(), first.max()) == (0, 255)


def test_the_small_depth_network_can_be_named(recwarn):
    named = control_maps("depth", [film(0)], values("depth", detector_weights="embedded/nearness")).frames
    default = control_maps("depth", [film(0)], values("depth")).frames
    np.testing.assert_array_equal(list(named), list(default))


@pytest.mark.parametrize("control", ["auto", "map", "video"])
def test_what_the_small_depth_network_is_good_for_is_said_where_it_is_used(control, recwarn):
    control_maps("depth", [depth()], values("depth", control=control))
    told = [str(warning.message) for warning in recwarn if warning.category is Notice]
    assert ["--detector hf:Intel/dpt-hybrid-midas" in each for each in told] == [True] * (control == "video")


@pytest.mark.parametrize("given", ["embedded", "no such place", "a file", "an empty folder"])
def test_what_is_no_depth_network_is_refused_before_anything_is_loaded(given, tmp_path):
    (tmp_path / "a file").touch()
    (tmp_path / "an empty folder").mkdir()
    detector = str(tmp_path / given) if given.startswith("a") else given
    wrong = values("depth", detector_weights=detector)
    with pytest.raises(
        InputError, match="is no depth network: give the folder of a DPT network.*small network that ships"
    ):
        check_detector("depth", wrong, lambda count: [film()])
    check_detector("depth", wrong, lambda count: [depth()])  # which needs none


# The command


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            app.main(["control", *arguments])
        return (end.value.code or 0, *capsys.readouterr())

    return call


@pytest.fixture
def clip_file(tmp_path) -> Path:
    return video.write([film(index) for index in range(6)], tmp_path / "clip.mp4", 6, {})


def test_command_writes_the_maps_as_a_clip(run, clip_file):
    code, out, err = run("canny", "clip.mp4", "--low-threshold", "50", "--out-fps", "3", "--resolution", "128")
    assert (code, out) == (0, "clip-canny.mp4\n")
    assert " ".join(err.split()).endswith("its maps are made by Canny's method with the thresholds 50 and 200")
    maps = video.read("clip-canny.mp4")
    assert maps.frames.shape == (3, 128, 128, 3) and maps.fps == 3
    recipe = video.read_recipe("clip-canny.mp4")
    assert recipe["parameters"].items() >= {"low_threshold": 50, "high_threshold": 200, "out_fps": 3.0}.items()


def test_command_writes_lossless_maps(run, clip_file):
    assert run("canny", "clip.mp4", "--out", "maps.png", "--end-t", "0.5")[0] == 0
    assert len(list(Path("maps.png").glob("*.png"))) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["canny", "none.mp4"], "none.mp4 does not exist"),
        (["canny", "clip.mp4", "--low-threshold", "200"], "the rule is high_threshold > low_threshold"),
        (["canny", "clip.mp4", "--start-t", "9"], "ends at 1 s"),
        (["canny", "clip.mp4", "--control", "edges"], "one of auto, map, video"),
        (["canny", "clip.mp4", "--out", "maps.avi"], "unknown save format"),
        (["pose", "clip.mp4", "--detector", "clip.mp4"], "clip.mp4 is truncated, corrupt or no checkpoint"),
    ],
)
def test_command_refuses_before_it_writes(run, clip_file, arguments, message):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "") and message in " ".join(err.split())
    assert [file.name for file in Path().iterdir()] == ["clip.mp4"]


def test_every_parameter_is_an_option(run):
    for name, control in CONTROLS.items():
        helped = run(name, "--help")[1]
        assert all(f"--{parameter.flag}" in helped for parameter in control.parameters + CLIP)
