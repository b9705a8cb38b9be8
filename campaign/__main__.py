"""``python -m campaign``: conducts the groups and prints a table; exit code 1 where there are failures."""

from __future__ import annotations

import argparse
import json
import math
import platform
import sys
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from .conduct import Result, conducted
from .groups import GROUPS


def main() -> None:
    """Reads the command line, conducts, and tells."""
    parser = argparse.ArgumentParser(prog="python -m campaign", description="Tries ppt2v with what must not harm it.")
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same trials (default 0)")
    parser.add_argument(
        "--share", type=float, default=1.0, help="of the trials of each group (default 1, which is all)"
    )
    parser.add_argument("--minutes", type=float, default=120.0, help="after which no more trials begin (default 120)")
    parser.add_argument("--only", nargs="+", metavar="GROUP", choices=[group.name for group in GROUPS])
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write every trial")
    asked = parser.parse_args()
    latest = time.monotonic() + 60 * asked.minutes
    results: dict[str, list[Result]] = defaultdict(list)
    for group in GROUPS:
        if asked.only and group.name not in asked.only:
            continue
        for result in conducted(group, asked.seed, math.ceil(group.number * asked.share), latest):
            results[group.name].append(result)
            if result.failure:
                print(f"{result.group}: {result.trial}: {result.failure}", file=sys.stderr, flush=True)
        print(f"{group.name}: {len(results[group.name])} trials", file=sys.stderr, flush=True)
    if asked.json:
        written = [result._asdict() for each in results.values() for result in each]
        about = {"seed": asked.seed, "machine": platform.machine(), "trials": written}
        asked.json.write_text(json.dumps(about, indent=1, ensure_ascii=True) + "\n", encoding="ascii")
    print(table(results))
    sys.exit(any(result.failure for each in results.values() for result in each))


def table(results: Mapping[str, list[Result]]) -> str:
    """The table, as Markdown."""
    lines = ["| kind | what must be true | trials | failures | minutes |", "|---|---|---|---|---|"]
    for group in GROUPS:
        each = results.get(group.name)
        if each is not None:
            failures = sum(result.failure is not None for result in each)
            minutes = sum(result.seconds for result in each) / 60
            lines.append(f"| {group.name} | {group.about} | {len(each)} | {failures} | {minutes:.1f} |")
    every = [result for each in results.values() for result in each]
    failures = sum(result.failure is not None for result in every)
    minutes = sum(result.seconds for result in every) / 60
    return "\n".join([*lines, f"| all | | {len(every)} | {failures} | {minutes:.1f} |"])


if __name__ == "__main__":
    main()
