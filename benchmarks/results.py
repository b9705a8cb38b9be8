"""The rows of the benchmark: kept as JSON, shown as a Markdown table and as a plot."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from comparisons import BEST
from work import AUTO, Work

from ppt2v.environment import processor
from ppt2v.environment.threads import threads

# The most that time and peak memory may be of the other side's: of a work with another side in a precision, else of the
# work with that side, else of all works with it.
AIMS: dict[Any, tuple[float | None, float | None]] = {
    ("text2video", BEST, AUTO): (0.75, 0.6),
    ("text2video", BEST, "int8"): (0.4, 0.4),
    ("unet3d", BEST, AUTO): (0.78, 1.1),
    ("unet3d", BEST, "int8"): (0.46, 1.1),
    ("animate", BEST, AUTO): (0.78, 1.1),
    ("animate", BEST, "int8"): (0.46, 1.1),
    ("sdxl", BEST, AUTO): (0.78, 1.1),
    ("sdxl", BEST, "int8"): (0.42, 1.1),
    ("canny", BEST, AUTO): (0.75, 1.1),
    ("canny", BEST, "int8"): (0.4, 1.1),
    ("pix2pix", BEST, AUTO): (0.75, 1.1),
    ("pix2pix", BEST, "int8"): (0.4, 1.1),
    ("unet3d", "diffusers"): (0.6, 1.1),
    ("unet3d", "ppdiffusers"): (0.2, None),
    ("sdxl", "diffusers"): (0.78, 1.1),
    ("demo, warm cache", "build before"): (0.6, None),
    ("demo, warm cache, int8", "build before"): (0.45, None),
    "diffusers": (0.55, 1.1),
    "diffusers-bf16": (0.85, 1.1),
    "ppdiffusers": (0.15, None),
    "8 frames": (1.05, 1.1),
    "machine's limit": (1.43, None),
    "the first size": (None, 0.02),
    "1 second": (1, None),
    "20 seconds": (1, None),
}
HEADER = "| work | against | time | aim | memory | aim | seconds | MB | allocated MB | settings | machine | date |"
NOTE = """Time and peak memory of ppt2v over the other side's, on random weights of the published sizes: same weights,
noise, threads and steps, runs in turn, the median of the rounds. Each run has a process of its own. Written by
`make bench`.

"diffusers" and "diffusers-bf16" compute in the precision of ppt2v, "diffusers-best" in float32 or bfloat16, whichever a
short run shows to be faster; settings name ppt2v's precision and theirs. Memory is all that the process holds, weights
that are mapped from files included; allocated is what the system cannot take back, without those files. For the disk
it is what is written. Int8: random weights tolerate it in more layers than trained ones, so those that do in trained
models are taken.
"""


def row(name: str, against: str, work: Work | None, result: dict) -> dict:
    """A row of results.json; ``result`` has time_ratio and memory_ratio and what they were made from."""
    settings = asdict(work) if work else {}
    kept = {key: value for key, value in settings.items() if key not in ("model", "task")}
    return {
        "work": name,
        "against": against,
        **result,
        "settings": kept,
        "machine": machine(),
        "flags": processor.flags(),
        "date": date.today().isoformat(),
    }


def machine() -> str:
    """The processor and the number of threads."""
    return f"{processor.name()}, {threads()} threads"


def keep(new: dict, folder: Path) -> list[dict]:
    """Adds a row to results.json in the place of an earlier one of the same work, other side, settings and machine."""

    def place(row: dict) -> tuple:
        return row["work"], row["against"], row["settings"], row["machine"], row.get("flags")

    file = folder / "results.json"
    before = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    rows = [row for row in before if place(row) != place(new)] + [new]
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return rows


def aims(row: dict) -> tuple[float | None, float | None]:
    """Those of a row, for time and memory."""
    work, against, precision = row["work"], row["against"], row["settings"].get("precision")
    places = (work, against, precision), (work, against), against
    return next((AIMS[place] for place in places if place in AIMS), (None, None))


def line(row: dict) -> str:
    """A row as a line of the Markdown table; what misses its aim is in bold."""
    cells = [row["work"], row["against"]]
    for key, aim in zip(("time_ratio", "memory_ratio"), aims(row)):
        value = row.get(key)
        missed = None not in (value, aim) and value > aim
        shown = "" if value is None else f"**{value:g}, missed**" if missed else f"{value:g}"
        cells += [shown, "" if aim is None else f"{aim:g}"]
    pairs = (" / ".join(f"{value:g}" for value in row.get(key) or ()) for key in ("seconds", "peak_mb", "allocated_mb"))
    return f"| {' | '.join([*cells, *pairs, _settings(row), machine_of(row), row['date']])} |"


def machine_of(row: dict) -> str:
    """The machine of a row, marked where its processor's extensions were not noted."""
    return row["machine"] if "flags" in row else f"{row['machine']} (earlier)"


def _settings(row: dict) -> str:
    settings = row["settings"]
    if not settings:
        return ""
    size = f"{settings['size']}x{settings['size']}"
    shown = f"{settings['frames']} frames, {settings['steps']} steps, {size}, {settings['precision']}"
    own, other = row.get("precisions") or (None, None)
    chosen = f" ({own})" if own not in (None, settings["precision"]) else ""
    theirs = f" / {other}" if other else ""
    rounds = row.get("rounds")
    return shown + chosen + theirs + (f", {rounds} round{'s' * (rounds > 1)}" if rounds else "")


def write_table(rows: list[dict], folder: Path) -> None:
    """Writes results.md."""
    machines = sorted({f"- {machine_of(row)}: {row.get('flags', 'extensions not noted')}" for row in rows})
    lines = [HEADER, "|" + "---|" * (HEADER.count("|") - 1), *map(line, rows)]
    text = f"# Benchmark\n\n{NOTE}\nMachines:\n\n" + "\n".join(machines) + "\n\n" + "\n".join(lines) + "\n"
    (folder / "results.md").write_text(text, encoding="utf-8")


def plot(rows: list[dict], folder: Path) -> None:
    """Writes results.png: the ratios of time as bars, the aims as lines across them."""
    from matplotlib import pyplot

    rows = [row for row in rows if row["time_ratio"] is not None]
    figure, axes = pyplot.subplots(figsize=(8, 1.2 + 0.32 * len(rows)), layout="constrained")
    names = [f"{row['work']} / {row['against']}" + _shape(row["settings"]) for row in rows]
    for place, row in enumerate(rows):
        aim = aims(row)[0]
        missed = aim is not None and row["time_ratio"] > aim
        axes.barh(place, row["time_ratio"], color="tab:orange" if missed else "tab:blue", height=0.6)
        axes.text(row["time_ratio"], place, f" {row['time_ratio']:g}", va="center", fontsize=8)
        if aim is not None:
            axes.vlines(aim, place - 0.4, place + 0.4, color="black")
    axes.set_yticks(range(len(rows)), names, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.15 * max(row["time_ratio"] for row in rows))
    axes.set(xlabel="time over the other side's; black: the aim; orange: missed")
    figure.savefig(folder / "results.png", dpi=120)
    pyplot.close(figure)


def _shape(settings: dict) -> str:
    return f" ({settings['frames']} frames, {settings['size']} px, {settings['precision']})" if settings else ""
