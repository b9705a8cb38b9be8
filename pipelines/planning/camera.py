"""Where a camera stands in each frame of a video, and which part of the first frame it sees from there."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from ppt2v.errors import InputError
from ppt2v.parameters import shown

from . import keyframes

if TYPE_CHECKING:
    import numpy as np

NAME = "camera"  # of the parameter
UNIT = 512  # of which a side of the picture has so many, whatever its size
LEAST_ZOOM, MOST_ZOOM = 0.25, 4.0
BACK = "there-and-back"
MOST_PAN, MOST_TURN = 5120, 3600  # ten pictures, ten times round

# How the part of the way between two keyframes grows with the part of the time.
EASINGS: dict[str, Callable[[float], float]] = {
    "linear": lambda part: part,
    "ease": lambda part: part * part * (3 - 2 * part),
    "ease-in": lambda part: part * part,
    "ease-out": lambda part: part * (2 - part),
}

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)"
_WORD = re.compile(
    rf"\s*(?:pan\s+(?P<x>{_NUMBER})\s+(?P<y>{_NUMBER})|zoom\s+(?P<zoom>{_NUMBER})|rotate\s+(?P<rotate>{_NUMBER})"
    rf"|(?:easing\s+)?(?P<easing>{'|'.join(sorted(EASINGS, reverse=True))}))(?=\s|$)"
)


class View(NamedTuple):
    """What the camera sees.

    ``x``, ``y``: how far it stands to the right and below, in 1/512 of the picture's width and height. ``zoom``: how
    much larger things are. ``rotate``: degrees by which the camera is turned clockwise, and things the other way.
    """

    x: float = 0.0
    y: float = 0.0
    zoom: float = 1.0
    rotate: float = 0.0

    def towards(self, other: View, part: float) -> View:
        """A part of the way to another one, 0..1; the zoom grows by the same factor in equal parts."""
        x, y, rotate = (
            a + part * (b - a) for a, b in ((self.x, other.x), (self.y, other.y), (self.rotate, other.rotate))
        )
        return View(x, y, self.zoom * (other.zoom / self.zoom) ** part, rotate)

    def matrix(self, aspect: float) -> np.ndarray:
        """From places in what is seen to places in the picture, both -1..1 from left to right and top to bottom.

        Args:
            aspect: width over height.

        Returns:
            float64 ``[3, 3]``, for the columns (x, y, 1).
        """
        import numpy as np

        cos, sin = (turn(math.radians(self.rotate)) / self.zoom for turn in (math.cos, math.sin))
        x, y = 2 * self.x / UNIT, 2 * self.y / UNIT
        return np.array([[cos, -sin / aspect, x], [sin * aspect, cos, y], [0, 0, 1]])


class Camera(NamedTuple):
    """A camera's way: ``views`` at ``frames``, each with the easing of the way to it; with ``back`` it returns from the
    last of them to the first, again and again."""

    frames: tuple[int, ...]
    views: tuple[View, ...]
    easings: tuple[str, ...]
    back: bool = False

    def view(self, frame: float) -> View:
        """What is seen in a frame."""
        place, part = keyframes.position(self.frames, self._folded(frame) if self.back else frame)
        if not part:
            return self.views[place]
        return self.views[place].towards(self.views[place + 1], EASINGS[self.easings[place + 1]](part))

    def matrix(self, frame: float, aspect: float) -> np.ndarray:
        """As ``View.matrix``, the picture being the first frame."""
        import numpy as np

        return np.linalg.inv(self.view(0).matrix(aspect)) @ self.view(frame).matrix(aspect)

    def closed(self, count: int) -> Camera:
        """The same, but led back from its last keyframe to where it began, for a video of ``count`` frames that begins
        again."""
        return Camera((*self.frames, count), (*self.views, self.view(0)), (*self.easings, "linear"))

    def check(self, count: int, aspect: float = 1.0, loop: bool = False) -> None:
        """Refuses a way that does not fit a video of ``count`` frames, with ``loop`` when it is ``closed``.

        Raises:
            InputError: a keyframe beyond the end, or a frame in which nothing of the first one is seen.
        """
        keyframes.check_end(NAME, self.frames, count)
        way = self.closed(count) if loop else self
        for frame in range(count):
            if _is_outside(way.matrix(frame, aspect)):
                raise InputError(
                    "E-CAMERA-OUTSIDE",
                    "camera: in frame {frame} nothing of the first frame is in view (pan {x:g} {y:g}, zoom {zoom:g}): "
                    "a pan is in 1/512 of the width and height, so that pan 512 0 leads out of the picture; pan less",
                    frame=frame,
                    **way.view(frame)._asdict(),
                )

    def _folded(self, frame: float) -> float:
        length = self.frames[-1]
        return length - abs(frame % (2 * length) - length) if length else 0.0


class Circle(NamedTuple):
    """A camera that goes round once in ``count`` frames and keeps its direction.

    ``x``, ``y``: the first step, in 1/512 of the picture's width and height; all steps are as long.
    """

    x: float
    y: float
    count: int

    def view(self, frame: float) -> View:
        """What is seen in a frame."""
        turned = 2 * math.pi * frame / self.count
        along, across = (self.count / (2 * math.pi) * part for part in (math.sin(turned), 1 - math.cos(turned)))
        return View(self.x * along - self.y * across, self.y * along + self.x * across)

    def matrix(self, frame: float, aspect: float) -> np.ndarray:
        """As ``View.matrix``, the picture being the first frame."""
        return self.view(frame).matrix(aspect)


def parse(text: str) -> Camera:
    """A way in the form ``0: pan 0 0 zoom 1; 16: pan 24 0 zoom 1.3 rotate 5 ease``.

    What a keyframe leaves out is as in the one before it, in the first one as in ``View``; the easing, one of
    ``EASINGS``, is linear. With ``; there-and-back`` at the end it leads back again, and so on.

    Raises:
        InputError: another form, keyframes out of order, a zoom out of range.
    """
    path, _, last = text.rpartition(";")
    back = last.strip() == BACK
    views, easings = [View()], []
    keys = keyframes.parse(NAME, path if back else text)
    for key in keys:
        view, easing = _view(key, views[-1])
        views.append(view)
        easings.append(easing)
    return Camera(tuple(key.frame for key in keys), tuple(views[1:]), tuple(easings), back)


def _view(key: keyframes.Keyframe, before: View) -> tuple[View, str]:
    """What a keyframe says, and the easing of the way to it."""
    said, place = {}, 0
    while place < len(key.text):
        word = _WORD.match(key.text, place)
        if word is None:
            raise InputError(
                "E-CAMERA-FORM",
                "camera: {said} (frame {frame}) is not understood; give pan X Y, zoom FACTOR, rotate DEGREES and one "
                "of {easings}, such as 16: pan 24 0 zoom 1.3 ease",
                said=shown(key.text[place:].strip()),
                frame=key.frame,
                easings=EASINGS,
            )
        said |= {name: value for name, value in word.groupdict().items() if value is not None}
        place = word.end()
    easing = said.pop("easing", "linear")
    view = before._replace(**{name: float(value) for name, value in said.items()})
    if max(abs(view.x), abs(view.y)) > MOST_PAN or abs(view.rotate) > MOST_TURN:
        raise InputError(
            "E-CAMERA-FAR",
            "camera: frame {frame}: the rule is at most {pan} for pan and {turn} for rotate, to either side",
            frame=key.frame,
            pan=MOST_PAN,
            turn=MOST_TURN,
        )
    if not LEAST_ZOOM <= view.zoom <= MOST_ZOOM:
        raise InputError(
            "E-CAMERA-ZOOM",
            "camera: zoom {zoom:g} (frame {frame}): the rule is {least:g} to {most:g}",
            zoom=view.zoom,
            frame=key.frame,
            least=LEAST_ZOOM,
            most=MOST_ZOOM,
        )
    return view, easing


def _is_outside(matrix: np.ndarray) -> bool:
    """Whether what is seen and the picture have no place in common: a side of the one parts it from the other."""
    import numpy as np

    corners = np.array([[-1, 1, -1, 1], [-1, -1, 1, 1], [1, 1, 1, 1]])
    sides = [sides for each in (matrix, np.linalg.inv(matrix)) for sides in (each @ corners)[:2]]
    return any(side.min() >= 1 or side.max() <= -1 for side in sides)
