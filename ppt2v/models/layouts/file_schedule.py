"""The noise schedule of a model in a single file: what the file itself says of it, and a YAML file beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ppt2v.errors import InputError
from ppt2v.models.formats.reading import WeightFile

from .ldm_names import EPSILON, PREDICTION_TYPES, SAMPLE, SCHEDULER
from .ldm_names import V_PREDICTION as V
from .single_file import is_second

# Of the ModelSpec standard: what is predicted, "epsilon" or "v"; and what models of Stable Diffusion 2.x are called.
_PREDICTION, _ARCHITECTURE = "modelspec.prediction_type", "modelspec.architecture"
_ARCHITECTURES = {"stable-diffusion-v2-512": EPSILON, "stable-diffusion-v2-768-v": V}
_KEYS = {"v": V, V: V, "eps": EPSILON, EPSILON: EPSILON, "x0": SAMPLE, SAMPLE: SAMPLE}
_LONGEST_YAML = 2**20  # bytes


def schedule(loaded: WeightFile, file: Path, prediction_type: str | None = None) -> dict[str, Any]:
    """The scheduler_config.json of a model.

    What a file may say: by tensors without meaning of their own that are called ``v_pred`` and ``ztsnr``, by its
    metadata, and by the configuration of the training code beside it, whose name differs in the ending alone. What
    is said first counts.

    Args:
        loaded: what the file holds.
        file: it.
        prediction_type: one of ``PREDICTION_TYPES``, which counts more than what is said; None: not given.

    Raises:
        InputError: a prediction that is unknown, or, in a model of Stable Diffusion 2.x, not said at all.
    """
    said = _yaml(file)
    for told in (_ARCHITECTURES.get(loaded.metadata.get(_ARCHITECTURE, "")), loaded.metadata.get(_PREDICTION)):
        if told:
            said["prediction_type"] = told
    if "v_pred" in loaded.tensors:
        said["prediction_type"] = V
    if "ztsnr" in loaded.tensors:  # such models must begin at the last level, where there is no signal
        said |= {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
    if prediction_type is not None:
        said["prediction_type"] = prediction_type
    if "prediction_type" not in said and is_second(loaded):
        raise InputError(
            "E-PREDICTION-UNSAID",
            "{file} does not say what it predicts: give prediction_type=... (--prediction-type) {v_prediction} for "
            "the models that make 768x768, {epsilon} for the base models of 512x512",
            file=file,
            v_prediction=V,
            epsilon=EPSILON,
        )
    known = str(said.get("prediction_type", EPSILON))
    if known not in _KEYS:
        raise InputError(
            "E-PREDICTION-UNKNOWN",
            "{file}: it predicts {prediction!r}; valid are {prediction_types}",
            file=file,
            prediction=known,
            prediction_types=PREDICTION_TYPES,
        )
    return {**SCHEDULER, **said, "prediction_type": _KEYS[known]}


def _yaml(file: Path) -> dict[str, Any]:
    """What the training code's configuration beside a file says, by the names of scheduler_config.json."""
    import yaml

    beside = next((place for ending in (".yaml", ".yml") if (place := file.with_suffix(ending)).is_file()), None)
    if beside is None or beside.stat().st_size > _LONGEST_YAML:
        return {}
    try:
        content = yaml.safe_load(beside.read_text(encoding="utf-8-sig"))
        parameters = content["model"]["params"]
        named = {
            "parameterization": "prediction_type",
            "timesteps": "num_train_timesteps",
            "linear_start": "beta_start",
            "linear_end": "beta_end",
        }
        return {ours: parameters[theirs] for theirs, ours in named.items() if parameters.get(theirs) is not None}
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise InputError(
            "E-CONFIG-BESIDE",
            "{file} cannot be read ({reason}); repair it or take it away",
            file=beside,
            reason=" ".join(str(error).split()),
        ) from None
    except (TypeError, KeyError, AttributeError):  # a YAML file of something else
        return {}
