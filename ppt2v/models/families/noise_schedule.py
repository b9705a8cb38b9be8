"""The noise schedule of a model: what its file says of it, and what its family has where the file says nothing."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from ppt2v.errors import InputError
from ppt2v.models.layouts.ldm_names import EPSILON, PREDICTION_TYPES, SCHEDULER, SPACINGS

_LEVELS = range(1000, 10_001)  # more steps than levels cannot be made
_TYPES: dict[str, Any] = {
    "beta_start": (int, float),
    "beta_end": (int, float),
    "steps_offset": int,
    "set_alpha_to_one": bool,
    "rescale_betas_zero_snr": bool,
    "thresholding": bool,
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
    known = inspect.signature(DDIMScheduler.__init__).parameters
    values = {name: value for name, value in said.items() if name in known and value is not None}
    values = {**SCHEDULER, **values, "clip_sample": False}
    del values["_class_name"]
    if prediction_type is not None:
        values["prediction_type"] = prediction_type
    _check(values, source)
    try:
        return DDIMScheduler(**values)
    except Exception as error:  # whatever a class raises for values of the wrong kind
        raise InputError(
            "E-SCHEDULE-UNUSABLE",
            "{source} cannot be used: {reason}",
            source=source,
            reason=" ".join(str(error).split()),
        ) from None


def _check(values: Mapping[str, Any], source: str) -> None:
    levels, predicted = values["num_train_timesteps"], values["prediction_type"]
    if not isinstance(levels, int) or levels not in _LEVELS:
        raise InputError(
            "E-SCHEDULE-LEVELS",
            "{source}: num_train_timesteps={levels!r}; the rule is a whole number from {least} to {most}",
            source=source,
            levels=levels,
            least=_LEVELS.start,
            most=_LEVELS.stop - 1,
        )
    if predicted not in PREDICTION_TYPES:
        raise InputError(
            "E-SCHEDULE-PREDICTION",
            "{source}: prediction_type={predicted!r}; valid are {prediction_types}",
            source=source,
            predicted=predicted,
            prediction_types=PREDICTION_TYPES,
        )
    for name, kinds in _TYPES.items():
        if name in values and (
            not isinstance(values[name], kinds) or isinstance(values[name], bool) != (kinds is bool)
        ):
            raise InputError(
                "E-SCHEDULE-VALUE",
                "{source} cannot be used: {name}={value!r}",
                source=source,
                name=name,
                value=values[name],
            )
    if values.get("timestep_spacing", SPACINGS[0]) not in SPACINGS:
        raise InputError(
            "E-SCHEDULE-SPACING",
            "{source}: timestep_spacing={spacing!r}; valid are {spacings}",
            source=source,
            spacing=values["timestep_spacing"],
            spacings=SPACINGS,
        )
    if values.get("rescale_betas_zero_snr") and predicted == EPSILON:
        raise InputError(
            "E-SCHEDULE-ZERO-SNR",
            "{source}: a schedule that ends without signal (rescale_betas_zero_snr) cannot be gone through by "
            "predicting epsilon; give the prediction_type that the model was trained for",
            source=source,
        )
