"""Names to folders and files: which models are known, and where the one of a name is."""

from __future__ import annotations

import contextlib
import difflib
import functools
import io
import os
import re
from pathlib import Path

from ppt2v.environment.shipped import shipped
from ppt2v.errors import InputError
from ppt2v.language import Message, either, words
from ppt2v.models.layouts import contents
from ppt2v.models.layouts.diffusers import PIPELINE, alternatives, check_pipeline, first_missing
from ppt2v.models.layouts.json_files import read_json
from ppt2v.progress import say

from . import downloads
from .catalogue import EMBEDDED, KNOWN

_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
_FILE_ENDINGS = (".safetensors", ".pdparams", ".bin", ".pth", ".pt", ".ckpt", ".pkl")  # of a path that is no id


def check(name: str | Path) -> None:
    """Refuses what cannot be a model before anything heavy is imported and without the network.

    Accepts ``EMBEDDED``, a complete model folder, a single file, and "[hf:|aistudio:]ORG/NAME"; whether such an id
    exists is only known to the server, so a misspelt one is refused by ``locate``. Raises InputError with the nearest
    known names, or with the first file that a folder lacks.
    """
    folder = _given_folder(name)
    if is_embedded(name):
        _embedded_folder(str(name))
    elif folder:
        _check_folder(folder)
    elif _given_file(name):
        return
    elif str(name).endswith(_FILE_ENDINGS):
        raise InputError(
            "E-MODEL-FILE-ABSENT",
            "{name}: no such file; give the path of a model's file or folder, or an id",
            name=name,
        )
    elif not _ID.fullmatch(_split(str(name))[1]):
        hint = _nearest(str(name)) or words("; known are {names}", names=_names())
        raise InputError(
            "E-MODEL-UNKNOWN",
            "unknown model {name!r}: no such folder, and an id has the form [hf:|aistudio:]ORG/NAME{hint}",
            name=str(name),
            hint=hint,
        )


def locate(name: str | Path, progress: bool = True) -> Path:
    """The folder or the single file of a model; an id is downloaded where the cache lacks it, with ``progress`` bars.

    "ORG/NAME" comes from the Paddle community storage, "hf:ORG/NAME" from Hugging Face, "aistudio:ORG/NAME" from AI
    Studio, each into the usual cache of its library; an interrupted download goes on where it stopped. Raises
    InputError as ``check`` does, and for a download that fails.
    """
    check(name)
    if is_embedded(name):
        return _embedded_folder(str(name))
    source, repository = _split(str(name))
    repository = _server_id(source, repository)
    folder = _given_folder(name) or _given_file(name) or downloads.cached_folder(source, repository)
    if folder:
        return folder
    _announce(source, repository, str(name), progress)
    with contextlib.nullcontext() if progress else contextlib.redirect_stderr(io.StringIO()):
        instead = words("the path of a folder that holds the model{hint}", hint=_nearest(str(name)))
        return downloads.download(source, repository, str(name), downloads.fetch_model, instead)


def locate_file(name: str | Path, files: tuple[str, ...], what: Message, progress: bool = True) -> Path:
    """A single file of weights: the one that ``name`` is the path of, else the first of ``files`` in a place.

    Args:
        name: path of a file or of a folder, or "[hf:|aistudio:]ORG/NAME", from which only the file is downloaded.
        files: the names that the file may have in a folder or repository; folders in front are allowed.
        what: what the file is, for errors.

    Raises:
        InputError: no such file, folder or id; a place without any of the files; a download that fails.
    """
    path = locate(name) if is_embedded(name) else _snapshot(Path(os.path.expanduser(str(name))).absolute())
    if path.is_file():
        return path
    if path.is_dir():
        file = next((path / file for file in files if (path / file).is_file()), None)
        if file is None:
            raise InputError(
                "E-FILE-NOT-IN-FOLDER",
                "{path} holds no {what}: it has no {files}; give the path of the file",
                path=path,
                what=what,
                files=alternatives(files),
            )
        return file
    source, repository = _split(str(name))
    if not _ID.fullmatch(repository) or path.suffix in _FILE_ENDINGS:
        raise InputError(
            "E-FILE-OR-ID",
            "{what}: {name!r} is no file, no folder, and no id of the form [hf:|aistudio:]ORG/NAME",
            what=what,
            name=str(name),
        )
    cached = downloads.cached_file(source, repository, files)
    if cached:
        return cached
    _announce(source, repository, str(name), progress)
    with contextlib.nullcontext() if progress else contextlib.redirect_stderr(io.StringIO()):
        instead = words("the path of the {what}{hint}", what=what, hint=_nearest(str(name)))
        wanted = functools.partial(downloads.fetch_file, files=files)
        return downloads.download(source, repository, str(name), wanted, instead)


