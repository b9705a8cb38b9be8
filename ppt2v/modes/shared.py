"""The parameters that modes share."""

from __future__ import annotations

from dataclasses import replace

from ppt2v import controls
from ppt2v.engine.choice import ENGINES
from ppt2v.models.layouts.ldm_names import PREDICTION_TYPES, SPACINGS
from ppt2v.models.sources.catalogue import EMBEDDED
from ppt2v.parameters import Parameter
from ppt2v.pipelines.planning.anchors import FIRST
from ppt2v.pipelines.planning.solver_names import SOLVERS, solver_named
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

# What the published code (Text2Video-Zero) adds to the prompt, and what it avoids.
BEST = "best quality, extremely detailed"
BEST_ART = f"{BEST}, HD, ultra-realistic, 8K, HQ, masterpiece, trending on artstation, art, smooth"
BAD = (
    "longbody, lowres, bad anatomy, bad hands, missing fingers, extra digit, fewer digits, cropped, worst quality, "
    "low quality"
)
BAD_BODY = f"{BAD}, deformed body, bloated, ugly, unrealistic"

PROMPT = Parameter("prompt", str, None, "What the video shows.", argument="prompt", positional="PROMPT")

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

STEADY = Parameter(
    "steady",
    float,
    0.0,
    "How much the finished frames are held together along the clip's motion, which takes flicker away: 0 not at all, 1 "
    "most.",
    minimum=0,
    maximum=1,
    decides="file",
    group="Motion",
)

FAST = Parameter(
    "fast",
    bool,
    False,
    "Fewer steps by a better solver: the cheapest setting that keeps the quality; what is given beside it wins.",
    decides="values",
    group="Speed and memory",
)

STEPS = (
    Parameter(
        "n_prompt",
        str,
        "",
        "What the video must not show.",
        option="negative-prompt",
        argument="negative_prompt",
        group="Guidance",
    ),
    Parameter(
        "seed",
        int,
        None,
        "Number that fixes the randomness; drawn from Paddle's generator if not given.",
        minimum=0,
        maximum=2**63 - 1,
    ),
    Parameter(
        "num_inference_steps",
        int,
        50,
        "Denoising steps.",
        minimum=1,
        maximum=999,
        option="steps",
        argument="num_inference_steps",
    ),
    Parameter(
        "guidance_scale",
        float,
        7.5,
        "How closely to follow the prompt; 1 or less turns guidance off.",
        minimum=0,
        maximum=100,
        argument="guidance_scale",
        group="Guidance",
    ),
    Parameter(
        "guidance_stop_step",
        float,
        1.0,
        "Part of the steps, from the first on, that guidance is used in; those without take half the time.",
        minimum=0,
        maximum=1,
        option="guidance-stop",
        argument="guidance_stop_step",
        group="Guidance",
    ),
    Parameter(
        "guidance_rescale",
        float,
        0.0,
        "Share of what is guided that gets the contrast of what follows the prompt alone: less oversaturated, 0.7 is "
        "usual; 0 turns it off.",
        minimum=0,
        maximum=1,
        argument="guidance_rescale",
        group="Guidance",
    ),
    Parameter(
        "solver",
        str,
        "ddim",
        "How a step is made: ddim; dpmsolver++ (DPM++ 2M) or unipc, which need fewer steps; euler, heun, dpm2, lms; "
        "euler_a, dpm2_a, dpm++_2m_sde, dpm++_sde, with fresh noise in each step; lcm or tcd, for models distilled for "
        "them. With _karras behind it: on Karras's noise levels. heun, dpm2 and dpm++_sde compute each step twice.",
        choices=SOLVERS,
        spelled=solver_named,
        argument="solver",
        group="Guidance",
    ),
    Parameter(
        "timestep_spacing",
        str,
        None,
        "Which noise levels the steps take: trailing, as models for few steps need it (Lightning, Hyper, Turbo), "
        "leading or linspace; what the model says if not given.",
        choices=SPACINGS,
        option="spacing",
        argument="timestep_spacing",
        group="Guidance",
    ),
    Parameter(
        "eta",
        float,
        0.0,
        "Stochasticity of DDIM: 0 is deterministic, 1 is DDPM.",
        minimum=0,
        maximum=1,
        argument="eta",
        group="Guidance",
    ),
)

_FREEU = tuple(
    Parameter(
        f"freeu_{name}",
        float,
        1.0,
        help,
        minimum=0,
        maximum=10,
        option="freeu",
        argument=f"freeu_{name}",
        group="Guidance",
    )
    for name, help in {
        "b1": "FreeU: factor of the backbone's features at the first level upwards, 1.5 is usual; 1 leaves them.",
        "b2": "The same at the second level, 1.6 is usual.",
        "s1": "FreeU: factor of the lowest frequencies of the skips at the first level, 0.9 is usual; 1 leaves them.",
        "s2": "The same at the second level, 0.2 is usual.",
    }.items()
)

