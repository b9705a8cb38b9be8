"""How strongly control maps guide each frame of a video, given at some of its frames: "0: 1; 16: 0.3"."""

from __future__ import annotations

from ppt2v.errors import InputError

from . import keyframes

NAME = "control_keyframes"


def by_frame(text: str, count: int) -> list[float]:
    """The strength of each of ``count`` frames: as the keyframes say, and between them on a straight line.

    Raises:
        InputError: another form, keyframes out of order or beyond the end, a strength below 0.
    """
    keys = keyframes.parse(NAME, text)
    frames, strengths = [key.frame for key in keys], [_strength(key) for key in keys]
    keyframes.check_end(NAME, frames, count)
    made = []
    for frame in range(count):
        place, part = keyframes.position(frames, frame)
        following = strengths[min(place + 1, len(keys) - 1)]
        made.append(strengths[place] + part * (following - strengths[place]))
    return made


def _strength(key: keyframes.Keyframe) -> float:
    """The number, before which the word "strength" may stand."""
    try:
        strength = float(key.text.removeprefix("strength"))
    except ValueError:
        strength = -1.0
    if not 0 <= strength <= 10:
        raise InputError(
            "E-CONTROL-KEYFRAMES",
            "{name}: {said!r} at frame {frame} is no strength from 0 to 10; give such as 0: 1; 16: 0.3",
            name=NAME,
            said=key.text,
            frame=key.frame,
        )
    return strength
