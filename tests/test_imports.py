"""Imports go one way, from the top of this list down to its end, and importing the package loads nothing heavy."""
from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

LAYERS = (
    "__main__",
    "cli",
    "commands.rerun",
    "commands.dreambooth commands.media commands.models commands.modes",
    "ui.command",
    "batch serve ui.server",
    "commands.__init__ commands.options",
    "ui.page",
    "ui.tab",
    "ui.choices ui.panels ui.visits ui.widgets",
    "ui.__init__ ui.words",
    "api batch_sheet",
    "batch_file",
    "jobs problems",
    "api_schema clips",
    "dreambooth.__init__ hub_serving synthesis",
    "maker",
    "dreambooth.run",
    "dreambooth.plan dreambooth.trainer",
    "dreambooth.examples dreambooth.folder dreambooth.parameters dreambooth.pictures",
    "runners",
    "processes ray_actors",
    "worker",
    "config conversion doctor model report",
    "run",
    "limits request",
    "inputs loaded",
    "video_models",
    "modes",
    "quality",
    "pipelines.text_to_video_zero pipelines.video_controlnet pipelines.video_fusion pipelines.video_instruct_pix2pix",
    "pipelines.base pipelines.text_to_video_modelscope",
    "pipelines.latent pipelines.run",
    "pipelines.denoise pipelines.video_unet",
    "pipelines.networks",
    "pipelines.programs",
    "pipelines.unet3d",
    "pipelines.video_layers",
    "pipelines.background pipelines.attention",
    "pipelines.decomposed pipelines.merging pipelines.motion pipelines.noise pipelines.patches pipelines.resume "
    "pipelines.solvers pipelines.tiles",
    "pipelines.schedule",
    "controls",
    "detectors.depth detectors.pose detectors.saliency",
    "detectors.blazepose detectors.skeleton",
    "detectors.people",
    "engine.choice",
    "engine.inference engine.openvino",
    "engine.export",
    "engine.eager engine.trace engine.translate",
    "engine.mapped engine.operations",
    "engine.__init__ engine.program",
    "modelscope weights",
    "adapters single_file vocabulary",
    "inversion lora",
    "hub modelscope_names saving video",
    "downloads",
    "model_files",
    "bodies checkpoint chinese chunks devices engine.cache job memory modelscope_files overlay parameters reading recognition "
    "sizes versions",
    "pickles",
    "__init__ detectors.__init__ pipelines.__init__",  # of which the others take the version
    "progress threads",
    "errors quiet",
)
DEPTH = {module: depth for depth, layer in enumerate(LAYERS) for module in layer.split()}
FOLDERS = {
    f"{package}.".lstrip("."): Path(importlib.import_module(f"ppt2v.{package}".rstrip(".")).__file__).parent
    for package in ("", "commands", "detectors", "dreambooth", "engine", "pipelines", "ui")
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
