"""The table of control maps, and how maps are made of frames."""

from __future__ import annotations

from .maps import check, check_detector, control_maps, maker
from .table import CLIP, CONTROLS, SOURCE, Control

__all__ = ["CLIP", "CONTROLS", "SOURCE", "Control", "check", "check_detector", "control_maps", "maker"]
