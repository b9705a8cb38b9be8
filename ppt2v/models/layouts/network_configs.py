"""The configuration of a network, as its config.json has it: what is run here, with numbers that one can plan with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ppt2v.errors import InputError
from ppt2v.language import Message, words

from .json_files import read_json

_NOTES = ("_diffusers_version", "_ppdiffusers_version", "_name_or_path")  # of who wrote it, which change nothing here
# Inputs of networks that no mode has, but for values that are known, and whose they are.
_UNFED = {
    "addition_embed_type": words("another family"),
    "encoder_hid_dim_type": words("another family"),
    "class_embed_type": words("Stable unCLIP or a relative"),
    "num_class_embeds": words("an upscaler or a relative"),
    "time_cond_proj_dim": words("a latent consistency model with guidance of its own"),
}
# Numbers of configurations by which sizes and memory are planned before weights are read, or texts are read at all.
_LARGEST = {
    "in_channels": 2**12,
    "out_channels": 2**12,
    "latent_channels": 2**12,
    "sample_size": 2**12,
    "block_out_channels": 2**16,
    "layers_per_block": 2**8,
    "cross_attention_dim": 2**16,
    "norm_num_groups": 2**16,
    "vocab_size": 2**22,
    "hidden_size": 2**16,
    "max_position_embeddings": 2**16,
    "eos_token_id": 2**22,
    "addition_time_embed_dim": 2**16,
    "projection_class_embeddings_input_dim": 2**20,
    "projection_dim": 2**16,
}
_FED = {"addition_embed_type": "text_time"}
_NULL_OTHERWISE = ("addition_time_embed_dim", "projection_class_embeddings_input_dim")  # in networks of other families
_FRACTIONS = ("norm_eps", "layer_norm_eps", "dropout", "attention_dropout", "mid_block_scale_factor", "scaling_factor")
_LISTS, _LISTS_OR_NUMBERS = ("block_out_channels",), ("layers_per_block", "cross_attention_dim")


def read_config(file: Path, kind: str | None = None, needs: Sequence[str] = ()) -> dict[str, Any]:
    """The configuration of a network.

    Args:
        file: its config.json.
        kind: diffusers' name of the network's class, which the file must tell; None: any.
        needs: what the file must say.

    Raises:
        InputError: no such file, a network of another class, something missing, or numbers that no network here has.
    """
    config = {name: value for name, value in read_json(file).items() if name not in _NOTES}
    _check_kind(config, file, kind)
    missing = [name for name in needs if name not in config]
    if missing:
        raise InputError(
            "E-CONFIG-LACKS",
            "{file} cannot be used: it does not say {names}; download it again",
            file=file,
            names=missing,
        )
    _check_numbers(config, file)
    _check_groups(config, file)
    return config


def _check_kind(config: Mapping[str, Any], file: Path, kind: str | None) -> None:
    """Refuses a network of another class, or one with inputs that no mode has."""
    if kind is not None and config.get("_class_name") != kind:
        raise InputError(
            "E-MODEL-CLASS",
            "{folder} is no {kind}, as its config.json says (_class_name: {class_name!r})",
            folder=file.parent,
            kind=kind,
            class_name=config.get("_class_name"),
        )
    unfed = next((name for name in _UNFED if config.get(name) not in (None, False, _FED.get(name))), None)
    if unfed is not None:
        raise InputError(
            "E-MODEL-UNFED",
            "{file} says {name}={value!r}: a network of {network}, which is not run here; give one of Stable "
            "Diffusion 1.x, 2.x or XL",
            file=file,
            name=unfed,
            value=config[unfed],
            network=_UNFED[unfed],
        )


def _check_numbers(config: Mapping[str, Any], file: Path) -> None:
    for name, most in _LARGEST.items():
        rule, fits = _rule(name)
        absent = name not in config or (config[name] is None and name in _NULL_OTHERWISE)
        if not absent and not fits(config[name], most):
            raise InputError(
                "E-CONFIG-RANGE",
                "{file} cannot be used: {name}={value!r}; the rule is {rule} from 1 to {most}",
                file=file,
                name=name,
                value=config[name],
                rule=rule,
                most=most,
            )
    for name in _FRACTIONS:
        if not isinstance(config.get(name, 0.0), (int, float)) or isinstance(config.get(name), bool):
            raise InputError(
                "E-CONFIG-NUMBER",
                "{file} cannot be used: {name}={value!r}; the rule is a number",
                file=file,
                name=name,
                value=config[name],
            )


def _check_groups(config: Mapping[str, Any], file: Path) -> None:
    """Refuses layers whose channels do not go into as many groups as they say."""
    groups, widths = config.get("norm_num_groups", 1), config.get("block_out_channels", [])
    uneven = next((width for width in widths if width % groups), None)
    if uneven is not None:
        raise InputError(
            "E-CONFIG-GROUPS",
            "{file} cannot be used: {channels} channels are not a multiple of norm_num_groups={groups}",
            file=file,
            channels=uneven,
            groups=groups,
        )


def _rule(name: str) -> tuple[Message, Callable[[Any, int], bool]]:
    """In words, and as what tells whether a value is valid up to a largest one."""
    if name in _LISTS:
        return words("a list of whole numbers"), _are_counts
    if name in _LISTS_OR_NUMBERS:
        return (
            words("a whole number, or a list of such,"),
            lambda value, most: _is_count(value, most) or _are_counts(value, most),
        )
    return words("a whole number"), _is_count


def _are_counts(values: Any, most: int) -> bool:
    return isinstance(values, list) and bool(values) and all(_is_count(value, most) for value in values)


def _is_count(value: Any, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most
