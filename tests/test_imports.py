"""Imports go one way, from the top of this list down to its end, and importing the package loads nothing heavy."""
from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

LAYERS = (
    "cli",
    "config conversion doctor model",
    "video_models",
    "modes",
    "pipelines.text_to_video_modelscope pipelines.text_to_video_zero",
    "pipelines.pictures",
    "pipelines.denoise",
    "pipelines.unet pipelines.video_unet",
    "pipelines.programs",
    "pipelines.unet3d",
    "pipelines.video_layers",
    "pipelines.attention pipelines.motion pipelines.noise pipelines.resume pipelines.solvers",
    "pipelines.schedule",
    "engine.choice",
    "engine.inference engine.openvino",
    "engine.export",
    "engine.eager engine.trace engine.translate",
    "engine.__init__ engine.program",
    "modelscope weights",
    "hub modelscope_names saving video",
    "checkpoint chunks devices engine.cache overlay parameters reading sizes versions",
    "__init__ pipelines.__init__",  # of which the others take the version
    "progress threads",
    "errors",
)
DEPTH = {module: depth for depth, layer in enumerate(LAYERS) for module in layer.split()}
FOLDERS = {
    f"{package}.".lstrip("."): Path(importlib.import_module(f"ppt2v.{package}".rstrip(".")).__file__).parent
    for package in ("", "engine", "pipelines")
}
MODULES = {prefix + file.stem: file for prefix, folder in FOLDERS.items() for file in folder.glob("*.py")}


def _imported(module: str) -> Iterator[str]:
    """The modules of this package that a module imports, at its top or within functions."""
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            package = ["ppt2v", *module.split(".")][: -node.level][1:]
            base = ".".join([*package, *filter(None, [node.module])])
            within = [f"{base}.{alias.name}".lstrip(".") for alias in node.names]
            yield from [base] if base in DEPTH else [
                name if name in DEPTH else f"{base}.__init__".lstrip(".") for name in within
            ]


def test_imports_go_one_way():
    assert MODULES.keys() == DEPTH.keys()
    backwards = [(module, name) for module in MODULES for name in _imported(module) if DEPTH[name] <= DEPTH[module]]
    assert not backwards


def test_importing_loads_nothing_heavy():
    heavy = {"av", "cv2", "decord", "numpy", "paddle", "paddlenlp", "ppdiffusers", "torch"}
    code = f"import sys, ppt2v, ppt2v.cli, ppt2v.modes; print({heavy!r} & sys.modules.keys())"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
