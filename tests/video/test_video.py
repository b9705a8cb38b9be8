from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import warnings
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ppt2v import video
from ppt2v.errors import InputError

RECIPE = {"prompt": "a 狐 in the 'snow' \n=;#\\", "seed": 7, "fps": 4.0, "motion": [12, -3], "long": "x" * 5000}


def clip(number: int = 6, height: int = 64, width: int = 128) -> np.ndarray:
    """A bright square that moves 8 pixels a frame over a smooth ground."""
    rows, columns = np.mgrid[:height, :width]
    ground = np.stack([rows * 2 % 200, columns % 200, (rows + columns) % 200], -1).astype(np.uint8)
    frames = np.repeat(ground[None], number, 0)
    for index in range(number):
        frames[index, 16:40, 8 + 8 * index : 32 + 8 * index] = (250, 240, 30)
    return frames


def square_left(frame: np.ndarray) -> int:
    """Left edge of the square of ``clip``."""
    return int(np.argmax((frame[28] > (200, 190, 0)).all(-1) & (frame[28, :, 2] < 110)))


def noise(number: int = 40) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (number, 64, 64, 3), dtype=np.uint8)


def left_over(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="module")
def ten_fps(tmp_path_factory):
    return video.write(clip(12), tmp_path_factory.mktemp("clips") / "ten.mp4", 10, RECIPE)


@pytest.mark.parametrize("fps", [0.5, 4, 12.5, 23.976])
@pytest.mark.parametrize("ending", ["mp4", "webm", "gif"])
def test_roundtrip(tmp_path, ending, fps):
    frames = clip()
    path = video.write(iter(frames), tmp_path / f"clip.{ending}", fps, RECIPE)
    back = video.read(path)
    assert back.frames.shape == frames.shape and back.frames.dtype == np.uint8
    assert back.fps == pytest.approx(fps, rel=0.01)
    assert np.abs(back.frames.astype(int) - frames).mean() < 6
    assert [square_left(frame) for frame in back.frames] == pytest.approx([8 + 8 * n for n in range(6)], abs=2)
    assert video.read_recipe(path) == RECIPE
    assert left_over(tmp_path) == [path.name]


def test_png_folder_is_lossless(tmp_path):
    frames = clip(3, 33, 31)
    path = video.write(frames, tmp_path / "clip.png", 4, RECIPE)
    assert left_over(path) == ["00000.png", "00001.png", "00002.png", "recipe.json"]
    assert all((np.asarray(Image.open(path / f"{n:05d}.png")) == frames[n]).all() for n in range(3))
    assert video.read_recipe(path) == RECIPE
    assert left_over(tmp_path) == ["clip.png"]


@pytest.mark.parametrize("ending", ["mp4", "webm", "gif"])
@pytest.mark.parametrize("colour", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (200, 100, 50)])
def test_colours_survive(tmp_path, ending, colour):
    frames = np.full((2, 64, 64, 3), colour, np.uint8)
    back = video.read(video.write(frames, tmp_path / f"clip.{ending}", 4, {})).frames
    assert np.abs(back.astype(int) - frames).max() <= 5


def test_colours_without_tags(tmp_path):
    import cv2

    frames = np.full((2, 64, 64, 3), (255, 0, 0), np.uint8)
    path = video.write(frames, tmp_path / "clip.mp4", 4, {})
    assert np.abs(cv2.VideoCapture(str(path)).read()[1][32, 32, ::-1] - np.array([255, 0, 0])).max() <= 5


def test_mp4_is_for_browsers(tmp_path):
    import av

    path = video.write(clip(4, 63, 65), tmp_path / "clip.mp4", 4, {})
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt, context.height, context.width) == ("h264", "yuv420p", 64, 66)
        assert (context.colorspace, context.color_primaries, context.color_trc, context.color_range) == (6, 1, 1, 1)
        frame = next(container.decode(video=0)).to_ndarray(format="rgb24").astype(int)
    assert np.abs(frame[-1] - frame[-2]).mean() < 6 and np.abs(frame[:, -1] - frame[:, -2]).mean() < 6


