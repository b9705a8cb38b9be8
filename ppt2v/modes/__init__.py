"""The table of modes, and the parameters that modes share."""

from __future__ import annotations

from .table import MODES, Mode

__all__ = ["MODES", "Mode"]
