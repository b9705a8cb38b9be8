"""Writes docs/parameters.md from the tables of parameters: `python docs/make_parameters.py`."""
from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ppt2v import MODES, config, dreambooth, hub
from ppt2v.commands.options import POSITIONAL
from ppt2v.controls import CLIP, CONTROLS
from ppt2v.model_files import read_json
from ppt2v.modes import Mode
from ppt2v.parameters import Parameter

PAGE = Path(__file__).parent / "parameters.md"

_HEAD = """\
<!-- Written by `python docs/make_parameters.py` from ppt2v.MODES: change the table there, not this page. -->
# Parameters

The option is for the command line, the name for Python, config files and recipes. What is given wins over what the
model brings along ([at the end](#what-the-models-that-ship-bring)), and that over the default here. Prompts and clips
have no option: they are given in that order, clip first.
"""
_COLUMNS = "| option | name | values | default | what it does |\n|---|---|---|---|---|\n"


def page(modes: Mapping[str, Mode]) -> str:
    """The page, in Markdown, for these modes."""
    common = _common(list(modes.values()))
    parts = [_HEAD, "## In every mode\n", _table([*common, *config.MACHINE])]
    for mode in modes.values():
        own = [parameter for parameter in mode.parameters if parameter not in common]
        parts += [f"## {mode.name}\n", f"{mode.summary}\n", _table(own)]
    parts += ["## dreambooth train\n", _table(dreambooth.PARAMETERS)]
    for control in CONTROLS.values():
        parts += [f"## control {control.name}\n", f"{control.summary}\n", _table([*control.parameters, *CLIP])]
    return "\n".join([*parts, "## What the models that ship bring\n", _brought()])


def _common(modes: Sequence[Mode]) -> list[Parameter]:
    """The parameters that all modes have, and alike."""
    return [each for each in modes[0].parameters if all(each in mode.parameters for mode in modes)]


def _table(parameters: Iterable[Parameter]) -> str:
    return _COLUMNS + "".join(map(_row, parameters))


def _row(parameter: Parameter) -> str:
    rule = f"{parameter.rule}; repeatable" if parameter.many else parameter.rule
    cells = _option(parameter), f"`{parameter.name}`", rule, _default(parameter.default), parameter.help
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |\n"


def _option(parameter: Parameter) -> str:
    if parameter.name in POSITIONAL:
        return ""
    flag = f"`--{parameter.flag}`"
    return f"{flag}, `--no-{parameter.flag}`" if parameter.kind is bool else flag


def _default(value) -> str:
    return "" if value in (None, "", ()) else f"`{json.dumps(value)}`"


def _brought() -> str:
    """What each embedded model says in its ppt2v.json."""
    base = hub.locate(hub.EMBEDDED)
    files = sorted(base.glob("**/ppt2v.json"))
    rows = [f"| `{'/'.join([hub.EMBEDDED, *file.parent.relative_to(base).parts])}` | {mode} | {_settings(values)} |\n"
            for file in files for mode, values in _by_mode(read_json(file)).items()]
    return "| model | for | settings |\n|---|---|---|\n" + "".join(rows)


def _by_mode(settings: Mapping[str, Mapping]) -> dict[str, Mapping]:
    """The settings of a file, those of fast runs beside the others."""
    fast = {f"{mode} `--fast`": values for mode, values in settings.get("fast", {}).items()}
    return {**{mode: values for mode, values in settings.items() if mode != "fast"}, **fast}


def _settings(values: Mapping[str, object]) -> str:
    return ", ".join(f"`{name}={json.dumps(value)}`" for name, value in values.items())


if __name__ == "__main__":
    PAGE.write_text(page(MODES), encoding="utf-8")
