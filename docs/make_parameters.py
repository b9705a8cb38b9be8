"""Writes the pages of parameters, in English and in Chinese, from the tables: `python docs/make_parameters.py`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ppt2v import MODES, dreambooth
from ppt2v.controls import CLIP, CONTROLS
from ppt2v.language import speaking, words
from ppt2v.models.layouts.json_files import read_json
from ppt2v.models.sources import catalogue, locate
from ppt2v.modes import Mode
from ppt2v.modes.machine import MACHINE
from ppt2v.parameters import Parameter
from ppt2v.serving.ui.words import translator

HERE = Path(__file__).parent
_NOTE = (
    "<!-- Written by `python docs/make_parameters.py` from ppt2v.MODES: change the table there, not this page. -->\n"
)


class Language(NamedTuple):
    """A page's file and its own words; ``text`` translates those of the tables, ``code`` says the language."""

    file: str
    head: str
    columns: str
    everywhere: str
    brought: str
    model_columns: str
    text: Callable[[str], str]
    code: str


ENGLISH = Language(
    "parameters.md",
    """\
# Parameters

The option is for the command line, the name for Python, config files and recipes. What is given wins over what the
model brings along ([at the end](#what-the-models-that-ship-bring)), and that over the default here. Prompts and clips
have no option: they are given in that order, clip first.
""",
    "option | name | values | default | what it does",
    "In every mode",
    "What the models that ship bring",
    "model | for | settings",
    str,
    "en",
)
CHINESE = Language(
    "parameters.zh-CN.md",
    """\
# 参数

“选项”用于命令行，“名称”用于 Python、配置文件和配方。给出的值优先于模型自带的设置（见[末尾](#自带模型的设置)），后者优先于这里的
默认值。提示词和视频片段没有选项：直接写在命令后面，片段在前。
""",
    "选项 | 名称 | 取值 | 默认 | 含义",
    "所有模式共有",
    "自带模型的设置",
    "模型 | 用于 | 设置",
    translator("zh"),
    "zh",
)


def page(modes: Mapping[str, Mode], language: Language) -> str:
    """The page, in Markdown, for these modes."""
    common, text = _common(list(modes.values())), language.text
    parts = [_NOTE + language.head, f"## {language.everywhere}\n", _table([*common, *MACHINE], language)]
    for mode in modes.values():
        own = [parameter for parameter in mode.parameters if parameter not in common]
        parts += [f"## {mode.name}\n", f"{text(mode.summary)}\n", _table(own, language)]
    parts += ["## dreambooth train\n", _table(dreambooth.PARAMETERS, language)]
    for control in CONTROLS.values():
        table = _table([*control.parameters, *CLIP], language)
        parts += [f"## control {control.name}\n", f"{text(control.summary)}\n", table]
    return "\n".join([*parts, f"## {language.brought}\n", _brought(language)])


def _common(modes: Sequence[Mode]) -> list[Parameter]:
    """The parameters that all modes have, and alike."""
    return [each for each in modes[0].parameters if all(each in mode.parameters for mode in modes)]


def _heading(columns: str) -> str:
    return f"| {columns} |\n|{'---|' * len(columns.split('|'))}\n"


def _table(parameters: Iterable[Parameter], language: Language) -> str:
    return _heading(language.columns) + "".join(_row(parameter, language) for parameter in parameters)


def _row(parameter: Parameter, language: Language) -> str:
    with speaking(language.code):
        rule = str(words("{rule}; repeatable", rule=parameter.rule) if parameter.many else parameter.rule)
    help_text = language.text(parameter.help)
    cells = _option(parameter), f"`{parameter.name}`", rule, _default(parameter.default), help_text
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |\n"


def _option(parameter: Parameter) -> str:
    if parameter.positional:
        return ""
    flag = f"`--{parameter.flag}`"
    return f"{flag}, `--no-{parameter.flag}`" if parameter.kind is bool else flag


def _default(value) -> str:
    return "" if value in (None, "", ()) else f"`{json.dumps(value)}`"


def _brought(language: Language) -> str:
    """What each embedded model says in its ppt2v.json."""
    base = locate.locate(catalogue.EMBEDDED)
    files = sorted(base.glob("**/ppt2v.json"))
    rows = [
        f"| `{'/'.join([catalogue.EMBEDDED, *file.parent.relative_to(base).parts])}` | {mode} | {_settings(values)} |\n"
        for file in files
        for mode, values in _by_mode(read_json(file)).items()
    ]
    return _heading(language.model_columns) + "".join(rows)


def _by_mode(settings: Mapping[str, Mapping]) -> dict[str, Mapping]:
    """The settings of a file, those of fast runs beside the others."""
    fast = {f"{mode} `--fast`": values for mode, values in settings.get("fast", {}).items()}
    return {**{mode: values for mode, values in settings.items() if mode != "fast"}, **fast}


def _settings(values: Mapping[str, object]) -> str:
    return ", ".join(f"`{name}={json.dumps(value)}`" for name, value in values.items())


if __name__ == "__main__":
    for each in (ENGLISH, CHINESE):
        (HERE / each.file).write_text(page(MODES, each), encoding="utf-8")
