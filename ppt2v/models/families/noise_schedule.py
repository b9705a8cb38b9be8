"""The noise schedule of a model: what its file says of it, and what its family has where the file says nothing."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from ppt2v.errors import InputError
from ppt2v.models.layouts.ldm_names import EPSILON, PREDICTION_TYPES, SCHEDULER, SPACINGS
from ppt2v.models.layouts.rules import SHARE, TRUTH, one_of, shares, whole

from .scheduler_values import check

_LEVELS = 1000, 10_000  # more steps than levels cannot be made
_BETAS = ("linear", "scaled_linear", "squaredcos_cap_v2")
_RULES = {
    "num_train_timesteps": whole(*_LEVELS),
    "beta_start": SHARE,
    "beta_end": SHARE,
    "beta_schedule": one_of(_BETAS),
    "steps_offset": whole(0, _LEVELS[0] - 1),
    "set_alpha_to_one": TRUTH,
    "prediction_type": one_of(PREDICTION_TYPES),
    "thresholding": TRUTH,
    "timestep_spacing": one_of(SPACINGS),
    "rescale_betas_zero_snr": TRUTH,
}
_OTHER_EQUATIONS = ("FlowMatch", "EDM")  # how the classes of other families begin


def noise_schedule(said: Mapping[str, Any], source: str, prediction_type: str | None = None):
    """The DDIM scheduler of PPDiffusers that the solvers start from, whatever class the file was written by.

    A class's own defaults do not count: DDIM's would clip latents, which no latent diffusion model does.

    Args:
        said: what the file says.
        source: its name, for errors.
        prediction_type: counts more than what it says; None: not given.

    Raises:
        InputError: a schedule of another family of models, or one that cannot be.
    """
    from ppdiffusers import DDIMScheduler

    if str(said.get("_class_name")).startswith(_OTHER_EQUATIONS):
        raise InputError(
            "E-SCHEDULE-FAMILY",
            "{source}: {class_name} belongs to another family of models than Stable Diffusion",
            source=source,
            class_name=said["_class_name"],
        )
    known = inspect.signature(DDIMScheduler).parameters
    values = {name: value for name, value in said.items() if name in known and value is not None}
    values = {**SCHEDULER, **values, "clip_sample": False}
    del values["_class_name"]
    if prediction_type is not None:
        values["prediction_type"] = prediction_type
    check(values, {**_RULES, "trained_betas": shares(values["num_train_timesteps"])}, source)
    if values.get("rescale_betas_zero_snr") and values["prediction_type"] == EPSILON:
        raise InputError(
            "E-SCHEDULE-ZERO-SNR",
            "{source}: a schedule that ends without signal (rescale_betas_zero_snr) cannot be gone through by "
            "predicting epsilon; give the prediction_type that the model was trained for",
            source=source,
        )
    return DDIMScheduler(**values)