@pytest.mark.parametrize("ending", ["mp4", "webm", "gif", "png"])
@pytest.mark.parametrize("height, width", [(64, 64), (1, 1), (37, 90)])
def test_one_frame_of_any_size(tmp_path, ending, height, width):
    frames = clip(1, 64, 128)[:, :height, :width]
    path = video.write(frames, tmp_path / f"clip.{ending}", 8, {"a": 1})
    assert video.read_recipe(path) == {"a": 1}
    if ending != "png":
        assert len(video.read(path, multiple=8).frames) == 1


def test_gif_durations_equal_frames_and_loop(tmp_path):
    path = video.write(np.repeat(clip(1), 7, 0), tmp_path / "clip.gif", 7, {})
    with Image.open(path) as image:
        durations = [image.seek(index) or image.info["duration"] for index in range(image.n_frames)]
        assert image.info["loop"] == 0
    assert len(durations) == 7 and sum(durations) == 1000 and set(durations) == {140, 150}


def test_same_frames_same_bytes(tmp_path):
    for ending in video.FORMATS[:3]:
        first, second = (video.write(clip(), tmp_path / f"{n}.{ending}", 4, RECIPE).read_bytes() for n in (1, 2))
        assert first == second, ending


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("after", [0, 3])
@pytest.mark.parametrize("ending", video.FORMATS)
def test_failed_write_leaves_nothing(tmp_path, ending, error, after):
    def frames():
        yield from clip(after)
        raise error

    with pytest.raises(error):
        video.write(frames(), tmp_path / f"clip.{ending}", 4, {})
    assert left_over(tmp_path) == []


def test_failed_write_keeps_the_older_file(tmp_path):
    path = tmp_path / "clip.gif"
    path.write_text("older")
    with pytest.raises(InputError, match="uint8"):
        video.write([clip(1)[0], clip(1, 32)[0]], path, 4, {})
    assert path.read_text() == "older" and left_over(tmp_path) == ["clip.gif"]
    video.write(clip(2), path, 4, {})
    assert len(video.read(path).frames) == 2 and left_over(tmp_path) == ["clip.gif"]


def test_killed_write_leaves_nothing_under_the_name(tmp_path):
    code = (
        "import os, sys, numpy as np; from ppt2v import video\n"
        "def frames():\n    yield np.zeros((64, 64, 3), np.uint8)\n    os.kill(os.getpid(), 9)\n"
        "video.write(frames(), sys.argv[1], 4, {})"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path / "clip.mp4")]).returncode == -9
    assert not (tmp_path / "clip.mp4").exists()


@pytest.mark.parametrize(
    "frames, fps, name, message",
    [
        ([], 4, "clip.mp4", "no frames"),
        (clip(1) / 255, 4, "clip.mp4", "uint8"),
        (clip(1)[..., :1], 4, "clip.gif", "uint8"),
        (clip(1), 0, "clip.mp4", "fps"),
        (clip(1), float("nan"), "clip.webm", "fps"),
        (clip(1), 60, "clip.gif", "50"),
        (clip(1), 4, "clip.avi", ".mp4"),
        (clip(1), 4, "clip", ".mp4"),
        (clip(1), 4, "no/clip.mp4", "no folder"),
    ],
)
def test_write_refuses(tmp_path, frames, fps, name, message):
    with pytest.raises(InputError, match=message):
        video.write(frames, tmp_path / name, fps, {})
    assert left_over(tmp_path) == []


@pytest.mark.parametrize(
    "out, save_format, name",
    [
        ("a", None, "a.mp4"),
        ("a", "gif", "a.gif"),
        ("a.gif", None, "a.gif"),
        ("a.MP4", "mp4", "a.MP4"),
        ("a", ".WebM", "a.webm"),
        ("v1.2", None, "v1.2.mp4"),
        ("v1.2", "gif", "v1.2.gif"),
        ("a", "png", "a.png"),
        (None, None, "fox.mp4"),
        (None, "gif", "fox-3.gif"),
        (None, "png", "fox.png"),
    ],
)
def test_output_file(tmp_path, monkeypatch, out, save_format, name):
    monkeypatch.chdir(tmp_path)
    for taken in ("fox.gif", "fox-2.gif", "a.gif"):
        (tmp_path / taken).touch()
    before = left_over(tmp_path)
    assert str(video.output_file(out, save_format, "fox")) == name
    assert left_over(tmp_path) == before


