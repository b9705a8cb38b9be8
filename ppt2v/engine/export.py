"""What engines with exported programs have in common: export once, check, keep in the cache, step aside on failure."""

from __future__ import annotations

import atexit
import shutil
import tempfile
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

import numpy as np
import paddle

from ppt2v.cache import Cache
from ppt2v.engine import Runner, Samples
from ppt2v.errors import Notice, UnsupportedError
from ppt2v.version import __version__

from .eager import EagerRunner
from .program import Program

TOLERANCE = 1e-3  # of an output's standard deviation


class ExportingEngine(ABC):
    """Runs programs in a form of its own, made once and kept in the cache.

    Args:
        precision: in which it computes.
        cache: where exported programs are kept.
        before_export: called before a program is exported, which takes a while.
    """

    name: str
    version: str  # of what runs the programs
    samples: Samples | None = None

    def __init__(self, precision: str, cache: Cache | None = None, before_export: Callable[[], None] = lambda: None):
        self.precision, self.cache, self._before_export = precision, cache or Cache(), before_export
        self._ready: dict[str, tuple[dict, Runner]] = {}

    @abstractmethod
    def _write(self, program: Program, folder: Path) -> None:
        """Exports a program into an empty folder."""

    @abstractmethod
    def _open(self, program: Program, folder: Path) -> Runner:
        """A runner for what ``_write`` has left in a folder, which it needs no longer then."""

    def prepare(self, program: Program) -> Runner:
        """A runner; an eager one, with a warning, where the engine cannot run the program or runs it wrongly."""
        place, key = program.place, self._key(program)
        if place not in self._ready or self._ready[place][0] != key:
            self._ready.pop(place, None)  # the old one's memory goes before the new one's comes
            try:
                self._ready[place] = key, self._runner(program, key)
            except UnsupportedError as error:
                notice = Notice(
                    "N-RUNS-EAGERLY", "{place} runs eagerly, which is slower: {reason}", place=place, reason=error
                )
                warnings.warn(notice, stacklevel=2)
                return EagerRunner(program)
        return self._ready[place][1]

    def release(self, program: Program) -> None:
        self._ready.pop(program.place, None)
        program.release()

    def _runner(self, program: Program, key: dict) -> Runner:
        """One from the cache; where that cannot be written to, from a folder of this process alone."""
        try:
            return self._from_cache(program, key)
        except OSError as error:
            reason = error
        try:
            self._leave_cache(reason)
            return self._from_cache(program, key)
        except OSError as error:
            raise UnsupportedError(
                "E-EXPORT-ROOM", "there is no room for what it would be exported to: {reason}", reason=error
            ) from error

    def _from_cache(self, program: Program, key: dict) -> Runner:
        self.cache.in_use.clear()  # what has been opened needs its files no more
        return self._open(program, self.cache.find(key) or self._exported(program, key))

    def _exported(self, program: Program, key: dict) -> Path:
        def write(folder: Path) -> None:
            self._write(program, folder)
            check_against_eager(program, lambda: self._reopened(program, folder))

        self._before_export()
        program.load()
        return self.cache.add(key, write, program.model)

    def _reopened(self, program: Program, folder: Path) -> Runner:
        """What was just written; Paddle writes to a full disk without a word."""
        try:
            return self._open(program, folder)
        except RuntimeError as error:
            raise OSError(f"what was written cannot be read again: {str(error).strip().splitlines()[-1]}") from error

    def _leave_cache(self, reason: OSError) -> None:
        notice = Notice(
            "N-CACHE-UNUSABLE",
            "exported for this process alone, since the cache cannot be used: {reason}",
            reason=reason,
        )
        warnings.warn(notice, stacklevel=5)
        instead = tempfile.mkdtemp(prefix="ppt2v-")
        atexit.register(shutil.rmtree, instead, ignore_errors=True)
        self.cache = Cache(Path(instead))

    def _key(self, program: Program) -> dict:
        """All that decides what is exported."""
        versions = {"ppt2v": __version__, "paddle": paddle.__version__, self.name: self.version}
        return {"engine": self.name, **program.identity(), "versions": versions}


def check_against_eager(program: Program, open_exported: Callable[[], Runner]) -> None:
    """Compares an exported program with the eager network on small random inputs, in float32 where it can.

    The network's weights are freed in between, so that they are not in memory twice.

    Raises:
        UnsupportedError: they differ by more than ``TOLERANCE``.
    """
    inputs = [_random(spec, seed) for seed, spec in enumerate(program.inputs())]
    expected = EagerRunner(program)([paddle.to_tensor(array) for array in inputs])
    program.release()
    runner = open_exported()
    runner.use_float32()
    for eager, exported in zip(expected, runner(inputs)):
        eager = eager.astype("float32").numpy()
        deviation = eager.std() or 1  # none where all is alike, as behind weights that are still at zero
        difference = np.abs(np.asarray(exported, np.float32) - eager).max() / deviation
        if not difference <= TOLERANCE:
            raise UnsupportedError(
                "E-EXPORT-DIFFERS",
                "what it computes differs from eager Paddle by {difference:.1e} of the deviation",
                difference=difference,
            )


def _random(spec, seed: int) -> np.ndarray:
    shape = [2 if size in (None, -1) else size for size in spec.shape]
    generator = np.random.default_rng(seed)
    if str(spec.dtype).endswith("int64"):
        return generator.integers(0, 2, shape)
    return generator.standard_normal(shape, np.float32)
