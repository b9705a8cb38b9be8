"""Single networks that go with a model: what is said of a folder that holds none."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import CLIPS
from safetensors.numpy import save_file
from tiny_model import write_json

from ppt2v import InputError
from ppt2v.models.sources import network
from ppt2v.modes import MODES
from ppt2v.request.request import Request

ALL = [network.MOTION_MODULE, network.CONTROLNET, network.VAE, network.PREVIEW_VAE]


@pytest.mark.parametrize("wanted", ALL, ids=lambda each: each.kind)
def test_of_a_folder_that_holds_no_such_network_it_is_said_what_is_wanted(wanted, tiny_folder, motion_folder, tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    cases = {tmp_path: "it has no config.json", tiny_folder / "unet": "its config.json is that of 'UNet2DCond"}
    if wanted.part != "vae":
        cases[tiny_folder] = "it is a whole model"
    for folder, held in cases.items():
        with pytest.raises(InputError, match=f"{folder} is no {wanted.what}: {held}.*; give .*an id such as") as said:
            network.check(str(folder), wanted)
        assert said.value.code == "E-NETWORK-OTHER"
    network.check(str(motion_folder), network.MOTION_MODULE)
    network.check(str(tiny_folder), network.VAE)


@pytest.mark.parametrize(("wanted", "own"), [(network.MOTION_MODULE, "motion_folder"), (network.VAE, "tiny_folder")])
def test_in_the_folder_of_a_whole_model_its_part_is_meant(wanted, own, request, tmp_path):
    folder = Path(request.getfixturevalue(own))
    shutil.copytree(folder / "vae" if own == "tiny_folder" else folder, tmp_path / wanted.part)
    write_json(tmp_path / "model_index.json", {"_class_name": "AnimateDiffPipeline"})
    assert network.place(str(tmp_path), wanted) == tmp_path / wanted.part


def test_where_a_folder_holds_a_file_that_file_is_to_be_given(tmp_path):
    save_file({"a": np.zeros(1, np.float32)}, tmp_path / "mm.safetensors")
    for wanted in ALL:
        with pytest.raises(InputError, match="has no config.json") as refused:
            network.check(str(tmp_path), wanted)
        assert ("give the file in it, " in str(refused.value)) == wanted.is_file


@pytest.mark.parametrize(
    ("mode", "given"),
    [("animate", {"motion_module": "."}), ("canny", {"video_path": CLIPS / "car.mp4", "controlnet": "."})],
)
def test_a_run_is_told_so_before_anything_is_loaded(mode, given, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as refused:
        Request.of(MODES[mode], {"prompt": "a fox", **given})
    assert refused.value.code == "E-NETWORK-OTHER"
