"""What the page shows of jobs, as HTML. Everything that a visitor has written is escaped."""

from __future__ import annotations

import base64
import io
import json
import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any

from ppt2v.language import Message
from ppt2v.request.request import file_stem
from ppt2v.serving.job import CANCELLED, DONE, FAILED, QUEUED, Job

from .fetching import Download
from .words import Translate

if TYPE_CHECKING:
    import numpy as np

_MAP_FPS = 8
# A stage of a run begins with one of these; what is said to the visitor, who knows no engine and no precision.
_STAGES = {"Control maps": "Reading the clip", "Denoising": "Making the frames", "Decoding": "Finishing the frames"}
_BY_FRAMES = ("Control maps", "Decoding")

PARTS = ("screen", "status", "more", "map")


def parts(job: Job, ahead: int, has_map: bool, recipe: Mapping[str, Any], text: Translate) -> dict[str, str]:
    """How a job stands, for the page to put into its places, which are ``PARTS``.

    Args:
        ahead: how many jobs come before it.
        has_map: whether its control map can be fetched.
        recipe: of a finished video.
    """
    told = {QUEUED: _waiting, DONE: _made, FAILED: _failed, CANCELLED: _stopped}.get(job.state, _running)
    screen = _video(job, autoplay=True) if job.state == DONE else _preview(job)
    return {
        "screen": f"<div class='screen'>{screen}</div>",
        "status": f"<div class='status'>{told(job, ahead, text)}</div>",
        "more": advice(job, text) + (_about(job, recipe, text) if job.state == DONE else ""),
        "map": _map(job, text) if has_map else "",
    }


def _waiting(job: Job, ahead: int, text: Translate) -> str:
    return (
        f"<p role='status'>{text('Waiting; jobs ahead of yours: {ahead}').format(ahead=ahead)}</p><progress></progress>"
    )


def _running(job: Job, ahead: int, text: Translate) -> str:
    words, bar = [text(stage(job))], "<progress></progress>"
    if job.total:
        words.append(_how_far(job, text))
        bar = f"<progress value='{job.done}' max='{job.total}'></progress>"
    if job.remaining is not None:
        words.append(text("about {seconds} s left").format(seconds=math.ceil(job.remaining)))
    return f"<p role='status'>{' · '.join(words)}</p>{bar}"


def _made(job: Job, ahead: int, text: Translate) -> str:
    return f"<p role='status'>{text('Done.')} {text('Seed')} {job.values['seed']} · {_download(job, text)}</p>"


def _failed(job: Job, ahead: int, text: Translate) -> str:
    return failure(job.error or "", text)


def _stopped(job: Job, ahead: int, text: Translate) -> str:
    return f"<p role='status'>{text('Stopped.')}</p>"


def stage(job: Job) -> str:
    """What is being done, in words of ``words``."""
    return next((said for name, said in _STAGES.items() if (job.stage or "").startswith(name)), "Preparing the model")


def _how_far(job: Job, text: Translate) -> str:
    if (job.stage or "").startswith(_BY_FRAMES):
        return text("frame {done} of {total}").format(done=job.done, total=job.total)
    return f"{100 * job.done // job.total} %"


def _preview(job: Job) -> str:
    return "" if job.preview is None else _picture(job.preview)


def advice(job: Job, text: Translate) -> str:
    """What the visitor should know of the prompts; nothing where all is well."""
    lines = map(text, job.advice)
    return "".join(f"<p class='advice' role='note'>{escape(line)}</p>" for line in lines)


def failure(message: str | Message, text: Translate) -> str:
    """Why nothing came of it."""
    return f"<div class='failure' role='alert'><b>{text('This did not work')}</b><p>{escape(text(message))}</p></div>"


def _about(job: Job, recipe: Mapping[str, Any], text: Translate) -> str:
    lines = escape(json.dumps(recipe, indent=2, ensure_ascii=False))
    return f"<details><summary>{text('Recipe')}</summary><pre>{lines}</pre></details>"


def _map(job: Job, text: Translate) -> str:
    return f"<b>{text('Control map')}</b><div class='screen'><img alt='' src='../maps/{job.id}'></div>"


def download(state: Download, gb: float | None, text: Translate) -> str:
    """How the download of a model stands, with the button for what can be done; ``gb``: about its size."""
    if not state.runs:
        failed = f"<div class='failure' role='alert'>{escape(text(state.error))}</div>" if state.error else ""
        sized = text("This model is not here yet; it has about {gb:.1f} GB.")
        said = text("This model is not here yet.") if gb is None else sized.format(gb=gb)
        return f"{failed}<p>{said} <button data-method='POST'>{text('Download')}</button></p>"
    arrived = f"{state.received / 1e9:.2f} GB" if gb is None else f"{state.received / 1e9:.2f} / {gb:.1f} GB"
    bar = "<progress></progress>" if gb is None else f"<progress value='{state.received / 1e9}' max='{gb}'></progress>"
    cancel = f"<button data-method='DELETE'>{text('Cancel')}</button>"
    return f"<p role='status'>{text('Downloading')} · {arrived} {cancel}</p>{bar}"


def gallery(jobs: Iterable[Job], text: Translate) -> str:
    """Finished videos side by side, each with what can be done with it."""
    figures = "".join(_figure(job, text) for job in jobs)
    return f"<div class='videos'>{figures or text('What you make is shown here.')}</div>"


def _figure(job: Job, text: Translate) -> str:
    made = f"<time>{datetime.fromtimestamp(job.ended or job.submitted):%Y-%m-%d %H:%M}</time>"
    sure = text("Delete this video for good?")
    return (
        f"<figure>{_video(job, autoplay=False)}<figcaption><p>{escape(job.values['prompt'])}</p>"
        f"<p class='made'>{text(job.mode)} · {made} · {text('Seed')} {job.values['seed']}</p>"
        f"<p class='actions'>{_download(job, text)}"
        f"<button data-action='use' data-id='{job.id}'>{text('Use these settings')}</button>"
        f"<button data-action='delete' data-id='{job.id}' data-sure='{escape(sure)}'>{text('Delete')}</button></p>"
        "</figcaption></figure>"
    )


def _video(job: Job, autoplay: bool) -> str:
    at, begins = ("", "autoplay") if autoplay else ("#t=0.001", "preload='metadata'")  # there a browser shows a frame
    return f"<video src='{_address(job)}{at}' controls loop muted playsinline {begins}></video>"


def _download(job: Job, text: Translate) -> str:
    name = f"{file_stem(job.values['prompt'])}{job.path.suffix}"
    return f"<a href='{_address(job)}' download='{name}'>{text('Download')}</a>"


def _address(job: Job) -> str:
    return f"../videos/{job.id}"


def _picture(frame: np.ndarray) -> str:
    """A frame as a picture within the page."""
    return f"<img alt='' src='data:image/webp;base64,{base64.b64encode(moving_picture([frame])).decode()}'>"


def moving_picture(frames: Iterable[np.ndarray]) -> bytes:
    """Frames, each uint8 RGB ``[H, W, 3]``, as WebP, which moves where there are several."""
    from PIL import Image

    first, *others = map(Image.fromarray, frames)
    data = io.BytesIO()
    duration = round(1000 / _MAP_FPS)
    first.save(data, "WEBP", save_all=True, append_images=others, duration=duration, quality=70, method=0)
    return data.getvalue()
