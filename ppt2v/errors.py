"""The errors that a person may meet; each message says what was given, the rule, and what to do."""


class InputError(ValueError):
    """An argument, a file or a model that cannot be used; nothing was computed and nothing was written."""


class NumericalError(ArithmeticError):
    """A network produced NaN or infinite numbers, also in float32; no video was written."""


class Cancelled(Exception):
    """Who watched a run wanted no more of it; no video was written."""


class UnsupportedError(RuntimeError):
    """An engine cannot run a network; the eager engine can."""


class QueueFull(Exception):
    """Too many jobs wait; one more can be taken when the first of them is done."""


class DiskFull(Exception):
    """The disk lacks the room for another video or clip."""

    def __init__(self):
        super().__init__("the disk of this service is full: its operator has to make room")
