"""The kinds of control maps without a network of their own: what is taken for a map, what is made, what is refused."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from conftest import CLIPS

from ppt2v import MODES, video
from ppt2v.controls import CONTROLS, control_maps
from ppt2v.errors import InputError
from ppt2v.parameters import resolve
from ppt2v.request.request import Request

SIZE = 192, 256


def values(kind: str, **given) -> dict:
    return resolve(CONTROLS[kind].parameters, given, {})


def drawing(index: int = 0, thick: int = 5, soft: float = 0.01) -> np.ndarray:
    canvas = np.zeros((*SIZE, 3), np.uint8)
    for radius in (20, 45, 70):
        cv2.circle(canvas, (120 + 2 * index, 96), radius, (255, 255, 255), thick)
    return cv2.GaussianBlur(canvas, (0, 0), soft)


def soft_edges(index: int = 0) -> np.ndarray:
    return drawing(index, soft=2)


def line_art(index: int = 0) -> np.ndarray:
    return drawing(index, thick=2)


def normals(index: int = 0) -> np.ndarray:
    """A ball before a wall, as colours."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float32)
    x, y = (x - 120 - 2 * index) / 70, (y - 96) / 70
    on_ball = x**2 + y**2 < 1
    z = np.sqrt(np.clip(1 - x**2 - y**2, 0, 1))
    directions = np.where(on_ball[..., None], np.stack([x, y, z], -1), (0, 0, 1))
    return np.rint((directions + 1) * 127.5).astype(np.uint8)


def film(index: int = 0) -> np.ndarray:
    """Coloured texture, that moves."""
    noise = np.random.default_rng(0).integers(0, 256, (SIZE[0] // 4, SIZE[1] // 4, 3), np.uint8)
    return np.roll(cv2.resize(noise, SIZE[::-1], interpolation=cv2.INTER_CUBIC), 2 * index, 1)


def white(index: int = 0) -> np.ndarray:
    """Dark lines on white paper."""
    return 255 - drawing(index)


READY = {"softedge": soft_edges, "lineart": line_art, "scribble": drawing, "normal": normals, "tile": film}
MADE_ELSEWHERE = ("softedge", "normal", "segmentation")


@pytest.mark.parametrize("kind", READY)
def test_ready_maps_are_used_as_they_are(kind, tmp_path):
    clip = video.read(video.write(map(READY[kind], range(4)), tmp_path / "clip.mp4", 4, {})).frames
    maps = control_maps(kind, iter(clip), values(kind))
    assert str(maps.decision) == f"{kind}: the clip is already {CONTROLS[kind].ready}; used as it is"
    np.testing.assert_array_equal(list(maps.frames), clip)


@pytest.mark.parametrize("kind", MADE_ELSEWHERE)
@pytest.mark.parametrize("picture", [film, white, lambda index: np.zeros((*SIZE, 3), np.uint8)])
def test_other_clips_are_refused_where_nothing_makes_the_maps(kind, picture):
    clip = [picture(index) for index in range(4)]
    for control in ("auto", "video"):
        with pytest.raises(InputError, match=f"{kind}: such maps are made by other programs.*--control map"):
            control_maps(kind, clip, values(kind, control=control))
    np.testing.assert_array_equal(list(control_maps(kind, clip, values(kind, control="map")).frames), clip)


def test_line_art_and_scribbles_are_what_the_extension_draws():
    """Its formulas, as published: at 512 pixels, without its padding."""
    frame = cv2.resize(film(), (704, 512), interpolation=cv2.INTER_CUBIC)
    around = cv2.GaussianBlur(frame.astype(np.float32), (0, 0), 6.0)
    darker = np.min(around - frame, axis=2).clip(0, 255)
    lines = (darker / max(16, np.median(darker[darker > 8])) * 127).clip(0, 255).astype(np.uint8)
    [made] = control_maps("lineart", [frame], values("lineart", control="video")).frames
    np.testing.assert_array_equal(made, np.repeat(lines[..., None], 3, -1))

    fine, coarse = (cv2.GaussianBlur(frame.astype(np.float32), (0, 0), sigma) for sigma in (0.5, 5.0))
    difference = (255 - np.min(coarse - fine, axis=2)).clip(0, 255).astype(np.uint8)
    strokes = np.where(2 * (255 - difference) > 32, 255, 0)
    [made] = control_maps("scribble", [frame], values("scribble", control="video")).frames
    np.testing.assert_array_equal(made, np.repeat(strokes[..., None], 3, -1))


@pytest.mark.parametrize("kind", ["lineart", "scribble"])
def test_drawings_made_of_paper_drawings_show_their_lines(kind):
    [made] = control_maps(kind, [white()], values(kind)).frames
    lines = drawing()[..., 0] > 128
    assert made[lines].mean() > 100 and made[~lines].mean() < 30


@pytest.mark.parametrize("kind", ["lineart", "scribble"])
def test_a_frame_without_lines_makes_a_black_drawing(kind):
    [made] = control_maps(kind, [np.full((64, 48, 3), 90, np.uint8)], values(kind)).frames
    assert not made.any()


def test_a_kind_without_a_network_for_the_embedded_model_is_refused_with_a_model_that_has_one():
    clip = str(CLIPS / "car.mp4")
    for mode, given in (("controlnet", {"control_kind": "tile"}), ("canny", {"extra_controls": ["tile:0.5"]})):
        with pytest.raises(InputError, match="no ControlNet of the kind tile ships for embedded.*v1-5"):
            Request.of(MODES[mode], {"prompt": "a car", "video_path": clip, **given})


@pytest.mark.parametrize(("kind", "end"), [("tile", "f1e_sd15_tile"), ("segmentation", "p_sd15_seg")])
def test_the_network_is_the_one_of_the_kind_and_the_model(kind, end):
    given = {"control_kind": kind, "control": "map", "model_name": "stable-diffusion-v1-5/stable-diffusion-v1-5"}
    request = Request.of(MODES["controlnet"], {"prompt": "a car", "video_path": str(CLIPS / "car.mp4"), **given})
    [guide] = request.guides
    assert (guide.kind, guide.model) == (kind, f"hf:lllyasviel/control_v11{end}")


def test_raw_clips_are_refused_before_anything_is_downloaded():
    given = {"control_kind": "normal", "model_name": "stable-diffusion-v1-5/stable-diffusion-v1-5"}
    with pytest.raises(InputError, match="normal: such maps are made by other programs"):
        Request.of(MODES["controlnet"], {"prompt": "a car", "video_path": str(CLIPS / "car.mp4"), **given})
