"""How good a video is, as far as that can be said without weights: figures, a table, and which of two is better."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ppt2v import video
from ppt2v.controls.recognition import are_edge_maps
from ppt2v.errors import InputError
from ppt2v.language import translated
from ppt2v.pipelines.planning.windows import WINDOW

from . import metrics

FROZEN = 0.02  # percent of the diagonal per frame: below this nothing moves
_LIKE_MOTION = 0.5  # the less moves, the steadier it is: steadiness is compared at like motion only
_SHEET_FRAMES = 8


@dataclass(frozen=True)
class Report:
    """The figures of a video; None where one cannot be measured.

    Args:
        path: the video's.
        frames, width, height, fps: its size.
        flicker, warp_error, motion: means over neighbouring frames, see ``metrics.Change``.
        sharpness: see ``metrics.sharpness``.
        frozen: whether nothing moves, in which case low flicker and warp error mean nothing.
        seam_ratio: see ``metrics.seam_ratio``.
        edge_f1, ssim: against the source, see ``metrics``; means over the frames that both have.
        black, flat, duplicates: numbers of such frames.
    """

    path: str
    frames: int
    width: int
    height: int
    fps: float
    flicker: float | None
    warp_error: float | None
    motion: float | None
    sharpness: float
    frozen: bool
    seam_ratio: float | None
    edge_f1: float | None
    ssim: float | None
    black: list[int]
    flat: list[int]
    duplicates: list[int]


@dataclass(frozen=True)
class Figure:
    """A row of the table: what it shows, how, and of two values which is better ("" where neither is)."""

    name: str
    label: str
    form: Callable[[Any], str] = "{:.4f}".format
    better: str = ""
    of_steadiness: bool = False


def _numbers(frames: Sequence[int] | None) -> str:
    return f"{len(frames)} ({', '.join(map(str, frames[:6]))}{', ...' if len(frames) > 6 else ''})" if frames else "0"


FIGURES = (
    Figure("frames", "Frames", str),
    Figure("fps", "Frames per second", "{:g}".format),
    Figure("motion", "Motion per frame, % of the diagonal", "{:.2f}".format),
    Figure("flicker", "Flicker: mean change of a pixel, 0 to 1", better="low", of_steadiness=True),
    Figure("warp_error", "Warp error: the same, motion taken out", better="low", of_steadiness=True),
    Figure("sharpness", "Sharpness: variance of the Laplacian", "{:.1f}".format),
    Figure(
        "seam_ratio",
        "Seam ratio: warp error at borders of chunks or windows / elsewhere",
        "{:.2f}".format,
        better="low",
    ),
    Figure("edge_f1", "Edges like the source's: F1 within 2 pixels", "{:.3f}".format, better="high"),
    Figure("ssim", "SSIM to the source", "{:.3f}".format),
    Figure("black", "Black frames", _numbers, better="low"),
    Figure("flat", "Frames of one colour", _numbers, better="low"),
    Figure("duplicates", "Frames that repeat the one before", _numbers, better="low"),
)


def measure(path: str | Path, source: str | Path | None = None, chunk_size: int | None = None) -> Report:
    """The report on a video file.

    Args:
        path: the video.
        source: the clip that it was made from, or its edge map; compared frame by frame at the same times.
        chunk_size: how many frames were computed together; None: as its recipe says, if it has one.

    Raises:
        InputError: a file that cannot be read as a video, or a chunk size below 2.
    """
    clip = video.read(path, multiple=1)
    change = metrics.changes(clip.frames)
    motion = _mean(change.motion)
    borders = _borders(path, len(clip.frames), chunk_size)
    edge_f1, ssim = _like_source(clip, source) if source else (None, None)
    number, height, width, _ = clip.frames.shape
    return Report(
        str(path),
        number,
        width,
        height,
        clip.fps,
        _mean(change.flicker),
        _mean(change.warp_error),
        motion,
        metrics.sharpness(clip.frames),
        motion is not None and motion < FROZEN,
        metrics.seam_ratio(change, borders),
        edge_f1,
        ssim,
        metrics.black_frames(clip.frames),
        metrics.flat_frames(clip.frames),
        metrics.duplicate_frames(change),
    )


def _mean(values: np.ndarray) -> float | None:
    return float(np.nanmean(values)) if np.isfinite(values).any() else None


def _borders(path: str | Path, count: int, chunk_size: int | None) -> list[int]:
    """Numbers of a video's frames with which something begins that was computed together.

    Args:
        count: of its frames.
        chunk_size: as for ``measure``.
    """
    if chunk_size:
        return metrics.chunk_borders(count, chunk_size)
    values = _recorded(path)
    times = values.get("interpolate") or 1  # each frame has become so many, each border as many steps
    made = (count - 1) // times + 1
    borders = _borders_made(values, made)
    return [step for border in borders for step in range((border - 1) * times + 1, border * times + 1)]


def _borders_made(values: Mapping[str, Any], made: int) -> list[int]:
    """The same of the frames that were computed, by the values of a run's parameters."""
    if values.get("motion_module") is not None or "free_noise" in values:
        window = values.get("motion_window") or WINDOW
        return metrics.window_borders(made, window, window // 2)
    return metrics.chunk_borders(made, values["chunk_size"]) if values.get("chunk_size") else []


def _recorded(path: str | Path) -> dict[str, Any]:
    """The parameters in the recipe of a video; none where it has no recipe of a run."""
    try:
        values = video.read_recipe(path).get("parameters")
    except InputError:
        return {}
    return values if isinstance(values, dict) else {}


def _like_source(clip: video.Clip, source: str | Path) -> tuple[float, float | None]:
    """Edge F1 and SSIM, the latter None where the source is an edge map."""
    size = clip.frames.shape[2], clip.frames.shape[1]
    originals = video.read(source, out_fps=clip.fps, multiple=1).frames
    ready = are_edge_maps(list(originals[:4]))
    edge_f1, ssim = [], []
    for frame, original in zip(clip.frames, originals):
        original = _resized(original, size)
        wanted = original[..., 0] > 127 if ready else metrics.edges(original)
        edge_f1.append(metrics.edge_f1(metrics.edges(frame), wanted))
        ssim.append(metrics.similarity(frame, original))
    return float(np.mean(edge_f1)), None if ready else float(np.mean(ssim))


def _resized(frame: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    shrinks = size[0] * size[1] < frame.shape[0] * frame.shape[1]
    return cv2.resize(frame, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def better(figure: Figure, one: Report, other: Report) -> int | None:
    """0 or 1: which of two reports has the better figure; None where neither, or where that cannot be said.

    Flicker and warp error are not compared where one video moves less than half as much as the other: a frozen video
    would win.
    """
    values = [getattr(report, figure.name) for report in (one, other)]
    if not figure.better or None in values:
        return None
    if figure.of_steadiness and not _move_alike(one, other):
        return None
    sizes = [len(value) if isinstance(value, list) else value for value in values]
    if sizes[0] == sizes[1]:
        return None
    return int((sizes[0] > sizes[1]) == (figure.better == "low"))


def _move_alike(one: Report, other: Report) -> bool:
    motions = one.motion or 0, other.motion or 0
    return min(motions) >= _LIKE_MOTION * max(motions)


def table(*reports: Report):
    """One or two reports as a table of rich; of two, the better figure of each row is marked."""
    from rich.markup import escape
    from rich.table import Table

    shown = Table("", *(escape(Path(report.path).name) for report in reports), caption=_caption(*reports))
    for figure in FIGURES:
        values = [getattr(report, figure.name) for report in reports]
        if all(value is None for value in values):
            continue
        cells = ["" if value is None else figure.form(value) for value in values]
        best = better(figure, *reports) if len(reports) == 2 else None
        if best is not None:
            cells[best] = f"[bold]{cells[best]}[/] *"
        shown.add_row(translated(figure.label), *cells)
    return shown


def _caption(*reports: Report) -> str | None:
    from rich.markup import escape

    lines = [
        f"{escape(Path(report.path).name)} is frozen: its low flicker means nothing."
        for report in reports
        if report.frozen
    ]
    if len(reports) == 2:
        lines.append("* is better")
        if not _move_alike(*reports):
            lines.append("One moves less than half as much as the other: flicker and warp error are not compared.")
    return "\n".join(lines) or None


def to_json(*reports: Report) -> str:
    """One report as an object of JSON, several as a list of such."""
    figures = [asdict(report) for report in reports]
    return json.dumps(figures if len(figures) > 1 else figures[0], indent=1)


def write_json(path: str | Path, *reports: Report) -> Path:
    """Writes ``to_json`` to a file; InputError where ``path`` cannot be written, and no half of a file is left."""
    path = Path(path)
    existed = path.exists()
    try:
        path.write_text(to_json(*reports) + "\n", encoding="utf-8")
    except OSError as error:
        if not existed and path.is_file():
            path.unlink()
        raise InputError(
            "E-REPORT-WRITE", "{path} cannot be written: {reason}", path=path, reason=error.strerror
        ) from None
    return path


def write_sheet(path: str | Path, target: str | Path) -> Path:
    """Writes up to eight frames of a video, evenly spaced, as a contact sheet; see ``video.contact_sheet``."""
    frames = video.read(path, multiple=1).frames
    chosen = np.unique(np.linspace(0, len(frames) - 1, _SHEET_FRAMES).round().astype(int))
    return video.contact_sheet(frames[chosen], target)
