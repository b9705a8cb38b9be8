"""Writes the notebooks from the Markdown beside this file.

python notebooks/sources/build.py                # the notebooks
python notebooks/sources/build.py --pictures     # runs each and keeps its contact sheet; then the notebooks
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

import jinja2
import jupytext
import nbformat

from ppt2v import MODES
from ppt2v.language.chinese import TABLE
from ppt2v.models.families import stable_diffusion
from ppt2v.models.sources import locate
from ppt2v.modes import Mode

SOURCES = Path(__file__).parent
NOTEBOOKS = SOURCES.parent
PICTURES = NOTEBOOKS.parent / "__assets__" / "notebooks"
LAYOUTS = "base", "controlnet"
NAMES = tuple(sorted(file.stem for file in SOURCES.glob("*.md") if file.stem not in LAYOUTS))
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def build(name: str) -> str:
    """The notebook of a source, as the text of its file."""
    notebook = jupytext.reads(_markdown(name), {"extension": ".md", "split_at_heading": True})
    notebook.metadata = nbformat.from_dict(METADATA)
    for number, cell in enumerate(notebook.cells, start=1):
        cell.id = f"cell-{number:02}"
        cell.metadata.pop("lines_to_next_cell", None)  # jupytext's
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    nbformat.validate(notebook)
    return nbformat.writes(notebook) + "\n"


def _markdown(name: str) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(SOURCES), undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    picture = (PICTURES / f"{name}.png").exists()
    text = environment.get_template(f"{name}.md").render(name=name, picture=picture, modes=MODES, table=_table)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _table(mode: Mode, rows: list[str | tuple[str, str]]) -> str:
    """The parameters in both languages; a row is a parameter's name, or what the call names it and its name."""
    parameters = {parameter.name: parameter for parameter in mode.parameters}
    own = _embedded_defaults(mode)
    lines = ["| 参数 · Parameter | 含义 | Meaning | 默认 · Default |", "|---|---|---|---|"]
    for row in rows:
        shown, name = (row, row) if isinstance(row, str) else row
        default = _default(parameters[name].default)
        if name in own and own[name] != parameters[name].default:
            default = f"{default} ({_default(own[name])})"
        lines.append(f"| `{shown}` | {TABLE[parameters[name].help]} | {parameters[name].help} | {default} |")
    return "\n".join(lines)


def _embedded_defaults(mode: Mode) -> dict[str, Any]:
    model = next(parameter.default for parameter in mode.parameters if parameter.name == "model_name")
    return stable_diffusion.model_defaults(locate.locate(model)).get(mode.name, {}) if model else {}


def _default(value: Any) -> str:
    return "–" if value in (None, "") else str(value)


def run_for_picture(name: str) -> None:
    """Runs a notebook as far as its contact sheet, and keeps that with fewer colours."""
    from nbclient import NotebookClient
    from PIL import Image

    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    (last,) = (number for number, cell in enumerate(notebook.cells) if "contact_sheet" in cell.source)
    del notebook.cells[last + 1 :]
    NotebookClient(notebook, timeout=None, resources={"metadata": {"path": NOTEBOOKS}}).execute()
    with Image.open(NOTEBOOKS / "output" / f"{name}.png") as sheet:
        sheet.quantize(192).save(PICTURES / f"{name}.png", optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=NAMES, metavar="NAME", help=f"{', '.join(NAMES)}; all by default")
    parser.add_argument("--pictures", action="store_true", help="run each notebook and keep its picture")
    args = parser.parse_args()
    for name in args.names:
        if args.pictures:
            run_for_picture(name)
        (NOTEBOOKS / f"{name}.ipynb").write_text(build(name), encoding="utf-8")


if __name__ == "__main__":
    main()
