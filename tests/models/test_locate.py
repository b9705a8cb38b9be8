"""Names to folders: bad names and folders, the embedded model, caches and downloads."""

from __future__ import annotations

import functools
import http.server
import importlib
import json
import re
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from huggingface_hub.errors import LocalEntryNotFoundError

from ppt2v.errors import InputError
from ppt2v.models.families import stable_diffusion
from ppt2v.models.layouts.modelscope_files import CONFIGURATION, TASK
from ppt2v.models.sources import catalogue, downloads, locate


@pytest.fixture
def cache_homes(tmp_path, monkeypatch) -> Path:
    """Empty caches, all within one folder."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache" / "huggingface"))
    for variable in ("PPNLP_HOME", "AISTUDIO_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "cache" / variable))
    return tmp_path / "cache"


def test_a_check_imports_nothing_heavy():
    heavy = "print([name for name in ('numpy', 'paddle', 'ppdiffusers', 'huggingface_hub') if name in sys.modules])"
    code = f"import sys, ppt2v.models.sources.locate as locate; locate.check('hf:org/name'); {heavy}"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize(
    "missing",
    ["model_index.json", "unet/config.json", "unet/weights", "tokenizer/vocab.json", "scheduler/scheduler_config.json"],
)
def test_incomplete_folder_is_refused_with_what_it_lacks(copy, missing):
    file = copy / missing.replace("weights", "diffusion_paddle_model.safetensors")
    file.unlink()
    with pytest.raises(InputError, match=f"{copy} is no model: it has no {missing}"):
        locate.check(copy)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("embeded", "did you mean embedded"),
        ("stable-difusion-v1-5", "did you mean stable-diffusion-v1-5/stable-diffusion-v1-5"),
        ("./no/such/folder", "known are embedded, stable-diffusion-v1-5/stable-diffusion-v1-5"),
        ("hf:", "known are embedded"),
        ("", "known are embedded"),
        ("a/b/c", "known are embedded"),
    ],
)
def test_unknown_name_is_refused_with_the_nearest(name, hint):
    with pytest.raises(InputError, match=f"unknown model '{name}': .*{hint}"):
        locate.check(name)


@pytest.mark.parametrize("place", ["ppt2v/embedded", "__assets__/embedded"], ids=["installed", "checkout"])
def test_embedded_model_is_found_where_it_is_installed(tiny_folder, tmp_path, monkeypatch, place):
    monkeypatch.setattr("ppt2v.environment.shipped.PACKAGE", tmp_path / "ppt2v")
    with pytest.raises(InputError, match="no embedded model; install ppt2v with pip"):
        locate.check(catalogue.EMBEDDED)
    shutil.copytree(tiny_folder, tmp_path / place)
    locate.check(catalogue.EMBEDDED)
    assert locate.locate(catalogue.EMBEDDED) == tmp_path / place


def test_only_a_folder_gets_another_name_to_be_found_from_anywhere(copy, monkeypatch):
    monkeypatch.chdir(copy.parent)
    assert locate.from_anywhere("copy") == locate.from_anywhere(Path("copy")) == str(copy)
    (copy / "embedded").mkdir()
    monkeypatch.chdir(copy)
    for name in ("embedded", "", "org/name", "~nobody/model"):
        assert locate.from_anywhere(name) == name


@pytest.mark.parametrize("model", catalogue.KNOWN, ids=lambda model: model.id)
def test_known_models(model):
    for name in (model.id, model.paddle_id, f"hf:{model.id}"):
        locate.check(name)
    assert 0 < model.memory_gb("float16") < model.memory_gb("float32") < 16


class _Server(http.server.SimpleHTTPRequestHandler):
    """A server of files that can resume, in the three dialects; ``requests`` lists what it was asked for."""

    requests: list[tuple[str, str | None]] = []
    cut = False

    def log_message(self, *_) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        path = self.path.replace("/resolve/main/", "/").replace("/api/v1/repos/", "/models/community/")
        path = re.sub("/(contents|media)/", "/", path).removeprefix("/models/community")
        file = Path(self.directory) / path.lstrip("/")
        if not file.is_file():
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        if body:
            self.requests.append((file.name, self.headers.get("Range")))
        content = file.read_bytes()
        if "/contents/" in self.path:
            content = json.dumps(
                {"last_commit_sha": "a" * 40, "sha": str(hash(path)), "git_url": self.path, "size": len(content)}
            ).encode()
        start = int((self.headers.get("Range") or "bytes=0-")[6:-1])
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.send_header("ETag", f'"{abs(hash(path))}"')
        self.send_header("X-Repo-Commit", "a" * 40)
        self.end_headers()
        if body and self.cut and "/contents/" not in self.path and file.name.endswith(".safetensors"):
            self.wfile.write(content[: len(content) // 2])
            self.close_connection = True
        elif body:
            self.wfile.write(content[start:])


@pytest.fixture
def server(tiny_folder, tmp_path, cache_homes, monkeypatch):
    """The tiny model as "org/tiny", and its UNet alone as "org/unet", on all three servers."""
    shutil.copytree(tiny_folder, tmp_path / "served" / "org" / "tiny")
    shutil.copytree(tiny_folder / "unet", tmp_path / "served" / "org" / "unet")
    handler = type("Handler", (_Server,), {"requests": []})
    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(handler, directory=str(tmp_path / "served"))
    ) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        endpoint = f"http://127.0.0.1:{running.server_port}"
        monkeypatch.setattr(
            "ppdiffusers.utils.download_utils.PPDIFFUSERS_BOS_URL_TEMPLATE",
            endpoint + "/{repo_type}/community/{repo_id}/{revision}/{filename}",
        )
        monkeypatch.setattr(
            "huggingface_hub.file_download.HUGGINGFACE_CO_URL_TEMPLATE",
            endpoint + "/{repo_id}/resolve/{revision}/{filename}",
        )
        monkeypatch.setattr(
            importlib.import_module("paddlenlp.utils.download.aistudio_hub_download"),
            "AISTUDIO_URL_TEMPLATE",
            endpoint + "/api/v1/repos/{user_name}/{repo_name}/contents/{filename}",
        )
        yield handler
        running.shutdown()


@pytest.mark.parametrize("prefix", ["", "hf:", "aistudio:"])
def test_model_is_downloaded_once_and_listed(server, cache_homes, prefix):
    folder = locate.locate(f"{prefix}org/tiny", progress=False)
    assert cache_homes in folder.parents
    assert stable_diffusion.load_stable_diffusion(folder).unet.config.sample_size == 8
    asked = len(server.requests)
    assert locate.locate(f"{prefix}org/tiny") == folder
    assert len(server.requests) == asked
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    assert locate.cached() == [(f"{prefix}org/tiny", folder, size)]


@pytest.mark.parametrize("prefix", ["", "hf:", "aistudio:"])
def test_single_network_is_downloaded(server, prefix):
    folder = locate.locate(f"{prefix}org/unet", progress=False)
    assert (folder / "config.json").exists()
    assert (folder / "diffusion_paddle_model.safetensors").exists()


@pytest.mark.parametrize("prefix", ["", "hf:", "aistudio:"])
def test_a_model_from_a_server_has_all_its_weights_in_its_own_folder(server, tmp_path, prefix):
    served = tmp_path / "served" / "org" / "unet"
    (weights,) = served.glob("*.safetensors")
    weights.rename(served.parent / weights.name)
    (served / f"{weights.name}.index.json").write_text(json.dumps({"weight_map": {"weight": f"../{weights.name}"}}))
    with pytest.raises(InputError, match=f"'../{weights.name}', which is no part of the model"):
        locate.locate(f"{prefix}org/unet", progress=False)


@pytest.mark.parametrize("prefix", ["", "hf:", "aistudio:"])
def test_a_model_in_modelscopes_own_files_is_downloaded(server, tmp_path, prefix):
    served = tmp_path / "served" / "org" / "videos"
    served.mkdir()
    (served / CONFIGURATION).write_text(
        json.dumps({"pipeline": {"type": TASK}, "model": {"model_args": {"ckpt_unet": "unet.pth"}}})
    )
    names = ["unet.pth", "VQGAN_autoencoder.pth", "open_clip_pytorch_model.bin"]
    for name in names[:2]:
        (served / name).write_bytes(b"numbers")
    with pytest.raises(InputError, match=f"it has no {names[2]}"):
        locate.locate(f"{prefix}org/videos", progress=False)
    (served / names[2]).write_bytes(b"numbers")
    folder = locate.locate(f"{prefix}org/videos", progress=False)
    assert {CONFIGURATION, *names} == {file.name for file in folder.iterdir()}
    assert [name for name, *_ in locate.cached()] == [f"{prefix}org/videos"]


@pytest.mark.parametrize("prefix", ["", "hf:", "aistudio:"])
def test_interrupted_download_goes_on_where_it_stopped(server, tmp_path, prefix):
    server.cut = True
    with pytest.raises(InputError, match=f"could not download '{prefix}org/unet' from .*; try again to go on"):
        locate.locate(f"{prefix}org/unet", progress=False)
    assert locate.cached() == []
    server.cut = False
    folder = locate.locate(f"{prefix}org/unet", progress=False)
    file = "diffusion_paddle_model.safetensors"
    assert (folder / file).read_bytes() == (tmp_path / "served" / "org" / "unet" / file).read_bytes()
    assert [start for name, start in server.requests if name == file][-1] is not None


@pytest.mark.parametrize("prefix", ["", "hf:", "aistudio:"])
def test_unknown_id_is_refused_with_the_nearest(server, prefix):
    name = f"{prefix}prompthero/openjurney"
    nearest = "did you mean prompthero/openjourney"
    with pytest.raises(InputError, match=f"could not download '{name}' from .*no model of this name.*{nearest}"):
        locate.locate(name, progress=False)


FILES = ("weights.pth", "folder/weights.pth", "weights.pdparams")


def locate_weights(name) -> Path:
    return locate.locate_file(name, FILES, "weights of a detector", progress=False)


@pytest.mark.parametrize("prefix", ["", "hf:", "aistudio:"])
@pytest.mark.parametrize("place", ["folder/weights.pth", "weights.pdparams"])
def test_single_file_is_downloaded_alone(server, tmp_path, cache_homes, prefix, place):
    served = tmp_path / "served" / "org" / "files" / place
    served.parent.mkdir(parents=True)
    served.write_bytes(b"numbers")
    (tmp_path / "served" / "org" / "files" / "other.pth").write_bytes(b"others")
    file = locate_weights(f"{prefix}org/files")
    assert cache_homes in file.parents and file.read_bytes() == b"numbers"
    assert {name for name, _ in server.requests} == {served.name}
    served.unlink()
    assert locate_weights(f"{prefix}org/files") == file


def test_file_that_no_server_has_is_named(server):
    message = (
        r"could not download 'hf:org/tiny' from Hugging Face: it has no weights.pth or folder/weights.pth or "
        r"weights.pdparams; .* or give the path of the weights of a detector"
    )
    with pytest.raises(InputError, match=message):
        locate_weights("hf:org/tiny")


def test_local_file_is_found_by_its_path_or_folder(tmp_path, monkeypatch):
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=f"{tmp_path} holds no weights of a detector: it has no weights.pth or "):
        locate_weights(tmp_path)
    (tmp_path / "folder" / "weights.pth").touch()
    (tmp_path / "mine.bin").touch()
    assert locate_weights(tmp_path) == locate_weights("folder/weights.pth") == tmp_path / "folder" / "weights.pth"
    assert locate_weights("mine.bin") == tmp_path / "mine.bin"


def test_file_of_an_embedded_model_is_found():
    assert locate.locate_file(catalogue.EMBEDDED, ("a.pth", "unet/config.json"), "file").parent.name == "unet"


@pytest.mark.parametrize("name", ["no.pth", "no/such.pth", "hf:", "a/b/c", "hf:org/file.safetensors"])
def test_path_of_no_file_is_not_asked_for(cache_homes, name):
    with pytest.raises(InputError, match=f"weights of a detector: '{name}' is no file, no folder, and no id"):
        locate_weights(name)


def test_incomplete_model_on_the_server_is_named(server, tmp_path):
    (tmp_path / "served" / "org" / "tiny" / "vae" / "diffusion_paddle_model.safetensors").unlink()
    with pytest.raises(InputError, match=r"it has no vae/weights \(diffusion_paddle_model.safetensors, "):
        locate.locate("org/tiny", progress=False)


def test_dead_network_is_reported(cache_homes, monkeypatch):
    def dead(*_, **__):
        raise ConnectionError("no route")

    monkeypatch.setattr("ppdiffusers.utils.download_utils.bos_download", dead)
    name = "CompVis/stable-diffusion-v1-4"
    with pytest.raises(InputError, match=f"could not download '{name}' from .*: no route; .* holds the model$"):
        locate.locate(name)


def unreached(name: str) -> str:
    with pytest.raises(InputError) as error:
        locate.locate(name, progress=False)
    assert error.value.code == "E-DOWNLOAD-OFFLINE" and "\n" not in str(error.value)
    return str(error.value)


def test_a_server_that_cannot_be_reached_is_said_in_a_line_with_the_name_that_was_asked_for(cache_homes, monkeypatch):
    def refuse(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    def wait(*_, **__):  # as Hugging Face's library does, for 23 seconds
        pytest.fail("it is known already that there is no network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", wait)
    name = "stable-diffusion-v1-5/stable-diffusion-v1-5"  # elsewhere known as runwayml/...
    for prefix, server in {"": "Paddle community storage", "hf:": "Hugging Face"}.items():
        said = unreached(f"{prefix}{name}")
        assert said.startswith(f"'{prefix}{name}' is not on this machine, and {server} (https://")
        assert "cannot be reached" in said and "Max retries" not in said


def test_a_network_that_goes_away_meanwhile_is_told_alike(server, monkeypatch):
    def give_up(*_, **__):  # as Hugging Face's library does after its retries
        raise LocalEntryNotFoundError("no connection")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", give_up)
    assert "Hugging Face" in unreached("hf:org/tiny")


@pytest.mark.parametrize("progress", [True, False])
def test_progress_is_shown_on_request(server, capsys, progress):
    locate.locate("aistudio:org/unet", progress=progress)
    assert ("100%" in capsys.readouterr().err) == progress


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("stable-diffusion-v1-5/stable-diffusion-v1-5", "runwayml/stable-diffusion-v1-5"),
        ("hf:runwayml/stable-diffusion-v1-5", "stable-diffusion-v1-5/stable-diffusion-v1-5"),
    ],
)
def test_known_model_is_asked_for_by_the_id_of_the_server(cache_homes, monkeypatch, name, asked):
    repositories = []
    monkeypatch.setattr(downloads, "download", lambda source, repository, *_: repositories.append(repository))
    locate.locate(name)
    assert repositories == [asked]
