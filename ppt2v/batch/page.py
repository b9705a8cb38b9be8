"""A page of HTML that shows the videos of a batch; it needs no other file but to play them."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import quote

import numpy as np

from ppt2v import video
from ppt2v.language import Message, current, translated, words
from ppt2v.video.overlay import tile

from .rows import Row

_SHOWN, _SIDE = 4, 128  # frames of each video, and their longest side in pixels

_PAGE = Template("""<!DOCTYPE html>
<html lang="$language">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>$title</title>
<style>
body { font: 15px/1.4 sans-serif; margin: 2em; }
figure { margin: 0 0 2em; }
figcaption span { color: #666; }
.failed { color: #b00020; }
</style>
<h1>$title</h1>
$figures
</html>
""")
_FIGURE = Template("""<figure class="$state">
$picture
<figcaption>$prompt<br><span>$about</span></figcaption>
</figure>
""")


def write(outcomes: Sequence[tuple[Row, str, Message | None]], path: Path) -> Path:
    """Writes the page.

    Args:
        outcomes: each row of the batch, what has become of it in a word, and its error.
        path: of the page, in the folder of the videos.
    """
    page = _PAGE.substitute(
        language=current(),
        title=escape(str(words("{name}: {number} videos", name=path.parent.name, number=len(outcomes)))),
        figures="".join(map(_figure, outcomes)),
    )
    part = path.with_name(f".{path.name}.part")
    part.write_text(page, encoding="utf-8")
    os.replace(part, path)
    return path


def _figure(outcome: tuple[Row, str, Message | None]) -> str:
    row, state, error = outcome
    picture = "" if error else _picture(row.target)
    seed = [str(words("seed {seed}", seed=row.given["seed"]))] if row.mode.has("seed") else []
    about = " · ".join([row.mode.name, *seed, row.target.name, translated(state)])
    return _FIGURE.substitute(
        state=state,
        picture=picture,
        prompt=escape(row.given["prompt"]),
        about=escape(f"{about}: {error}" if error else about),
    )


def _picture(file: Path) -> str:
    """Some frames of a video, evenly spaced, as a link to it."""
    frames = video.read(file, resolution=_SIDE, multiple=1).frames
    chosen = np.linspace(0, len(frames) - 1, min(_SHOWN, len(frames))).round().astype(int)
    return f'<a href="{quote(file.name)}"><img alt="" src="{_data(tile(list(frames[chosen]), _SHOWN))}"></a>'


def _data(picture: np.ndarray) -> str:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(picture).save(file, format="JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
