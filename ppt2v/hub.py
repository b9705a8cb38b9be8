"""Names to folders and files: which models are known, what a model's folder must hold, and downloads."""
from __future__ import annotations

import contextlib
import difflib
import functools
import io
import json
import os
import re
from pathlib import Path
from typing import Callable, Iterator, NamedTuple

from .errors import InputError
from .modelscope_files import CONFIGURATION, describes, file_names

EMBEDDED = "embedded"  # and "embedded/NAME" for the others that ship with ppt2v


class KnownModel(NamedTuple):
    """A model that is known to work: ``id`` on Hugging Face, ``paddle_id`` in the Paddle community storage.

    ``family`` is that of the modes that take it (``modes.Mode``).
    """

    id: str
    description: str
    parameters: float  # 1e9, of all networks that are loaded
    paddle_id: str
    family: str

    def memory_gb(self, dtype: str) -> float:
        """GB (1e9 bytes) that the weights take; what is computed with them comes on top."""
        return self.parameters * (4 if dtype == "float32" else 2)


def _known(
    id: str, description: str, parameters: float, paddle_id: str | None = None, family: str = "image"
) -> KnownModel:
    return KnownModel(id, description, parameters, paddle_id or id, family)


KNOWN = (
    _known(
        "stable-diffusion-v1-5/stable-diffusion-v1-5",
        "Stable Diffusion 1.5: images of anything, 512x512",
        1.07,
        paddle_id="runwayml/stable-diffusion-v1-5",
    ),
    _known("CompVis/stable-diffusion-v1-4", "Stable Diffusion 1.4: images of anything, 512x512", 1.07),
    _known("dreamlike-art/dreamlike-photoreal-2.0", "Stable Diffusion 1.5 tuned for photographs, 768x768", 1.07),
    _known("prompthero/openjourney", "Stable Diffusion 1.5 tuned to 'mdjrny-v4 style', as Midjourney's", 1.07),
    _known("timbrooks/instruct-pix2pix", "Stable Diffusion 1.5 that edits as told, for `pix2pix`", 1.07),
    _known("damo-vilab/text-to-video-ms-1.7b", "ModelScope's text to video: 16 frames of 256x256, for `synthesize`",
           1.84, family="video"),
    _known("cerspense/zeroscope_v2_576w", "ModelScope's tuned to 24 frames of 576x320, for `synthesize`", 1.84,
           family="video"),
)

_FORMATS = (
    "diffusion_paddle_model.safetensors",
    "diffusion_pytorch_model.safetensors",
    "model.safetensors",
    "model_state.pdparams",
    "diffusion_pytorch_model.bin",
    "pytorch_model.bin",
)
_INDEX = ".index.json"
_WEIGHTS = (
    *(name for plain in _FORMATS for name in (plain, plain + _INDEX)),
    *(re.sub(r"(\.\w+)$", r".fp16\1", plain) for plain in _FORMATS),
)

# The files of a part, as groups of alternatives: of each group the first that exists is used.
_NETWORK = (("config.json",), _WEIGHTS)
_PIPELINE = {
    "scheduler": (("scheduler_config.json",),),
    "tokenizer": (("vocab.json", "tokenizer.json"), ("merges.txt", "tokenizer.json")),
    "text_encoder": _NETWORK,
    "unet": _NETWORK,
    "residual": _NETWORK,
    "vae": _NETWORK,
}
_OPTIONAL = ("ppt2v.json", "tokenizer/tokenizer_config.json", "tokenizer/special_tokens_map.json")

_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
_FILE_ENDINGS = (".safetensors", ".pdparams", ".bin", ".pth", ".pt", ".ckpt")  # of a path that is no id


def check(name: str | Path) -> None:
    """Refuses what cannot be a model before anything heavy is imported and without the network.

    Accepts ``EMBEDDED``, a complete model folder, a single file, and "[hf:|aistudio:]ORG/NAME"; whether such an id
    exists is only known to the server, so a misspelt one is refused by ``locate``. Raises InputError with the nearest
    known names, or with the first file that a folder lacks.
    """
    folder = _given_folder(name)
    if _is_embedded(name):
        _embedded_folder(str(name))
    elif folder:
        lacks = _lacks(folder)
        if lacks:
            raise InputError(f"{folder} is no model: it has no {lacks}; give a folder in the layout of diffusers")
    elif str(name).endswith(_FILE_ENDINGS):
        if _given_file(name) is None:
            raise InputError(f"{name}: no such file; give the path of a model's file or folder, or an id")
    elif not _ID.fullmatch(_split(str(name))[1]):
        hint = _nearest(str(name)) or f"; known are {', '.join(_names())}"
        raise InputError(
            f"unknown model {str(name)!r}: no such folder, and an id has the form [hf:|aistudio:]ORG/NAME{hint}"
        )