def _announce(source: str, repository: str, name: str, shown: bool) -> None:
    if shown:
        same = name == downloads.PREFIXES[source] + repository
        there = "" if same else words(", there {repository}", repository=repository)
        say(words("Downloading {name} from {server}{there}", name=name, server=downloads.server(source), there=there))


def is_id(name: str) -> bool:
    """Whether it names a model of a server, and nothing on this machine."""
    on_disk = os.path.exists(os.path.expanduser(name)) or name.endswith(_FILE_ENDINGS)
    return not on_disk and bool(_ID.fullmatch(_split(name)[1]))


def missing_from(name: str) -> str | None:
    """Where the model or file of that name would be downloaded from; None for what is on this machine, or no id."""
    if is_embedded(name) or not is_id(name):
        return None
    return None if cached_place(name) else downloads.server(_split(name)[0])


def cached_place(name: str) -> Path | None:
    """The folder of a cache that has what an id names, or a part of it."""
    source, repository = _split(name)
    return downloads.place(source, _server_id(source, repository)) or downloads.place(source, repository)


def would_download(name: str) -> bool:
    """Whether ``locate`` would download the model of that name: an id of which the cache has no complete one."""
    if is_embedded(name) or not is_id(name):
        return False
    source, repository = _split(name)
    return downloads.cached_folder(source, _server_id(source, repository)) is None


def received(name: str) -> int:
    """Bytes that the cache of an id's source has of it, also of what is still being downloaded."""
    source, repository = _split(name)
    entry = downloads.entry(source, _server_id(source, repository))
    return sum(file.stat().st_size for file in entry.rglob("*") if file.is_file() and not file.is_symlink())


def from_anywhere(name: str | Path) -> str:
    """The name under which a model is found from every folder: the absolute path of what exists, else the name."""
    return str(_given_folder(name) or _given_file(name) or name)


def _check_folder(folder: Path) -> None:
    if (folder / "model_index.json").exists():  # what belongs to another family lacks nothing
        check_pipeline(read_json(folder / "model_index.json"), str(folder))
    missing = first_missing(folder)
    if missing:
        raise InputError(
            "E-MODEL-INCOMPLETE",
            "{folder} is no model: it has no {missing}; {advice}",
            folder=folder,
            missing=missing,
            advice=_instead(folder),
        )


def _instead(folder: Path) -> Message:
    """What to give instead of a folder that is no model, after a look at what it holds."""
    models = sorted(index.parent for index in folder.glob("*/model_index.json"))
    if models:
        return words("the model is in {folder}", folder=models[0])
    if next(folder.glob("models--*"), None):
        return words("it is a cache of Hugging Face: give the id of a model, such as hf:ORG/NAME")
    files = sorted(file for file in folder.iterdir() if file.suffix in _FILE_ENDINGS and file.is_file())
    if not files or (folder / "model_index.json").exists():
        return words("give a folder in the layout of diffusers")
    from ppt2v.models.formats import reading

    names = reading.read(files[0]).tensors
    if contents.is_stable_diffusion(names):
        return words("it holds a model in a single file: give {file}", file=files[0])
    held, advice = contents.describe(names), contents.advice(names)
    return words("{file} in it is {held}: {advice}", file=files[0].name, held=held, advice=advice)


