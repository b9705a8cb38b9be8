"""Several workers over one queue, in processes of their own."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
from stand_in_model import VIDEO
from stand_in_process import MAP, STEPS, StandInProcess

from ppt2v import InputError, Model
from ppt2v.serving.job import CANCELLED, DONE, FAILED, QUEUED, RUNNING, Terms
from ppt2v.serving.makers import Elsewhere, Here, started
from ppt2v.serving.queue import Jobs
from ppt2v.serving.worker import End, Said, Worker
from ppt2v.workers.pool import Answer
from ppt2v.workers.processes import Processes

ASKED = {"prompt": "a panda", "seed": 1}


@pytest.fixture
def stand_in(tmp_path):
    return StandInProcess(tmp_path)


@pytest.fixture
def jobs(tmp_path, stand_in):
    with started("local", 2, partial(StandInProcess, tmp_path)) as makers:
        opened = Jobs(tmp_path / "out", makers, capacity=100)
        yield opened
        (tmp_path / "go").touch()
        opened.close()


def ask(jobs: Jobs, *prompts: str) -> list[str]:
    return [jobs.submit("text2video", {**ASKED, "prompt": prompt}).id for prompt in prompts]


def waits(job) -> bool:
    return job.state == RUNNING and job.done == 1


def test_jobs_are_made_at_once_with_progress_preview_and_map_and_can_be_cancelled(jobs, stand_in, tmp_path):
    told = []
    jobs.listeners.append(told.append)
    first, second, third = ask(jobs, "wait", "wait", "a panda")
    seen = [jobs.wait(id, until=waits) for id in (first, second)]
    assert all((job.stage, job.total) == ("Denoising", STEPS) for job in seen)
    assert all(job.preview.shape == (8, 8, 3) and (job.control_map == MAP).all() for job in seen)
    assert jobs.places() == {third: 1}
    jobs.cancel(second)
    (tmp_path / "go").touch()
    assert [jobs.wait(id).state for id in (first, second, third)] == [DONE, CANCELLED, DONE]
    assert jobs.get(first).path.read_bytes() == VIDEO and not (jobs.folder / second).exists()
    assert len({process for process, _ in stand_in.runs()}) == 2 and os.getpid() not in dict(stand_in.runs())
    assert [job.done for job in told if job.id == first and job.state == RUNNING and job.stage == "Denoising"]
    assert all(seat.maker.memory > 1e7 for seat in jobs.seats)


def test_errors_come_back_as_they_are(jobs, caplog):
    failed, unsendable, after = map(jobs.wait, ask(jobs, "fail", "unsendable", "a panda"))
    assert failed.error.code == "E-CLIP-MISSING" and "a.mp4 does not exist" in str(failed.error)
    assert unsendable.error.code == "E-JOB" and after.state == DONE
    assert "Unsendable: of two parts" in caplog.text and "in run" in caplog.text


def test_a_lost_workers_job_is_made_by_another_but_not_for_ever(jobs, stand_in):
    told = Counter()
    jobs.listeners.append(lambda job: told.update([(job.id, job.state)]))
    once, twice, other = map(jobs.wait, ask(jobs, "die once", "die", "a panda"))
    assert [job.state for job in (once, twice, other)] == [DONE, FAILED, DONE]
    assert twice.error.code == "E-JOB-WORKERS-LOST" and not (jobs.folder / twice.id).exists()
    assert Counter(id for _, id in stand_in.runs()) == {once.id: 2, twice.id: 2, other.id: 1}
    assert told[once.id, DONE] == told[twice.id, FAILED] == 1 and told[once.id, QUEUED] == 2
    assert sum(seat.maker.losses for seat in jobs.seats) == 3


def test_a_job_that_was_cancelled_when_its_worker_was_lost_stays_so(jobs, stand_in):
    (id,) = ask(jobs, "wait")
    jobs.wait(id, until=waits)
    jobs.cancel(id)
    os.kill(stand_in.runs()[0][0], signal.SIGKILL)
    assert jobs.wait(id).state == CANCELLED and len(stand_in.runs()) == 1


def test_a_worker_that_dies_while_it_is_idle_costs_no_job_a_start(jobs, stand_in):
    for id in ask(jobs, "a panda", "a panda", "a panda"):
        jobs.wait(id)
    for process in {process for process, _ in stand_in.runs()}:
        os.kill(process, signal.SIGKILL)
    assert [jobs.wait(id).starts for id in ask(jobs, "a panda", "a panda")] == [1, 1]


def test_a_worker_that_the_machine_cannot_start_is_tried_again(caplog):
    class Lost:
        def begin(self, call):
            pass

        def answer(self):
            return None

        def end(self):
            pass

    class Living(Lost):
        def answer(self):
            return Answer(Said(End(), 5))

    class Full:
        started = iter([Lost, OSError(12, "no memory"), Living])

        def start(self):
            each = next(self.started)
            if isinstance(each, OSError):
                raise each
            return each()

    maker = Elsewhere(Full())
    assert not maker.ready() and "no memory" in caplog.text
    assert not maker.ready() and maker.losses == 2, "the lost one is found again, and another is started"
    assert maker.ready()


@pytest.fixture
def stand_in_goes_along():
    """Ray's workers do not find the tests' modules."""
    import ray

    modules = [sys.modules[name] for name in ("stand_in_model", "stand_in_process")]
    for module in modules:
        ray.cloudpickle.register_pickle_by_value(module)
    yield
    for module in modules:
        ray.cloudpickle.unregister_pickle_by_value(module)


@pytest.mark.parametrize(("runner", "each"), [("local", 10), pytest.param("ray", 3, marks=pytest.mark.slow)])
def test_thirty_clients_are_answered_once_each_though_two_workers_are_killed(
    runner, each, tmp_path, stand_in, stand_in_goes_along, monkeypatch
):
    """What the campaign does over HTTP with the real model."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    told: Counter = Counter()
    with started(runner, 2, partial(StandInProcess, tmp_path, 0.002), None, [str(tmp_path)]) as makers:
        jobs = Jobs(tmp_path / "out", makers, capacity=300)
        jobs.listeners.append(lambda job: told.update([job.id] * job.finished))
        ids = [jobs.submit("text2video", ASKED, Terms(client=str(number % 30))).id for number in range(30 * each)]
        killed = set()
        for place in (5 * each, 15 * each):
            jobs.wait(ids[place])
            process, lost = stand_in.runs()[-1]
            os.kill(process, signal.SIGKILL)
            killed.add(process)
            jobs.wait(lost)  # a job over which both are lost would fail, and rightly so
        assert {jobs.wait(id).state for id in ids} == {DONE}
        jobs.close()
    assert told == Counter(ids) and len(killed) == 2
    assert sorted(file.parent.name for file in (tmp_path / "out").glob("*/video.mp4")) == sorted(ids)