def locate(name: str | Path, progress: bool = True) -> Path:
    """The folder or the single file of a model; an id is downloaded where the cache lacks it, with ``progress`` bars.

    "ORG/NAME" comes from the Paddle community storage, "hf:ORG/NAME" from Hugging Face, "aistudio:ORG/NAME" from AI
    Studio, each into the usual cache of its library; an interrupted download goes on where it stopped. Raises
    InputError as ``check`` does, and for a download that fails.
    """
    check(name)
    if _is_embedded(name):
        return _embedded_folder(str(name))
    source, repository = _split(str(name))
    repository = _server_id(source, repository)
    folder = _given_folder(name) or _given_file(name) or _cached_folder(source, repository)
    if folder:
        return folder
    with contextlib.nullcontext() if progress else contextlib.redirect_stderr(io.StringIO()):
        return _download(source, repository, _fetch_model, "the path of a folder that holds the model")


def locate_file(name: str | Path, files: tuple[str, ...], what: str, progress: bool = True) -> Path:
    """A single file of weights: the one that ``name`` is the path of, else the first of ``files`` in a place.

    Args:
        name: path of a file or of a folder, or "[hf:|aistudio:]ORG/NAME", from which only the file is downloaded.
        files: the names that the file may have in a folder or repository; folders in front are allowed.
        what: what the file is, for errors.

    Raises:
        InputError: no such file, folder or id; a place without any of the files; a download that fails.
    """
    path = locate(name) if _is_embedded(name) else Path(os.path.expanduser(str(name))).absolute()
    if path.is_file():
        return path
    if path.is_dir():
        file = next((path / file for file in files if (path / file).is_file()), None)
        if file is None:
            raise InputError(f"{path} holds no {what}: it has no {_alternatives(files)}; give the path of the file")
        return file
    source, repository = _split(str(name))
    if not _ID.fullmatch(repository) or path.suffix in _FILE_ENDINGS:
        raise InputError(f"{what}: {str(name)!r} is no file, no folder, and no id of the form [hf:|aistudio:]ORG/NAME")
    cached = _cached_file(source, repository, files)
    if cached:
        return cached
    with contextlib.nullcontext() if progress else contextlib.redirect_stderr(io.StringIO()):
        return _download(source, repository, lambda fetch: _fetch_file(fetch, files), f"the path of the {what}")


def from_anywhere(name: str | Path) -> str:
    """The name under which a model is found from every folder: the absolute path of what exists, else the name."""
    return str(_given_folder(name) or _given_file(name) or name)


def _given_folder(name: str | Path) -> Path | None:
    """The folder, as an absolute path, that a name is the path of, if any."""
    folder = os.path.expanduser(str(name))  # which leaves a ~ that is nobody's home as it is
    return Path(folder).absolute() if not _is_embedded(name) and os.path.isdir(folder) else None


def _given_file(name: str | Path) -> Path | None:
    """The file, as an absolute path, that a name is the path of, if any."""
    file = os.path.expanduser(str(name))
    return Path(file).absolute() if not _is_embedded(name) and os.path.isfile(file) else None


def cached() -> list[tuple[str, Path, int]]:
    """The complete models in the usual caches: name as ``locate`` takes it, folder, size in bytes; sorted by name."""
    found = []
    for source, prefix in _PREFIXES.items():
        for repository, folder in _cached_folders(source):
            size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
            found.append((prefix + repository, folder, size))
    return sorted(found)


def weight_files(folder: Path) -> list[Path]:
    """The file, or the shards, that hold the weights of the network in a folder; InputError if there are none."""
    file = next((folder / name for name in _WEIGHTS if (folder / name).exists()), None)
    if file is None:
        raise InputError(f"{folder} has no {_alternatives(_WEIGHTS)}; give a folder in the layout of diffusers")
    return _shards(file) if file.name.endswith(_INDEX) else [file]


def _shards(index: Path) -> list[Path]:
    names = {Path(name).name for name in read_json(index)["weight_map"].values()}
    return [index.parent / name for name in sorted(names)]


