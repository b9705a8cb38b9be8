"""Whether the frames that a video's frames are to attend to are there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ppt2v.errors import InputError
from ppt2v.language import Message
from ppt2v.pipelines.planning.anchors import Anchors


def check_anchors(values: Mapping[str, Any]) -> None:
    """Refuses anchors that cannot be read, or that no frame would attend to.

    Args:
        values: of all parameters of a mode, which need not have anchors.
    """
    if "anchors" not in values or Anchors.parse(values["anchors"]).only_first:
        return
    if not values["use_cf_attn"]:
        raise InputError(
            "E-ANCHORS-ALONE",
            "anchors={anchors}: without use_cf_attn frames attend to themselves alone; leave it on "
            "(--cross-frame-attention), or leave out anchors",
            anchors=values["anchors"],
        )
    if values.get("motion_module") is not None:
        raise InputError(
            "E-ANCHORS-MODULE",
            "anchors={anchors}: with a motion module frames are made in windows, which have the first frame alone for "
            "an anchor; leave out anchors, or the motion module",
            anchors=values["anchors"],
        )


def advice(values: Mapping[str, Any], frames: int | None) -> list[Message]:
    """Says so where no frame beside the first is an anchor.

    Args:
        values: as for ``check_anchors``.
        frames: their number; None: not known.
    """
    every = Anchors.parse(values["anchors"]).every if "anchors" in values else None
    if every is None or frames is None or every < frames:
        return []
    return [
        Message(
            "N-ANCHORS-NONE",
            "anchors={every} does nothing in a video of {frames} frames, which has no frame {every}: frames attend to "
            "the first one alone; give a smaller number",
            every=every,
            frames=frames,
        )
    ]