@pytest.mark.parametrize(
    ("out", "save_format", "said"),
    [("movie.xyz", None, True), ("v1.2", None, True), ("movie", None, False), ("movie.xyz", "mp4", False)],
)
def test_an_unknown_ending_is_said(tmp_path, monkeypatch, out, save_format, said):
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings(record=True) as warned:
        video.output_file(out, save_format, "fox")
    told = [f"{Path(out).suffix} is the ending of no known format; the video becomes {out}.mp4"] if said else []
    assert [str(each.message) for each in warned] == told


@pytest.mark.parametrize(
    "out, save_format, message",
    [
        ("a", "avi", "mp4, gif, webm, png"),
        ("a.avi", None, "mp4, gif, webm, png"),
        ("a.gif", "mp4", "change one"),
        ("a.mov", "mp4", "change one"),
        ("folder", None, "is a folder"),
        ("folder", "gif", "is a folder"),
        (".", None, "is a folder"),
        ("", None, "is a folder"),
        ("folder.mp4", None, "is a folder"),
        ("full.png", None, "not empty"),
        ("file.png", "png", "choose another"),
        ("none/a.mp4", None, "no folder none"),
        ("file.png/a.mp4", None, "no folder"),
        ("x" * 300, "mp4", "cannot be written"),
    ],
)
def test_output_file_refuses(tmp_path, monkeypatch, out, save_format, message):
    monkeypatch.chdir(tmp_path)
    for folder in ("folder", "folder.mp4", "full.png"):
        (tmp_path / folder).mkdir()
    (tmp_path / "full.png" / "00000.png").touch()
    (tmp_path / "file.png").touch()
    before = left_over(tmp_path)
    with pytest.raises(InputError, match=message):
        video.output_file(out, save_format, "fox")
    assert left_over(tmp_path) == before


