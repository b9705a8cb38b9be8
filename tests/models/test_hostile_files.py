"""Files of weights that were made to do harm, or that are none: refused at once, in little memory, by what they are."""

from __future__ import annotations

import io
import json
import pickle
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from conftest import DATA

from ppt2v import InputError
from ppt2v.models.formats import pickles, reading
from ppt2v.models.formats.state_dictionary import state_dictionary

# What reading a file of a few bytes may take; the numbers in these files claim gigabytes.
LITTLE = 20e6


def _doubled(times: int) -> bytes:
    """A tuple that holds one tuple twice, which holds one twice, ...: 2 ** times steps to compare or print."""
    return b")" + b"2\x86" * times


def _text(text: str) -> bytes:
    return b"X" + len(text).to_bytes(4, "little") + text.encode()


HARMFUL = {
    "a memo of two billions": b"\x80\x02}r\xff\xff\xff\x7f.",
    "a memo named in decimals": b"}p2147483647\n.",
    "keys that contain each other": b"\x80\x02}" + _doubled(80) + b"Ns.",
    "keys in a set": b"\x80\x04}" + _text("a") + b"\x8f(" + _doubled(80) + b"\x90s0}.",
    "keys of an ordered dictionary": b"\x80\x02ccollections\nOrderedDict\n](" + _doubled(80) + b"N\x86e\x85R.",
    "a name that contains itself": b"\x80\x02}" + _doubled(80) + _text("weight") + b"s.",
    "bytes that are not there": b"\x80\x04}" + _text("w") + b"\x8e" + (2**60).to_bytes(8, "little") + b"x.",
    "a number without end": b"L" + b"9" * 100_000 + b"L\n.",
    "deep nesting": b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".",
    "a call of a call": b"\x80\x02cos\nsystem\n)R)R.",
    "no arguments": b"\x80\x02R.",
    "nothing": b"\x80\x02.",
}


@pytest.mark.parametrize("name", HARMFUL)
def test_harmful_pickle_ends_at_once(name, tmp_path):
    file = tmp_path / "model.pdparams"
    file.write_bytes(HARMFUL[name])
    tracemalloc.start()
    try:
        assert reading.read(file).tensors == {}
    except InputError as error:
        assert str(error).startswith(str(file))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < LITTLE


@pytest.mark.parametrize(
    "call", [b"c_codecs\nencode\nh\x00\x85R", b"ccollections\nOrderedDict\nh\x01\x85R", b"cbuiltins\ntuple\nh\x01\x85R"]
)
def test_pickle_that_copies_the_same_again_and_again_is_refused(call, tmp_path):
    long = _text("x" * 100_000) + b"q\x00](" + b"NN\x86" * 50_000 + b"eq\x01"
    (tmp_path / "model.pdparams").write_bytes(b"\x80\x02" + long + b"](" + call * 50_000 + b"e.")
    with pytest.raises(InputError, match="converts the same data again and again"):
        reading.read(tmp_path / "model.pdparams")


def test_every_name_of_a_pickle_stays_a_name():
    """Reading looks nothing up: neither what is imported already nor what could be."""
    for module, name in (("os", "system"), ("builtins", "eval"), ("no.such.module", "thing"), ("sys", "exit")):
        stream = io.BytesIO(b"\x80\x02c" + f"{module}\n{name}\n".encode() + b"X\x01\x00\x00\x001\x85R.")
        made = pickles.load(stream, Path("model.bin"), None)
        with pytest.raises(InputError, match=rf"'w' is a {module}\.{name}, which is refused"):
            state_dictionary({"w": made}, Path("model.bin"))


def _torch_zip(file: Path, pickled: bytes, compression: int = zipfile.ZIP_STORED, **entries: bytes) -> Path:
    with zipfile.ZipFile(file, "w", compression) as archive:
        archive.writestr("archive/data.pkl", pickled)
        for name, content in entries.items():
            archive.writestr(f"archive/data/{name}", content)
    return file


