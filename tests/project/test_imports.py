"""Imports go one way, from the top of these rows down to their end, and importing the package loads nothing heavy."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT

# A folder or file of the package imports what stands on a lower row; those of one row do not import each other.
ROWS = (
    "cli hubs",
    "serving batch dreambooth",
    "model",
    "runs",
    "request",
    "modes quality",
    "controls",
    "detectors",
    "models",
    "pipelines",
    "engine workers",
    "video environment",
    "cache parameters progress",
    "errors unfinished version",
    "language",
)

# The same within a folder; "rest" stands for all that is not named.
INNER = {
    "pipelines": ("rest", "latent_diffusion", "settings", "denoising", "networks", "methods planning"),
    "models": ("conversion", "families", "loading", "adapters", "sources", "layouts", "formats"),
    "serving": ("ui api", "server metrics", "queue", "rest"),
}
# Only these may be imported from a folder by another.
GATES = {("models", "pipelines"): "networks"}


def _files() -> Iterator[tuple[tuple[str, ...], Path]]:
    """The modules of the package: names below ``ppt2v``, and file."""
    for folder, prefix in ((ROOT / "ppt2v", ()), (ROOT / "pipelines", ("pipelines",))):
        for file in folder.rglob("*.py"):
            names = (*prefix, *file.relative_to(folder).with_suffix("").parts)
            yield names[:-1] if names[-1] == "__init__" else names, file


MODULES = dict(_files())


def _imported(module: tuple[str, ...], file: Path) -> Iterator[tuple[str, ...]]:
    """The modules of the package that a module imports, at its top or within functions."""
    package = module if file.name == "__init__.py" else module[:-1]
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (tuple(each.name.split(".")[1:]) for each in node.names if each.name.startswith("ppt2v."))
        elif isinstance(node, ast.ImportFrom):
            named = tuple(filter(None, (node.module or "").split(".")))
            if node.level:
                base = (*package[: len(package) - node.level + 1], *named)
            elif named[:1] == ("ppt2v",):
                base = named[1:]
            else:
                continue
            yield from ((*base, each.name) if (*base, each.name) in MODULES else base for each in node.names)


IMPORTS = [(module, name) for module, file in MODULES.items() for name in _imported(module, file)]


def _depths(rows: tuple[str, ...]) -> dict[str, int]:
    return {name: depth for depth, row in enumerate(rows) for name in row.split()}


def test_every_folder_and_file_has_a_row():
    assert {module[0] for module in MODULES if module} - {"__main__"} == _depths(ROWS).keys()


def test_imports_go_one_way():
    depth = _depths(ROWS)
    backwards = [
        (".".join(module), ".".join(name))
        for module, name in IMPORTS
        if module and name and module[0] in depth and module[0] != name[0] and depth[name[0]] <= depth[module[0]]
    ]
    assert not backwards


@pytest.mark.parametrize("folder", INNER)
def test_imports_within_a_folder_go_one_way(folder):
    depth = _depths(INNER[folder])

    def place(module: tuple[str, ...]) -> tuple[str, int]:
        name = module[1] if module[1:] and module[1] in depth else "rest"
        return module[1] if module[1:] else "", depth.get(name, -1)

    backwards = []
    for module, name in IMPORTS:
        if module[:1] == name[:1] == (folder,) and module[1:] and name[1:]:
            (own, own_depth), (other, other_depth) = place(module), place(name)
            if own != other and (other_depth < own_depth or (other_depth == own_depth and own in depth)):
                backwards.append((".".join(module), ".".join(name)))
    assert not backwards


@pytest.mark.parametrize(("importer", "imported"), GATES)
def test_of_some_folders_only_one_part_is_imported(importer, imported):
    through = {name[1] for module, name in IMPORTS if module[:1] == (importer,) and name[:1] == (imported,)}
    assert through <= {GATES[importer, imported]}


def test_importing_loads_nothing_heavy():
    heavy = {"av", "cv2", "decord", "numpy", "paddle", "paddlenlp", "ppdiffusers", "torch"}
    code = f"import sys, ppt2v, ppt2v.cli, ppt2v.modes; print({heavy!r} & sys.modules.keys())"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
