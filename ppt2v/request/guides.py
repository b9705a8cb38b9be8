"""The ControlNets that a run is guided by, as they are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ppt2v.controls import CONTROLS
from ppt2v.errors import InputError
from ppt2v.models.sources import locate
from ppt2v.modes import Mode


class Guide(NamedTuple):
    """One ControlNet of a run: its kind of control maps, its strength, and the name of the model."""

    kind: str
    strength: float
    model: str


def guides(mode: Mode, values: Mapping[str, Any], text_width: int | None = None) -> tuple[Guide, ...]:
    """The ControlNets that a run is guided by; ``text_width`` as for ``Control.network_for``.

    Raises:
        InputError: an extra one that is not of the form KIND:STRENGTH[:MODEL]; a kind of which none is known.
    """
    kind = mode.kind(values)
    if kind is None:
        return ()
    base = values["model_name"], text_width
    name = values.get("controlnet") or CONTROLS[kind].network_for(*base)
    first = Guide(kind, values.get("controlnet_conditioning_scale", 1.0), name)
    return (first, *(_extra(text, *base) for text in values.get("extra_controls", ())))


def _extra(text: str, base: str, text_width: int | None) -> Guide:
    kind, strength, model = (*text.split(":", 2), "", "")[:3]
    try:
        control, share = CONTROLS[kind], float(strength)
    except (KeyError, ValueError):
        raise InputError(
            "E-EXTRA-CONTROLS",
            "extra_controls: {text!r} is not of the form KIND:STRENGTH or KIND:STRENGTH:MODEL, with a kind of "
            "{controls} and a number; such as depth:0.5",
            text=text,
            controls=CONTROLS,
        ) from None
    return Guide(kind, share, model or control.network_for(base, text_width))


def from_anywhere(texts: list[str] | str) -> list[str]:
    """Extra controls whose models are found from every folder."""
    split = [text.split(":", 2) for text in ([texts] if isinstance(texts, str) else texts)]
    return [":".join([*parts[:2], *map(locate.from_anywhere, parts[2:])]) for parts in split]


def models_of(texts: list[str] | str) -> list[str]:
    """The models that extra controls name."""
    split = [str(text).split(":", 2) for text in ([texts] if isinstance(texts, str) else texts)]
    return [parts[2] for parts in split if len(parts) > 2]