def _tensor(shape: bytes, stride: bytes) -> bytes:
    """A dictionary of one tensor of a storage of 4 numbers."""
    storage = b"(" + _text("storage") + b"ctorch\nFloatStorage\n" + _text("0") + _text("cpu") + b"K\x04tQ"
    arguments = b"(" + storage + b"K\x00" + shape + stride + b"t"
    return b"\x80\x02}" + _text("w") + b"ctorch._utils\n_rebuild_tensor_v2\n" + arguments + b"Rs."


@pytest.mark.parametrize(
    ("shape", "stride"),
    [
        (b"J\xff\xff\xff\x7f\x85", b"K\x00\x85"),  # one number, two billion times
        (b"K\x05\x85", b"K\x01\x85"),
        (b"J\xff\xff\xff\xff\x85", b"K\x01\x85"),
        (b"K\x02\x85", b"J\xff\xff\xff\xff\x85"),
    ],
)
def test_tensor_that_claims_more_than_its_storage_has_is_refused(shape, stride, tmp_path):
    file = _torch_zip(tmp_path / "model.bin", _tensor(shape, stride), **{"0": np.arange(4, dtype="<f4").tobytes()})
    with pytest.raises(InputError, match="model.bin is truncated, corrupt or no checkpoint"):
        reading.read(file)


def test_archive_that_unpacks_to_a_thousand_times_its_size_is_refused(tmp_path):
    file = _torch_zip(
        tmp_path / "model.bin", _tensor(b"K\x04\x85", b"K\x01\x85"), zipfile.ZIP_DEFLATED, **{"0": bytes(50_000_000)}
    )
    tracemalloc.start()
    with pytest.raises(InputError, match="claim to be 50000"):
        reading.read(file)
    assert tracemalloc.get_traced_memory()[1] < LITTLE
    tracemalloc.stop()


def _safetensors(file: Path, header: dict | bytes, data: bytes = bytes(16), length: int | None = None) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    file.write_bytes((len(text) if length is None else length).to_bytes(8, "little") + text + data)
    return file


ENTRY = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}
CLAIMS = {
    "a header longer than the file": ({"w": ENTRY}, bytes(16), 2**40),
    "data beyond the end": ({"w": {**ENTRY, "shape": [2**40], "data_offsets": [0, 2**42]}}, bytes(16), None),
    "a shape of other data": ({"w": {**ENTRY, "shape": [2**31, 2**31]}}, bytes(16), None),
    "a negative shape": ({"w": {**ENTRY, "shape": [-4]}}, bytes(16), None),
    "offsets backwards": ({"w": {**ENTRY, "data_offsets": [16, 0]}}, bytes(16), None),
    "no JSON": (b"{" * 50, bytes(16), None),
    "deep JSON": (b'{"a":' * 50_000, bytes(16), None),
    "a list": (b"[]", bytes(16), None),
    "texts for numbers": ({"w": {**ENTRY, "shape": ["4"]}}, bytes(16), None),
    "an unknown type": ({"w": {**ENTRY, "dtype": "Q4"}}, bytes(16), None),
    "bytes behind the data": ({"w": ENTRY}, bytes(20), None),
}


@pytest.mark.parametrize("name", CLAIMS)
def test_claims_of_a_safetensors_header_are_refused(name, tmp_path):
    header, data, length = CLAIMS[name]
    file = _safetensors(tmp_path / "model.safetensors", header, data, length)
    with pytest.raises(InputError, match=r"model.safetensors is (truncated, corrupt or no checkpoint|a text)"):
        reading.read(file)


def test_endless_names_are_refused(tmp_path):
    """Which patterns of names would take the square of their length to compare."""
    header = {"lora_" * 200_000 + "x": ENTRY}
    with pytest.raises(InputError, match="a name has 1000001 letters"):
        reading.read(_safetensors(tmp_path / "model.safetensors", header))


