"""Networks that find something in frames: people (``openpose``), depth (``dpt``, ``mobile_unet``), the salient object
(``u2net``).

Frames are uint8 RGB ``[H, W, 3]`` and are taken and given back one by one. Each network loads when it is first needed.
"""

from __future__ import annotations
