"""Tiny seeded networks in the layout of Stable Diffusion 1.5, shared by all tests."""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

# What makes rich and typer write colours or other widths into what the tests read; typer looks when it is imported.
for _name in ("GITHUB_ACTIONS", "FORCE_COLOR", "PY_COLORS", "CLICOLOR_FORCE", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
    os.environ.pop(_name, None)
os.environ["COLUMNS"] = "80"
os.environ["PPT2V_LANG"] = "en"
os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112  (else its workers wait for all the other tests)

import tiny_model  # noqa: E402
from tiny_model import write_json  # noqa: E402

import ppt2v  # noqa: E402, F401  (before Paddle, for its threads and its zlib)

ROOT = Path(__file__).parents[1]
DATA = ROOT / "tests" / "data"
CLIPS = ROOT / "__assets__" / "clips"


def pytest_runtest_setup() -> None:
    """Takes numpy.bool back, which PPDiffusers makes Python's own: NumPy 2.4 compares no single numbers with that."""
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.bool = numpy.bool_


@pytest.fixture(scope="session", autouse=True)
def engine_cache(tmp_path_factory) -> Iterator[None]:
    """Exported programs go to a folder of the session, and never to the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PPT2V_CACHE", str(tmp_path_factory.mktemp("engine_cache")))
        yield


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory) -> Path:
    """A complete Stable Diffusion folder: random weights, 77 tokens, latents [4, 8, 8], images [3, 16, 16]."""
    return tiny_model.write_stable_diffusion(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def motion_folder(tmp_path_factory) -> Path:
    """Motion modules for the model in ``tiny_folder``."""
    return tiny_model.write_motion_modules(tmp_path_factory.mktemp("models") / "motion")


@pytest.fixture(scope="session")
def modelscope_folder(tmp_path_factory) -> Path:
    """A tiny text-to-video model as ModelScope publishes it: latents [4, 8, 8] for pictures [3, 16, 16]."""
    return tiny_model.write_modelscope(tmp_path_factory.mktemp("models") / "modelscope")


@pytest.fixture(scope="session")
def modelscope_model(modelscope_folder):
    """What ``modelscope_folder`` holds, loaded once."""
    from ppt2v.models.families.text_to_video import load_text_to_video

    return load_text_to_video(modelscope_folder)


@pytest.fixture
def copy(tiny_folder, tmp_path) -> Path:
    """A copy of ``tiny_folder`` that a test may damage."""
    return Path(shutil.copytree(tiny_folder, tmp_path / "copy"))


def scheduler_says(folder: Path, **said) -> None:
    """Adds that to what the scheduler's file of a model says."""
    file = folder / "scheduler" / "scheduler_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text(encoding="utf-8")), **said}), encoding="utf-8")


@pytest.fixture
def tiny_pipe(tiny_folder):
    """A StableDiffusionPipeline loaded from ``tiny_folder``, fresh for each test."""
    from ppt2v.models.families.stable_diffusion import load_stable_diffusion

    return load_stable_diffusion(tiny_folder)


@pytest.fixture(scope="session")
def video_fusion_folder(tiny_folder, tmp_path_factory) -> Path:
    """A tiny VideoFusion model for up to 6 frames: the networks of ``tiny_folder`` and a residual generator."""
    import paddle

    from ppt2v.pipelines.networks.unet3d import UNet3D

    folder = Path(shutil.copytree(tiny_folder, tmp_path_factory.mktemp("models") / "video_fusion"))
    config = {
        "in_channels": 9,
        "block_out_channels": (8, 16),
        "layers_per_block": 1,
        "norm_num_groups": 4,
        "down_block_types": ("DownBlock3D", "CrossAttnDownBlock3D"),
        "sample_size": 8,
        "attention_head_dim": 2,
        "up_block_types": ("CrossAttnUpBlock3D", "UpBlock3D"),
        "cross_attention_dim": 16,
    }
    paddle.seed(1)
    residual = UNet3D(**config)
    for name, parameter in residual.named_parameters():  # else the layers over the frames add nothing
        if "temp" in name and not parameter.any():
            parameter.set_value(paddle.randn(parameter.shape) / 10)
    residual.save_pretrained(str(folder / "residual"), safe_serialization=True)
    schedule = json.loads((folder / "scheduler" / "scheduler_config.json").read_text(encoding="utf-8"))
    ending = {"prediction_type": "v_prediction", "rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
    write_json(folder / "scheduler" / "scheduler_config.json", {**schedule, **ending})
    index = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
    write_json(
        folder / "model_index.json",
        {
            **index,
            "_class_name": "VideoFusionPipeline",
            "residual": ["ppdiffusers", "UNet3DConditionModel"],
            "base_noise_share": 0.5,
            "frames": 6,
        },
    )
    return folder


@pytest.fixture
def full_disk() -> Callable[[int], AbstractContextManager[None]]:
    """Within ``with full_disk(SIZE)`` writing ends in an OSError, as on a full disk: no file may have more bytes.

    Only there, since what pytest prints may go to a file too.
    """
    pytest.importorskip("resource")
    from campaign.disk import quota

    return quota


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Runs the command ``ppt2v`` in an empty folder; returns exit code, standard output and standard error."""
    from ppt2v.cli import app

    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        with warnings.catch_warnings(), pytest.raises(SystemExit) as end:
            app.main(arguments)
        logging.disable(logging.NOTSET)
        return (end.value.code or 0, *capsys.readouterr())

    return call


@pytest.fixture
def made(monkeypatch) -> list[dict]:
    """Replaces the Model of the commands; what it was told, run by run."""
    import ppt2v.model
    from ppt2v.progress import Progress

    runs = []

    class Recorder:
        def __init__(self, **machine):
            self.machine = machine

        def run(self, mode, callback=None, **parameters):
            runs.append({"mode": mode, "parameters": parameters, **self.machine})
            if callback:
                callback(Progress("Denoising", 1, 2))
            return "made.mp4"

    monkeypatch.setattr(ppt2v.model, "Model", Recorder)
    return runs


@pytest.fixture(scope="session")
def pix2pix(tmp_path_factory) -> Path:
    """A tiny model that edits clips."""
    folder = Path(
        shutil.copytree(DATA / "text2video_reference" / "model", tmp_path_factory.mktemp("models") / "pix2pix")
    )
    shutil.rmtree(folder / "unet")
    shutil.copytree(DATA / "guided_reference" / "pix2pix_unet", folder / "unet")
    return folder
