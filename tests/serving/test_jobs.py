"""The queue of jobs, on a stand-in for the model; and once on the embedded one."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import CLIPS
from stand_in_model import STEPS, VIDEO, StandInModel

from ppt2v import InputError, Model, video
from ppt2v.errors import DiskFull, NumericalError, QueueFull
from ppt2v.language import speaking
from ppt2v.models.sources import catalogue, locate
from ppt2v.modes import MODES
from ppt2v.serving import limits
from ppt2v.serving import queue as jobs_module
from ppt2v.serving.job import CANCELLED, DONE, FAILED, QUEUED, RUNNING, Store
from ppt2v.serving.limits import Limits
from ppt2v.serving.makers import Here
from ppt2v.serving.queue import Jobs

CLIP = CLIPS / "panda.mp4"
ASKED = {"prompt": "a panda", "seed": 1}


@pytest.fixture
def model():
    return StandInModel()


@pytest.fixture
def jobs(tmp_path, model):
    opened = Jobs(tmp_path / "out", [Here(model)], capacity=2)
    yield opened
    model.go.set()
    opened.close()


def running(job) -> bool:
    return job.state == RUNNING and job.total is not None


def contents(folder: Path) -> list[str]:
    """The files beneath a folder, but for the list of jobs and its journal."""
    files = (file for file in folder.rglob("*") if file.is_file() and not file.name.startswith("jobs.sqlite"))
    return sorted(str(file.relative_to(folder)) for file in files)


def test_a_job_is_done_in_a_folder_of_its_own(jobs, model):
    job = jobs.wait(jobs.submit("text2video", {"prompt": "a panda", "save_format": "gif", "eta": None}).id)
    assert job.state == DONE and job.error is None and job.submitted <= job.started <= job.ended
    assert job.path == jobs.folder / job.id / "video.gif" and job.path.read_bytes() == VIDEO
    assert (job.stage, job.done, job.total) == ("Denoising", STEPS, STEPS)
    mode, given = model.runs[0]
    assert mode == "text2video" and given["prompt"] == "a panda" and "eta" not in given


def test_the_seed_is_fixed_when_a_job_is_taken_on(jobs, model):
    drawn = {jobs.submit("text2video", {"prompt": "a panda"}).values["seed"] for _ in range(2)}
    assert len(drawn) == 2
    for job in jobs.all():
        jobs.wait(job.id)
    assert {given["seed"] for _, given in model.runs} == drawn
    assert jobs.submit("text2video", ASKED).values["seed"] == 1


def test_progress_and_preview_of_the_one_that_runs(jobs, model):
    model.go.clear()
    first, second = (jobs.submit("text2video", ASKED) for _ in range(2))
    first = jobs.wait(first.id, until=lambda job: job.preview is not None)
    assert first.preview.shape == (8, 8, 3) and first.total == STEPS and first.remaining is None
    assert jobs.get(second.id).state == QUEUED
    assert replace(first, done=1, stage_began=10.0, reported=12.0).remaining == 2.0 * (STEPS - 1)
    model.go.set()
    assert [jobs.wait(job.id).state for job in (first, second)] == [DONE, DONE]
    assert jobs.get(first.id).preview is None


def test_waiting_and_running_jobs_are_cancelled(jobs, model):
    model.go.clear()
    first, second = (jobs.submit("text2video", ASKED) for _ in range(2))
    jobs.wait(first.id, until=running)
    assert jobs.cancel(second.id).state == CANCELLED
    assert jobs.cancel(first.id).state == RUNNING
    model.go.set()
    assert jobs.wait(first.id).state == CANCELLED
    assert len(model.runs) == 1 and not contents(jobs.folder)
    assert jobs.cancel(first.id).state == CANCELLED
    assert jobs.wait(jobs.submit("text2video", ASKED).id).state == DONE


def test_finished_jobs_are_deleted_with_their_videos_and_no_others(jobs, model):
    model.go.clear()
    first, second = (jobs.submit("text2video", ASKED) for _ in range(2))
    jobs.wait(first.id, until=running)
    assert jobs.places() == {second.id: 1}
    assert not jobs.delete(first.id) and not jobs.delete(second.id)
    model.go.set()
    assert [jobs.wait(job.id).state for job in (first, second)] == [DONE, DONE]
    assert jobs.delete(first.id) and jobs.all() == [jobs.get(second.id)]
    assert contents(jobs.folder) == [f"{second.id}/video.mp4"]
    with pytest.raises(KeyError):
        jobs.delete(first.id)
    folder, kept = jobs.folder, jobs.get(second.id)
    jobs.close()
    after = Jobs(folder, [Here(model)])
    assert [(job.id, job.path) for job in after.all()] == [(kept.id, kept.path)]
    after.close()


def test_several_jobs_are_taken_on_together_or_not_at_all(jobs, model):
    model.go.clear()
    with pytest.raises(QueueFull, match="0 jobs wait already, and the most is 2"):
        jobs.submit_all("text2video", [ASKED] * 3)
    with pytest.raises(InputError, match="seed=-1"):
        jobs.submit_all("text2video", [ASKED, {**ASKED, "seed": -1}])
    assert not jobs.all()
    taken = jobs.submit_all("text2video", [ASKED, {**ASKED, "seed": 2}])
    assert [job.values["seed"] for job in taken] == [1, 2] and len(jobs.all()) == 2


def test_listeners_are_told_each_change_and_of_the_end_once(jobs):
    told = []
    jobs.listeners.append(told.append)
    job = jobs.wait(jobs.submit("text2video", ASKED).id)
    jobs.close()
    assert [each.state for each in told if each.state != RUNNING] == [QUEUED, DONE] and told[-1] == job
    assert {each.done for each in told if each.state == RUNNING} == set(range(STEPS + 1))


@pytest.mark.parametrize("lacking", [["webhook", "client", "priority"], ["client", "priority"]])
def test_a_list_of_an_earlier_version_is_taken_over(tmp_path, model, lacking):
    jobs = Jobs(tmp_path, [Here(model)])
    job = jobs.wait(jobs.submit("text2video", ASKED).id)
    jobs.close()
    with sqlite3.connect(tmp_path / "jobs.sqlite") as old:
        for column in lacking:
            old.execute(f"ALTER TABLE jobs DROP COLUMN {column}")
    old.close()
    jobs = Jobs(tmp_path, [Here(model)])
    assert (jobs.get(job.id).state, jobs.get(job.id).path, jobs.get(job.id).priority) == (DONE, job.path, 0)
    assert jobs.wait(jobs.submit("text2video", ASKED).id).state == DONE
    jobs.close()


def test_a_full_queue_takes_no_more(jobs, model):
    model.go.clear()
    jobs.wait(jobs.submit("text2video", ASKED).id, until=running)
    for _ in range(2):
        jobs.submit("text2video", ASKED)
    with pytest.raises(QueueFull, match="2 jobs wait"):
        jobs.submit("text2video", ASKED)
    assert len(jobs.all()) == 3


def test_a_full_disk_takes_no_more(jobs, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(jobs_module.shutil, "disk_usage", lambda folder: usage(100, 99, 1))
    with pytest.raises(DiskFull, match="disk"):
        jobs.submit("text2video", ASKED)
    assert not jobs.all()


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (lambda folder: NumericalError("E-NAN", "NaN in step {step}", step=3), "NaN in step 3"),
        (lambda folder: InputError("E-CLIP", "{clip} is damaged", clip=folder / "clips/a.mp4"), "clips/a.mp4 is"),
        (lambda folder: OSError(28, "No space left on device", "/secret"), "the disk of this service is full"),
        (lambda folder: ZeroDivisionError("/secret/file.py"), "something went wrong"),
    ],
    ids=["NumericalError", "InputError", "OSError", "ZeroDivisionError"],
)
def test_a_failure_is_told_and_the_next_job_runs(jobs, model, failure, said):
    model.failure = failure(jobs.folder)
    failed, after = (jobs.wait(jobs.submit("text2video", {"prompt": prompt}).id) for prompt in ("fail", "a panda"))
    assert failed.state == FAILED and str(failed.error).startswith(said)
    assert str(jobs.folder) not in str(failed.error) and "secret" not in str(failed.error)
    assert after.state == DONE and not (jobs.folder / failed.id).exists()


@pytest.mark.parametrize(
    ("mode", "wrong", "said"),
    [
        ("text2vid", {}, "unknown mode"),
        ("text2video", {"prompt": " "}, "prompt is empty"),
        ("text2video", {"lenght": 3}, "unknown parameter"),
        ("text2video", {"seed": -1}, "seed=-1"),
        ("text2video", {"seed": 10**400}, "seed="),
        ("text2video", {"guidance_scale": -(10**400)}, "guidance_scale="),
        ("text2video", {"save_path": "x.mp4"}, "save_path"),
        ("text2video", {"checkpoint_dir": "/tmp"}, "checkpoint"),
        ("text2video", {"lora": ["/etc/passwd"]}, "lora cannot be chosen"),
        ("text2video", {"saliency_weights": "/etc"}, "saliency_weights cannot"),
        ("text2video", {"model_name": "/etc"}, "model '/etc' cannot"),
        ("text2video", {"model_name": "CompVis/stable-diffusion-v1-4"}, "cannot be chosen here; there is embedded"),
        ("text2video", {"model_name": "embedded/../../.."}, "there is no"),
        ("text2video", {"watermark": "/etc/logo.png"}, "picture as the watermark"),
        ("text2video", {"save_format": "png"}, "save_format"),
        ("text2video", {"fps": 1e300}, "fps"),
        ("text2video", {"prompt": "a" * 3000}, "3000 is too much, the most here is 2000 letters"),
        ("text2video", {"video_length": 65}, "video_length: 65 is too much, the most here is 64"),
        ("text2video", {"video_length": 64, "interpolate": 16}, "interpolate: 1009 is too much, the most here is 256"),
        ("text2video", {"video_length": 64, "anchors": "1"}, "anchors: 63 is too much, the most here is 16 frames"),
        ("text2video", {"num_inference_steps": 101}, "101 is too much"),
        ("synthesize", {"num_inference_steps": 51, "free_init": 2}, "times free_init: 102 is too much"),
        ("text2video", {"resolution": "769x8"}, "resolution: 769 is too much"),
        ("synthesize", {"resolution": 256, "upscale": 4}, "resolution, times upscale: 1024 is too much, the most here"),
        ("synthesize", {"upscale": 2}, "upscale=2: say the resolution as well; the most here is 768 pixels in the end"),
        ("synthesize", {"upscale": 2, "upscale_model": "/etc"}, "model '/etc' cannot"),
        ("text2video", {"resolution": "9" * 400}, "resolution"),
        ("synthesize", {"resolution": "9" * 400, "upscale": 2}, "resolution"),
        ("canny", {}, "there is no clip"),
        ("canny", {"video_path": __file__}, "video"),
        ("canny", {"video_path": CLIP, "out_fps": 200}, "frames of the clip"),
        ("canny", {"video_path": CLIP, "extra_controls": ["depth:1:/etc"]}, "model '/etc' cannot"),
        ("canny", {"video_path": CLIP, "extra_controls": ["depth:1"] * 5}, "extra_controls: 5 is too much"),
        ("canny", {"video_path": CLIP, "detector_weights": "/etc"}, "unknown parameter|cannot be chosen"),
    ],
)
def test_what_may_not_be_asked_for_is_refused_at_once(jobs, model, mode, wrong, said):
    with pytest.raises(InputError, match=said) as error:
        jobs.submit(mode, {"prompt": "a panda", **wrong})
    assert "\n" not in str(error.value)
    assert not jobs.all() and not model.runs and not contents(jobs.folder)


def test_models_that_the_operator_allows(tmp_path, model):
    folder = str(locate.locate(catalogue.EMBEDDED))  # by its path, it is a model as any other
    jobs = Jobs(tmp_path / "out", [Here(model)], limits=Limits(models=(folder, "an/id")))
    with pytest.raises(InputError, match="cannot be chosen here; there is embedded, an/id$"):
        jobs.submit("text2video", {**ASKED, "model_name": "an/other"})
    assert jobs.wait(jobs.submit("text2video", {**ASKED, "model_name": folder}).id).state == DONE
    jobs.close()


def test_without_limits_everything_may_be_asked_for(tmp_path, model):
    jobs = Jobs(tmp_path / "out", [Here(model)], limits=None)
    asked = {
        **ASKED,
        "model_name": str(locate.locate(catalogue.EMBEDDED)),
        "num_inference_steps": 500,
        "save_format": "png",
    }
    assert jobs.wait(jobs.submit("text2video", asked).id).path.name == "video.png"
    jobs.close()


def test_every_text_that_may_name_a_place_is_classified():
    """A new parameter that names a file, a folder or a model has to say so (``Parameter.holds``)."""
    harmless = {"prompt", "prompt_2", "n_prompt", "n_prompt_2", "a_prompt", "anchors", "resolution", "save_format"}
    harmless |= {"watermark", "extra_controls"}
    parameters = [each for mode in MODES.values() for each in mode.parameters]
    free = [each for each in parameters if each.kind is str and not each.choices and each.holds != "keyframes"]
    texts = {each.name for each in free}
    places = {"clip", "model", *limits.OPERATORS}
    classified = {each.name for each in parameters if each.holds in places}
    assert texts == harmless | classified - {"decode_tile", "offload"}


def test_why_a_job_failed_is_told_in_the_readers_language_after_a_restart_too(tmp_path, model):
    model.failure = InputError("E-CLIP-MISSING", "{path} does not exist: give a video file", path="a.mp4")
    for _ in range(2):
        opened = Jobs(tmp_path / "out", [Here(model)])
        failed = opened.wait((opened.all() or [opened.submit("text2video", {**ASKED, "prompt": "fail"})])[0].id)
        opened.close()
        assert failed.error.code == "E-CLIP-MISSING" and str(failed.error) == "a.mp4 does not exist: give a video file"
        with speaking("zh"):
            assert str(failed.error) == "a.mp4 不存在：请给出视频文件"


def test_jobs_survive_a_restart(tmp_path, model):
    before = Jobs(tmp_path, [Here(model)])
    done = before.wait(before.submit("text2video", ASKED).id)
    model.go.clear()
    interrupted, waiting = (before.submit("text2video", ASKED) for _ in range(2))
    before.wait(interrupted.id, until=running)
    before._closed = True  # as close does, before the run may go on
    model.go.set()
    before.close()
    assert before.get(interrupted.id).state == QUEUED
    after = Jobs(tmp_path, [Here(model)])
    assert after.get(done.id).path == done.path and after.get(done.id).values == done.values
    assert [after.wait(job.id).state for job in (interrupted, waiting)] == [DONE, DONE]
    after.close()
    assert len(model.runs) == 4


@pytest.mark.parametrize(("keep_days", "kept"), [(None, True), (1, True), (0, False)])
def test_finished_videos_are_deleted_once_they_are_old(tmp_path, model, keep_days, kept):
    model.go.set()
    jobs = Jobs(tmp_path, [Here(model)], keep_days=keep_days)
    done = jobs.wait(jobs.submit("text2video", ASKED).id)
    jobs.close()
    assert done.state == DONE and done.path.exists() == kept
    assert jobs.get(done.id) == done


def test_what_ran_at_a_kill_runs_again_but_not_for_ever(tmp_path, model):
    jobs = Jobs(tmp_path, [Here(model)])
    ids = [jobs.wait(jobs.submit("text2video", ASKED).id).id for _ in range(2)]
    jobs.close()
    store = Store(tmp_path)
    for job, starts in zip(store.jobs(), (1, 2)):
        store.save(replace(job, state=RUNNING, starts=starts, path=None, ended=None))
    store.close()
    jobs = Jobs(tmp_path, [Here(model)])
    once, twice = (jobs.wait(id) for id in ids)
    assert once.state == DONE and once.starts == 2
    assert twice.state == FAILED and "stopped twice" in str(twice.error)
    jobs.close()


@pytest.mark.parametrize("saved_after", [1, -1, None])
def test_starts_count_only_without_a_step_completed_in_between(tmp_path, model, saved_after):
    jobs = Jobs(tmp_path, [Here(model)])
    job = jobs.wait(jobs.submit("text2video", ASKED).id)
    jobs.close()
    store = Store(tmp_path)
    store.save(replace(job, state=RUNNING, starts=2, started=1000.0, path=None, ended=None))
    store.close()
    (tmp_path / job.id / "unfinished").mkdir()
    names = ["latents.partial.npz"] + ["latents.npz"] * (saved_after is not None)
    for name in names:
        file = tmp_path / job.id / "unfinished" / name
        file.touch()
        os.utime(file, (1000 + (saved_after or 1),) * 2)
    jobs = Jobs(tmp_path, [Here(model)])
    again = jobs.wait(job.id)
    jobs.close()
    assert (again.state, again.starts) == ((DONE, 1) if saved_after == 1 else (FAILED, 2))
    assert (tmp_path / job.id).exists() == (saved_after == 1)


def test_a_full_disk_at_the_start_keeps_no_job_from_going_on(tmp_path, model, monkeypatch):
    jobs = Jobs(tmp_path, [Here(model)])
    job = jobs.wait(jobs.submit("text2video", ASKED).id)
    jobs.close()
    store = Store(tmp_path)
    store.save(replace(job, state=RUNNING, starts=1, path=None, ended=None))
    store.close()

    def full(self, job):
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "save", full)
        jobs = Jobs(tmp_path, [Here(model)])
        assert jobs.wait(job.id).state == DONE
        with pytest.raises(DiskFull):
            jobs.submit("text2video", ASKED)
    assert jobs.wait(jobs.submit("text2video", ASKED).id).state == DONE
    jobs.close()


def test_one_process_per_folder(jobs):
    code = "import sys; from ppt2v.serving.queue import Jobs; Jobs(sys.argv[1], [])"
    other = subprocess.run([sys.executable, "-c", code, str(jobs.folder)], capture_output=True, text=True)
    assert "InputError" in other.stderr and "in use by another ppt2v" in other.stderr


def test_a_damaged_list_and_an_impossible_folder_are_refused(tmp_path, model):
    (tmp_path / "jobs.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(InputError, match="jobs.sqlite cannot be used"):
        Jobs(tmp_path, [Here(model)])
    with pytest.raises(InputError, match="cannot be made"):
        Jobs(tmp_path / "jobs.sqlite" / "out", [Here(model)])


KILLED = """
import sys
from ppt2v import Model
from ppt2v.serving.makers import Here
from ppt2v.serving.queue import Jobs
jobs = Jobs(sys.argv[1], [Here(Model(device="cpu", engine="eager", show_progress=False))])
job = jobs.submit("text2video", {"prompt": "a panda", "video_length": 2, "num_inference_steps": 6, "seed": 3})
jobs.wait(job.id, until=lambda job: job.preview is not None and job.done >= 2)
print(job.id, flush=True)
jobs.wait(job.id)
"""


@pytest.fixture(scope="module")
def real_model():
    return Model(device="cpu", engine="eager", show_progress=False)


def test_a_killed_process_goes_on_to_the_same_video(tmp_path, real_model):
    child = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    id = child.stdout.readline().strip()
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    jobs = Jobs(tmp_path, [Here(real_model)])
    assert not jobs.get(id).finished
    again = jobs.wait(id)
    assert again.state == DONE and contents(tmp_path / id) == ["video.mp4"]
    whole = real_model.run("text2video", **again.values, save_path=tmp_path / "whole.mp4")
    assert Path(whole).read_bytes() == again.path.read_bytes()
    jobs.close()


def test_a_cancelled_run_of_the_real_model_leaves_nothing_and_the_next_one_is_right(tmp_path, real_model):
    jobs = Jobs(tmp_path, [Here(real_model)])
    asked = {"prompt": "a panda", "video_length": 2, "num_inference_steps": 6, "seed": 3}
    first = jobs.submit("text2video", asked)
    seen = jobs.wait(first.id, until=lambda job: job.preview is not None)
    assert seen.preview.shape == (128, 128, 3) and seen.preview.std() > 5
    jobs.cancel(first.id)
    assert jobs.wait(first.id).state == CANCELLED
    assert not contents(tmp_path)
    second = jobs.wait(jobs.submit("text2video", asked).id)
    jobs.close()
    unwatched = real_model.run("text2video", **asked, save_path=tmp_path / "unwatched.mp4")
    assert second.path.read_bytes() == Path(unwatched).read_bytes()
    assert video.read_recipe(second.path)["parameters"]["seed"] == 3