def read_json(file: Path) -> dict:
    """The content of a file of a model; InputError if it is missing or no JSON."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{file.parent} has no {file.name}; give a folder in the layout of diffusers") from None
    except ValueError as error:
        raise InputError(f"{file} is no JSON ({error}); download or copy this file again") from None


def _lacks(folder: Path) -> str | None:
    """The first file that a model folder lacks: a pipeline's with a model_index.json, else a single network's.

    A folder with ModelScope's configuration.json has files of its own.
    """
    if _is_modelscopes(folder / CONFIGURATION):
        names = file_names(read_json(folder / CONFIGURATION)).values()
        return next((name for name in names if not (folder / name).exists()), None)
    if not (folder / "model_index.json").exists():
        return _part_lacks(folder, _NETWORK) if (folder / "config.json").exists() else "model_index.json"
    for part in _parts(read_json(folder / "model_index.json")):
        lacks = _part_lacks(folder / part, _PIPELINE[part])
        if lacks:
            return f"{part}/{lacks}"
    return None


def _is_modelscopes(configuration: Path | None) -> bool:
    return configuration is not None and configuration.exists() and describes(read_json(configuration))


def _part_lacks(folder: Path, groups: tuple[tuple[str, ...], ...]) -> str | None:
    for group in groups:
        names = [name for name in group if (folder / name).exists()]
        if not names:
            return _alternatives(group)
        if names[0].endswith(_INDEX):
            missing = [shard.name for shard in _shards(folder / names[0]) if not shard.exists()]
            if missing:
                return missing[0]
    return None


def _parts(model_index: dict) -> list[str]:
    return [part for part in _PIPELINE if (model_index.get(part) or [None])[0]]


def _alternatives(names: tuple[str, ...]) -> str:
    return f"weights ({', '.join(_FORMATS)})" if names is _WEIGHTS else " or ".join(names)


def _nearest(name: str) -> str:
    """How an error ends: the known names that are nearest to a misspelt one, if any."""
    repository = _split(name)[1]
    if any(repository in (known.id, known.paddle_id) for known in KNOWN):
        return ""
    by_key = {key.lower(): known for known in _names() for key in (known, known.split("/")[-1])}
    nearest = difflib.get_close_matches(repository.lower(), by_key, n=3, cutoff=0.6)
    found = dict.fromkeys(by_key[key] for key in nearest)
    return f"; did you mean {' or '.join(found)}?" if found else ""


def _names() -> list[str]:
    return [EMBEDDED, *(known.id for known in KNOWN)]


def _is_embedded(name: str | Path) -> bool:
    return str(name).split("/")[0] == EMBEDDED


def _embedded_folder(name: str) -> Path:
    here = Path(__file__).parent
    for folder in (here / "embedded", here.parent / "__assets__" / "embedded"):  # installed; in a checkout
        if (folder / "model_index.json").exists():
            return _embedded_part(folder, name)
    raise InputError("this copy of ppt2v has no embedded model; install ppt2v with pip, or give a model folder")


def _embedded_part(folder: Path, name: str) -> Path:
    others = (part for part in sorted(folder.iterdir())
              if part.is_dir() and part.name not in (*_PIPELINE, "__pycache__"))
    parts = {EMBEDDED: folder, **{f"{EMBEDDED}/{part.name}": part for part in others}}
    if name not in parts:
        raise InputError(f"there is no {name!r}; the models that ship with ppt2v are {', '.join(parts)}")
    return parts[name]


# Downloads. A source is a key of _PREFIXES; `repository` is the id on its server.

_PREFIXES = {"Paddle community storage": "", "Hugging Face": "hf:", "AI Studio": "aistudio:"}
_PADDLE, _HUGGING_FACE, _AI_STUDIO = _PREFIXES


def _split(name: str) -> tuple[str, str]:
    for source in (_HUGGING_FACE, _AI_STUDIO):
        if name.startswith(_PREFIXES[source]):
            return source, name.removeprefix(_PREFIXES[source])
    return _PADDLE, name


def _server_id(source: str, repository: str) -> str:
    for known in KNOWN:
        if repository in (known.id, known.paddle_id):
            return known.paddle_id if source == _PADDLE else known.id
    return repository


def _cache(source: str) -> Path:
    """The folder in which the source's own library caches, whether or not it exists."""
    home = Path(os.getenv("XDG_CACHE_HOME", "~/.cache")).expanduser()
    if source == _PADDLE:
        return Path(os.getenv("PPNLP_HOME", home / "paddlenlp")).expanduser().absolute() / "ppdiffusers"
    if source == _AI_STUDIO:
        return Path(os.getenv("AISTUDIO_HOME", home / "paddle")).expanduser().absolute() / "aistudio"
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE)


def _cached_folders(source: str) -> Iterator[tuple[str, Path]]:
    cache = _cache(source)
    pattern = "*/*" if source == _PADDLE else "models--*--*/snapshots/*"
    for folder in sorted(cache.glob(pattern)):
        if folder.is_dir() and _lacks(folder) is None:
            organisation, model = folder.relative_to(cache).parts[:2]
            if source != _PADDLE:
                organisation, model = organisation.split("--", 2)[1:]
            yield f"{organisation}/{model}", folder


