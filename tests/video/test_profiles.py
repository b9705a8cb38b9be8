"""Pictures with a colour profile: their colours on a screen."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from PIL import Image

from ppt2v import video
from ppt2v.dreambooth import pictures as training_pictures

# The primaries of sRGB as profiles have them (adapted to D50), X, Y and Z.
RED, GREEN, BLUE = (0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141)


def profile(*primaries: tuple[float, float, float], name: str = "mine") -> bytes:
    """A profile of a screen with these primaries and a gamma of 2.2 (ICC.1:2001-04)."""

    def point(values: tuple[float, float, float]) -> bytes:
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(65536 * value) for value in values))

    curve = b"curv\0\0\0\0" + struct.pack(">IHH", 1, round(2.2 * 256), 0)
    text = b"text\0\0\0\0" + b"none\0\0\0\0"
    said = b"desc\0\0\0\0" + struct.pack(">I", len(name) + 1) + name.encode() + bytes(1 + 12 + 67)
    tags = {b"desc": said, b"cprt": text, b"wtpt": point((0.9642, 1.0, 0.8249))}
    tags |= {b"rXYZ": point(primaries[0]), b"gXYZ": point(primaries[1]), b"bXYZ": point(primaries[2])}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    table, body, start = b"", b"", 128 + 4 + 12 * len(tags)
    for tag, content in tags.items():
        table += tag + struct.pack(">II", start + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    header = struct.pack(">I4sI4s4s4s", start + len(body), b"none", 0x02100000, b"mntr", b"RGB ", b"XYZ ")
    header += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def saved(path, mode: str, icc: bytes | None):
    picture = Image.new("RGB", (16, 16), (250, 60, 60))
    (picture.quantize(8) if mode == "P" else picture.convert(mode)).save(path, icc_profile=icc)
    return path


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_a_profile_says_which_colours_are_meant(tmp_path, mode):
    path = saved(tmp_path / "a.png", mode, profile(BLUE, GREEN, RED))
    expected = np.array([60, 60, 250])
    shown = [video.read(path, multiple=1).frames[0, 8, 8]]
    if mode != "P":
        shown.append(training_pictures.read([path], 16, 16)[0, 8, 8])
    assert all(np.abs(each.astype(int) - expected).max() <= 4 for each in shown)


@pytest.mark.parametrize(
    "icc", [None, b"no profile", profile(BLUE, GREEN, RED)[:200], profile(BLUE, GREEN, RED, name="sRGB of a phone")]
)
def test_without_a_profile_that_can_be_read_or_with_that_of_screens_colours_stay(tmp_path, icc):
    path = saved(tmp_path / "a.png", "RGB", icc)
    assert video.read(path, multiple=1).frames[0, 8, 8].tolist() == [250, 60, 60]


def test_greys_with_a_profile_of_colours_stay(tmp_path):
    path = saved(tmp_path / "a.jpg", "L", profile(BLUE, GREEN, RED))
    assert np.ptp(video.read(path, multiple=1).frames[0, 8, 8]) == 0
