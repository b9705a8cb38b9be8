"""Config files: YAML, with the names of ``Parameter`` as keys. Defaults < config file < command line."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

from ppt2v.errors import InputError
from ppt2v.modes import Mode
from ppt2v.modes.machine import MACHINE
from ppt2v.parameters import Parameter, refuse_unknown
from ppt2v.request.documents import read_text

# What would be filled with secrets of whoever follows another's file.
_FROM_ELSEWHERE = re.compile(r"\$\{[^}]*(:|\$\{)")

_HEADER = """\
# The defaults of `ppt2v {mode}`, for `ppt2v {mode} --config FILE`. Remove the # in front of a line to set it: what
# this file sets wins over the model's own defaults, and options on the command line win over this file.
"""


def parameters(mode: Mode) -> tuple[Parameter, ...]:
    """What a config file or a command line can say: the mode's parameters, then those of the machine."""
    return mode.parameters + MACHINE


def load(path: str | Path, mode: Mode) -> dict[str, Any]:
    """What a config file says, by names of parameters; the values are not checked.

    Raises:
        InputError: a file that is missing or no YAML mapping, or a key that is no parameter (with the nearest ones).
    """
    values = _read(path)
    try:
        refuse_unknown(values, [parameter.name for parameter in parameters(mode)])
    except InputError as error:
        raise InputError(error.code, "{path}: {error}", path=path, error=error) from None
    return values


def _read(path: str | Path) -> dict[str, Any]:
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    try:
        config = OmegaConf.load(io.StringIO(read_text(Path(path))))
        if _FROM_ELSEWHERE.search(OmegaConf.to_yaml(config)):
            raise InputError(
                "E-CONFIG-RESOLVER",
                "{path}: of ${{...}} only the name of another line is filled in, not ${{oc.env:...}}; write the "
                "value itself",
                path=path,
            )
        values = OmegaConf.to_container(config, resolve=True)
    except InputError:
        raise
    except (OSError, ValueError, RecursionError, YAMLError, OmegaConfBaseException) as error:
        raise InputError(
            "E-CONFIG-UNREADABLE",
            "config {path} cannot be read: {reason}",
            path=path,
            reason=" ".join(str(error).split()),
        ) from None
    if not isinstance(values, dict):
        raise InputError(
            "E-CONFIG-LIST",
            "config {path} is a list; give lines of the form `name: value`, as `ppt2v config` prints",
            path=path,
        )
    return {str(name): value for name, value in values.items()}


def dump(mode: Mode) -> str:
    """The defaults as YAML that decides nothing yet: each in a comment ("#name: value") below its help ("# ...")."""
    lines = [f"\n# {each.help}\n#{each.name}: {json.dumps(each.default)}\n" for each in parameters(mode)]
    return _HEADER.format(mode=mode.name) + "".join(lines)
