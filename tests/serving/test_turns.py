"""Whose turn it is: priorities, clients in turn, and who has the model loaded."""

from __future__ import annotations

import pytest

from ppt2v.serving import turns
from ppt2v.serving.job import DONE, RUNNING, Job


def job(name: str, client: str = "a", priority: int = 0, **about) -> Job:
    return Job(
        name, "text2video", {"prompt": "a fox", **about.pop("values", {})}, client=client, priority=priority, **about
    )


def order(*jobs: Job) -> str:
    return " ".join(each.id for each in turns.in_order(jobs))


def test_jobs_of_one_client_keep_their_order():
    assert order(job("1"), job("2"), job("3")) == "1 2 3"
    assert order(job("1", None), job("2", None)) == "1 2"


def test_clients_take_turns_whoever_came_first():
    many = [job(f"a{index}") for index in range(3)]
    assert order(*many, job("b0", "b"), job("c0", "c"), job("b1", "b")) == "a0 b0 c0 a1 b1 a2"


def test_what_runs_counts_as_a_turn():
    assert order(job("a0", state=RUNNING), job("a1"), job("b0", "b")) == "b0 a1"


def test_who_has_had_no_turn_for_the_longest_time_goes_first():
    served = [job("a0", state=DONE, started=20.0), job("b0", "b", state=DONE, started=10.0)]
    assert order(*served, job("a1"), job("b1", "b"), job("c1", "c")) == "c1 b1 a1"


def test_a_higher_priority_goes_first_and_within_it_clients_take_turns():
    jobs = [job("a0"), job("a1", priority=2), job("a2", priority=2), job("b0", "b", 2), job("c0", "c", 1)]
    assert order(*jobs) == "a1 b0 a2 c0 a0"


class Loses:
    """A maker."""

    losses = 0


@pytest.fixture
def seats():
    return [turns.Seat(Loses()) for _ in range(3)]


def took(seat: turns.Seat, job: Job, lost: int = 0) -> None:
    seat.take(job)
    seat.maker.losses = seat.maker.losses + lost
    seat.leave()


def test_a_job_goes_to_who_has_its_model_loaded(seats):
    other = job("other", values={"model_name": "an/id"})
    took(seats[0], job("0"))
    took(seats[1], other)
    assert turns.taken([other], seats) == [(other, seats[1])]
    assert turns.taken([job("1")], seats)[0][1] is seats[0]
    adapted = job("adapted", values={"lora": ["fox.safetensors"]})
    assert turns.taken([adapted], seats) == [(adapted, seats[2])], "who has nothing loaded loses nothing"
    took(seats[2], adapted)
    third = job("third", values={"model_name": "a/third"})
    assert turns.taken([third], seats) == [(third, seats[0])], "who was free first"


def test_who_has_a_job_or_lost_its_worker_is_not_taken_for_loaded(seats):
    first, again = job("first"), job("again")
    seats[1].take(first)
    assert [seat for _, seat in turns.taken([again], seats)] == [seats[0]]
    seats[1].leave()
    assert [seat for _, seat in turns.taken([again], seats)] == [seats[1]]
    took(seats[1], again, lost=1)
    assert seats[1].loaded is None


def test_each_of_the_free_takes_one(seats):
    jobs = [job(str(index)) for index in range(5)]
    pairs = turns.taken(jobs, seats)
    assert [each for each, _ in pairs] == jobs[:3] and {id(seat) for _, seat in pairs} == set(map(id, seats))
    for each, seat in pairs:
        seat.take(each)
    assert turns.taken(jobs[3:], seats) == []
