"""What the page shows of jobs, as HTML. Everything that a visitor has written is escaped."""

from __future__ import annotations

import base64
import io
import json
import math
from collections.abc import Iterable, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from ppt2v.request.request import file_stem
from ppt2v.serving.job import QUEUED, RUNNING, Job

from .words import Translate

if TYPE_CHECKING:
    import numpy as np

CSS = """
.panel { display: flex; flex-direction: column; gap: .5rem; }
.panel video, .panel img { max-width: 100%; width: 100%; max-height: 24rem; object-fit: contain; border-radius: .5rem;
    background: var(--background-fill-secondary); }
.panel progress { width: 100%; }
.panel pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: .8rem; }
.failure { border-left: .25rem solid #dc2626; padding-left: .75rem; overflow-wrap: anywhere; }
.advice { border-left: .25rem solid #d97706; padding-left: .75rem; overflow-wrap: anywhere; }
.videos { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: 1rem; }
.videos figure { margin: 0; }
.videos figcaption { overflow-wrap: anywhere; font-size: .85rem; }
/* it would fetch a program from elsewhere; the advanced options can do the same */
button[aria-label="Trim video to selection"] { display: none !important; }
footer { display: none !important; }
"""


def progress(job: Job, ahead: int, text: Translate) -> str:
    """How far a job is, and its picture so far; ``ahead`` jobs come before it."""
    said = advice(job, text)
    if job.state == QUEUED:
        waiting = text("Waiting; jobs ahead of yours: {ahead}").format(ahead=ahead)
        return _panel(f"{said}<p role='status'>{waiting}</p>")
    if job.state != RUNNING:
        return ""
    words, bar = [_stage(job.stage or "", text)], "<progress></progress>"
    if job.total:
        words.append(f"{job.done} / {job.total}")
        bar = f"<progress value='{job.done}' max='{job.total}'></progress>"
    if job.remaining is not None:
        words.append(text("about {seconds} s left").format(seconds=math.ceil(job.remaining)))
    picture = "" if job.preview is None else _picture([job.preview], 0)
    return _panel(f"{said}<p role='status'>{' · '.join(words)}</p>{bar}{picture}")


def _stage(stage: str, text: Translate) -> str:
    """A stage in the visitor's language, with what is said of it in brackets."""
    name, bracket, rest = stage.partition(" (")
    return escape(text(name) + bracket + rest)


def advice(job: Job, text: Translate) -> str:
    """What the visitor should know of the prompts; nothing where all is well."""
    lines = [str(each) for each in job.advice]
    return "".join(f"<p class='advice' role='note'>{escape(line)}</p>" for line in lines)


def stopped(text: Translate) -> str:
    """That the visitor has stopped a job."""
    return _panel(f"<p role='status'>{text('Stopped.')}</p>")


def failure(message: str, text: Translate) -> str:
    """Why nothing came of it."""
    return _panel(f"<div class='failure' role='alert'><b>{text('This did not work')}</b><p>{escape(message)}</p></div>")


def result(job: Job, recipe: Mapping[str, Any], text: Translate) -> str:
    """A finished video, with its recipe."""
    lines = escape(json.dumps(recipe, indent=2, ensure_ascii=False))
    return _panel(
        f"{_video(job)}{_download(job, text)}<details><summary>{text('Recipe')}</summary><pre>{lines}</pre></details>"
    )


def control_map(frames: np.ndarray | None, fps: float, text: Translate) -> str:
    """The control map of a run, uint8 RGB ``[F, H, W, 3]``, as a moving picture; nothing where there is none."""
    return "" if frames is None else _panel(f"<b>{text('Control map')}</b>{_picture(frames, round(1000 / fps))}")


def gallery(jobs: Iterable[Job], text: Translate) -> str:
    """Finished videos side by side."""
    figures = [
        f"<figure>{_video(job)}<figcaption>{escape(job.values['prompt'])}<br>{_download(job, text)}</figcaption>"
        "</figure>"
        for job in jobs
    ]
    return f"<div class='videos'>{''.join(figures) or text('What you make is shown here.')}</div>"


def _panel(content: str) -> str:
    return f"<div class='panel'>{content}</div>"


def _video(job: Job) -> str:
    return f"<video src='{_address(job)}' controls loop muted autoplay playsinline></video>"


def _download(job: Job, text: Translate) -> str:
    name = f"{file_stem(job.values['prompt'])}{job.path.suffix}"
    return f"<a href='{_address(job)}' download='{name}'>{text('Download')}</a>"


def _address(job: Job) -> str:
    return f"../videos/{job.id}"


def _picture(frames: Iterable[np.ndarray], milliseconds: int) -> str:
    """Frames as a picture within the page, which moves where there are several."""
    from PIL import Image

    first, *others = map(Image.fromarray, frames)
    data = io.BytesIO()
    first.save(data, "WEBP", save_all=True, append_images=others, duration=milliseconds, quality=70, method=0)
    return f"<img alt='' src='data:image/webp;base64,{base64.b64encode(data.getvalue()).decode()}'>"
