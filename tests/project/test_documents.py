"""The documents: each command and snippet is run on the embedded models, or, where a comment says so, checked."""

from __future__ import annotations

import ast
import itertools
import json
import logging
import re
import runpy
import shlex
import sys
import warnings
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer
import yaml
from conftest import ROOT
from documents import CHINESE, DOCUMENTS, ENGLISH, FENCE, TRANSLATED, Block, blocks

import ppt2v.model
from ppt2v import MODES, dreambooth
from ppt2v.cli import app
from ppt2v.hubs.paddlehub import VideoMaker
from ppt2v.models.sources import catalogue
from ppt2v.parameters import holding, resolve
from ppt2v.request.texts import as_texts
from ppt2v.runs import session
from ppt2v.serving.api.app import create_app
from ppt2v.serving.api.schema import request_model
from ppt2v.serving.job import Terms
from ppt2v.serving.limits import Limits
from ppt2v.version import __version__

CHECKED = "checked, not run: needs "
RUN = [each for each in DOCUMENTS if each not in (CHINESE, *TRANSLATED)]  # whose code is that of the English


def commands(block: Block) -> list[list[str]]:
    """The words of each command; a backslash joins lines."""
    lines = block.code.replace("\\\n", " ").splitlines()
    return [words for words in (shlex.split(line, comments=True) for line in lines) if words]


def in_all(documents: list[Path], marked: bool) -> list[Block]:
    return [
        block
        for document in documents
        for block in blocks(document)
        if block.language in ("sh", "python") and (block.mark is not None) == marked
    ]


