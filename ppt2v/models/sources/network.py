"""Single networks that go with a model: where they are, and what a folder is that holds none."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ppt2v.errors import InputError
from ppt2v.language import Message, words
from ppt2v.models.layouts.diffusers import read_json

from . import locate

_FILES = (".safetensors", ".ckpt", ".pth", ".pt", ".bin")  # of networks that may be given as a single file


class Network(NamedTuple):
    """What is looked for.

    Args:
        what: the noun for it.
        kind: diffusers' name of its class.
        give: what may be given.
        part: the folder that a whole model has it in, where a whole model may be given instead.
        is_file: whether it may be a single file.
    """

    what: Message
    kind: str
    give: Message
    part: str | None = None
    is_file: bool = True


MOTION_EXAMPLE = "hf:guoyww/animatediff-motion-adapter-v1-5-2"
MOTION_MODULE = Network(
    words("motion module"),
    "MotionAdapter",
    words(
        "give motion_module=... (--motion-module) as a file (.ckpt, .safetensors), a folder in the layout of "
        "diffusers, or an id such as {example}",
        example=MOTION_EXAMPLE,
    ),
    part="motion_adapter",
)
CONTROLNET = Network(
    words("ControlNet"),
    "ControlNetModel",
    words(
        "give controlnet=... (--controlnet) as a file, a folder in the layout of diffusers, or an id such as {example}",
        example="lllyasviel/sd-controlnet-canny",
    ),
    part="controlnet",
)
VAE = Network(
    words("autoencoder"),
    "AutoencoderKL",
    words(
        "give vae=... (--vae) as a file, a folder in the layout of diffusers, or an id such as {example}",
        example="hf:stabilityai/sd-vae-ft-mse",
    ),
    part="vae",
)
PREVIEW_VAE = Network(
    words("tiny autoencoder"),
    "AutoencoderTiny",
    words(
        "give preview_vae=... (--preview-vae) as a folder in the layout of diffusers, or an id such as {example}",
        example="madebyollin/taesd",
    ),
    is_file=False,
)


def check(name: str, network: Network) -> None:
    """Refuses what cannot be such a network, before anything is downloaded.

    Raises:
        InputError: as ``locate.check``; a folder that is another network, a whole model, or nothing of the kind.
    """
    folder = Path(_own(name, network))
    if folder.is_dir() and not locate.is_embedded(name):
        held = _held(folder, network)
        if held is not None:
            raise InputError(
                "E-NETWORK-OTHER",
                "{folder} is no {what}: {held}; {advice}",
                folder=folder,
                what=network.what,
                held=held,
                advice=_advice(folder, network),
            )
    locate.check(_own(name, network))


def place(name: str, network: Network, progress: bool = True) -> Path:
    """The folder or file of such a network; arguments and errors as for ``locate.locate`` and ``check``."""
    check(name, network)
    return Path(_own(locate.locate(_own(name, network), progress), network))


def _own(name: str | Path, network: Network) -> str:
    """The name of a network, by itself where it lies in the folder of a whole model."""
    given = locate.from_anywhere(name)
    part = Path(given) / (network.part or "")
    return str(part) if part.is_dir() and (part.parent / "model_index.json").exists() else given


def _held(folder: Path, network: Network) -> Message | None:
    """What a folder is instead of the network; None where it may be that."""
    if (folder / "model_index.json").exists():
        return words("it is a whole model")
    file = folder / "config.json"
    if not file.exists():
        return words("it has no config.json")
    kind = read_json(file).get("_class_name")
    if kind is None:
        return words("its config.json does not say of which network it is (_class_name)")
    return None if kind == network.kind else words("its config.json is that of {kind!r}", kind=kind)


def _advice(folder: Path, network: Network) -> Message:
    own = sorted(each for each in folder.iterdir() if each.suffix in _FILES) if network.is_file else []
    single = own and not (folder / "config.json").exists()
    return words("give the file in it, {file}", file=own[0]) if single else network.give