SAMPLING = (
    *STEPS,
    FAST,
    Parameter(
        "prompt_2",
        str,
        None,
        "With Stable Diffusion XL: what its second text encoder reads; the prompt if not given.",
        argument="prompt_2",
        group="Guidance",
    ),
    Parameter(
        "n_prompt_2",
        str,
        None,
        "The same for what the video must not show.",
        option="negative-prompt-2",
        argument="negative_prompt_2",
        group="Guidance",
    ),
    Parameter(
        "clip_skip",
        int,
        1,
        "Which layer of the text encoder is taken, counted from the last one: 1 is the last, 2 the one before it.",
        minimum=1,
        maximum=12,
        argument="clip_skip",
        group="Guidance",
    ),
    Parameter(
        "chunk_size",
        int,
        8,
        "Frames computed together, the first included; changes only the memory needed.",
        minimum=2,
        argument="chunk_size",
        decides="nothing",
        group="Speed and memory",
    ),
    Parameter(
        "use_cf_attn",
        bool,
        True,
        "Let every frame attend to the first one.",
        option="cross-frame-attention",
        argument="use_cf_attn",
        group="Guidance",
    ),
    Parameter(
        "anchors",
        str,
        FIRST,
        "Which frames every frame attends to: first, first+previous (the one before, too), or a number N (every Nth "
        "frame, too); steadier over long clips, and slower.",
        argument="anchors",
        group="Guidance",
    ),
    Parameter(
        "merging_ratio",
        float,
        0.0,
        "Share of the tokens that are merged where there are most of them: faster at large sizes, less detail.",
        minimum=0,
        maximum=0.9,
        argument="merging_ratio",
        group="Speed and memory",
    ),
    Parameter(
        "cache_interval",
        int,
        1,
        "Of so many steps one computes the whole UNet, the others its outermost level alone: faster, less "
        "faithful; 1 turns it off.",
        minimum=1,
        maximum=10,
        argument="cache_interval",
        group="Speed and memory",
    ),
    *_FREEU,
)

PERTURBED = Parameter(
    "pag_scale",
    float,
    0.0,
    "How far to go away from what the UNet makes with perturbed attention: cleaner shapes, 3 is usual; takes half as "
    "long again; 0 turns it off.",
    minimum=0,
    maximum=100,
    argument="pag_scale",
    group="Guidance",
)

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
    Parameter(
        "strength",
        float,
        0.6,
        "How much of the schedule is run from that clip: with 1 little of it is left.",
        above=0,
        maximum=1,
        argument="strength",
        group="Guidance",
    ),
)

MOTION = (
    Parameter(
        "motion_field_strength_x",
        float,
        12.0,
        "Motion to the left per frame, in 1/512 of the width; negative: to the right. Over more than 8 frames the "
        "default is less, so that the subject stays in the picture.",
        minimum=-512,
        maximum=512,
        option="motion",
        argument="motion_field_strength_x",
    ),
    Parameter(
        "motion_field_strength_y",
        float,
        12.0,
        "Motion upwards per frame, in 1/512 of the height, likewise; negative: down.",
        minimum=-512,
        maximum=512,
        option="motion",
        argument="motion_field_strength_y",
    ),
    Parameter(
        "init_image",
        str,
        None,
        "A picture as the first frame, which the others keep and move; the prompt should say what it shows.",
        holds="file",
        group="Motion",
    ),
    PROMPT_AT,
    Parameter(
        "camera",
        str,
        None,
        'Where a camera goes, instead of --motion: keyframes such as "0: pan 0 0 zoom 1; 16: pan 24 0 zoom 1.3 '
        'rotate 5 ease". With a smooth background it moves the background, and --motion the subject.',
        argument="camera",
        holds="keyframes",
        group="Motion",
    ),
    Parameter(
        "loop",
        bool,
        False,
        "Let the last frame lead back to the first: the motion goes round on a circle, and a camera or prompts that "
        "change come back to where they began.",
        argument="loop",
        group="Motion",
    ),
    Parameter(
        "t0",
        int,
        44,
        "Noise level T0, where the motion is added: an index from the end of the 50-step DDIM schedule.",
        argument="t0",
        group="Motion",
    ),
    Parameter(
        "t1",
        int,
        47,
        "Noise level T1, to which the moved frames are noised again; likewise an index.",
        argument="t1",
        group="Motion",
    ),
    Parameter(
        "use_motion_field",
        bool,
        True,
        "Start the frames from the moved first frame instead of from noise of their own.",
        option="motion-field",
        argument="use_motion_field",
        group="Motion",
    ),
    Parameter(
        "smooth_bg",
        bool,
        False,
        "Keep the background steady with the first frame's, moved along; takes about twice the time.",
        option="smooth-background",
        group="Motion",
    ),
    Parameter(
        "smooth_bg_strength",
        float,
        0.4,
        "With a smooth background: share of its own that each frame keeps.",
        minimum=0,
        maximum=1,
        option="background-kept",
        argument="smooth_bg_strength",
        group="Motion",
    ),
    Parameter(
        "saliency_weights",
        str,
        f"{EMBEDDED}/saliency",
        "With a smooth background: network that finds the subject, as a file u2net.pth or u2netp.pth or where "
        "one is; the embedded one knows the embedded model's subjects.",
        option="saliency",
        holds="file",
        group="Motion",
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
        bool,
        False,
        "Let each network leave the memory when its part is done; the next run reads it again.",
        holds="machine",
        decides="nothing",
        group="Speed and memory",
    ),
)