# What runs, with little work


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A folder with what the documents' readers have before them; the current one."""
    for name in ("__assets__", "hubconf.py"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def quick(monkeypatch) -> None:
    """Two steps for every run, few frames unless it says something of later ones, and eagerly unless it says how.

    One step for a training.
    """
    run, train, choose = ppt2v.model.Model.run, dreambooth.train, session.choose

    def choose_quickly(engine: str, device: str, dtype):
        return choose("eager" if engine == "auto" and dtype is None else engine, device, dtype)

    def quick_run(self, mode, **given):
        little = {"num_inference_steps": 2, "video_length": 2, "end_t": given.get("start_t", 0) + 0.5}
        names = {parameter.name for parameter in MODES[mode].parameters}
        if any(given.get(name) for name in holding(MODES[mode].parameters, "keyframes")):
            names = {"num_inference_steps"}
        return run(self, mode, **{**given, **{name: little[name] for name in little if name in names}})

    def quick_train(*positional, **given):
        return train(*positional, **{**given, "steps": 1, "class_images": 1})

    monkeypatch.setattr(ppt2v.model.Model, "run", quick_run)
    monkeypatch.setattr(dreambooth, "train", quick_train)
    monkeypatch.setattr(session, "choose", choose_quickly)


def command(words: list[str], place: str) -> None:
    """Runs a command of ppt2v in this process."""
    assert words[0] == "ppt2v", f"{place}: only ppt2v's commands are run; mark the block with '{CHECKED}...'"
    with warnings.catch_warnings(), pytest.raises(SystemExit) as end:
        app.main(words[1:])
    logging.disable(logging.NOTSET)
    assert not end.value.code, f"{place}: {shlex.join(words)}"


def execute(block: Block, names: dict) -> None:
    """Runs a block; ``names`` are those that the document's snippets have given before."""
    if block.language == "python":
        exec(compile(block.code, block.place, "exec"), names)
    elif block.language == "sh":
        for words in commands(block):
            command(words, block.place)
    else:
        Path(block.code.splitlines()[0].lstrip("# ")).write_text(block.code, encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("document", RUN, ids=lambda each: each.stem)
def test_what_a_document_says_can_be_done(document, folder, quick):
    names: dict = {}
    for block in blocks(document):
        if block.mark is None:
            execute(block, names)


# What is checked only


@pytest.fixture
def checking(monkeypatch) -> None:
    """Runs end when the values have been checked against the table of modes."""

    def check(self, mode, callback=None, return_frames=False, **given):
        resolve(MODES[mode].parameters, as_texts(MODES[mode], given), {})
        return "checked"

    monkeypatch.setattr(ppt2v.model.Model, "run", check)


def parse(words: list[str]) -> None:
    """Reads a command as the command line does, and runs nothing."""
    command, rest = typer.main.get_command(app.app), words
    while hasattr(command, "commands"):
        name, *rest = rest
        command = command.commands[name]
    command.make_context(command.name, rest)


def hub_module(name: str) -> VideoMaker:
    """As PaddleHub, which is not here, gives it."""
    (mode,) = (mode for mode in MODES.values() if mode.hub_name == name)
    return VideoMaker(mode.name)


def check_make(words: list[str]) -> None:
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    assert all(word in targets or "=" in word for word in words)


def check_pip(words: list[str]) -> None:
    extras = metadata.metadata("ppt2v").get_all("Provides-Extra")
    wanted = [extra for found in re.findall(r"^\.\[(.+)\]$", "\n".join(words), re.M) for extra in found.split(",")]
    constraints = [after for word, after in itertools.pairwise(words) if word == "-c"]
    assert words[0] == "install" and set(wanted) <= set(extras) and all((ROOT / name).exists() for name in constraints)


def check_paths(words: list[str]) -> None:
    assert all((ROOT / word.split("::")[0]).exists() for word in words if "/" in word)


def check_curl(words: list[str]) -> None:
    """That the service has the path and the method, and that what is sent is what it takes."""
    limits = Limits(webhooks=("https://hooks.example.com",))
    jobs = SimpleNamespace(folder=Path("jobs"), limits=limits, keep_days=None, listeners=[])
    api = create_app(jobs).openapi()["paths"]
    path = words[0].replace("localhost:8000", "").replace("ID", "{id}")
    sent = dict(zip(words[1::2], [*words[2::2], ""]))
    method = sent.get("-X", "POST" if {"--json", "--data-binary", "--form"} & sent.keys() else "GET")
    assert method.lower() in api[path]
    if "--json" in sent:
        asked = request_model(MODES[path.split("/")[-1]], limits).model_validate_json(sent["--json"])
        limits.check_terms(Terms(getattr(asked, "webhook", None)))


def check_hub(words: list[str]) -> None:
    """That a module's mode is there, and takes the options."""
    names = {mode.hub_name: mode.name for mode in MODES.values()}
    modules = {f"dist/{name}-{__version__}.tar.gz" for name in names}
    if words[0] == "run":
        parse([names[words[1]], *words[2:]])
    else:
        assert (words[0] == "install" and set(words[1:]) <= modules) or words[:3] == ["serving", "start", "-m"]


def check_docker(words: list[str]) -> None:
    """That files and services are there, and the commands within are right."""
    services = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    assert words[0] in ("build", "run", "compose")
    for option, value in itertools.pairwise(words):
        assert option != "--file" or (ROOT / value).exists()
    if words[:2] == ["compose", "run"]:
        (place,) = (index for index, word in enumerate(words) if word in services)
        words = words[place + 1 :]
    elif words[0] == "run":
        words = words[next(index for index, word in enumerate(words) if word.split(":")[0] == "ppt2v") + 1 :]
    if words[:1] == ["ppt2v"]:
        parse(words[1:])


OTHERS = {
    "curl": check_curl,
    "docker": check_docker,
    "hub": check_hub,
    "make": check_make,
    "mkdir": lambda words: None,
    "pip": check_pip,
    "python": check_paths,
    "pytest": check_paths,
}


@pytest.mark.parametrize("block", in_all([*RUN, CHINESE], marked=True), ids=lambda block: block.place)
def test_what_cannot_be_run_here_is_right_as_far_as_can_be_seen(block, folder, checking, monkeypatch):
    if block.language == "python":
        monkeypatch.setitem(sys.modules, "paddlehub", SimpleNamespace(Module=hub_module))
        execute(block, {})
        return
    for name, *rest in commands(block):
        if name == "ppt2v":
            parse(rest)
        if name == "ppt2v" and rest[0] in MODES:
            command([name, *rest], block.place)
        elif name != "ppt2v":
            OTHERS[Path(name).name](rest)


def test_a_command_that_is_wrong_is_found():
    with pytest.raises(Exception, match="no-such-option"):
        parse(["dreambooth", "train", "--no-such-option"])
    with pytest.raises(AssertionError):
        check_make(["no-such-target"])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.stem)
def test_every_block_is_run_or_says_what_it_needs(document):
    for block in blocks(document):
        runnable = block.language in ("sh", "python")
        shown = block.language == "mermaid" or block.code.startswith("# ")
        assert runnable or shown, f"{block.place}: neither a command, a snippet, a drawing nor a named file"
        marked = block.mark is not None
        assert not marked or (runnable and len(block.mark) > len(CHECKED) and block.mark.startswith(CHECKED)), (
            block.place
        )


def test_both_languages_show_the_same_commands():
    def meaning(document: Path) -> list:
        return [
            (block.mark is None, ast.dump(ast.parse(block.code)) if block.language == "python" else commands(block))
            for block in blocks(document)
        ]

    assert meaning(CHINESE) == meaning(ENGLISH)


# What the text says


def inline_code(document: Path) -> list[str]:
    return re.findall(r"`([^`\n]+)`", FENCE.sub("", document.read_text(encoding="utf-8")))


def options(group) -> set[str]:
    """All options of a command and of those below it."""
    below = getattr(group, "commands", {}).values()
    own = {name for parameter in group.params for name in (*parameter.opts, *parameter.secondary_opts)}
    return own.union({"--help"}, *map(options, below))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.stem)
