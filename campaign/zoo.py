"""Files that are not what their names say, made here; none does more than be wrong."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from random import Random

from . import CLIPS


def make(folder: Path) -> list[str]:
    """Makes them, and gives their names, and those of others that nothing can be read from."""
    clip, random = (CLIPS / "panda.mp4").read_bytes(), Random(0)
    contents = {
        "empty.mp4": b"",
        "text.mp4": b"this is no video\n" * 50,
        "cut.mp4": clip[: len(clip) // 2],
        "head.mp4": clip[:40],
        "noise.mp4": random.randbytes(5000),
        "flipped.mp4": bytes(byte ^ 0xFF if at % 97 == 0 else byte for at, byte in enumerate(clip)),
        "boxes.mp4": b"\0\0\0\x18ftypmp42" + b"\xff" * 2000,
        "list.m3u8": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n",
        "picture.gif": b"GIF89a" + b"\0" * 100,
        "zip.mp4": b"PK\x05\x06" + b"\0" * 18,
        "nul.yaml": b"prompt: a\0b\n",
        "half.json": b'{"prompt": ',
        "deep.json": b"[" * 100_000,
        "latin.csv": b"prompt\n\xe9t\xe9\n",
        "binary.jsonl": b"\x80\x81\n",
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    with open(folder / "sparse.mp4", "wb") as file:
        file.truncate(10**10)
    (folder / "folder.mp4").mkdir()
    shutil.copy(CLIPS / "panda.mp4", folder / "good.mp4")
    os.mkfifo(folder / "pipe.mp4")
    (folder / "dangling.mp4").symlink_to("nowhere.mp4")
    (folder / "loop.mp4").symlink_to("loop.mp4")
    (folder / "zeros.mp4").symlink_to("/dev/zero")
    made = [*contents, "sparse.mp4", "folder.mp4", "pipe.mp4", "dangling.mp4", "loop.mp4", "zeros.mp4"]
    return [*made, "missing.mp4", "", ".", "/", "/dev/null", "/dev/zero", "a" * 300, "a/" * 300, "~nobody/x", "\udcff"]