def _cached_folder(source: str, repository: str) -> Path | None:
    folders = [folder for name, folder in _cached_folders(source) if name == repository]
    return max(folders, key=lambda folder: folder.stat().st_mtime, default=None)


Fetch = Callable[[str], "Path | None"]


def _cached_file(source: str, repository: str, files: tuple[str, ...]) -> Path | None:
    pattern = repository if source == _PADDLE else f"models--{repository.replace('/', '--')}/snapshots/*"
    found = [folder / file for folder in _cache(source).glob(pattern) for file in files if (folder / file).is_file()]
    return max(found, key=lambda file: file.stat().st_mtime, default=None)


def _download(source: str, repository: str, fetch_wanted: Callable[[Fetch], Path], instead: str) -> Path:
    """What ``fetch_wanted`` fetches; ``instead`` is what can be given if the download fails."""
    try:
        return fetch_wanted(_fetcher(source, repository))
    except InputError as error:
        reason = error
    except Exception as error:  # whatever the libraries raise for a dead network, a closed door, a full disk
        reason = " ".join(str(error).split())[:300] or type(error).__name__
    name = _PREFIXES[source] + repository
    raise InputError(
        f"could not download {name!r} from {source}: {reason}; try again to go on where it stopped, "
        f"or give {instead}{_nearest(name)}"
    )


def _fetch_model(fetch: Fetch) -> Path:
    """Fetches what ``_lacks`` asks for and nothing else; ``fetch`` returns None for a file that the server lacks."""
    index = fetch("model_index.json")
    if index is None:
        return _fetch_part(fetch, "", _NETWORK) if fetch("config.json") else _fetch_modelscopes(fetch)
    for part in _parts(read_json(index)):
        _fetch_part(fetch, f"{part}/", _PIPELINE[part])
    for name in _OPTIONAL:
        fetch(name)
    return index.parent


def _fetch_modelscopes(fetch: Fetch) -> Path:
    configuration = fetch(CONFIGURATION)
    if not _is_modelscopes(configuration):
        raise InputError("there is no model of this name")
    for name in file_names(read_json(configuration)).values():
        _fetch_file(fetch, (name,))
    return configuration.parent


def _fetch_file(fetch: Fetch, files: tuple[str, ...]) -> Path:
    file = next((file for name in files if (file := fetch(name))), None)
    if file is None:
        raise InputError(f"it has no {_alternatives(files)}")
    return file


def _fetch_part(fetch: Fetch, prefix: str, groups: tuple[tuple[str, ...], ...]) -> Path:
    for group in groups:
        file = next((file for name in group if (file := fetch(prefix + name))), None)
        if file is None:
            raise InputError(f"it has no {prefix}{_alternatives(group)}")
        if file.name.endswith(_INDEX):
            for shard in _shards(file):
                if fetch(prefix + shard.name) is None:
                    raise InputError(f"it has no {prefix}{shard.name}")
    return file.parent


def _fetcher(source: str, repository: str) -> Fetch:
    from huggingface_hub.utils import EntryNotFoundError, LocalEntryNotFoundError

    download = _downloader(source)

    def fetch(name: str) -> Path | None:
        try:
            return Path(download(repository, name))
        except LocalEntryNotFoundError:  # a dead network, although the class derives from the next one
            raise
        except EntryNotFoundError:
            return None

    return fetch


def _downloader(source: str) -> Callable[[str, str], str | Path]:
    """(repository, file name) -> path, by the source's own library; all three raise huggingface_hub's errors."""
    if source == _HUGGING_FACE:
        from huggingface_hub import hf_hub_download

        return hf_hub_download
    if source == _AI_STUDIO:
        from paddlenlp.utils.download import aistudio_hub_download

        return functools.partial(aistudio_hub_download, cache_dir=_cache(source), resume_download=True)
    return _download_from_paddle


def _download_from_paddle(repository: str, name: str) -> Path:
    import requests
    from ppdiffusers.utils.download_utils import bos_download, ppdiffusers_bos_url

    file = Path(bos_download(repository, name, cache_dir=_cache(_PADDLE), resume_download=True))
    head = requests.head(ppdiffusers_bos_url(repository, name), headers={"Accept-Encoding": "identity"}, timeout=30)
    size = file.stat().st_size
    if size < int(head.headers.get("Content-Length", size)):  # bos_download takes a broken connection for the end
        file.rename(f"{file}.incomplete")  # from which bos_download goes on
        raise ConnectionError(f"the connection broke off within {name}")
    return file
