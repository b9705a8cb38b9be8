"""Draws the sample clips and the pictures for Dreambooth that the package ships with.

    python -m training.pictures.clips SPRITES __assets__/clips

Needs the package itself (it writes the videos). All compositions are held out from the trainings.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np

from ppt2v import video
from training.pictures import characters, mascot
from training.pictures.characters import Body
from training.pictures.scenes import depth_map, levels, three
from training.pictures.sprites import Composition, Sprites, background

FPS, COUNT = 8, 16
BODY = Body(head=40, trunk=29, arm=16, leg=18, shoulders=11, hips=7)


def walking(frame: int) -> Composition:
    """A panda walks to the right in the snow."""
    return Composition("panda", "snow", 40 + 3 * frame, 62 - round(2 * abs(math.sin(0.8 * frame))), 80, 74)


def driving(frame: int) -> Composition:
    """A car drives to the left on the grass."""
    return Composition("car", "grass", 92 - 4 * frame, 66 - frame % 2, 80, 74)


def nearing(frame: int) -> Composition:
    """An elephant comes nearer in the desert."""
    side = 54 + 3 * frame
    return Composition("elephant", "desert", 64, 90 + frame - side // 2, side, 70)


def nodding(frame: int) -> Composition:
    """A bear sways at the beach."""
    return Composition("bear", "beach", 64 + round(9 * math.sin(0.8 * frame)), 58 + frame % 2 * 2, 88, 78)


SCENES = {"panda": walking, "car": driving, "elephant": nearing, "bear": nodding}


def dancing(frame: int) -> np.ndarray:
    """The joints of a dance that repeats every ``COUNT`` frames."""
    return characters.dancing(BODY, 2 * math.pi * frame / COUNT)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sprites", type=Path)
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    sprites, clips = Sprites(args.sprites), {}
    for name, scene in SCENES.items():
        clips[name] = [levels(sprites.compose(scene(i))[0]) for i in range(COUNT)]
    depths = (depth_map(nearing(i), sprites.compose(nearing(i))[1]) for i in range(COUNT))
    clips["elephant_depth"] = [three(levels(depth)) for depth in depths]
    poses, empty = [dancing(i) for i in range(COUNT)], background("grass", 78)
    clips["dance"] = [levels(characters.draw(sprites, joints, "panda", empty)) for joints in poses]
    clips["dance_pose"] = [characters.skeleton(joints) for joints in poses]
    for name, frames in clips.items():
        video.write(iter(frames), args.folder / f"{name}.mp4", FPS, {})
        print(name, (args.folder / f"{name}.mp4").stat().st_size)
    mascot.main(str(args.folder / "mascot"))


if __name__ == "__main__":
    main()
