"""The workers that share the frames of one video."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from ppt2v.errors import InputError
from ppt2v.pipelines.planning.chunks import chunk_size_for
from ppt2v.request.request import Request
from ppt2v.workers.pool import Asked, Pool

from .frame_worker import Job, Shared, without_networks
from .inputs import Inputs

if TYPE_CHECKING:
    import numpy as np
    import paddle

    from ppt2v.pipelines.latent_diffusion import Run

_AHEAD = 2  # frames that each worker may have done before they are taken


class Crew:
    """The workers of a run.

    Args:
        pool: of ``FrameWorker``.
        number: of the workers.
        job: what they take part in.
    """

    def __init__(self, pool: Pool, number: int, job: Job):
        self._pool, self._number, self._job = pool, number, job
        self._encoded: list[np.ndarray] = []
        self._shared: Any = None

    def check(self) -> None:
        """Refuses workers that cannot do the job, before anything is loaded."""
        for worker, answer in self._pool.of_each("check", self._job):
            if isinstance(answer.error, InputError):
                raise InputError(
                    "E-WORKER",
                    "the worker {worker}: {error}; give it the files that are on this machine, under the same paths",
                    worker=worker,
                    error=answer.error,
                )
            if answer.error is not None:
                raise answer.error

    def share_of(self, request: Request, frames: int) -> dict[str, Any]:
        """The settings with which the frames make a like share for each worker."""
        if "chunk_size" not in request.values:
            return {}
        return {"chunk_size": chunk_size_for(frames, request.values["chunk_size"], self._number)}

    def take_part(self, pipeline: Any, given: dict[str, Any], inputs: Inputs) -> None:
        """Lets the workers encode what a pipeline's run starts from, and make its steps.

        Args:
            given: the parameters of the run, all that was decided among them.
            inputs: what it starts from.
        """
        self._job = self._job._replace(given=given)
        pipeline.encode, pipeline.perform = self._encode, partial(self._perform, without_networks(inputs))

    def look(self, kind: str, values: Mapping[str, Any], frames: Iterable[np.ndarray]) -> Iterator[Any]:
        """As ``inputs.Look``, by the workers."""
        return self._in_order(self._pool.ask("look", frame, kind, values) for frame in frames)

    def decode(self, latents: paddle.Tensor, tile: int | None) -> Iterator[np.ndarray]:
        """As ``LatentDiffusion.decode``, by the workers."""
        each = latents.split(latents.shape[0])
        return self._in_order(self._pool.ask("decode", one.numpy(), tile, parcels=[self._shared]) for one in each)

    def _encode(self, frames: np.ndarray) -> paddle.Tensor:
        """As ``LatentDiffusion.encode``, by the workers."""
        import numpy as np
        import paddle

        each = (self._pool.ask("encode", frame, self._job) for frame in frames)
        latents = np.concatenate(list(self._in_order(each)))
        self._encoded.append(latents)
        return paddle.to_tensor(latents)

    def _in_order(self, calls: Iterable[Asked]) -> Iterator[Any]:
        """The values of calls, which are put into the queue some time before they are waited for."""
        asked: deque[Asked] = deque()
        for call in calls:
            asked.append(call)
            if len(asked) > _AHEAD * self._number:
                yield self._pool.wait(asked.popleft())
        while asked:
            yield self._pool.wait(asked.popleft())

    def _perform(self, inputs: Inputs, run: Run) -> paddle.Tensor:
        self._shared = self._pool.share(Shared(self._job, inputs, self._encoded))
        for _ in range(self._number):  # each takes one, since none has anything to do yet
            self._pool.ask("get_ready", parcels=[self._shared])
        run.share(self._pool, self._shared)
        return run()
