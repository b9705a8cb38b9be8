"""Networks that find something in frames: people (``pose``), depth (``depth``), the salient object (``saliency``).

Frames are uint8 RGB ``[H, W, 3]`` and are taken and given back one by one. Each network loads when it is first needed.
"""

from __future__ import annotations
