"""Dreambooth (arXiv 2208.12242): teaches a text-to-image model a subject from a few pictures of it.

from ppt2v import dreambooth
dreambooth.train("pictures/of/rex", "a sks dog", out="rex", class_prompt="a dog")
"""

from __future__ import annotations

from pathlib import Path

from ppt2v.environment.quiet import quiet_libraries

from .parameters import PARAMETERS

__all__ = ["PARAMETERS", "train"]


@quiet_libraries()
def train(
    images: str | Path,
    instance_prompt: str,
    out: str | Path,
    class_prompt: str | None = None,
    prior_weight: float | None = None,
    class_images: int | None = None,
    model_name: str | Path | None = None,
    steps: int | None = None,
    learning_rate: float | None = None,
    batch_size: int | None = None,
    accumulate: int | None = None,
    resolution: int | str | None = None,
    train_text_encoder: bool | None = None,
    seed: int | None = None,
    save_every: int | None = None,
    device: str | None = None,
    resume: bool = False,
    show_progress: bool = True,
) -> str:
    """Trains a model on pictures of one subject, and writes it as a folder that every mode takes as its model.

    Every parameter is described in ``PARAMETERS``; None stands for the base model's own default, else for the one given
    there. With ``resume`` a training that was killed goes on where its last state was saved, and ends in the same
    weights (on a CPU, bit for bit). ``out`` keeps the pictures of the class in ``class_images``.

    Returns:
        The path of the folder.

    Raises:
        InputError: a value that cannot be used; no model has been loaded then, and nothing written.
        NumericalError: the training diverged; the last saved state is kept.
    """
    given = {name: value for name, value in locals().items() if name not in ("resume", "show_progress")}
    from .plan import prepare  # imports NumPy

    plan = prepare(given, resume, show_progress)
    from .training import run  # imports Paddle

    run(plan, show_progress)
    return str(plan.folder)