def test_random_damage_never_ends_in_anything_but_a_refusal(tmp_path):
    """One byte, or a piece, of each format replaced, at many places."""
    random = np.random.default_rng(0)
    for name in ("zip.bin", "legacy.bin", "types.safetensors"):
        content, file = (DATA / "checkpoints" / name).read_bytes(), tmp_path / name
        for _ in range(150):
            damaged = bytearray(content)
            start = int(random.integers(len(damaged)))
            piece = random.integers(0, 256, int(random.choice([1, 2, 8, 64])), dtype=np.uint8).tobytes()
            damaged[start : start + len(piece)] = piece
            file.write_bytes(damaged)
            try:
                reading.read(file)
            except InputError as error:
                assert name in str(error)


# Files that are no weights at all

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 4265146304\n"
PAGE = b'\n<!DOCTYPE html>\n<html lang="en"><head><title>Sign in</title></head></html>'
OTHERS = {
    "pointer": (POINTER, "a git-lfs pointer, not the weights: run git lfs pull, or download the file itself"),
    "page": (PAGE, "a web page, not the weights: download the file itself"),
    "page in capitals": (b"\xef\xbb\xbf<HTML><BODY>404</BODY></HTML>", "a web page"),
    "answer of a store": (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "a web page"),
    "answer of a program": (b'{"error": "Repository not found"}', r"a text \(JSON\)"),
    "pointer with a byte order mark": (b"\xef\xbb\xbf" + POINTER.replace(b"\n", b"\r\n"), "a git-lfs pointer"),
    "page that was saved": (b"<!-- saved from url=(0014)about:internet -->\n<html>", "a web page"),
    "refusal": (b"Invalid username or password.", r"a text, not the weights \(it begins with 'Invalid username"),
    "refusal in Chinese": ("文件不存在".encode(), r"a text, not the weights \(it begins with '文件"),
    "nothing": (b"", "empty: download the file itself"),
    "picture": (b"\x89PNG\r\n\x1a\n" + bytes(30), r"a picture \(PNG\): .*embeddings inside pictures are not read"),
    "photograph": (b"\xff\xd8\xff\xe0" + bytes(30), r"a picture \(JPEG\)"),
    "quantized": (b"GGUF\x03\x00\x00\x00" + bytes(30), r"a quantized model \(GGUF\)"),
    "packed": (b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03" + bytes(30), r"a packed file \(gzip\)"),
}


@pytest.mark.parametrize("ending", ["safetensors", "bin", "pt", "pdparams"])
@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_weights_is_called_by_its_name(name, ending, tmp_path):
    content, message = OTHERS[name]
    (tmp_path / f"model.{ending}").write_bytes(content)
    with pytest.raises(InputError, match=rf"model.{ending} is {message}"):
        reading.read(tmp_path / f"model.{ending}")


def test_archive_of_other_files_is_to_be_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "lora.zip", "w") as archive:
        archive.writestr("style/style.safetensors", b"")
    with pytest.raises(InputError, match=r"lora.zip is an archive, .*style.safetensors.* unpack it"):
        reading.read(tmp_path / "lora.zip")


def test_a_folder_and_a_device_are_no_files(tmp_path):
    for place in (tmp_path, Path("/dev/zero")):
        with pytest.raises(InputError, match="is no file but a folder or a device"):
            reading.read(place)


@pytest.mark.parametrize("ending", ["ckpt", "pt", "bin"])
def test_the_content_says_that_a_file_is_safetensors(ending, tmp_path):
    for length in (0x088B1F, 0x7B, 0x5B):  # whose first bytes, as a number's, are those of gzip and of JSON
        header = json.dumps({"w": ENTRY}).encode().ljust(length)
        file = _safetensors(tmp_path / f"model.{ending}", header)
        np.testing.assert_array_equal(reading.read(file).tensors["w"], np.zeros(4))


def test_pytorch_file_with_the_ending_of_safetensors_is_read(tmp_path):
    array = np.arange(4, dtype="<f4")
    file = _torch_zip(tmp_path / "model.safetensors", _tensor(b"K\x04\x85", b"K\x01\x85"), **{"0": array.tobytes()})
    np.testing.assert_array_equal(reading.read(file).tensors["w"], array)
    (tmp_path / "older.safetensors").write_bytes(pickle.dumps({"w": array}))
    np.testing.assert_array_equal(reading.read(tmp_path / "older.safetensors").tensors["w"], array)
