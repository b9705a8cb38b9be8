"""Makes the README's picture: six videos of the embedded model, four of eight frames each.

    python training/sheet.py __assets__/text2video.png
"""
from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from ppt2v import Model, video

PROMPTS = ("an astronaut in outer space", "a fox in the snow", "a whale under water", "a rocket at sunset",
           "a dog on the beach", "a robot on a yellow background")


def main(path: str) -> None:
    model, frames = Model(), []
    with tempfile.TemporaryDirectory() as folder:
        for number, prompt in enumerate(PROMPTS):
            made = model.process_text2video(prompt, save_path=Path(folder) / f"{number}.mp4", seed=0)
            frames.extend(video.read(made, multiple=1).frames[::2])
    video.contact_sheet(frames, path, columns=8)


if __name__ == "__main__":
    main(sys.argv[1])
