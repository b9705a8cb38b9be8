"""The parameters that modes share: how a video moves, and how steady it is."""

from __future__ import annotations

from ppt2v.models.sources.catalogue import EMBEDDED
from ppt2v.parameters import Parameter

from .inputs import PROMPT_AT

PUBLISHED = 12.0  # the paper's motion from frame to frame

INIT_IMAGE = Parameter(
    "init_image",
    str,
    None,
    "A picture as the first frame, which the others keep and move; the prompt should say what it shows.",
    holds="still",
    group="Motion",
)

MOTION = (
    Parameter(
        "motion_field_strength_x",
        float,
        PUBLISHED,
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
        PUBLISHED,
        "Motion upwards per frame, in 1/512 of the height, likewise; negative: down.",
        minimum=-512,
        maximum=512,
        option="motion",
        argument="motion_field_strength_y",
    ),
    INIT_IMAGE,
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
