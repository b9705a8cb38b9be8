"""Parameters as parts of the page: which component each kind is, and how what a visitor has entered is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import gradio as gr

from ppt2v.parameters import Parameter

from .words import Translate

_SHORT_RANGE = 10  # up to which a slider is handier than a number
_CLIP_HEIGHT = 260  # pixels
_LARGE = 10**9  # a bound that nobody wants to know


class Widget(NamedTuple):
    """fits: whether it is meant for a parameter; build: the component, from the parameter and Gradio's usual arguments;
    read: what is entered, as ``Parameter.check`` takes it."""

    fits: Callable[[Parameter], bool]
    build: Callable[..., gr.components.Component]
    read: Callable[[Parameter, Any], Any]


def _as_it_is(parameter: Parameter, entered: Any) -> Any:
    return entered


def _number(parameter: Parameter, entered: str) -> Any:
    """A number that may be left out is a text; what is no number is left to the parameter's rule."""
    try:
        return parameter.kind(entered)
    except ValueError:
        return entered


def _lines(parameter: Parameter, entered: str) -> list[str]:
    return [line.strip() for line in entered.splitlines() if line.strip()]


def _is_short(parameter: Parameter) -> bool:
    low, high = _bounds(parameter)
    return None not in (low, high) and high - low <= _SHORT_RANGE


def _bounds(parameter: Parameter) -> tuple[float | None, float | None]:
    return parameter.above if parameter.minimum is None else parameter.minimum, parameter.maximum


def _clip(parameter: Parameter, info: str, **about: Any) -> gr.Video:
    return gr.Video(sources=["upload", "webcam"], height=_CLIP_HEIGHT, **about)


def _slider(parameter: Parameter, **about: Any) -> gr.Slider:
    low, high = _bounds(parameter)
    step = 1 if parameter.kind is int else 0.05
    return gr.Slider(low if parameter.above is None else low + step, high, step=step, **about)


def _choice(parameter: Parameter, **about: Any) -> gr.Dropdown:
    return gr.Dropdown(list(parameter.choices), **about)


def _always(component: type, **fixed: Any) -> Callable[..., gr.components.Component]:
    return lambda parameter, **about: component(**fixed, **about)


# For a parameter the first that fits.
WIDGETS = (
    Widget(lambda each: each.holds == "clip", _clip, _as_it_is),
    Widget(lambda each: bool(each.choices), _choice, _as_it_is),
    Widget(lambda each: each.kind is bool, _always(gr.Checkbox), _as_it_is),
    Widget(lambda each: each.many, _always(gr.Textbox, lines=2), _lines),
    Widget(lambda each: each.kind is str, _always(gr.Textbox), _as_it_is),
    Widget(lambda each: each.default is None, _always(gr.Textbox), _number),
    Widget(_is_short, _slider, _as_it_is),
    Widget(lambda each: each.kind is int, _always(gr.Number, precision=0), _as_it_is),
    Widget(lambda each: each.kind is float, _always(gr.Number, step=0.5), _as_it_is),
)


def widget(parameter: Parameter) -> Widget:
    """The row of ``WIDGETS`` that shows a parameter."""
    return next(each for each in WIDGETS if each.fits(parameter))


def build(
    parameter: Parameter, label: str, help: str, value: Any, text: Translate, **about: Any
) -> gr.components.Component:
    """The component of a parameter, with help and its range below the label, and a value in it."""
    info = text(help) + ("" if _is_short(parameter) else _range(parameter))
    return widget(parameter).build(parameter, label=label, info=info, value=entry(parameter, value), **about)


def _range(parameter: Parameter) -> str:
    """The bounds in signs, which are the same in every language; "" where there are none."""
    signs = ((">", parameter.above), ("≥", parameter.minimum), ("≤", parameter.maximum))
    bounds = ", ".join(f"{sign} {bound}" for sign, bound in signs if bound is not None and bound < _LARGE)
    return bounds and f" ({bounds})"


def labels(parameters: Sequence[Parameter], text: Translate) -> dict[str, str]:
    """What each is called on the page, by name: as on the command line, but for those that share an option."""
    flags = [parameter.flag for parameter in parameters]
    plain = {each.name: each.flag if flags.count(each.flag) == 1 else each.name for each in parameters}
    return {name: text(label.replace("-", " ").replace("_", " ").capitalize()) for name, label in plain.items()}


def entry(parameter: Parameter, value: Any) -> Any:
    """A value as its component shows it."""
    if parameter.many:
        return "\n".join(value or ())
    empty = None if parameter.holds == "clip" or parameter.choices else ""
    if value is None:
        return empty
    return str(value) if widget(parameter).read is _number else value


def fits(parameter: Parameter, entered: Any) -> bool:
    """Whether the component of a parameter, other than a clip's, can show it; it comes from browsers, and may be
    anything."""
    shows = widget(parameter)
    if parameter.choices:
        return entered in parameter.choices
    if parameter.kind is bool:
        return isinstance(entered, bool)
    if shows.read is not _as_it_is or parameter.kind is str:
        return isinstance(entered, str)
    return isinstance(entered, (int, float)) and not isinstance(entered, bool)


def given(parameters: Sequence[Parameter], entered: Mapping[str, Any], shown: Mapping[str, Any]) -> dict[str, Any]:
    """What a visitor has decided; the rest is left to the model.

    Args:
        entered: what the components hold, by names of parameters.
        shown: the values that were shown before anything was entered.

    Raises:
        InputError: a wrong type, or a value outside its range.
    """
    changed = [
        each
        for each in parameters
        if entered[each.name] is not None and entered[each.name] != entry(each, shown[each.name])
    ]
    return {each.name: each.check(widget(each).read(each, entered[each.name])) for each in changed}