def test_options_and_commands_that_the_text_names_exist(document):
    group = typer.main.get_command(app.app)
    known = options(group)
    for code in inline_code(document):
        if code.startswith(("--", "ppt2v ")):
            assert set(re.findall(r"(?<!\S)--[a-z][\w-]*", code)) <= known, code
        if code.startswith("ppt2v "):
            assert code.split()[1] in (*group.commands, "MODE"), code


def anchors(document: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", FENCE.sub("", document.read_text(encoding="utf-8")), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.stem)
def test_links_lead_somewhere(document):
    text = FENCE.sub("", document.read_text(encoding="utf-8"))
    for path, anchor in re.findall(r"\]\((?!https?://)([^)#]*)#?([^)]*)\)", text):
        target = document.parent / path if path else document
        assert target.exists(), path
        assert not anchor or anchor in anchors(target), f"{path}#{anchor}"


@pytest.mark.parametrize(
    "document", [ENGLISH, CHINESE, *(ROOT / "docs").glob("models*.md")], ids=lambda each: each.stem
)
def test_memory_of_known_models(document):
    rows = [line for line in document.read_text(encoding="utf-8").splitlines() if re.search(r"\d / \d", line)]
    for known in catalogue.KNOWN:
        sizes = f"{known.memory_gb('float32'):.1f} / {known.memory_gb('float16'):.1f} |"
        assert all(row.endswith(sizes) for row in rows if f"`{known.id}`" in row)
    named = re.findall(r"`([\w.-]+/[\w.-]+)`", "\n".join(rows))
    assert document.parent == ROOT or {known.id for known in catalogue.KNOWN} <= set(named)


@pytest.mark.parametrize("language", ["ENGLISH", "CHINESE"])
def test_the_list_of_parameters_is_that_of_the_tables(language):
    made = runpy.run_path(str(ROOT / "docs" / "make_parameters.py"))
    written = (ROOT / "docs" / made[language].file).read_text(encoding="utf-8")
    assert written == made["page"](MODES, made[language]), "run `python docs/make_parameters.py`"


def test_figures_of_speed_are_the_last_ones_measured():
    text = (ROOT / "docs" / "speed.md").read_text(encoding="utf-8")
    for result in json.loads((ROOT / "benchmarks" / "results" / "results.json").read_text(encoding="utf-8")):
        if "diffusers" in result["against"]:  # not with ppt2v's own other settings, or the machine
            assert f"| {result['time_ratio']:.2f} (" in text
            assert f"| {result['memory_ratio']:.2f} (" in text


def test_version_is_the_same_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert citation["version"] == __version__
    assert re.search(r"^## \[(.+?)\]", changes.replace("## [Unreleased]", ""), re.M)[1] == __version__
