import warnings

import numpy as np
import pytest
from PIL import Image, features

from ppt2v import InputError
from ppt2v.dreambooth import pictures

NOISE = np.random.default_rng(0).integers(0, 255, (16, 16, 3), np.uint8)


def one(folder, name, picture, **settings):
    """The pixels of a picture that is saved and read again."""
    picture.save(folder / name, **settings)
    [file] = pictures.find(folder)
    return pictures.read([file], picture.height, picture.width)[0]


@pytest.mark.parametrize("name", ["a.png", "a.tiff"])
def test_greys_of_16_bits_are_scaled(tmp_path, name):
    grey = np.linspace(0, 65535, 64).astype(np.uint16).reshape(8, 8)
    made = one(tmp_path, name, Image.fromarray(grey))
    np.testing.assert_array_equal(made, np.round(grey[..., None] / 257).astype(np.uint8).repeat(3, axis=-1))


@pytest.mark.parametrize("white", [1.0, 255.0])
def test_greys_that_are_no_whole_numbers_are_scaled(tmp_path, white):
    grey = np.linspace(0, white, 64, dtype=np.float32).reshape(8, 8)
    made = one(tmp_path, "a.tif", Image.fromarray(grey))
    np.testing.assert_array_equal(made[..., 0], np.round(grey.astype(float) / white * 255).astype(np.uint8))


def test_a_grey_picture_of_16_bits_is_turned_upright(tmp_path):
    exif, grey = Image.Exif(), np.zeros((4, 8), np.uint16)
    grey[0, 0] = 65535
    exif[0x0112] = 3
    made = one(tmp_path, "a.png", Image.fromarray(grey), exif=exif)
    assert made[-1, -1, 0] == 255 and made.sum() == 3 * 255


@pytest.mark.parametrize(
    "name, options",
    [
        ("a.jfif", {"format": "JPEG"}),
        ("a.webp", {"lossless": True}),
        ("a.bmp", {}),
        ("a.tif", {}),
        ("a.jpe", {"format": "JPEG"}),
        ("IMG_0001", {"format": "PNG"}),
        ("screenshot.jpg", {"format": "PNG"}),
        ("a.JP2", {"format": "JPEG2000"}),
        pytest.param("a.avif", {}, marks=pytest.mark.skipif(not features.check("avif"), reason="no decoder of AVIF")),
    ],
)
def test_the_contents_decide_what_a_picture_is(tmp_path, name, options):
    flat = Image.new("RGB", (16, 16), (200, 100, 50))
    assert abs(one(tmp_path, name, flat, **options).astype(int) - (200, 100, 50)).max() <= 3


def test_of_an_animation_the_first_picture_is_taken(tmp_path):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime")]
    assert (one(tmp_path, "a.gif", frames[0], save_all=True, append_images=frames[1:]) == (255, 0, 0)).all()


@pytest.mark.parametrize(
    "name, picture, colour",
    [
        ("cmyk.jpg", Image.new("CMYK", (8, 8), (0, 255, 255, 0)), (254, 0, 0)),
        ("cmyk.tif", Image.new("CMYK", (8, 8), (0, 255, 255, 0)), (255, 0, 0)),
        ("palette.png", Image.new("RGB", (8, 8), (0, 0, 255)).quantize(4), (0, 0, 255)),
        ("clear.png", Image.new("LA", (8, 8), (0, 0)), (255, 255, 255)),
        ("bits.png", Image.new("1", (8, 8), 1), (255, 255, 255)),
    ],
)
def test_every_kind_of_colours_becomes_rgb(tmp_path, name, picture, colour):
    assert abs(one(tmp_path, name, picture).astype(int) - colour).max() <= 2


def test_a_palette_with_a_transparent_colour_is_put_on_white(tmp_path):
    picture = Image.new("P", (8, 8), 1)
    picture.putpalette([255, 0, 0, 0, 0, 255])
    assert (one(tmp_path, "a.png", picture, transparency=1) == 255).all()


def test_what_is_no_picture_is_named_as_left_out(tmp_path):
    Image.fromarray(NOISE).save(tmp_path / "a.png")
    for name in ("clip.mp4", "notes.txt", ".hidden", "recipe.json", "Thumbs.db"):
        (tmp_path / name).write_bytes(b"text")
    (tmp_path / "more").mkdir()
    with pytest.warns(UserWarning, match=r"left out of the pictures in .*: clip.mp4, more, notes.txt$"):
        assert pictures.find(tmp_path) == [tmp_path / "a.png"]


def test_a_picture_for_which_a_decoder_is_missing_is_left_out_with_the_cure(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "_readable", lambda: ["PNG", "JPEG"])
    (tmp_path / "IMG_1.HEIC").write_bytes(b"\0\0\0\x18ftypheic")
    with pytest.raises(InputError, match="holds no pictures; it cannot read IMG_1.HEIC .*pip install pillow-heif"):
        pictures.find(tmp_path)
    Image.fromarray(NOISE).save(tmp_path / "a.png")
    with pytest.warns(UserWarning, match="IMG_1.HEIC .HEIC and AVIF are read after `pip install pillow-heif`"):
        assert len(pictures.find(tmp_path)) == 1


def test_a_folder_of_pictures_alone_brings_no_warning(tmp_path):
    Image.fromarray(NOISE).save(tmp_path / "a.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pictures.find(tmp_path)


def test_a_document_that_runs_a_program_is_not_read(tmp_path):
    (tmp_path / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n%%EOF\n")
    with pytest.raises(InputError, match="a.png cannot be read"):
        pictures.find(tmp_path)
