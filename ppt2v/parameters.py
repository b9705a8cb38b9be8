"""What a run can be told: each parameter once, for Python, the command line, config files and recipes alike."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal, get_args

from .errors import InputError
from .language import Message, both, either, words

_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxlist = 2, 4
_SHORT.maxstring = _SHORT.maxother = 120

_KINDS = {str: words("a text"), int: words("a whole number"), float: words("a number"), bool: words("true or false")}

# Of what a parameter holds: a text, not the name of something; keyframes are refused by their form.
_MAY_BE_EMPTY = (None, "picture", "keyframes")

Group = Literal["Main", "Motion", "Guidance", "Speed and memory", "Adapters", "File"]
GROUPS: tuple[Group, ...] = get_args(Group)


@dataclass(frozen=True)
class Parameter:
    """One parameter of a mode.

    Args:
        name: its name in Python, config files and recipes (that of the original's ``process_*`` methods).
        kind: str, int, float or bool.
        default: used where nothing is given and the model brings no value of its own.
        help: one line for people.
        minimum, maximum: the valid range, both included.
        above: a bound that is itself not valid.
        choices: the valid values, where there are only some.
        spelled: finds the valid value that a text, or true or false, means which is written in another way, where there
            are such.
        many: whether the value is a list of such values, given one by one on the command line.
        option: its name on the command line; parameters that share one are given together (``--motion X Y``).
        argument: the pipeline's name for it; None where the pipeline is not concerned.
        positional: what it is called on the command line, where it has no option; such a parameter has to be given.
        holds: what its value is, where that is more than a value of its kind. Recipes, services and batches go by it:
            "clip": path of a video;
            "model": folder, file or id of a model;
            "guide": a ControlNet as KIND:STRENGTH or KIND:STRENGTH:MODEL;
            "adapter": a small file that changes the model, as PATH or PATH:REST;
            "still": path of a picture that the frames begin with;
            "file": any other file, folder or id of a model;
            "picture": a text, or the path of a picture;
            "size": of the frames;
            "keyframes": values that change over the video, as a text or a list (``planning.keyframes``);
            "output": what a run writes;
            "format": the format of that;
            "machine": how much of the machine a run may take.
        decides: what depends on it:
            "frames": what the networks compute;
            "file": only what is made of that, or how large and how many the frames are;
            "values": only the values of other parameters;
            "nothing": not the video.
        group: the heading under which help and web page show it, one of ``GROUPS``, which are in their order.
    """

    name: str
    kind: type
    default: Any
    help: str
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    choices: tuple[str, ...] = ()
    spelled: Callable[[Any], Any] | None = None
    many: bool = False
    option: str | None = None
    argument: str | None = None
    positional: str | None = None
    holds: str | None = None
    decides: str = "frames"
    group: Group = "Main"

    @property
    def takes_frames(self) -> bool:
        """Whether the pipeline is given the frames of the clip that it names."""
        return self.holds == "clip" and self.argument is not None

    @property
    def flag(self) -> str:
        """The command line's name, without dashes in front."""
        return self.option or self.name.replace("_", "-")

    @property
    def rule(self) -> Message:
        """The valid values in words."""
        if self.choices:
            return words("one of {choices}", choices=self.choices)
        bounds = [
            f"> {self.above}" if self.above is not None else None,
            f">= {self.minimum}" if self.minimum is not None else None,
            f"<= {self.maximum}" if self.maximum is not None else None,
        ]
        within = [bound for bound in bounds if bound]
        return words("{kind} {bounds}", kind=_KINDS[self.kind], bounds=both(within)) if within else _KINDS[self.kind]

    def meant(self, value: Any) -> Any:
        """The value, or the one that is meant by what is ``spelled`` differently."""
        return self.spelled(value) if self.spelled and isinstance(value, (str, bool)) else value

    def check(self, value: Any) -> Any:
        """The value in its own type; a list of them for ``many``, also where a single one is given.

        Raises:
            InputError: the wrong type, or outside the range.
        """
        if not self.many:
            return self._check_one(value)
        return [self._check_one(one) for one in (value if isinstance(value, (list, tuple)) else [value])]

    def _check_one(self, value: Any) -> Any:
        value = self.meant(value)
        accepted = {str: (str,), int: (int,), float: (int, float), bool: (bool,)}[self.kind]
        right_type = isinstance(value, accepted) and isinstance(value, bool) == (self.kind is bool)
        if not right_type or not self._in_range(value):
            raise InputError(
                "E-PARAMETER-VALUE",
                "{name}={value}: the rule is {rule}",
                name=self.name,
                value=shown(value),
                rule=self.rule,
            )
        if value == "" and self.holds not in _MAY_BE_EMPTY:
            raise InputError(
                "E-PARAMETER-EMPTY",
                "{name} is an empty text, which names nothing: leave {name} out, or say what it is to be",
                name=self.name,
            )
        if self.kind is str and not self._can_be_written(value):
            raise InputError(
                "E-PARAMETER-CHARACTER",
                "{name}={value} has a character that is none (a zero byte, half of a pair)",
                name=self.name,
                value=shown(value),
            )
        return self.kind(value)

    def _can_be_written(self, text: str) -> bool:
        """Whether files take a text; and the operating system, where it names one."""
        return not any("\ud800" <= letter <= "\udfff" for letter in text) and (self.holds is None or "\0" not in text)

    def _in_range(self, value: Any) -> bool:
        if self.kind not in (int, float):
            return not self.choices or value in self.choices
        return (
            _is_finite(value)
            and (self.minimum is None or value >= self.minimum)
            and (self.maximum is None or value <= self.maximum)
            and (self.above is None or value > self.above)
        )


def shown(value: Any) -> str:
    """A value in a message: the beginning of what is long, the outside of what is deep."""
    return _SHORT.repr(value)


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond all floats
        return False


def resolve(
    parameters: tuple[Parameter, ...], given: Mapping[str, Any], model_defaults: Mapping[str, Any]
) -> dict[str, Any]:
    """A value for every parameter: what is given, else the model's own, else the default; None counts as not given.

    Raises:
        InputError: a name that is no parameter (with the nearest ones), a wrong type or a value outside its range.
    """
    refuse_unknown(given, [parameter.name for parameter in parameters])
    values = {}
    for parameter in parameters:
        value = given.get(parameter.name)
        if value is None:
            value = model_defaults.get(parameter.name, parameter.default)
        values[parameter.name] = None if value is None else parameter.check(value)
    return values


def holding(parameters: Iterable[Parameter], *kinds: str) -> list[str]:
    """The names of the parameters whose ``holds`` is one of these."""
    return [parameter.name for parameter in parameters if parameter.holds in kinds]


def refuse_unknown(given: Mapping[str, Any], known: list[str]) -> None:
    """Raises InputError for a name that is not known, with the nearest known ones."""
    for name in given:
        if name not in known:
            near = get_close_matches(name, known, n=3) or known
            raise InputError(
                "E-PARAMETER-UNKNOWN",
                "unknown parameter {name!r}; did you mean {names}?",
                name=name,
                names=either(near),
            )
