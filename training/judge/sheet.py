"""Makes the README's pictures with the embedded models.

python -m training.judge.sheet __assets__/text2video.png           # six videos, four of eight frames each
python -m training.judge.sheet __assets__/guided --guided          # each other mode: clips, and what was made of them
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from ppt2v import MODES, Model, video
from ppt2v.environment.shipped import sample_clips

PROMPTS = (
    "an astronaut in outer space",
    "a fox in the snow",
    "a whale under water",
    "a rocket at sunset",
    "a dog on the beach",
    "a robot on a yellow background",
)
OTHERS = [(mode.name, *sample) for mode in MODES.values() if mode.name != "text2video" for sample in mode.samples]


def text_to_video(model: Model, folder: Path) -> list:
    """Four frames for each prompt."""
    made = [
        model.process_text2video(prompt, save_path=folder / f"{number}.mp4", seed=0)
        for number, prompt in enumerate(PROMPTS)
    ]
    return [frame for path in made for frame in video.read(path, multiple=1).frames[::2]]


def other_modes(model: Model, folder: Path) -> dict[str, list]:
    """For each mode four frames of each clip, where it takes one, and the same four of what was made."""
    frames: dict[str, list] = {}
    for number, (mode, clip, prompt) in enumerate(OTHERS):
        given = {"video_path": sample_clips() / clip} if clip else {}
        made = model.run(mode, **given, prompt=prompt, seed=0, fps=8, save_path=folder / f"{number}.mp4")
        for path in (*given.values(), made):
            frames.setdefault(mode, []).extend(video.read(path, multiple=1).frames[::4][:4])
    return frames


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", type=Path, help="the picture; with --guided the folder for them")
    parser.add_argument("--guided", action="store_true", help="all modes but text2video")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if not args.guided:
            video.contact_sheet(text_to_video(Model(), Path(folder)), args.path, columns=8)
            return
        args.path.mkdir(parents=True, exist_ok=True)
        for mode, frames in other_modes(Model(), Path(folder)).items():
            video.contact_sheet(frames, args.path / f"{mode}.png", columns=8)


if __name__ == "__main__":
    main()
