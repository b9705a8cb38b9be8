"""The parameters that modes share: how much of the machine a run takes."""

from __future__ import annotations

from ppt2v.engine.choice import ENGINES
from ppt2v.engine.offload import NONE, OFFLOADS, offload_named
from ppt2v.parameters import Parameter
from ppt2v.workers.runners import RUNNERS

MACHINE = (
    Parameter(
        "device", str, None, "cpu, cuda or cuda:N; a GPU where there is one if not given.", group="Speed and memory"
    ),
    Parameter(
        "dtype",
        str,
        None,
        "float32, float16, bfloat16, or int8 on a CPU (faster, nearly the same video); if not given, float16 on a GPU, "
        "and on a CPU the fastest of the others.",
        group="Speed and memory",
    ),
    Parameter(
        "engine",
        str,
        "auto",
        "What executes the networks: eager, openvino, inference, or auto, which takes the fastest for each run.",
        choices=ENGINES,
        group="Speed and memory",
    ),
    Parameter(
        "workers",
        int,
        1,
        "Processes or machines that share the frames of a video; each holds the model.",
        minimum=1,
        group="Speed and memory",
    ),
    Parameter(
        "runner",
        str,
        "local",
        "Where the workers are: local, processes of this machine; ray, a Ray cluster, whose address is in RAY_ADDRESS.",
        choices=RUNNERS,
        group="Speed and memory",
    ),
)

MEMORY = (
    Parameter(
        "memory",
        str,
        None,
        "Most memory to use, such as 8GB: chooses chunk size, decoding in tiles and offloading, where not given.",
        holds="machine",
        decides="values",
        group="Speed and memory",
    ),
    Parameter(
        "decode_tile",
        int,
        None,
        "Decode frames in tiles of this side in pixels: less memory for large frames, slightly other pixels.",
        minimum=64,
        holds="machine",
        decides="file",
        group="Speed and memory",
    ),
    Parameter(
        "preview_vae",
        str,
        None,
        "Folder or id of a tiny autoencoder that makes the previews, such as madebyollin/taesd; the model's own VAE if "
        "not given.",
        holds="file",
        decides="nothing",
        group="Speed and memory",
    ),
    Parameter(
        "offload",
        str,
        NONE,
        "What leaves the memory in between: networks, each when its part is done; or blocks of networks too, which are "
        "then on a GPU only while they compute (engine eager).",
        choices=OFFLOADS,
        spelled=offload_named,
        holds="machine",
        decides="nothing",
        group="Speed and memory",
    ),
)
