"""The parameters that modes share: how a video is denoised."""

from __future__ import annotations

from ppt2v.models.layouts.ldm_names import SPACINGS
from ppt2v.parameters import Parameter
from ppt2v.pipelines.planning.anchors import FIRST
from ppt2v.pipelines.planning.solver_names import SOLVERS, solver_named

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
