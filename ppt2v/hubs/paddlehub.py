"""``VideoMaker``: one mode as a callable, which is what PaddlePaddle's hubs give."""

from __future__ import annotations

from typing import Any

from ppt2v.model import Model
from ppt2v.modes import Mode
from ppt2v.modes.machine import MACHINE
from ppt2v.parameters import Parameter, resolve
from ppt2v.request import request, texts


class VideoMaker:
    """Makes videos in one mode; the docstring of an object says what it can be told.

    Args:
        mode: a key of ``MODES``.
        show_progress: whether progress bars and notices go to standard error.
        given: parameters of the machine (``modes.machine``), and any of the mode's, which then hold for every video
            unless a call says otherwise.

    Raises:
        InputError: a name that is no parameter, or a value that is not valid.
    """

    def __init__(self, mode: str, show_progress: bool = True, **given: Any):
        self.mode = request.mode(mode)
        machine = {parameter.name: given.pop(parameter.name, None) for parameter in MACHINE}
        self._settings = texts.as_texts(self.mode, given)
        self.resolve({})
        self._model = Model(**resolve(MACHINE, machine, {}), show_progress=show_progress)
        self.__doc__ = document(self.mode)

    def __call__(self, prompt: str | None = None, **given: Any) -> str:
        """Makes a video; ``given`` are parameters of the mode. Returns the path written; errors as ``Model.run``."""
        return self._model.run(self.mode.name, **self._told({"prompt": prompt, **given}))

    def resolve(self, given: dict[str, Any]) -> dict[str, Any]:
        """The values of a video that is made with ``given``, but for the model's own; InputError as for a video."""
        return resolve(self.mode.parameters, self._told(given), {})

    def _told(self, given: dict[str, Any]) -> dict[str, Any]:
        return {**self._settings, **{name: value for name, value in given.items() if value is not None}}


def document(mode: Mode) -> str:
    """The docstring of a mode's callable: what it makes, and all that it can be told."""
    return f"{mode.summary}\n\nArgs:\n{_list(mode.parameters)}\n\nReturns:\n    The path of the file written.\n"


def document_loader(mode: Mode) -> str:
    """The docstring of what loads that callable from a repository."""
    clip = 'video_path="clip.mp4", ' if mode.takes_clip else ""
    return f"""{mode.summary}

    make = paddle.hub.load(REPOSITORY, "{mode.hub_name}", source="local")
    make("a panda in the snow", {clip}save_path="video.mp4")

Given when it is loaded:

{_list(MACHINE)}

Given when it is called; or when it is loaded, for every call:

{_list(mode.parameters)}
"""


def _list(parameters: tuple[Parameter, ...]) -> str:
    return "\n".join(f"    {each.name}: {each.help} {_rule(each)}" for each in parameters)


def _rule(parameter: Parameter) -> str:
    several = ", or a list of such" if parameter.many else ""
    default = "" if parameter.default in (None, "", ()) else f"; default {parameter.default!r}"
    return f"({parameter.rule}{several}{default})"
