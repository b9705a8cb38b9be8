"""Where models are downloaded from, and the caches in which they then are."""

from __future__ import annotations

import functools
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Callable

from ppt2v.cache import user_cache
from ppt2v.environment.homes import can_be_written, paddlenlp_home
from ppt2v.errors import InputError
from ppt2v.language import Message, words
from ppt2v.models.layouts.diffusers import (
    NETWORK,
    OPTIONAL,
    PIPELINE,
    alternatives,
    check_pipeline,
    first_missing,
    is_index,
    is_modelscopes,
    parts,
    shards,
)
from ppt2v.models.layouts.json_files import read_json
from ppt2v.models.layouts.modelscope_files import CONFIGURATION, file_names

# A source is a key of PREFIXES; `repository` is the id on its server.

PREFIXES = {"Paddle community storage": "", "Hugging Face": "hf:", "AI Studio": "aistudio:"}
PADDLE, HUGGING_FACE, AI_STUDIO = PREFIXES

# What moves the cache of a source elsewhere.
_VARIABLES = {PADDLE: "PPNLP_HOME", HUGGING_FACE: "HF_HOME", AI_STUDIO: "AISTUDIO_HOME"}

Fetch = Callable[[str], "Path | None"]


def server(source: str) -> str:
    """The source with its address, for people."""
    if source == PADDLE:
        return f"{source} ({os.getenv('PPNLP_ENDPOINT', 'https://bj.bcebos.com/paddlenlp')})"
    if source == AI_STUDIO:
        return f"{source} ({os.getenv('AISTUDIO_ENDPOINT', 'http://git.aistudio.baidu.com')})"
    from huggingface_hub.constants import ENDPOINT

    return f"{source} ({ENDPOINT})"


def cache_folder(source: str) -> Path:
    """The folder in which the source's own library caches, whether or not it exists."""
    if source == PADDLE:
        home = paddlenlp_home() or user_cache() / "paddlenlp"
        return Path(os.path.expanduser(home)).absolute() / "ppdiffusers"
    if source == AI_STUDIO:
        home = os.getenv("AISTUDIO_HOME", user_cache() / "paddle")
        return Path(os.path.expanduser(home)).absolute() / "aistudio"
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE)


def cached_folders(source: str) -> Iterator[tuple[str, Path]]:
    """The complete models in the cache of a source: id and folder, an id once for each of its versions."""
    cache = cache_folder(source)
    for folder in _folders(source):
        if _is_complete(folder):
            organisation, model = folder.relative_to(cache).parts[:2]
            if source != PADDLE:
                organisation, model = organisation.split("--", 2)[1:]
            yield f"{organisation}/{model}", folder


def broken_folders(source: str) -> Iterator[tuple[Path, Message]]:
    """The folders in the cache of a source that are passed over because they are damaged, and what is wrong."""
    for folder in _folders(source):
        try:
            first_missing(folder)
        except InputError as error:
            yield folder, error.message


def _folders(source: str) -> list[Path]:
    pattern = "*/*" if source == PADDLE else "models--*--*/snapshots/*"
    return [folder for folder in sorted(cache_folder(source).glob(pattern)) if folder.is_dir()]


def _is_complete(folder: Path) -> bool:
    """Whether a folder holds a whole model; a broken one in a cache is none, and stops nobody."""
    try:
        return first_missing(folder) is None
    except InputError:
        return False


def place(source: str, repository: str) -> Path | None:
    """The newest folder with anything of this id in the cache of a source."""
    folders = cache_folder(source).glob(_pattern(source, repository))
    return max(folders, key=lambda folder: folder.stat().st_mtime, default=None)


def entry(source: str, repository: str) -> Path:
    """The folder with all that the cache of a source has of this id, whether or not it exists."""
    return cache_folder(source) / (repository if source == PADDLE else f"models--{repository.replace('/', '--')}")


def cached_folder(source: str, repository: str) -> Path | None:
    """The newest complete model of this id in the cache of a source."""
    folders = [folder for name, folder in cached_folders(source) if name == repository]
    return max(folders, key=lambda folder: folder.stat().st_mtime, default=None)


def cached_file(source: str, repository: str, files: tuple[str, ...]) -> Path | None:
    """The newest of these files of this id in the cache of a source."""
    places = (folder / file for folder in cache_folder(source).glob(_pattern(source, repository)) for file in files)
    found = [place for place in places if place.is_file()]
    return max(found, key=lambda file: file.stat().st_mtime, default=None)


def _pattern(source: str, repository: str) -> str:
    """Of the folders in the cache of a source that hold something of this id."""
    return repository if source == PADDLE else f"models--{repository.replace('/', '--')}/snapshots/*"


def download(source: str, repository: str, name: str, fetch_wanted: Callable[[Fetch], Path], instead: Message) -> Path:
    """What ``fetch_wanted`` fetches.

    Args:
        name: what was asked for, which may be known to the source by another id.
        instead: what can be given if the download fails.

    Raises:
        InputError: the download fails.
    """
    cache = cache_folder(source)
    if not can_be_written(cache):
        raise InputError(
            "E-DOWNLOAD-PLACE",
            "could not download {name!r}: its place {cache} cannot be written; set {variable} to a folder with room, "
            "or give {instead}",
            name=name,
            cache=cache,
            variable=_VARIABLES[source],
            instead=instead,
        )
    try:
        with _without_retries_told():
            return fetch_wanted(_fetcher(source, repository))
    except InputError as error:
        reason: str | Message = error.message
    except Exception as error:  # whatever the libraries raise for a dead network, a closed door, a full disk
        if _is_unreached(error):
            raise InputError(
                "E-DOWNLOAD-OFFLINE",
                "{name!r} is not on this machine, and {server} cannot be reached: try again with a connection, or give "
                "{instead}",
                name=name,
                server=server(source),
                instead=instead,
            ) from None
        reason = " ".join(str(error).split())[:300] or type(error).__name__
    raise InputError(
        "E-DOWNLOAD-FAILED",
        "could not download {name!r} from {source}: {reason}; try again to go on where it stopped, or give {instead}",
        name=name,
        source=source,
        reason=reason,
        instead=instead,
    )


