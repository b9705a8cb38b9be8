"""What a file is that was given for weights and holds none."""

from __future__ import annotations

from pathlib import Path

from ppt2v.errors import InputError
from ppt2v.language import words

_EXAMINED = 512  # bytes
_PAGES = (b"<!doctype", b"<html", b"<head", b"<!--", b"<?xml", b"<error")  # in small letters
_QUOTED = 60  # letters
_LONGEST_HEADER = 100_000_000  # bytes, of .safetensors
_AGAIN = words("download the file itself")
_NO_PICTURE = words("give a file of weights (embeddings inside pictures are not read)")
_UNPACK = words("unpack it and give the file inside")
# What the contents of a file begin with: what it is, and what to do.
_BEGINNINGS = (
    (
        b"version https://git-lfs.github.com/",
        words("a git-lfs pointer, not the weights"),
        words("run git lfs pull, or download the file itself"),
    ),
    (b"\x89PNG", words("a picture (PNG)"), _NO_PICTURE),
    (b"\xff\xd8\xff", words("a picture (JPEG)"), _NO_PICTURE),
    (b"GIF8", words("a picture (GIF)"), _NO_PICTURE),
    (b"RIFF", words("a picture or a clip (RIFF)"), _NO_PICTURE),
    (b"%PDF", words("a document (PDF)"), words("give a file of weights")),
    (b"GGUF", words("a quantized model (GGUF)"), words("give the model as .safetensors")),
    (b"\x89HDF", words("an HDF5 file of Keras or TensorFlow"), words("give weights for Paddle or PyTorch")),
    (b"\x93NUMPY", words("a NumPy array"), words("save it as .safetensors, by name")),
    (b"\x1f\x8b", words("a packed file (gzip)"), _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", words("an archive (7z)"), _UNPACK),
    (b"Rar!", words("an archive (RAR)"), _UNPACK),
)


def is_safetensors(beginning: bytes) -> bool:
    """Whether a file that begins so has a header of .safetensors: its length as a 64 bit number, then JSON."""
    return beginning[8:9] == b"{" and int.from_bytes(beginning[:8], "little") <= _LONGEST_HEADER


def check_weights(file: Path) -> None:
    """Raises InputError for what is no file of weights, as its first bytes say: it names what it is and what to do.

    Whether a file that passes is whole is for its reader to say.
    """
    if file.exists() and not file.is_file():
        raise InputError(
            "E-WEIGHTS-NO-FILE", "{file} is no file but a folder or a device; give a file of weights", file=file
        )
    with file.open("rb") as stream:
        beginning = stream.read(_EXAMINED)
    if not beginning:
        raise InputError("E-WEIGHTS-EMPTY", "{file} is empty: {again}", file=file, again=_AGAIN)
    if is_safetensors(beginning):
        return
    beginning = beginning.removeprefix(b"\xef\xbb\xbf")
    for start, what, advice in _BEGINNINGS:
        if beginning.startswith(start):
            raise InputError("E-WEIGHTS-STRANGE", "{file} is {what}: {advice}", file=file, what=what, advice=advice)
    text = beginning.lstrip().lower()
    if text.startswith(_PAGES):
        raise InputError(
            "E-WEIGHTS-WEB-PAGE",
            "{file} is a web page, not the weights: {again}, with a login where the site asks for one",
            file=file,
            again=_AGAIN,
        )
    if text.startswith((b"{", b"[")):
        raise InputError("E-WEIGHTS-JSON", "{file} is a text (JSON), not the weights: {again}", file=file, again=_AGAIN)


def check_no_text(file: Path) -> None:
    """Raises InputError for a text, such as a server's refusal that was saved; weights may look like one as well (the
    oldest pickles), so this is for what no reader takes."""
    with file.open("rb") as stream:
        beginning = stream.read(_EXAMINED)
    text = beginning.decode("utf-8", errors="ignore")
    if len(text.encode()) >= len(beginning) - 3 and all(letter.isprintable() or letter in "\t\r\n" for letter in text):
        said = " ".join(text.split())[:_QUOTED]
        raise InputError(
            "E-WEIGHTS-TEXT",
            "{file} is a text, not the weights (it begins with {beginning!r}): {again}",
            file=file,
            beginning=said,
            again=_AGAIN,
        )
