"""One video by several workers: the same bytes as by one, also when workers die, and when a run goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import DATA
from PIL import Image
from stand_in_place import opener

from ppt2v import InputError, Model, video
from ppt2v.errors import Cancelled
from ppt2v.pipelines.planning.chunks import busiest, chunk_size_for
from ppt2v.runs import team
from ppt2v.runs.files import fingerprints
from ppt2v.runs.frame_worker import FrameWorker, Job

BASE = DATA / "text2video_reference" / "model"
SHORT = {"prompt": "the fox", "seed": 0, "num_inference_steps": 6, "chunk_size": 3}


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    frames = np.random.default_rng(0).integers(0, 255, (5, 24, 32, 3), np.uint8)
    return video.write(frames, tmp_path_factory.mktemp("clips") / "noise.mp4", 10, {})


@pytest.fixture
def made(tmp_path):
    """Makes a video in a mode with so many workers; the bytes of its file."""

    def call(workers: int, mode: str = "text2video", callback=None, **given) -> bytes:
        machine = {"engine": "eager", **{name: given.pop(name) for name in ("engine", "runner") if name in given}}
        model = Model("cpu", show_progress=False, workers=workers, **machine)
        return Path(model.run(mode, callback, save_path=tmp_path / f"{mode}-{workers}.mp4", **given)).read_bytes()

    return call


@pytest.fixture
def text2video(tiny_folder) -> dict:
    return {**SHORT, "model_name": tiny_folder, "video_length": 5, "fps": 4}


@pytest.fixture
def places(monkeypatch) -> list:
    """Workers of this process take the places of others; what was opened."""
    found: list = []
    monkeypatch.setattr(team, "opened", opener(places=found))
    return found


@pytest.mark.parametrize(
    "changes",
    [{}, {"cache_interval": 3, "guidance_stop_step": 0.5}, {"use_cf_attn": False, "eta": 0.5, "offload": True}],
    ids=str,
)
def test_workers_make_the_same_video(made, text2video, places, changes):
    assert made(3, **text2video, **changes) == made(1, **text2video, **changes)
    [place] = places
    assert [set(worker.done) for worker in place.workers] == [{"get_ready", "walk", "decode"}] * 3


@pytest.mark.slow
def test_so_do_they_with_another_engine(made, text2video, places):
    pytest.importorskip("openvino")
    assert made(2, **text2video, engine="openvino") == made(1, **text2video, engine="openvino")


def test_so_do_they_in_guided_modes(made, clip, pix2pix, places):
    edited = {**SHORT, "video_path": clip, "resolution": 32, "model_name": pix2pix}
    assert made(2, "pix2pix", **edited) == made(1, "pix2pix", **edited)
    guided = {**SHORT, "video_path": clip, "resolution": 32, "model_name": BASE, "cache_interval": 2}
    guided["controlnet"] = DATA / "guided_reference" / "controlnet0"
    guided["detector_weights"] = DATA / "detectors_reference" / "dpt"
    assert made(2, "depth", **guided) == made(1, "depth", **guided)
    for place, method in zip(places, ("encode", "look")):
        assert sum(worker.done.count(method) for worker in place.workers) == 5, "each frame once"


@pytest.fixture
def still(tmp_path) -> Path:
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8)).save(tmp_path / "still.png")
    return tmp_path / "still.png"


def test_the_picture_to_begin_with_is_encoded_once(made, text2video, places, still):
    given = {**text2video, "init_image": still, "num_inference_steps": 2}
    assert made(2, **given) == made(1, **given)
    assert sum(worker.done.count("encode") for worker in places[0].workers) == 1


@pytest.mark.parametrize("anchored", [False, True])
def test_so_do_they_window_by_window(made, tiny_folder, motion_folder, clip, still, places, anchored):
    given = {**SHORT, "model_name": tiny_folder, "motion_module": motion_folder, "motion_window": 4}
    del given["chunk_size"]
    given |= {"use_cf_attn": anchored, "num_inference_steps": 2, "prompt_at": "4: dog"}
    given |= (
        {"init_video": clip, "out_fps": 10, "resolution": 32, "strength": 1.0}
        if anchored
        else {"video_length": 7, "upscale": 2, "init_image": still, "strength": 1.0}
    )
    assert made(2, "animate", **given) == made(1, "animate", **given)
    assert all("predict" in worker.done for place in places for worker in place.workers)
    encoded = [sum(worker.done.count("encode") for worker in place.workers) for place in places]
    assert encoded == ([5] if anchored else [1, 7]), "each frame once, and in a second pass each that the first made"


@pytest.mark.slow
def test_so_do_they_with_a_model_of_videos(made, modelscope_folder, places):
    given = {"prompt": "a fox", "seed": 0, "num_inference_steps": 2, "model_name": modelscope_folder, "resolution": 16}
    assert made(2, "synthesize", video_length=24, **given) == made(1, "synthesize", video_length=24, **given)
    assert all("predict" in worker.done for worker in places[0].workers)


def test_a_lost_workers_frames_are_made_by_another(made, text2video, monkeypatch):
    found: list = []
    monkeypatch.setattr(team, "opened", opener(fatal={1, 6, 11}, places=found))
    assert made(2, **text2video) == made(1, **text2video)
    assert len(found[0].workers) == 5
    monkeypatch.setattr(team, "opened", opener(fatal={6, 7}))
    with pytest.raises(InputError, match="2 workers were lost over it"):
        made(2, **text2video)


@pytest.mark.parametrize(("before", "after"), [(2, 1), (1, 2)])
def test_a_run_goes_on_with_other_workers(made, text2video, places, tmp_path, before, after):
    def stop(progress) -> None:
        if progress.stage.startswith("Denoising") and progress.done >= 18:
            raise Cancelled

    kept = {**text2video, "checkpoint_dir": tmp_path / "state"}
    with pytest.raises(Cancelled):
        made(before, callback=stop, **kept)
    seen = []
    assert made(after, callback=seen.append, **kept) == made(1, **text2video)
    assert min(each.done for each in seen if each.total and each.stage.startswith("Denoising")) > 15


def test_progress_and_preview_are_those_of_one_worker(made, text2video, places):
    def told(workers: int) -> list:
        seen = []

        def watch(progress) -> None:
            shapes = progress.frames().shape if progress.frames and progress.total else None
            seen.append((progress.stage, progress.done, progress.total, shapes))

        made(workers, callback=watch, **text2video)
        return seen

    assert told(2) == told(1)


def test_processes_make_the_same_video(made, text2video):
    assert made(2, **text2video) == made(1, **text2video)


@pytest.mark.slow
def test_a_ray_cluster_makes_the_same_video(made, text2video, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    expected = made(1, **text2video)
    assert made(2, **text2video, runner="ray") == expected


@pytest.mark.parametrize(
    ("frames", "workers", "size", "most"),
    [(64, 1, 8, 64), (64, 2, 5, 32), (64, 8, 5, 8), (64, 64, 2, 1), (5, 2, 4, 3), (1, 4, 8, 1), (2, 9, 8, 1)],
)
def test_chunks_are_a_like_share_for_each_worker(frames, workers, size, most):
    assert chunk_size_for(frames, 8, workers) == size
    assert most <= busiest(frames, size, workers) < most + 1 + 0.1 * frames / workers


def test_what_cannot_be_shared_is_refused(made, tiny_folder, motion_folder, video_fusion_folder, places):
    with pytest.raises(InputError, match="workers=2: the networks of .* see all frames of a video together"):
        made(2, "synthesize", prompt="a fox", model_name=video_fusion_folder)
    moved = {"model_name": tiny_folder, "motion_module": motion_folder, "cache_interval": 2}
    with pytest.raises(InputError, match="workers=2, cache_interval=2: .* use cache_interval=1"):
        made(2, "animate", prompt="a fox", **moved)
    with pytest.raises(InputError, match="workers=2, anchors=3: .* use anchors=first"):
        made(2, prompt="a fox", model_name=tiny_folder, anchors="3")
    for arguments in ({"workers": 0}, {"workers": 2, "runner": "slurm"}, {"workers": 100_000}):
        with pytest.raises(InputError, match="the rule is|processor cores; give"):
            Model("cpu", **arguments)
    assert not places


def test_a_worker_without_the_same_files_is_named(text2video, tiny_folder, tmp_path, monkeypatch):
    from ppt2v.modes import MODES
    from ppt2v.request.request import Request

    request = Request.of(MODES["text2video"], text2video)
    choice = Model("cpu", engine="eager", show_progress=False)._session._choice
    job = Job("text2video", request.given, "cpu", choice, fingerprints(request.mode, request.values))
    FrameWorker().check(job)
    other = dict.fromkeys(job.files, "0" * 16)
    with pytest.raises(InputError, match="tiny has other contents here"):
        FrameWorker().check(job._replace(files=other))
    with pytest.raises(InputError, match="hf:some/model is not here"):
        FrameWorker().check(job._replace(given={**job.given, "model_name": "hf:some/model"}))
    monkeypatch.setattr(team, "opened", opener())
    absent = job.given | {"model_name": str(tmp_path / "absent")}
    monkeypatch.setattr(team, "Job", lambda mode, given, *rest: Job(mode, absent, *rest))
    with pytest.raises(InputError, match="the worker worker 0: unknown model .*; give it the files") as error:
        Model("cpu", engine="eager", show_progress=False, workers=2, runner="ray").run("text2video", **text2video)
    assert error.value.code == "E-WORKER" and "\n" not in str(error.value)
