"""Work that is handed out one by one: who is done first gets the next, and a lost worker's work goes to another."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from ppt2v.errors import InputError
from ppt2v.language import Message

ATTEMPTS = 2
LOST = Message(
    "E-WORKERS-LOST",
    "{number} workers were lost over it; most likely it needs more memory than there is",
    number=ATTEMPTS,
)


class Call(NamedTuple):
    """A method of a worker, by name, and what it is given: ``arguments``, then what is in the ``parcels``."""

    method: str
    arguments: tuple = ()
    parcels: tuple = ()


class Parcelled(NamedTuple):
    """What a method returns of which ``parcel`` is for other workers alone and need not come back."""

    value: Any
    parcel: Any


class Answer(NamedTuple):
    """What a call has come to: its value and its parcel, which calls may be given, or an error."""

    value: Any = None
    parcel: Any = None
    error: Exception | None = None


class Worker(Protocol):
    """A worker as it is seen from here; does one call at a time.

    ``name``: says which it is.
    """

    name: str

    def begin(self, call: Call) -> None:
        """Gives it a call."""

    def answer(self) -> Answer | None:
        """The answer to the call; None where the worker is lost."""

    def end(self) -> None:
        """Ends it, whatever it does."""


class Place(Protocol):
    """Where workers are: ``processes.Processes`` or ``actors.Actors``."""

    def start(self) -> Worker:
        """A new worker."""

    def ready(self, workers: Sequence[Any]) -> Any:
        """Waits until one of the workers has an answer, or is lost, and gives it."""

    def share(self, value: Any) -> Any:
        """A parcel with this value."""

    def close(self) -> None:
        """Removes what workers and parcels have left."""


class Asked:
    """A call in the queue, and later its answer."""

    def __init__(self, call: Call):
        self.call, self.losses = call, 0
        self.answer: Answer | None = None

    @property
    def value(self) -> Any:
        """What it has come to; raises the error where it has come to one."""
        assert self.answer is not None
        if self.answer.error is not None:
            raise self.answer.error
        return self.answer.value


class Pool:
    """Workers with a queue; ends them when it is left.

    Args:
        place: where they are.
        number: of the workers.
    """

    def __init__(self, place: Place, number: int):
        self._place, self._number = place, number
        self._idle: list[Worker] = []
        self._busy: dict[Worker, Asked] = {}
        self._waiting: deque[Asked] = deque()

    def __enter__(self) -> Pool:
        self._idle = [self._place.start() for _ in range(self._number)]
        return self

    def __exit__(self, *error: Any) -> None:
        for worker in (*self._idle, *self._busy):
            worker.end()
        self._place.close()

    def share(self, value: Any) -> Any:
        """A parcel with this value, for any number of calls."""
        return self._place.share(value)

    def ask(self, method: str, *arguments: Any, parcels: Iterable[Any] = ()) -> Asked:
        """Puts a call at the end of the queue."""
        asked = Asked(Call(method, arguments, tuple(parcels)))
        self._waiting.append(asked)
        self._hand_out()
        return asked

    def wait(self, asked: Asked) -> Any:
        """Waits for a call, and gives its value.

        Raises:
            InputError, NumericalError: those of the worker, or two workers were lost over the call.
        """
        while asked.answer is None:
            self._take()
        return asked.value

    def done(self, asked: Iterable[Asked]) -> Iterator[Asked]:
        """The calls as they get their answers."""
        open_ = list(asked)
        while open_:
            finished = [each for each in open_ if each.answer is not None]
            open_ = [each for each in open_ if each.answer is None]
            yield from finished
            if not finished:
                self._take()

    def of_each(self, method: str, *arguments: Any) -> Iterator[tuple[str, Answer]]:
        """Every worker's name and its answer to a call; before there is other work."""
        for worker in self._idle:
            worker.begin(Call(method, arguments))
        for worker in self._idle:
            answer = worker.answer() or Answer(error=InputError.of(LOST))
            yield worker.name, answer

    def _hand_out(self) -> None:
        while self._idle and self._waiting:
            worker, asked = self._idle.pop(0), self._waiting.popleft()
            self._busy[worker] = asked
            worker.begin(asked.call)

    def _take(self) -> None:
        worker = self._place.ready(list(self._busy))
        asked, answer = self._busy.pop(worker), worker.answer()
        if answer is not None:
            self._idle.append(worker)
            asked.answer = answer
        else:
            worker.end()
            self._idle.append(self._place.start())
            self._put_back(asked)
        self._hand_out()

    def _put_back(self, asked: Asked) -> None:
        asked.losses += 1
        if asked.losses < ATTEMPTS:
            self._waiting.appendleft(asked)
        else:
            asked.answer = Answer(error=InputError.of(LOST))