@contextmanager
def _without_retries_told() -> Iterator[None]:
    """Hugging Face's library warns of each of its retries; what comes of them is said once."""
    logger = logging.getLogger("huggingface_hub.utils._http")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _is_unreached(error: BaseException) -> bool:
    """Whether a server was never reached, by the errors that led to this one."""
    from huggingface_hub.errors import LocalEntryNotFoundError, OfflineModeIsEnabled
    from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

    never = LocalEntryNotFoundError, OfflineModeIsEnabled, NewConnectionError, ConnectTimeoutError, socket.gaierror
    chain: BaseException | None = error
    while chain is not None and not isinstance(chain, never):
        chain = chain.__cause__ or chain.__context__
    return chain is not None


def fetch_model(fetch: Fetch) -> Path:
    """Fetches what ``first_missing`` asks for, and nothing else.

    ``fetch`` returns None for a file that the server lacks.
    """
    index = fetch("model_index.json")
    if index is None:
        return _fetch_part(fetch, "", NETWORK) if fetch("config.json") else _fetch_modelscopes(fetch)
    check_pipeline(read_json(index), words("it"))
    for part in parts(read_json(index)):
        _fetch_part(fetch, f"{part}/", PIPELINE[part])
    for name in OPTIONAL:
        fetch(name)
    return index.parent


def _fetch_modelscopes(fetch: Fetch) -> Path:
    configuration = fetch(CONFIGURATION)
    if configuration is None or not is_modelscopes(configuration):
        raise InputError("E-DOWNLOAD-NO-MODEL", "there is no model of this name")
    for name in file_names(read_json(configuration)).values():
        fetch_file(fetch, (name,))
    return configuration.parent


def fetch_file(fetch: Fetch, files: tuple[str, ...]) -> Path:
    """Fetches the first of these files that the server has."""
    file = next((file for name in files if (file := fetch(name))), None)
    if file is None:
        raise InputError("E-DOWNLOAD-LACKS", "it has no {files}", files=alternatives(files))
    return file


def _fetch_part(fetch: Fetch, prefix: str, groups: tuple[tuple[str, ...], ...]) -> Path:
    for group in groups:
        file = next((file for name in group if (file := fetch(prefix + name))), None)
        if file is None:
            raise InputError(
                "E-DOWNLOAD-LACKS-PART", "it has no {prefix}{files}", prefix=prefix, files=alternatives(group)
            )
        if is_index(file):
            for shard in shards(file):
                if fetch(prefix + shard.name) is None:
                    raise InputError(
                        "E-DOWNLOAD-LACKS-SHARD", "it has no {prefix}{file}", prefix=prefix, file=shard.name
                    )
        folder = file.parent
    return folder


def _fetcher(source: str, repository: str) -> Fetch:
    from huggingface_hub.utils import EntryNotFoundError, LocalEntryNotFoundError

    download = _downloader(source)
    if source == HUGGING_FACE:
        _reach_hugging_face(repository)

    def fetch(name: str) -> Path | None:
        try:
            return Path(download(repository, name))
        except LocalEntryNotFoundError:  # a dead network, although the class derives from the next one
            raise
        except EntryNotFoundError:
            return None

    return fetch


def _reach_hugging_face(repository: str) -> None:
    """Asks once, whatever the answer: where there is no network, the library would ask six times in 23 seconds."""
    from huggingface_hub import constants, hf_hub_url
    from huggingface_hub.utils import get_session

    get_session().head(hf_hub_url(repository, "config.json"), timeout=constants.HF_HUB_ETAG_TIMEOUT)


def _downloader(source: str) -> Callable[[str, str], str | Path]:
    """(repository, file name) -> path, by the source's own library; all three raise huggingface_hub's errors."""
    if source == HUGGING_FACE:
        from huggingface_hub import hf_hub_download

        return hf_hub_download
    if source == AI_STUDIO:
        from paddlenlp.utils.download import aistudio_hub_download

        return functools.partial(aistudio_hub_download, cache_dir=cache_folder(source), resume_download=True)
    return _download_from_paddle


def _download_from_paddle(repository: str, name: str) -> Path:
    import requests
    from ppdiffusers.utils.download_utils import bos_download, ppdiffusers_bos_url

    file = Path(bos_download(repository, name, cache_dir=cache_folder(PADDLE), resume_download=True))
    head = requests.head(ppdiffusers_bos_url(repository, name), headers={"Accept-Encoding": "identity"}, timeout=30)
    size = file.stat().st_size
    if size < int(head.headers.get("Content-Length", size)):  # bos_download takes a broken connection for the end
        file.rename(f"{file}.incomplete")  # from which bos_download goes on
        raise ConnectionError(f"the connection broke off within {name}")
    return file
