"""OpenVINO in int8: layers that tolerate it are quantised by what sample runs show, and the outcome is judged."""

from __future__ import annotations

import gc
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ppt2v.cache import Cache
from ppt2v.errors import Notice
from ppt2v.language import Message, words
from ppt2v.version import __version__

from . import Runner, Samples, precisions, weights
from .openvino import OpenVINOEngine, OpenVINORunner
from .program import Program
from .quantization import Seen, watched

LEAST_SNR, MEDIAN_SNR = 20.0, 25.0  # decibels that predictions must keep, each and half of them
_SEEN, _SNR = "seen.npz", "snr.json"


class Table(NamedTuple):
    """Of a network: what came into its layers, and the SNR in decibels of predictions that it makes in int8."""

    seen: dict[str, Seen]
    snr: list[float]

    @property
    def good(self) -> bool:
        return bool(self.snr) and min(self.snr) >= LEAST_SNR and float(np.median(self.snr)) >= MEDIAN_SNR

    @property
    def about(self) -> Message:
        """How exact it is, and whether that suffices."""
        if not self.snr:
            return words("no sample run predicts with it")
        figures = {"least": min(self.snr), "median": float(np.median(self.snr))}
        found = words("{least:.0f} dB of SNR at least, {median:.0f} dB in the median", **figures)
        if self.good:
            return found
        rule = {"least": LEAST_SNR, "median": MEDIAN_SNR}
        return words("{found}, and the rule is {least:.0f} and {median:.0f} dB: it stays in float", found=found, **rule)

    def write(self, folder: Path) -> None:
        np.savez(folder / _SEEN, allow_pickle=False, **{name: np.stack(seen) for name, seen in self.seen.items()})
        (folder / _SNR).write_text(json.dumps(self.snr), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Table:
        with np.load(folder / _SEEN) as arrays:
            seen = {name: Seen(*arrays[name]) for name in arrays.files}
        return cls(seen, json.loads((folder / _SNR).read_text(encoding="utf-8")))


class Int8Engine:
    """Computes programs that are ``quantizable`` in int8, as far as they tolerate it, all else as fast as it can.

    Args:
        cache: as for ``ExportingEngine``.
        before_export: likewise.

    Attributes:
        samples: of the work at hand; what was seen in them is kept in the cache.
    """

    def __init__(self, cache: Cache | None = None, before_export: Callable[[], None] = lambda: None):
        self._before_export = before_export
        self._float = OpenVINOEngine(precisions.default(), cache, before_export)
        self._tables: dict[str, Table] = {}
        self.samples: Samples | None = None

    def prepare(self, program: Program) -> Runner:
        """A runner; in float, with a warning, where the predictions would suffer."""
        runner = self._float.prepare(program)
        if program.quantizable and isinstance(runner, OpenVINORunner):
            table = self.table(program)
            if not table.good:
                notice = Notice("N-NOT-INT8", "{place} is not run in int8: {why}", place=program.place, why=table.about)
                warnings.warn(notice, stacklevel=2)
            runner.quantize(table.seen if table.good else None)
        return runner

    def release(self, program: Program) -> None:
        self._float.release(program)

    def table(self, program: Program) -> Table:
        """That of the program's network; made by the sample runs where it is not there yet."""
        key = self._key(program)
        if key not in self._tables:
            kept = self._float.cache.find(json.loads(key))
            if kept is None:
                self.calibrate()
            else:
                self._tables[key] = Table.read(kept)
        return self._tables.setdefault(key, Table({}, []))

    def calibrate(self) -> list[tuple[str, Table]]:
        """Makes the sample runs; gives the networks that took part, by name, with their tables."""
        if self.samples is None:
            return []
        found, programs = self._seen(self.samples)
        gc.collect()  # networks and what predicts with them refer to each other, and would stay in the memory
        snr = self._compared(self.samples, found)
        gc.collect()
        made = []
        for network, program in programs.items():
            table = Table(found[network], snr.get(network, []))
            self._keep(program, table)
            made.append((program.place, table))
        return made

    def _seen(self, samples: Samples) -> tuple[dict[str, dict[str, Seen]], dict[str, Program]]:
        """What came into the layers of each network, and a program of each; what saw it has left the memory."""
        seeing = _Seeing(self._engine())
        for number in samples.watched:
            samples.run(seeing, number)
        return seeing.found, seeing.programs

    def _compared(self, samples: Samples, found: dict[str, dict[str, Seen]]) -> dict[str, list[float]]:
        """The SNR of each network's predictions in int8, in decibels."""
        comparing = _Comparing(self._engine(), found)
        for number in samples.judged:
            samples.run(comparing, number)
        return comparing.snr

    def _engine(self) -> OpenVINOEngine:
        """Another one, whose programs go with it."""
        return OpenVINOEngine(self._float.precision, self._float.cache, self._before_export)

    def _keep(self, program: Program, table: Table) -> None:
        key = self._key(program)
        self._tables[key] = table
        try:
            self._float.cache.add(json.loads(key), table.write, program.model)
        except OSError as error:
            notice = Notice(
                "N-INT8-UNKEPT",
                "what was seen for int8 is kept for this process alone, since the cache cannot be used: {reason}",
                reason=error,
            )
            warnings.warn(notice, stacklevel=2)

    def _key(self, program: Program) -> str:
        samples = self.samples.about if self.samples else {}
        versions = {"ppt2v": __version__, "openvino": OpenVINOEngine.version}
        content = {
            "program": "int8",
            "form": weights.FORM,
            "samples": samples,
            **program.network_identity(),
            "versions": versions,
        }
        return json.dumps(content, sort_keys=True)


class _Watching:
    """An engine that puts something in the place of runners of programs that are quantizable.

    Attributes:
        programs: one for each network.
    """

    samples: Samples | None = None

    def __init__(self, engine: OpenVINOEngine):
        self._engine = engine
        self.programs: dict[str, Program] = {}

    def prepare(self, program: Program) -> Runner:
        runner = self._engine.prepare(program)
        if not (program.quantizable and isinstance(runner, OpenVINORunner)):
            return runner
        network = json.dumps(program.network_identity(), sort_keys=True)
        self.programs.setdefault(network, program)
        return self._instead(network, program, runner)

    def release(self, program: Program) -> None:
        self._engine.release(program)

    def _instead(self, network: str, program: Program, runner: OpenVINORunner) -> Runner:
        raise NotImplementedError


class _Seeing(_Watching):
    """Notes what comes into the layers. ``found``: for each network, by the names of layers."""

    def __init__(self, engine: OpenVINOEngine):
        super().__init__(engine)
        self.found: dict[str, dict[str, Seen]] = {}

    def _instead(self, network: str, program: Program, runner: OpenVINORunner) -> Runner:
        return _SeeingRunner(runner, self._engine.precision, self.found.setdefault(network, {}))


class _SeeingRunner(OpenVINORunner):
    def __init__(self, runner: OpenVINORunner, precision: str, found: dict[str, Seen]):
        model, self._names = watched(runner.model)
        super().__init__(model, precision)
        self._own_outputs, self._found, self._calls = len(runner.model.outputs), found, 0

    def __call__(self, inputs: list) -> list:
        outputs = super().__call__(inputs)
        self._calls += 1
        numbers = outputs[self._own_outputs :]
        for name, *seen in zip(self._names, numbers[::3], numbers[1::3], numbers[2::3]):
            now = Seen(*(array.astype(np.float32) for array in seen))
            self._found[name] = self._found[name].joined(now, 1 / self._calls) if name in self._found else now
        return outputs[: self._own_outputs]


class _Comparing(_Watching):
    """Makes each call in int8 as well. ``snr``: for each network, in decibels, of each call."""

    def __init__(self, engine: OpenVINOEngine, found: dict[str, dict[str, Seen]]):
        super().__init__(engine)
        self._found = found
        self.snr: dict[str, list[float]] = {}

    def _instead(self, network: str, program: Program, runner: OpenVINORunner) -> Runner:
        near = OpenVINORunner(runner.model, self._engine.precision)
        near.quantize(self._found.get(network))
        return _ComparingRunner(runner, near, program.predictions, self.snr.setdefault(network, []))


class _ComparingRunner:
    def __init__(self, exact: OpenVINORunner, near: OpenVINORunner, predictions: int, snr: list[float]):
        self._exact, self._near, self._predictions, self._snr = exact, near, predictions, snr

    def __call__(self, inputs: list) -> list:
        exact, near = self._exact(inputs), self._near(inputs)
        pairs = list(zip(exact, near))[: self._predictions]
        self._snr.append(min(_decibels(*pair) for pair in pairs))
        return exact

    @property
    def half(self) -> bool:
        return self._exact.half

    def use_float32(self) -> None:
        self._exact.use_float32()

    def restore(self) -> None:
        self._exact.restore()


def _decibels(exact: np.ndarray, near: np.ndarray) -> float:
    """The SNR of an output."""
    exact = exact.astype(np.float64)
    error = np.square(near - exact).mean()
    return float(10 * np.log10(max(np.square(exact).mean(), 1e-30) / max(error, 1e-30)))
