"""Files that are given as a LoRA and cannot be merged: of which method they are, or what else they hold."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ppt2v.errors import InputError
from ppt2v.language import Message, words
from ppt2v.models.layouts import contents

_LISTED = 4
# Methods that are not merged, by how the names of their arrays end.
_METHODS = {
    r"oft_[rR]": words("OFT as PEFT writes it"),
    r"boft_[RsS]": words("BOFT as PEFT writes it"),
    r"ia3_l": words("IA3 as PEFT writes it"),
    r"oft_diag": words("OFT as LyCORIS wrote it before version 2"),
    r"bias_(indices|values|size)": words("LoCon with sparse biases"),
    r"(p_layer|q_layer|lambda_layer)": "T-LoRA",
    r"(lora_E|ranknum)": "AdaLoRA",
    r"lora_embedding_[AB]": words("LoRA of a table of words"),
    r"vera_lambda_\w": "VeRA",
    r"randlora_\w+": "RandLoRA",
    r"hra_u": "HRA",
    r"fourierft_\w+": "FourierFT",
    r"\w+:\d+:(up|down)": words("LoRA that numbers the layers instead of naming them"),
}


def refusal(file: Path, strange: list[str], has_layers: bool) -> InputError:
    """The error for a file with ``strange`` arrays, which are not understood; ``has_layers``: beside some that are."""
    names = listed(strange)
    for pattern, method in _METHODS.items():
        if any(re.fullmatch(rf"(?:.*[._])?{pattern}(?:[._](?:\w+\.)?weight)?", name) for name in strange):
            return InputError(
                "E-LORA-METHOD",
                "{file} is {method}, which cannot be merged here ({names}); LoRA, LoHa, LoKr, GLoRA, IA3, OFT, BOFT, "
                "DoRA and whole differences are understood",
                file=file,
                method=method,
                names=names,
            )
    held = contents.describe(strange)
    if has_layers:
        return InputError(
            "E-LORA-BESIDE",
            "{file} holds {held} beside its LoRA ({names}); LoRA, LoHa, LoKr, GLoRA, IA3, OFT, BOFT, DoRA and "
            "whole differences are understood",
            file=file,
            held=held,
            names=names,
        )
    return InputError(
        "E-LORA-OTHER-USE",
        "{file} is no LoRA but {held} ({names}): {use}",
        file=file,
        held=held,
        names=names,
        use=contents.use(strange),
    )


def listed(names: Sequence[str | Message]) -> list[str | Message]:
    """The first of them, as a message tells them."""
    return [*names[:_LISTED], *(["..."] if len(names) > _LISTED else [])]
