"""The rows of the benchmark: kept as JSON, shown as a Markdown table and as a plot."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date
from pathlib import Path

from work import Work

from ppt2v.environment import processor
from ppt2v.environment.threads import threads

# The most that time and peak memory may be of the other side's; where a work has aims of its own, those count.
AIMS = {
    ("unet3d", "diffusers"): (0.6, 1.1),
    ("unet3d", "ppdiffusers"): (0.2, None),
    ("sdxl", "diffusers"): (0.78, 1.1),
    "diffusers": (0.55, 1.1),
    "diffusers-bf16": (0.85, 1.1),
    "ppdiffusers": (0.15, None),
    "8 frames": (1.05, 1.1),
    "machine's limit": (1.43, None),
    "1 second": (1, None),
    "20 seconds": (1, None),
}
HEADER = "| work | against | time | aim | memory | aim | seconds | MB | settings | machine | date |"
NOTE = """Time and peak memory of ppt2v over the other side's, on random weights of the published sizes: same weights,
noise, threads and steps, runs in turn, the median of the rounds. Each run has a process of its own. Written by
`make bench`.
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
    return AIMS.get((row["work"], row["against"])) or AIMS.get(row["against"], (None, None))


def line(row: dict) -> str:
    """A row as a line of the Markdown table; what misses its aim is in bold."""
    cells = [row["work"], row["against"]]
    for key, aim in zip(("time_ratio", "memory_ratio"), aims(row)):
        value = row.get(key)
        missed = None not in (value, aim) and value > aim
        shown = "" if value is None else f"**{value:g}, missed**" if missed else f"{value:g}"
        cells += [shown, "" if aim is None else f"{aim:g}"]
    pairs = (" / ".join(f"{value:g}" for value in row.get(key) or ()) for key in ("seconds", "peak_mb"))
    return f"| {' | '.join([*cells, *pairs, _settings(row['settings']), row['machine'], row['date']])} |"


def _settings(settings: dict) -> str:
    if not settings:
        return ""
    size = f"{settings['size']}x{settings['size']}"
    return f"{settings['frames']} frames, {settings['steps']} steps, {size}, {settings['precision']}"


def write_table(rows: list[dict], folder: Path) -> None:
    """Writes results.md."""
    machines = sorted({f"{row['machine']} ({row.get('flags', 'flags not noted')})" for row in rows})
    lines = [HEADER, "|" + "---|" * (HEADER.count("|") - 1), *map(line, rows)]
    text = f"# Benchmark\n\n{NOTE}\nMachines: {'; '.join(machines)}.\n\n" + "\n".join(lines) + "\n"
    (folder / "results.md").write_text(text, encoding="utf-8")


def plot(rows: list[dict], folder: Path) -> None:
    """Writes results.png: the ratios of time as bars, the aims as lines across them."""
    from matplotlib import pyplot

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
