"""The quality report: each figure on clips of which it is known, the table, and the two commands."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from ppt2v import video
from ppt2v.cli import app
from ppt2v.errors import InputError
from ppt2v.quality import metrics, report

SIZE = 128
FIGURE = {figure.name: figure for figure in report.FIGURES}


def scene(shift: float = 0, seed: int = 0) -> np.ndarray:
    """Smooth coloured texture, moved to the right by ``shift`` pixels."""
    noise = np.random.default_rng(seed).integers(0, 256, (SIZE // 8, SIZE // 4, 3), np.uint8)
    wide = cv2.resize(noise, (2 * SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
    moved = cv2.warpAffine(wide, np.float32([[1, 0, shift], [0, 1, 0]]), (2 * SIZE, SIZE), borderMode=cv2.BORDER_WRAP)
    return np.ascontiguousarray(moved[:, SIZE // 2 : SIZE // 2 + SIZE])


def moving(number: int = 8, speed: float = 3) -> np.ndarray:
    return np.stack([scene(speed * index) for index in range(number)])


def flickering(number: int = 8) -> np.ndarray:
    frames = moving(number).astype(int)
    frames[::2] += 25
    return frames.clip(0, 255).astype(np.uint8)


def frozen(number: int = 8) -> np.ndarray:
    return np.stack([scene()] * number)


def test_motion_and_flicker_of_a_moving_clip():
    change = metrics.changes(moving(speed=3))
    assert all(len(values) == 7 for values in change)
    np.testing.assert_allclose(change.motion, 100 * 3 / np.hypot(SIZE, SIZE), rtol=0.1)
    frames = moving().astype(float)
    np.testing.assert_allclose(change.flicker, np.abs(np.diff(frames, axis=0)).mean((1, 2, 3)) / 255, rtol=1e-5)
    assert (change.warp_error < 0.1 * change.flicker).all()


def test_warp_error_sees_what_motion_does_not_explain():
    steady, unsteady = metrics.changes(moving()), metrics.changes(flickering())
    assert unsteady.warp_error.mean() > 5 * steady.warp_error.mean()
    np.testing.assert_allclose(unsteady.warp_error, 25 / 255, rtol=0.3)


def test_a_cut_has_no_flow_to_follow_and_no_error_in_the_report(tmp_path):
    frames = np.stack([scene(), 255 - scene(seed=1)])
    assert metrics.changes(frames).flicker[0] > 0.2
    measured = report.measure(video.write(frames, tmp_path / "cut.gif", 4, {}))
    assert measured.warp_error is None or measured.warp_error >= 0


@pytest.mark.parametrize(("chunk_size", "expected"), [(4, 3.0), (5, 1.0), (8, None), (20, None)])
def test_seam_ratio(chunk_size, expected):
    # Frame 0 is the anchor; in chunks of 4 frames 4 and 7 start new ones.
    warp_error = np.full(7, 0.01)
    if expected != 1.0:
        warp_error[[3, 6]] = 0.03
    change = metrics.Change(np.ones(7), warp_error, np.ones(7))
    assert metrics.seam_ratio(change, metrics.chunk_borders(8, chunk_size)) == (expected and pytest.approx(expected))


def test_seam_of_real_frames():
    frames = moving(9).astype(int)
    frames[5:] += 20
    change = metrics.changes(frames.clip(0, 255).astype(np.uint8))
    at_five, at_four = (metrics.seam_ratio(change, metrics.chunk_borders(9, size)) for size in (5, 4))
    assert at_five > 3 > at_four


def test_broken_frames():
    frames = moving(6)
    frames[1], frames[2], frames[5] = 3, 127, frames[4]
    assert metrics.black_frames(frames) == [1]
    assert metrics.flat_frames(frames) == [2]
    assert metrics.duplicate_frames(metrics.changes(frames)) == [5]


@pytest.mark.parametrize(("shift", "least", "most"), [(0, 1, 1), (2, 1, 1), (3, 0, 0), (30, 0, 0)])
def test_edges_count_within_two_pixels(shift, least, most):
    wanted, found = np.zeros((2, 64, 64), bool)
    wanted[:, 20] = found[:, 20 + shift] = True
    assert least <= metrics.edge_f1(found, wanted) <= most


def test_edge_f1_weighs_missing_and_surplus_edges():
    wanted, found = np.zeros((2, 64, 64), bool)
    wanted[:, [10, 30]] = True
    found[:, [10, 50]] = True
    assert metrics.edge_f1(found, wanted) == pytest.approx(0.5)
    assert metrics.edge_f1(found & False, wanted) == 0
    assert metrics.edge_f1(found & False, wanted & False) == 1


def test_similarity():
    assert metrics.similarity(scene(), scene()) == 1
    assert metrics.similarity(scene(), scene(20)) < 0.5
    assert metrics.similarity(scene()[:5, :4], scene()[:5, :4]) == 1


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("videos")
    clips = {"moving": moving(), "flickering": flickering(), "frozen": frozen(), "one": moving(1)}
    recipe = {"parameters": {"chunk_size": 4}}
    made = {name: video.write(frames, folder / f"{name}.mp4", 8, recipe) for name, frames in clips.items()}
    edges = [np.repeat(cv2.Canny(frame, 100, 200)[..., None], 3, -1) for frame in moving()]
    made["edges"] = video.write(edges, folder / "edges.mp4", 8, {})
    made["half"] = video.write([cv2.resize(frame, (64, 64)) for frame in moving()], folder / "half.mp4", 8, {})
    return made


def test_report_of_a_file(files):
    measured = report.measure(files["moving"])
    assert (measured.frames, measured.width, measured.height, measured.fps) == (8, SIZE, SIZE, 8)
    assert measured.motion == pytest.approx(100 * 3 / np.hypot(SIZE, SIZE), rel=0.1)
    assert not measured.frozen and measured.seam_ratio is not None
    assert (measured.edge_f1, measured.ssim) == (None, None)
    assert measured.black == measured.flat == measured.duplicates == []


def test_chunk_size_is_that_of_the_recipe_unless_given(files, tmp_path):
    assert report.measure(files["moving"]).seam_ratio == report.measure(files["moving"], chunk_size=4).seam_ratio
    assert report.measure(files["moving"], chunk_size=5).seam_ratio != report.measure(files["moving"]).seam_ratio
    assert report.measure(video.write(moving(), tmp_path / "a.mp4", 8, {})).seam_ratio is None


@pytest.mark.parametrize(
    "values, borders",
    [
        ({"free_noise": False, "chunk_size": None}, [8, 16]),  # windows of frames 0 to 15 and 8 to 23
        ({"motion_module": "a/module", "motion_window": 12, "chunk_size": 4}, [6, 12, 18]),
        ({"motion_module": None, "chunk_size": 9}, [9, 17]),
        ({"free_noise": True, "interpolate": 2}, [15, 16, 31, 32]),
        ({"free_noise": True, "interpolate": 3}, []),
        ({}, []),
    ],
)
def test_seams_are_where_windows_or_chunks_of_the_run_begin_and_end(tmp_path, monkeypatch, values, borders):
    seen = []
    monkeypatch.setattr(metrics, "seam_ratio", lambda change, borders: seen.append(borders))
    frames = np.zeros((47 if values.get("interpolate") else 24, 16, 16, 3), np.uint8)
    report.measure(video.write(frames, tmp_path / "a.mp4", 8, {"parameters": values}))
    assert seen == [borders]


def test_likeness_to_the_source(files):
    same = report.measure(files["moving"], files["moving"])
    assert (same.edge_f1, same.ssim) == (1, 1)
    to_edges = report.measure(files["moving"], files["edges"])
    assert to_edges.edge_f1 > 0.9 and to_edges.ssim is None
    assert report.measure(files["moving"], files["half"]).ssim > 0.7
    assert report.measure(files["frozen"], files["moving"]).ssim < 0.6


def test_a_frozen_video_does_not_win(files):
    still, moved = report.measure(files["frozen"]), report.measure(files["moving"])
    assert still.frozen and still.flicker < moved.flicker and still.duplicates == list(range(1, 8))
    assert report.better(FIGURE["flicker"], still, moved) is None
    assert report.better(FIGURE["warp_error"], moved, still) is None
    assert report.better(FIGURE["duplicates"], still, moved) == 1


def test_the_steadier_of_two_moving_videos_wins(files):
    unsteady, steady = report.measure(files["flickering"]), report.measure(files["moving"])
    for name in ("flicker", "warp_error"):
        assert report.better(FIGURE[name], unsteady, steady) == 1
        assert report.better(FIGURE[name], steady, unsteady) == 0
    assert report.better(FIGURE["flicker"], steady, steady) is None
    assert report.better(FIGURE["frames"], unsteady, steady) is None


def test_one_frame_has_no_changes(files):
    measured = report.measure(files["one"], chunk_size=4)
    assert (measured.flicker, measured.warp_error, measured.motion, measured.seam_ratio) == (None,) * 4
    assert not measured.frozen
    report.table(measured, report.measure(files["moving"]))


# The commands


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")

    def call(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            app.main([str(argument) for argument in arguments])
        return (end.value.code or 0, *capsys.readouterr())

    return call


def test_report_command(run, files):
    code, out, _ = run("report", files["moving"], "--source", files["moving"], "--json", "a.json", "--sheet", "a.png")
    assert code == 0
    assert all(figure.label in out for figure in report.FIGURES)
    written = json.loads(Path("a.json").read_text())
    assert written["frames"] == 8 and written["ssim"] == 1 and written["black"] == []
    assert Image.open("a.png").size == (4 * (SIZE + 4) + 4, 2 * (SIZE + 4) + 4)


def test_compare_command(run, files):
    code, out, _ = run("compare", files["flickering"], files["moving"])
    assert code == 0
    (row,) = [line for line in out.splitlines() if "Warp error" in line]
    assert row.rstrip(" │").endswith("*") and row.count("*") == 1
    out = run("compare", files["frozen"], files["moving"])[1]
    assert "frozen.mp4 is frozen" in out and "flicker and warp error are not compared" in out
    assert "*" not in [line for line in out.splitlines() if "Warp error" in line][0]


def test_reports_as_json_on_standard_output(run, files, tmp_path):
    folder = video.write(video.read(files["moving"], multiple=1).frames, tmp_path / "pictures.png", 4, {})
    code, out, _ = run("report", folder, "--json", "-")
    assert code == 0 and json.loads(out)["frames"] == 8
    one, other = json.loads(run("compare", folder, files["flickering"], "--json", "-")[1])
    assert (one["path"], other["path"]) == (str(folder), str(files["flickering"]))
    assert run("compare", folder, files["flickering"], "--json", "both.json")[0] == 0
    assert json.loads(Path("both.json").read_text())[1] == other


@pytest.mark.parametrize(
    "arguments",
    [
        ["report", "none.mp4"],
        ["report", "text.mp4"],
        ["compare", "none.mp4", "none.mp4"],
        ["report", "a.mp4", "--json", "no/a.json"],
        ["report", "a.mp4", "--sheet", "no/a.png"],
        ["report", "a.mp4", "--source", "none.mp4"],
    ],
)
def test_commands_refuse(run, files, arguments):
    Path("text.mp4").write_text("no video")
    Path("a.mp4").write_bytes(files["moving"].read_bytes())
    code, out, err = run(*arguments)
    assert (code, out) == (2, "") and err.startswith("Error: ")
    assert sorted(file.name for file in Path().iterdir()) == ["a.mp4", "text.mp4"]


def test_an_unwritable_report_is_an_error_of_input(files, tmp_path):
    with pytest.raises(InputError, match="cannot be written"):
        report.write_json(tmp_path, report.measure(files["one"]))


def test_a_full_disk_leaves_no_half_of_a_file(files, tmp_path, full_disk):
    measured = report.measure(files["one"])
    with full_disk(0), pytest.raises(InputError, match="report.json cannot be written"):
        report.write_json(tmp_path / "report.json", measured)
    assert not (tmp_path / "report.json").exists()