def test_output_file_refuses_a_folder_without_permission(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(InputError, match="permission"):
        video.output_file(tmp_path / "a.mp4", None, "fox")


def test_png_into_an_empty_folder(tmp_path):
    (tmp_path / "a.png").mkdir()
    path = video.output_file(tmp_path / "a.png", None, "fox")
    assert left_over(video.write(clip(1), path, 4, {})) == ["00000.png", "recipe.json"]


@pytest.mark.parametrize(
    "start, end, fps, indices",
    [
        (0, -1, -1, range(12)),
        (0.3, -1, -1, range(3, 12)),
        (0, 0.5, -1, range(5)),
        (0.25, 0.5, -1, range(2, 5)),
        (0, 99, -1, range(12)),
        (0, -1, 5, range(0, 12, 2)),
        (0, -1, 4, [0, 2, 5, 7, 10]),
        (0.2, 0.6, 20, [2, 2, 3, 3, 4, 4, 5, 5]),
        (0.1, 0.101, -1, [1]),
        (1.19, -1, -1, [11]),
        (0, -1, 0.1, [0]),
    ],
)
def test_read_picks_frames_by_time(ten_fps, start, end, fps, indices):
    back = video.read(ten_fps, start, end, fps)
    assert [round(square_left(frame) / 8) - 1 for frame in back.frames] == list(indices)
    assert back.fps == (fps if fps > 0 else 10)


@pytest.mark.parametrize(
    "height, width, resolution, multiple, expected",
    [
        (64, 128, None, 64, (64, 128)),
        (64, 128, 512, 64, (256, 512)),
        (48, 200, 128, 64, (64, 128)),
        (50, 90, None, 64, (64, 64)),
        (100, 60, None, 8, (96, 64)),
        (30, 90, 1, 64, (64, 64)),
        (96, 64, 96, 1, (96, 64)),
        (128, 64, 300, 64, (320, 128)),
    ],
)
def test_read_size(tmp_path, height, width, resolution, multiple, expected):
    path = video.write(clip(2, 128, 256)[:, :height, :width], tmp_path / "clip.mp4", 4, {})
    assert video.read(path, resolution=resolution, multiple=multiple).frames.shape == (2, *expected, 3)


def test_read_follows_the_reference_size_rule(tmp_path):
    path = video.write(clip(1, 90, 130), tmp_path / "clip.mp4", 4, {})
    for resolution in (64, 96, 160, 384):
        scale = float(resolution) / 130
        reference = tuple(int(np.round(side * scale / 64.0)) * 64 for side in (90, 130))
        assert video.read(path, resolution=resolution).frames.shape[1:3] == tuple(max(64, side) for side in reference)


@pytest.mark.parametrize(
    "name, fps, options",
    [
        ("a.mp4", 30, {"plugin": "pyav", "codec": "h264", "fps": 30}),
        ("a.gif", 20, {"duration": 50}),
        ("a.mkv", 24, {"plugin": "pyav", "codec": "h264", "fps": 24}),
        ("a.avi", 25, {"plugin": "pyav", "codec": "h264", "fps": 25}),
    ],
)
def test_read_files_of_others(tmp_path, name, fps, options):
    import imageio.v3 as imageio

    imageio.imwrite(tmp_path / name, list(clip(20, 64, 192)), **options)
    back = video.read(tmp_path / name)
    assert len(back.frames) == 20 and back.fps == pytest.approx(fps, rel=0.01)
    assert [square_left(frame) for frame in back.frames[:8]] == pytest.approx([8 + 8 * n for n in range(8)], abs=2)


def _write_with_av(path, frames, pixel_format: str, times=None) -> None:
    """A lossless file of frames, each first shown at its time in tenths of a second."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pixel_format
        for frame, time in zip(frames, times or range(len(frames))):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24").reformat(format=pixel_format)
            picture.pts, picture.time_base = time, Fraction(1, 10)
            container.mux(stream.encode(picture))
        container.mux(stream.encode())


def test_read_ten_bits(tmp_path):
    frames = list(clip(3, 64, 96))
    _write_with_av(tmp_path / "a.mkv", frames, "yuv444p10le")
    assert np.abs(video.read(tmp_path / "a.mkv", multiple=1).frames.astype(int) - frames).max() <= 3


def test_read_odd_sizes(tmp_path):
    _write_with_av(tmp_path / "a.mkv", list(clip(3, 65, 99)), "yuv444p")
    assert video.read(tmp_path / "a.mkv", multiple=1).frames.shape == (3, 65, 99, 3)
    assert video.read(tmp_path / "a.mkv", multiple=8).frames.shape == (3, 64, 96, 3)


def test_read_a_rate_that_varies(tmp_path):
    _write_with_av(tmp_path / "a.mkv", list(clip(4, 64, 640)), "yuv444p", times=[0, 1, 5, 6])
    shown = [round(square_left(frame) / 8) - 1 for frame in video.read(tmp_path / "a.mkv", out_fps=10).frames]
    assert shown[:7] == [0, 1, 1, 1, 1, 2, 3]


@pytest.mark.parametrize("ending", ["mp4", "gif", "webm"])
def test_facts_without_decoding(tmp_path, ending):
    path = video.write(clip(2, 64, 192), tmp_path / f"clip.{ending}", 10, {})
    facts = video.facts(path)
    assert (facts.frames, facts.height, facts.width) == (2, 64, 192)


def test_read_many_frames_in_order(tmp_path):
    path = video.write(clip(60, 64, 640), tmp_path / "clip.mp4", 30, {})
    back = video.read(path, start_t=0.5, out_fps=15)
    assert [round(square_left(frame) / 8) - 1 for frame in back.frames] == list(range(15, 60, 2))


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"resolution": 0}, "resolution"),
        ({"resolution": -5}, "resolution"),
        ({"out_fps": 0}, "out_fps"),
        ({"multiple": 0}, "multiple"),
        ({"out_fps": float("inf")}, "finite"),
        ({"start_t": -1}, "start_t"),
        ({"start_t": float("nan")}, "finite"),
        ({"start_t": 1, "end_t": 1}, "end_t"),
        ({"start_t": 1, "end_t": 0.5}, "end_t"),
        ({"start_t": 1.2}, "ten.mp4 ends at 1.2 s"),
    ],
)
def test_read_refuses_impossible_values(ten_fps, arguments, message):
    with pytest.raises(InputError, match=message):
        video.read(ten_fps, **arguments)


@pytest.mark.parametrize(
    "name, content",
    [
        ("empty.mp4", b""),
        ("text.mp4", b"hello\n" * 50),
        ("text.txt", b"hello\n" * 5000),
        ("random.mp4", random.Random(0).randbytes(5000)),
        ("random.gif", b"GIF89a" + random.Random(0).randbytes(5000)),
        ("zeros.webm", bytes(5000)),
    ],
)
def test_read_names_a_file_that_is_no_video(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=name):
        video.read(tmp_path / name)


def test_read_names_a_wrong_path(tmp_path):
    for path in (tmp_path / "missing.mp4", tmp_path):
        with pytest.raises(InputError, match=path.name):
            video.read(path)


@pytest.mark.parametrize("ending", ["mp4", "webm", "gif"])
@pytest.mark.parametrize("percent", [1, 10, 30, 50, 70, 90, 98])
def test_read_names_a_truncated_file(tmp_path, ending, percent):
    data = video.write(noise(), tmp_path / f"whole.{ending}", 10, {}).read_bytes()
    path = tmp_path / f"cut.{ending}"
    path.write_bytes(data[: len(data) * percent // 100])
    with pytest.raises(InputError, match=path.name):
        video.read(path)


@pytest.mark.parametrize("ending", ["mp4", "webm"])
@pytest.mark.parametrize("fill", ["zeros", "random"])
def test_read_names_a_damaged_file(tmp_path, ending, fill):
    data = bytearray(video.write(noise(), tmp_path / f"whole.{ending}", 10, {}).read_bytes())
    size = len(data) // 5
    data[2 * size : 3 * size] = bytes(size) if fill == "zeros" else random.Random(0).randbytes(size)
    path = tmp_path / f"damaged.{ending}"
    path.write_bytes(data)
    with pytest.raises(InputError, match=path.name):
        video.read(path)


def test_read_names_a_file_without_video(tmp_path):
    import av

    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        sound.sample_rate = 8000
        container.mux(stream.encode(sound))
        container.mux(stream.encode())
    with pytest.raises(InputError, match="sound.mp4 contains no video"):
        video.read(path)


def test_read_recipe_refuses(tmp_path):
    import imageio.v3 as imageio

    imageio.imwrite(tmp_path / "other.mp4", list(clip(2)), plugin="pyav", codec="h264", fps=4)
    Image.fromarray(clip(1)[0]).save(tmp_path / "other.gif", comment=b"a comment")
    (tmp_path / "broken.gif").write_bytes(b"GIF89a")
    (tmp_path / "list").mkdir()
    (tmp_path / "list" / "recipe.json").write_text(json.dumps([1]))
    (tmp_path / "folder").mkdir()
    for name in ("other.mp4", "other.gif", "broken.gif", "list", "folder", "missing.mp4"):
        with pytest.raises(InputError, match=name):
            video.read_recipe(tmp_path / name)


@pytest.mark.parametrize("height, width", [(128, 128), (40, 300), (300, 40), (1, 1)])
def test_watermark_is_in_the_lower_right_corner(tmp_path, height, width):
    Image.new("RGBA", (40, 20), (255, 0, 0, 255)).save(tmp_path / "mark.png")
    frames = np.full((2, height, width, 3), 90, np.uint8)
    for mark in ("ppt2v 2", str(tmp_path / "mark.png")):
        marked = list(video.watermark(iter(frames), mark))
        assert (frames == 90).all() and len(marked) == 2
        assert marked[0].dtype == np.uint8 and marked[0].shape == (height, width, 3)
        rows, columns = np.nonzero((marked[1] != 90).any(-1))
        assert len(rows) and rows.min() >= height * 0.8 - 1 and rows.max() - rows.min() <= height / 10 + 1
        assert columns.max() >= width * 0.9 - 5 or width == 1


def test_watermark_refuses_at_once(tmp_path):
    (tmp_path / "bad.png").write_text("no image")
    for mark in ("", "  ", "狐", str(tmp_path / "bad.png"), str(tmp_path / "missing.jpg")):
        with pytest.raises(InputError, match="watermark"):
            video.watermark(iter([]), mark)


def test_contact_sheet(tmp_path):
    frames = clip(6)
    sheet = np.asarray(Image.open(video.contact_sheet(iter(frames), tmp_path / "sheet.png", columns=4)))
    assert sheet.shape == (2 * (64 + 4) + 4, 4 * (128 + 4) + 4, 3)
    assert (sheet[4:68, 4:132] == frames[0]).all() and (sheet[72:136, 136:264] == frames[5]).all()
    assert (sheet[72:, 268:] == 255).all()
    assert left_over(tmp_path) == ["sheet.png"]


@pytest.mark.parametrize(
    "frames, name, columns", [([], "a.png", 4), (clip(1), "a.png", 0), (clip(1), "no/a.png", 4), (clip(1), ".", 4)]
)
def test_contact_sheet_refuses(tmp_path, frames, name, columns):
    with pytest.raises(InputError):
        video.contact_sheet(frames, tmp_path / name, columns)
    assert left_over(tmp_path) == []


@pytest.mark.parametrize("order", ["av, decord, cv2, paddle", "paddle, cv2, decord, av", "decord, paddle, av, cv2"])
def test_libraries_live_in_one_process(tmp_path, order):
    code = (
        f"import {order}, sys, numpy as np; from ppt2v import video\n"
        "video.write(np.zeros((3, 64, 64, 3), np.uint8), sys.argv[1], 4, {})\n"
        "assert len(video.read(sys.argv[1]).frames) == 3 and paddle.ones([2]).sum() == 2"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "clip.mp4")], check=True)


def test_import_is_light():
    code = (
        "import sys, ppt2v.video\n"
        "sys.exit(any(name in sys.modules for name in ('av', 'cv2', 'decord', 'paddle', 'PIL')))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("ending", video.FORMATS)
def test_what_goes_wrong_in_writing_is_said_and_nothing_is_left(tmp_path, full_disk, ending):
    frames = np.random.default_rng(0).integers(0, 256, (20, 128, 128, 3), dtype=np.uint8)
    with pytest.raises(InputError, match=rf"clip\.{ending} cannot be written: File too large"), full_disk(20_000):
        video.write(frames, tmp_path / f"clip.{ending}", 4, {})
    assert left_over(tmp_path) == []


def test_a_contact_sheet_that_cannot_be_written_is_said(tmp_path, full_disk):
    with pytest.raises(InputError, match="cannot be written"), full_disk(20_000):
        video.contact_sheet(noise(), tmp_path / "sheet.png")
    assert left_over(tmp_path) == []


def test_an_error_of_what_makes_the_frames_stays_what_it_is(tmp_path):
    def frames():
        yield from clip(2)
        raise FileNotFoundError("weights")

    with pytest.raises(FileNotFoundError, match="weights"):
        video.write(frames(), tmp_path / "clip.mp4", 4, {})
    assert left_over(tmp_path) == []


def test_frames_for_which_the_disk_has_no_room_are_refused(ten_fps, full_disk):
    with pytest.raises(InputError, match="TMPDIR"), full_disk(20_000):
        video.read(ten_fps)
    with pytest.raises(InputError, match="TMPDIR"), full_disk(20_000):
        video.on_disk((100, 100, 3))


def test_room_for_frames_is_reserved(tmp_path):
    frames = video.on_disk((50, 100, 100, 3))
    assert frames.shape == (50, 100, 100, 3) and not frames.any()
    frames[3] = 7
    assert frames.sum() == 7 * 30000


def test_what_the_video_is_made_from_is_not_overwritten(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = video.write(clip(1), tmp_path / "clip.mp4", 4, {})
    (tmp_path / "other.mp4").symlink_to(source)
    for out in ("clip.mp4", "clip", "./clip.mp4", source, "other.mp4"):
        with pytest.raises(InputError, match="made from"):
            video.output_file(out, None, "fox", [source, "missing.png"])
    assert video.output_file("new.mp4", None, "fox", [source]).name == "new.mp4"


def test_what_lay_in_memory_before_changes_no_byte(tmp_path):
    program = """
import hashlib, sys
import numpy as np
from ppt2v import video
for seed in range(0, 5, 4):
    numbers = np.random.default_rng(seed)
    first = 128 + 20 * numbers.standard_normal((24, 32, 3))
    frames = [np.clip(first + 10 * numbers.standard_normal(first.shape), 0, 255).astype(np.uint8) for _ in range(5)]
    for ending in ("mp4", "webm"):
        path = video.write(frames, f"{sys.argv[1]}/{seed}.{ending}", 10, {})
        print(hashlib.sha256(path.read_bytes()).hexdigest())
"""
    seen = set()
    for filled_with in ("0", "85"):  # glibc fills with it what a process asks for
        environment = {**os.environ, "MALLOC_PERTURB_": filled_with}
        command = [sys.executable, "-c", program, str(tmp_path)]
        seen.add(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)
    assert len(seen) == 1
