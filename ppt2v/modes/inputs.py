"""The parameters that modes share: what a video is made of: prompt, model and what changes it, clips."""

from __future__ import annotations

from dataclasses import replace

from ppt2v import controls
from ppt2v.models.layouts.ldm_names import PREDICTION_TYPES
from ppt2v.models.sources.catalogue import EMBEDDED
from ppt2v.parameters import Parameter

PROMPT = Parameter("prompt", str, None, "What the video shows.", argument="prompt", positional="PROMPT")

PROMPT_AT = Parameter(
    "prompt_at",
    str,
    None,
    'Prompts that take over at later frames, such as "8: a fox at sunset; 16: a fox at night"; between two frames '
    "one goes over into the other.",
    argument="prompt_at",
    holds="keyframes",
    group="Motion",
)

MODEL = Parameter(
    "model_name",
    str,
    EMBEDDED,
    "Folder, single file or id of the model; `ppt2v models` lists those that are known.",
    option="model",
    holds="model",
)

ADAPTERS = (
    Parameter(
        "lora",
        str,
        (),
        "LoRA file that is merged into the model for this run, as PATH or PATH:STRENGTH.",
        many=True,
        holds="adapter",
        group="Adapters",
    ),
    Parameter(
        "textual_inversion",
        str,
        (),
        "File of a word that the model is to know for this run, as PATH or PATH:WORD.",
        many=True,
        holds="adapter",
        group="Adapters",
    ),
    Parameter(
        "tokenizer",
        str,
        None,
        "Folder or id whose vocabulary is used; the model's own if not given, for a single file that of CLIP.",
        holds="file",
        group="Adapters",
    ),
    Parameter(
        "vae",
        str,
        None,
        "File, folder or id of the autoencoder (VAE) that is used; the model's own if not given.",
        holds="file",
        group="Adapters",
    ),
    Parameter(
        "prediction_type",
        str,
        None,
        "What the network predicts: epsilon (the noise), v_prediction or sample; what the model says if not given.",
        choices=PREDICTION_TYPES,
        group="Adapters",
    ),
)

MODULES = (
    Parameter(
        "motion_module",
        str,
        None,
        "Folder, file or id of a motion module (AnimateDiff), with which the frames of a window are made together.",
        holds="model",
        group="Motion",
    ),
    Parameter(
        "motion_window",
        int,
        None,
        "Frames that a motion module sees at once; 16 if not given. A longer video is made of windows that overlap.",
        minimum=2,
        argument="window",
        group="Motion",
    ),
)

AUDIO = Parameter(
    "audio", bool, True, "Keep the clip's sound, cut with it; in mp4 and webm.", decides="file", group="File"
)

CLIP = (
    Parameter(
        "video_path",
        str,
        None,
        "The clip: a video file, an animation, or a folder of pictures.",
        positional="CLIP",
        holds="clip",
    ),
    *(parameter for parameter in controls.CLIP if parameter.name != "resolution"),
    AUDIO,
    Parameter(
        "resolution",
        int,
        512,
        "Longest side of the video in pixels; the sides are rounded to what the model can make.",
        minimum=1,
        holds="size",
        decides="file",
    ),
)

FREE_INIT = Parameter(
    "free_init",
    int,
    1,
    "How often the whole schedule is run: each time starts from what moved slowly in the last one, and fresh noise for "
    "the rest (FreeInit); steadier, 3 is usual; 1 turns it off.",
    minimum=1,
    maximum=10,
    argument="free_init",
    group="Motion",
)

START = (
    Parameter(
        "init_video",
        str,
        None,
        "A clip to start from instead of noise alone; its motion is kept.",
        argument="clip",
        holds="clip",
    ),
    *(
        replace(each, default=8.0) if each.name == "out_fps" else each
        for each in controls.CLIP
        if each.name != "resolution"
    ),
    AUDIO,
)

STRENGTH = Parameter(
    "strength",
    float,
    0.6,
    "How much of the schedule is run from that clip: with 1 little of it is left.",
    above=0,
    maximum=1,
    argument="strength",
    group="Guidance",
)

UPSCALE_STRENGTH = 0.4
LARGER = (
    Parameter(
        "upscale",
        float,
        1.0,
        "Make the video so many times as wide and high, by a second pass that starts from the first one; 1 leaves it.",
        minimum=1,
        maximum=8,
        decides="file",
        group="File",
    ),
    Parameter(
        "upscale_model",
        str,
        None,
        "With upscale: folder or id of the model of the second pass, such as one for larger frames; the same if not "
        "given, where that can start from a video.",
        holds="model",
        decides="file",
        group="File",
    ),
    Parameter(
        "upscale_strength",
        float,
        UPSCALE_STRENGTH,
        "With upscale: how much of the schedule the second pass runs; with more it keeps less of the first one.",
        above=0,
        maximum=1,
        decides="file",
        group="File",
    ),
)

# Where the second pass is of another mode, with parameters of its own.
LARGER_TILED = (
    *LARGER,
    Parameter(
        "upscale_tile",
        int,
        None,
        "With upscale: predict the noise of the second pass in tiles of this side in pixels, which overlap: larger "
        "frames in the memory of small ones; slower.",
        minimum=8,
        decides="file",
        group="File",
    ),
)
