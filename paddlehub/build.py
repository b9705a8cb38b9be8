"""Writes a module of PaddleHub for each mode: DIST/NAME-VERSION.tar.gz, which `hub install` takes.

python paddlehub/build.py [DIST]
"""

from __future__ import annotations

import io
import sys
import tarfile
from pathlib import Path
from string import Template

from ppt2v import MODES
from ppt2v.modes import Mode
from ppt2v.version import __version__

TEMPLATE = Path(__file__).with_name("module.py.template")


def source(mode: Mode) -> str:
    """The module.py of a mode's module. PaddleHub reads its literals without running it."""
    values = {"name": mode.hub_name, "mode": mode.name, "version": __version__, "summary": repr(mode.summary)}
    return Template(TEMPLATE.read_text("utf-8")).substitute(values)


def build(mode: Mode, folder: Path) -> Path:
    """Writes the archive of a mode's module into a folder and returns its path."""
    archive = folder / f"{mode.hub_name}-{__version__}.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for name, text in {"__init__.py": "", "module.py": source(mode)}.items():
            content = text.encode("utf-8")
            member = tarfile.TarInfo(f"{mode.hub_name}/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return archive


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "dist")
    target.mkdir(parents=True, exist_ok=True)
    for each in MODES.values():
        print(build(each, target))