OUTPUT = (
    Parameter(
        "fps",
        float,
        None,
        "Frames per second of the file; those taken from the clip if not given.",
        above=0,
        maximum=240,
        decides="file",
        group="File",
    ),
    Parameter(
        "interpolate",
        int,
        1,
        "How many frames become of one, by frames in between along the optical flow, at as many times the rate.",
        minimum=1,
        maximum=16,
        decides="file",
        group="File",
    ),
    Parameter(
        "watermark",
        str,
        None,
        "A text, or the path of a picture, to put into the lower right corner.",
        holds="picture",
        decides="file",
        group="File",
    ),
    Parameter(
        "save_path",
        str,
        None,
        "File to write (for png a folder); named after the prompt if not given.",
        option="out",
        holds="output",
        decides="nothing",
    ),
    Parameter(
        "save_format",
        str,
        None,
        "mp4, gif, webm or png; by the file's ending if not given.",
        option="format",
        holds="format",
        decides="file",
        group="File",
    ),
    Parameter(
        "checkpoint_dir",
        str,
        None,
        "Folder that keeps the last completed step; a killed run goes on from there.",
        holds="output",
        decides="nothing",
        group="File",
    ),
)


def with_defaults(parameters: tuple[Parameter, ...], **defaults) -> tuple[Parameter, ...]:
    """The same parameters, some with other defaults."""
    return tuple(replace(each, default=defaults.get(each.name, each.default)) for each in parameters)


def controlled(a_prompt: str, n_prompt: str, fps: float | None = None) -> tuple[Parameter, ...]:
    """The parameters of the modes that ControlNets guide, but for those of the control itself."""
    return (
        *CLIP,
        PROMPT,
        PROMPT_AT,
        Parameter("a_prompt", str, a_prompt, "Added to the prompt.", option="added-prompt", group="Guidance"),
        MODEL,
        *ADAPTERS,
        Parameter(
            "controlnet",
            str,
            None,
            "Folder, single file or id of the ControlNet; the one for this control that fits the model if not given.",
            holds="model",
            group="Guidance",
        ),
        Parameter(
            "controlnet_conditioning_scale",
            float,
            1.0,
            "How strongly the control maps guide.",
            minimum=0,
            maximum=10,
            option="control-strength",
            group="Guidance",
        ),
        Parameter(
            "control_keyframes",
            str,
            None,
            'How strongly by frames, such as "0: 1; 16: 0.3": the strengths are multiplied by it, on a straight line '
            "between keyframes.",
            holds="keyframes",
            group="Guidance",
        ),
        Parameter(
            "control_guidance_start",
            float,
            0.0,
            "Part of the steps from which the control maps guide: 0.2 leaves the first fifth to the prompt.",
            minimum=0,
            maximum=1,
            option="control-start",
            argument="control_guidance_start",
            group="Guidance",
        ),
        Parameter(
            "control_guidance_end",
            float,
            1.0,
            "Part of the steps up to which they guide; those without take less time.",
            minimum=0,
            maximum=1,
            option="control-end",
            argument="control_guidance_end",
            group="Guidance",
        ),
        Parameter(
            "guess_mode",
            bool,
            False,
            "Let the control maps say what the video shows, of which the prompt then need say little: they guide only "
            "what follows the prompt, and its details less than the whole; guidance scales of 3 to 5 suit it.",
            argument="guess_mode",
            group="Guidance",
        ),
        Parameter(
            "extra_controls",
            str,
            (),
            "One more ControlNet: KIND:STRENGTH or KIND:STRENGTH:MODEL, such as depth:0.5.",
            many=True,
            option="also",
            holds="guide",
            group="Guidance",
        ),
        *MODULES,
        STEADY,
        *with_defaults(SAMPLING, n_prompt=n_prompt, num_inference_steps=20, guidance_scale=9.0),
        *MEMORY,
        *with_defaults(OUTPUT, fps=fps),
    )
