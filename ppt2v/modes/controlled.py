"""The parameters of the modes that ControlNets guide."""

from __future__ import annotations

from dataclasses import replace

from ppt2v.parameters import Parameter

from .inputs import ADAPTERS, CLIP, LARGER_TILED, MODEL, MODULES, PROMPT, PROMPT_AT
from .machine import MEMORY
from .motion import STEADY
from .output import OUTPUT
from .sampling import SAMPLING

# What the published code (Text2Video-Zero) adds to the prompt, and what it avoids.
BEST = "best quality, extremely detailed"
BEST_ART = f"{BEST}, HD, ultra-realistic, 8K, HQ, masterpiece, trending on artstation, art, smooth"
BAD = (
    "longbody, lowres, bad anatomy, bad hands, missing fingers, extra digit, fewer digits, cropped, worst quality, "
    "low quality"
)
BAD_BODY = f"{BAD}, deformed body, bloated, ugly, unrealistic"


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
        *LARGER_TILED,
        *with_defaults(OUTPUT, fps=fps),
    )