def _given_folder(name: str | Path) -> Path | None:
    """The folder, as an absolute path, that a name is the path of, if any; of a hub's cache entry, its snapshot."""
    folder = os.path.expanduser(str(name))  # which leaves a ~ that is nobody's home as it is
    return _snapshot(Path(folder).absolute()) if not is_embedded(name) and os.path.isdir(folder) else None


def _snapshot(folder: Path) -> Path:
    """The newest version of a model in its entry of Hugging Face's cache; any other folder itself."""
    entry = folder.parent if folder.name == "snapshots" else folder
    versions = [version for version in entry.glob("snapshots/*") if version.is_dir()]
    if not entry.name.startswith("models--") or not versions:
        return folder
    named = entry / "refs" / "main"
    newest = entry / "snapshots" / (named.read_text(encoding="utf-8").strip() if named.is_file() else "")
    return newest if newest in versions else max(versions, key=lambda version: version.stat().st_mtime)


def _given_file(name: str | Path) -> Path | None:
    """The file, as an absolute path, that a name is the path of, if any."""
    file = os.path.expanduser(str(name))
    return Path(file).absolute() if not is_embedded(name) and os.path.isfile(file) else None


def embedded() -> dict[str, Path]:
    """The models that ship with ppt2v: name as ``locate`` takes it, and folder; that of the first holds the others.

    Raises:
        InputError: this copy has none.
    """
    for folder in shipped("embedded", "embedded"):
        if (folder / "model_index.json").exists():
            others = (
                part
                for part in sorted(folder.iterdir())
                if part.is_dir() and part.name not in (*PIPELINE, "__pycache__")
            )
            return {EMBEDDED: folder, **{f"{EMBEDDED}/{part.name}": part for part in others}}
    raise InputError(
        "E-EMBEDDED-ABSENT", "this copy of ppt2v has no embedded model; install ppt2v with pip, or give a model folder"
    )


def cached() -> list[tuple[str, Path, int]]:
    """The complete models in the usual caches: name as ``locate`` takes it, folder, size in bytes; sorted by name."""
    found = []
    for source, prefix in downloads.PREFIXES.items():
        for repository, folder in downloads.cached_folders(source):
            found.append((prefix + repository, folder, size(folder)))
    return sorted(found)


def size(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _nearest(name: str) -> Message | str:
    """How an error ends: the known names that are nearest to a misspelt one, if any."""
    repository = _split(name)[1]
    if any(repository in (known.id, known.paddle_id) for known in KNOWN):
        return ""
    by_key = {key.lower(): known for known in _names() for key in (known, known.split("/")[-1])}
    nearest = difflib.get_close_matches(repository.lower(), by_key, n=3, cutoff=0.6)
    found = dict.fromkeys(by_key[key] for key in nearest)
    return words("; did you mean {names}?", names=either(found)) if found else ""


def _names() -> list[str]:
    return [EMBEDDED, *(known.id for known in KNOWN)]


def is_embedded(name: str | Path) -> bool:
    """Whether it is a name of a model that ships with ppt2v."""
    return str(name).split("/")[0] == EMBEDDED


def _embedded_folder(name: str) -> Path:
    folders = embedded()
    if name not in folders:
        raise InputError(
            "E-EMBEDDED-UNKNOWN",
            "there is no {name!r}; the models that ship with ppt2v are {models}",
            name=name,
            models=folders,
        )
    return folders[name]


def _split(name: str) -> tuple[str, str]:
    for source in (downloads.HUGGING_FACE, downloads.AI_STUDIO):
        if name.startswith(downloads.PREFIXES[source]):
            return source, name.removeprefix(downloads.PREFIXES[source])
    return downloads.PADDLE, name


def _server_id(source: str, repository: str) -> str:
    for known in KNOWN:
        if repository in (known.id, known.paddle_id):
            return known.paddle_id if source == downloads.PADDLE else known.id
    return repository
