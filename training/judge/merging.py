"""What token merging costs in quality on the embedded models: edges, subjects and places at several ratios.

    python -m training.judge.merging                   # prints a table

Judged as in ``judge.guided`` (canny) and ``judge.pictures`` (text to video). These models have at most 64 tokens, so
nothing is gained here; what is gained at real sizes is measured by ``benchmarks/bench.py --task merging``.
"""

from __future__ import annotations

import argparse

from training.judge import pictures as judge
from training.judge.guided import Maker, score_control
from training.pictures import cases

RATIOS = (0.0, 0.25, 0.5, 0.75)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=cases.COUNT, help="of canny")
    parser.add_argument("--prompts", type=int, default=48, help="of text to video, with one seed each")
    args = parser.parse_args()
    chosen = [case for case in cases.load() if case.mode == "canny"][: args.cases]
    critic, pictures = judge.load(), judge.Maker()
    print(f"canny: {len(chosen)} cases; text2video: {args.prompts} prompts")
    print("| ratio | canny: edge F1 | right subject | right place | text2video: right subject | right place |")
    print("|---|---|---|---|---|---|")
    for ratio in RATIOS:
        guided = score_control(chosen, Maker(merging_ratio=ratio)(chosen), None)
        free, _ = judge.score_pictures(critic, pictures, judge.prompts(args.prompts), 1, merging_ratio=ratio)
        shares = guided["right subject"], guided["right place"], *free
        print(f"| {ratio} | {guided['edge F1']:.3f} | {' | '.join(f'{share:.0%}' for share in shares)} |", flush=True)


if __name__ == "__main__":
    main()
