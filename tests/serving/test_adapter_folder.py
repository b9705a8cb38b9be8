"""LoRA files and embeddings of a folder, for those who may name no other files."""

from __future__ import annotations

import shutil

import pytest
from conftest import DATA

from ppt2v import MODES, InputError
from ppt2v.serving.adapter_folder import AdapterFolder
from ppt2v.serving.limits import Limits

FILES = DATA / "adapters_reference"
ROW = MODES["text2video"]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "more").mkdir()
    shutil.copy(FILES / "kohya.safetensors", tmp_path / "more" / "a b.safetensors")
    shutil.copy(FILES / "thing.pt", tmp_path)
    (tmp_path / "broken.safetensors").write_bytes(b"no weights")
    (tmp_path / "notes.txt").write_text("no weights")
    return AdapterFolder(tmp_path)


def test_files_are_listed_by_what_they_hold(folder):
    assert folder.names("lora") == ["more/a b.safetensors"] and folder.names("textual_inversion") == ["thing.pt"]


def test_names_stand_for_paths_and_paths_for_names(folder):
    names = ["more/a b.safetensors:0.5", "more/a b.safetensors"]
    paths = [f"{folder.folder}/{name}" for name in names]
    assert folder.paths([*names, "/else/where.pt:1"]) == [*paths, "/else/where.pt:1"]
    assert folder.shortened([*paths, "/else/where.pt"]) == [*names, "/else/where.pt"]


def test_those_who_may_name_no_files_may_name_the_folders(folder):
    limits = Limits(adapters=folder)
    assert {"lora", "textual_inversion"} <= {each.name for each in limits.open_parameters(ROW)}
    assert not {"vae", "tokenizer"} & {each.name for each in limits.open_parameters(ROW)}
    limits.check_given(ROW, {"lora": [f"{folder.folder}/more/a b.safetensors:0.5"]})
    outside = [
        FILES / "kohya.safetensors",
        f"{folder.folder}/../x.pt",
        folder.folder,
        "org/name",
        "more/a b.safetensors",
    ]
    for path in outside:
        with pytest.raises(InputError, match="only listed files can be chosen here: more/a b.safetensors"):
            limits.check_given(ROW, {"lora": [str(path)]})
    with pytest.raises(InputError, match="lora cannot be chosen here"):
        Limits().check_given(ROW, {"lora": [f"{folder.folder}/more/a b.safetensors"]})


def test_a_link_out_of_the_folder_is_not_followed(folder):
    (folder.folder / "link.safetensors").symlink_to(FILES / "old.safetensors")
    with pytest.raises(InputError, match="only listed files"):
        Limits(adapters=folder).check_given(ROW, {"lora": [f"{folder.folder}/link.safetensors"]})


def test_a_folder_that_is_none_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        AdapterFolder(tmp_path / "missing")