@pytest.mark.slow
def test_the_same_holds_for_workers_on_ray(tmp_path, stand_in, stand_in_goes_along, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with started("ray", 2, partial(StandInProcess, tmp_path), None, [str(tmp_path)]) as makers:
        jobs = Jobs(tmp_path / "out", makers, capacity=100)
        waiting, once = ask(jobs, "wait", "die once")
        assert jobs.wait(once).state == DONE and jobs.get(once).starts == 2
        seen = jobs.wait(waiting, until=waits)
        assert seen.preview.shape == (8, 8, 3) and (seen.control_map == MAP).all()
        jobs.cancel(waiting)
        (tmp_path / "go").touch()
        assert jobs.wait(waiting).state == CANCELLED
        failed = jobs.wait(*ask(jobs, "fail"))
        assert failed.error.code == "E-CLIP-MISSING" and sum(maker.losses for maker in makers) == 1
        jobs.close()


def test_a_worker_that_lacks_a_folder_or_a_model_is_named_with_the_cure(stand_in, tmp_path):
    worker = Worker(lambda: stand_in)
    assert worker.check([str(tmp_path), "embedded"]).what == End()
    for place in (str(tmp_path / "models"), "an/id"):
        error = worker.check([place]).what.error
        assert error.code == "E-WORKER-LACKS" and f"{socket.gethostname()} lacks {place}: put it there" in str(error)


def test_a_model_that_cannot_be_made_is_refused_at_the_start():
    with pytest.raises(InputError, match="unknown device 'abacus'"), started("local", 2, partial(Model, "abacus")):
        pass


@pytest.mark.parametrize("command", ["serve", "ui"])
def test_a_wrong_runner_and_a_cluster_that_is_not_there_are_refused(command, run, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    unknown = "--runner='slurm': the rule is one of local, ray"
    for runner, said in (("slurm", unknown), ("ray", "RAY_ADDRESS=127.0.0.1:1")):
        status, out, err = run(command, "--port", "0", "--runner", runner, "--workers", "2")
        assert (status, out) == (2, "") and said in err and err.count("\n") == 1


def test_workers_of_a_cluster_get_a_gpu_each_where_no_device_was_named(monkeypatch):
    asked = []

    def place_of(runner, number, make, arguments, device, graphics):
        asked.append((runner, device, graphics))
        raise InputError("E-ANY", "far enough")

    monkeypatch.setattr("ppt2v.serving.makers.device_name", {None: "gpu"}.__getitem__)
    monkeypatch.setattr("ppt2v.serving.makers.cards", {"gpu": 3}.__getitem__)
    monkeypatch.setattr("ppt2v.serving.makers.place_of", place_of)
    for runner in ("ray", "local"):
        with pytest.raises(InputError, match="far enough"), started(runner, 2, Model):
            pass
    assert asked == [("ray", "gpu", 0), ("local", "gpu", 3)]


def test_one_worker_is_this_process(tmp_path):
    with started("local", 1, partial(StandInProcess, tmp_path)) as makers:
        assert isinstance(makers[0], Here)


def test_a_killed_worker_of_the_real_model_goes_on_to_the_same_video(tmp_path):
    make = partial(Model, device="cpu", engine="eager", show_progress=False)
    asked = {"prompt": "a panda", "video_length": 2, "num_inference_steps": 6, "seed": 3}
    place = Processes(Worker, (make,))
    maker = Elsewhere(place)
    jobs, told = Jobs(tmp_path, [maker]), []
    jobs.listeners.append(told.append)
    job = jobs.wait(jobs.submit("text2video", asked).id, until=lambda job: job.done >= 2)
    os.kill(maker._worker.child.id, signal.SIGKILL)
    again = jobs.wait(job.id)
    jobs.close()
    maker.close()
    place.close()
    assert again.state == DONE and again.starts == 1, "a step was completed in between"
    lost = next(index for index, job in enumerate(told) if index and job.state == QUEUED)
    assert min(job.done for job in told[lost:] if job.stage and "Denoising" in job.stage and job.total) >= 2
    whole = make().run("text2video", **again.values, save_path=tmp_path / "whole.mp4")
    assert Path(whole).read_bytes() == again.path.read_bytes()
