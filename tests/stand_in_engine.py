"""A stand-in for an engine in half precision, since a CPU has none."""

from __future__ import annotations

from ppt2v.engine.eager import EagerEngine


class FragileEngine(EagerEngine):
    """Gives NaN until put into float32, if that helps at all.

    Args:
        programs: the kinds of programs that are fragile.
        cured: whether float32 helps.
    """

    def __init__(self, programs: type | tuple[type, ...], cured: bool = True):
        self.programs, self.cured = programs, cured
        self.runners: list[FragileRunner] = []

    def prepare(self, program):
        runner = super().prepare(program)
        if isinstance(program, self.programs):
            self.runners.append(FragileRunner(runner, self.cured))
            return self.runners[-1]
        return runner


class FragileRunner:
    """Notes of each call whether it was in half precision."""

    def __init__(self, runner, cured: bool):
        self.runner, self.cured, self.half = runner, cured, True
        self.calls: list[bool] = []

    def __call__(self, inputs: list) -> list:
        self.calls.append(self.half)
        outputs = self.runner(inputs)
        return [output * float("nan") for output in outputs] if self.half or not self.cured else outputs

    def use_float32(self) -> None:
        self.half = False

    def restore(self) -> None:
        self.half = True
