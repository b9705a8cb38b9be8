"""One person per frame by MediaPipe's BlazePose (arXiv 2006.10204), whose weights come within its package."""

from __future__ import annotations

import numpy as np

from .people import JOINTS

# Landmarks of BlazePose for joints of OpenPose; the neck is the middle of the shoulders.
_LANDMARKS = {
    0: 0,
    2: 12,
    3: 14,
    4: 16,
    5: 11,
    6: 13,
    7: 15,
    8: 24,
    9: 26,
    10: 28,
    11: 23,
    12: 25,
    13: 27,
    14: 5,
    15: 2,
    16: 8,
    17: 7,
}
_NECK, _SHOULDERS = 1, [2, 5]
_MIN_VISIBILITY = 0.5
# Below MediaPipe's own 0.5: a clip that poses are asked of shows a person, and a frame without a skeleton flickers.
_MIN_CONFIDENCE = 0.2


# What brings the models along, and the first Python for which it does not exist.
REQUIREMENT, NOT_SINCE = "mediapipe>=0.10.14,<0.10.22", (3, 13)


def is_installed() -> bool:
    """Whether this Python has a MediaPipe that brings its models along."""
    try:
        from mediapipe.python.solutions import pose  # noqa: F401  (gone from later versions, with the models)
    except ImportError:
        return False
    return True


class BlazePose:
    """Finds the most prominent person in a frame. Frames are looked at one by one, so that no frame changes another."""

    name = "MediaPipe"

    def __init__(self) -> None:
        from mediapipe.python.solutions.pose import Pose

        # The package holds the models for this complexity only.
        self.pose = Pose(static_image_mode=True, model_complexity=1, min_detection_confidence=_MIN_CONFIDENCE)

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """People ``[0 or 1, 18, 2]`` in a frame uint8 RGB ``[H, W, 3]``, in the form of ``people.assemble``."""
        landmarks = self.pose.process(np.ascontiguousarray(frame)).pose_landmarks
        if landmarks is None:
            return np.empty((0, JOINTS, 2))
        person = to_openpose(np.array([(mark.x, mark.y, mark.visibility) for mark in landmarks.landmark]))
        return (person * (frame.shape[1], frame.shape[0]))[None]


def to_openpose(landmarks: np.ndarray) -> np.ndarray:
    """A person ``[18, 2]`` from BlazePose's ``[33, 3]``: x and y, in parts of the frame, and visibility.

    Joints that are hidden, or outside the frame, are NaN.
    """
    x, y, visibility = landmarks.T
    seen = (visibility >= _MIN_VISIBILITY) & (x >= 0) & (x < 1) & (y >= 0) & (y < 1)
    places = np.where(seen[:, None], landmarks[:, :2], np.nan)
    person = np.full((JOINTS, 2), np.nan)
    person[list(_LANDMARKS)] = places[list(_LANDMARKS.values())]
    person[_NECK] = person[_SHOULDERS].mean(0)
    return person
