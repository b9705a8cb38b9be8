"""Animations, folders of pictures and single pictures as clips."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numbered import numbers, picture
from PIL import Image, features

from ppt2v import video
from ppt2v.errors import InputError

ENDINGS = ["gif", "webp", "png", *(["avif"] if features.check("avif") else [])]
LOSSLESS = {"webp": {"lossless": True}, "avif": {"quality": 95}}


def pictures(count: int) -> list[Image.Image]:
    return [Image.fromarray(picture(index)) for index in range(count)]


def animation(path, durations: int | list[int], count: int = 5, **options):
    first, *others = pictures(count)
    options = {**LOSSLESS.get(path.suffix[1:], {}), **options}
    first.save(path, save_all=True, append_images=others, duration=durations, **options)
    return path


@pytest.mark.parametrize("ending", ENDINGS)
def test_animations(tmp_path, ending):
    path = animation(tmp_path / f"a.{ending}", 100)
    clip = video.read(path, multiple=1)
    assert numbers(clip.frames) == list(range(5)) and clip.fps == pytest.approx(10)
    assert video.facts(path) == (5, pytest.approx(0.5), 64, 128)
    assert numbers(video.read(path, start_t=0.2, end_t=0.4, multiple=1).frames) == [2, 3]
    assert numbers(video.read(path, out_fps=5, multiple=1).frames) == [0, 2, 4]
    assert video.facts(path, most_frames=3).frames == 3


@pytest.mark.parametrize("ending", ENDINGS)
def test_pictures_that_stay_for_different_times_keep_motion_at_its_speed(tmp_path, ending):
    path = animation(tmp_path / f"a.{ending}", [100, 100, 100, 400, 100])
    assert numbers(video.read(path, multiple=1).frames) == [0, 1, 2, 3, 3, 3, 3, 4]


@pytest.mark.parametrize("ending", ["webp", "png", "gif"])
def test_delays_up_to_10_ms_are_100_ms_as_in_browsers(tmp_path, ending):
    path = animation(tmp_path / f"a.{ending}", 10)
    assert video.read(path, multiple=1).fps == pytest.approx(10) and video.facts(path).seconds == pytest.approx(0.5)
    assert video.read(animation(tmp_path / f"b.{ending}", 20), multiple=1).fps == pytest.approx(50)


@pytest.mark.parametrize("tail", [b"\r\n", b"\0" * 9, b"<script>", b";;"])
def test_bytes_behind_the_end_of_a_gif_do_not_matter(tmp_path, tail):
    path = animation(tmp_path / "a.gif", 100)
    path.write_bytes(path.read_bytes() + tail)
    assert numbers(video.read(path, multiple=1).frames) == list(range(5))


def test_a_gif_without_its_last_byte_is_whole(tmp_path):
    path = animation(tmp_path / "a.gif", 100)
    path.write_bytes(path.read_bytes()[:-1])
    assert video.facts(path).frames == 5


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("percent", [3, 40, 80, 97])
def test_truncated_animations_are_named(tmp_path, ending, percent):
    noise = np.random.default_rng(0).integers(0, 256, (6, 64, 64, 3), np.uint8)
    first, *others = map(Image.fromarray, noise)
    path = tmp_path / f"a.{ending}"
    first.save(path, save_all=True, append_images=others, duration=100)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * percent // 100])
    with pytest.raises(InputError, match=path.name):
        video.read(path)


def test_the_picture_of_an_apng_for_old_programs_is_no_frame(tmp_path):
    cover, *frames = pictures(5)
    cover.save(tmp_path / "a.png", save_all=True, append_images=frames, duration=100, default_image=True)
    assert numbers(video.read(tmp_path / "a.png", multiple=1).frames) == [1, 2, 3, 4]


def test_a_folder_of_pictures_in_the_order_in_which_people_count(tmp_path):
    for index, image in enumerate(pictures(12)):
        image.save(tmp_path / f"Frame {index}.{'png' if index % 2 else 'jpg'}")
    (tmp_path / "notes.txt").write_text("none of them")
    (tmp_path / ".hidden.png").write_text("none of them")
    part = video.part(tmp_path)
    clip = part.read(multiple=1)
    assert numbers(clip.frames) == list(range(12)) and clip.fps == 25 and "25 per second" in str(part.notes[0])
    assert numbers(video.read(tmp_path, start_t=0.2, end_t=0.4, multiple=1).frames) == [5, 6, 7, 8, 9]


def test_a_folder_that_ppt2v_wrote_has_its_rate(tmp_path):
    path = video.write([picture(index) for index in range(11)], tmp_path / "a.png", 7.5, {"seed": 1})
    part = video.part(path)
    clip = part.read(multiple=1)
    assert numbers(clip.frames) == list(range(11)) and (clip.fps, part.notes) == (7.5, ())
    assert json.loads((path / "recipe.json").read_text()) == {"seed": 1}


@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "gif", "bmp", "tiff"])
def test_a_single_picture_is_a_clip_of_one_frame_and_it_is_said(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    Image.fromarray(picture(9)).save(path)
    part = video.part(path)
    assert numbers(part.read(multiple=1).frames) == [9] and "single picture" in str(part.notes[0])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_upright(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(picture(9))
    turn = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}.get(orientation)  # Exif's numbers as Pillow's
    upright = stored if turn is None else stored.transpose(turn)
    stored.save(tmp_path / "a.png", exif=exif)
    assert (video.read(tmp_path / "a.png", multiple=1).frames[0] == np.asarray(upright)).all()
    assert video.facts(tmp_path / "a.png")[2:] == upright.size[::-1]


def test_transparent_and_grey_pictures(tmp_path):
    rgba = np.full((16, 32, 4), (200, 0, 0, 255), np.uint8)
    rgba[:, 16:, 3] = 0
    Image.fromarray(rgba).save(tmp_path / "alpha.png")
    Image.fromarray(rgba).quantize(8).save(tmp_path / "palette.png")
    for name in ("alpha", "palette"):
        frame = video.read(tmp_path / f"{name}.png", multiple=1).frames[0]
        assert frame[8, 8].tolist() == [200, 0, 0] and frame[8, 24].tolist() == [255, 255, 255]
    Image.fromarray(np.linspace(0, 65535, 32, dtype=np.uint16).reshape(1, 32).repeat(4, 0)).save(tmp_path / "grey.png")
    grey = video.read(tmp_path / "grey.png", multiple=1).frames[0]
    assert (grey[0, :, 0] == np.rint(np.linspace(0, 65535, 32, dtype=np.uint16) / 257)).all()


def test_folders_that_are_no_clip_are_refused(tmp_path):
    for name in ("empty", "mixed", "broken"):
        (tmp_path / name).mkdir()
    for side in (32, 64):
        Image.new("RGB", (side, 32)).save(tmp_path / "mixed" / f"{side}.png")
    Image.new("RGB", (32, 32)).save(tmp_path / "broken" / "1.png")
    (tmp_path / "broken" / "2.png").write_bytes(b"no picture")
    for name, said in (("empty", "no pictures"), ("mixed", "differ in size"), ("broken", "2.png is no picture")):
        with pytest.raises(InputError, match=said):
            video.read(tmp_path / name)


def test_heic_is_named(tmp_path):
    path = tmp_path / "a.heic"
    path.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100))
    with pytest.raises(InputError, match="HEIC"):
        video.read(path)


def test_a_picture_above_the_limit_is_not_decoded(tmp_path):
    for ending in ("png", "gif"):
        Image.new("L", (3000, 10)).save(tmp_path / f"a.{ending}")
        with pytest.raises(InputError, match="3000 is too much"):
            video.facts(tmp_path / f"a.{ending}", most_side=2048)


def test_an_icon_is_a_picture(tmp_path):
    Image.new("RGB", (64, 64), "red").save(tmp_path / "a.ico", sizes=[(64, 64)])
    assert video.read(tmp_path / "a.ico", multiple=1).frames[0, 0, 0].tolist() == [255, 0, 0]
