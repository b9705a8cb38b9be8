"""What ``paddle.hub.list``, ``help`` and ``load`` find in this repository: a callable for each mode.

Paddle takes the repository off the path before it calls one of them, so all that it needs is imported here.
"""

from collections.abc import Callable as _Callable

from ppt2v.hubs.paddlehub import VideoMaker as _VideoMaker
from ppt2v.hubs.paddlehub import document_loader as _document_loader
from ppt2v.modes import MODES as _MODES
from ppt2v.modes import Mode as _Mode

# Import names of what is imported when the first video is made: whatever lacks is named at once.
dependencies = ["av", "cv2", "decord", "ppdiffusers", "rich", "safetensors"]


def _loader(mode: _Mode) -> _Callable[..., _VideoMaker]:
    def load(**given):
        return _VideoMaker(mode.name, **given)

    load.__name__ = load.__qualname__ = mode.hub_name
    load.__doc__ = _document_loader(mode)
    return load


globals().update({_mode.hub_name: _loader(_mode) for _mode in _MODES.values()})
