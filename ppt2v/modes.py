"""The modes: one row each. This table is the extension point; command line, config files and ``Model`` follow it."""
from __future__ import annotations

from dataclasses import dataclass

from .hub import EMBEDDED
from .parameters import Parameter
from .pipelines.schedule import SOLVERS


@dataclass(frozen=True)
class Mode:
    """One way to make a video.

    Args:
        name: what it is called on the command line and in recipes.
        summary: one line for people.
        pipeline: "module:class" in ``ppt2v.pipelines``; the class is built from a Stable Diffusion pipeline's
            components.
        parameters: what a run can be told.
    """

    name: str
    summary: str
    pipeline: str
    parameters: tuple[Parameter, ...]


PROMPT = Parameter("prompt", str, None, "What the video shows.", argument="prompt")

MODEL = Parameter(
    "model_name", str, EMBEDDED, "Folder or id of the model; `ppt2v models` lists those that are known.", option="model"
)

SAMPLING = (
    Parameter("n_prompt", str, "", "What the video must not show.", option="negative-prompt",
              argument="negative_prompt"),
    Parameter("seed", int, None, "Number that fixes the randomness; drawn from Paddle's generator if not given.",
              minimum=0, maximum=2**63 - 1),
    Parameter("num_inference_steps", int, 50, "Denoising steps.", minimum=1, maximum=999, option="steps",
              argument="num_inference_steps"),
    Parameter("guidance_scale", float, 7.5, "How closely to follow the prompt; 1 or less turns guidance off.",
              minimum=0, maximum=100, argument="guidance_scale"),
    Parameter("solver", str, "ddim",
              "How a step is made: ddim, dpmsolver++ (needs fewer steps), or lcm (for models distilled for it).",
              choices=SOLVERS, argument="solver"),
    Parameter("eta", float, 0.0, "Stochasticity of DDIM: 0 is deterministic, 1 is DDPM.", minimum=0, maximum=1,
              argument="eta"),
    Parameter("chunk_size", int, 8, "Frames computed together, the first included; changes only the memory needed.",
              minimum=2, argument="chunk_size"),
    Parameter("use_cf_attn", bool, True, "Let every frame attend to the first one.", option="cross-frame-attention",
              argument="use_cf_attn"),
)

MOTION = (
    Parameter("motion_field_strength_x", float, 12.0, "Motion to the left per frame, in 1/512 of the width.",
              minimum=-512, maximum=512, option="motion", argument="motion_field_strength_x"),
    Parameter("motion_field_strength_y", float, 12.0, "Motion upwards per frame, in 1/512 of the height.",
              minimum=-512, maximum=512, option="motion", argument="motion_field_strength_y"),
    Parameter("t0", int, 44,
              "Noise level T0, where the motion is added: an index from the end of the 50-step DDIM schedule.",
              argument="t0"),
    Parameter("t1", int, 47, "Noise level T1, to which the moved frames are noised again; likewise an index.",
              argument="t1"),
    Parameter("use_motion_field", bool, True,
              "Start the frames from the moved first frame instead of from noise of their own.",
              option="motion-field", argument="use_motion_field"),
)

OUTPUT = (
    Parameter("fps", float, 4.0, "Frames per second of the file.", above=0, maximum=240),
    Parameter("watermark", str, None, "A text, or the path of a picture, to put into the lower right corner."),
    Parameter("save_path", str, None, "File to write (for png a folder); named after the prompt if not given.",
              option="out"),
    Parameter("save_format", str, None, "mp4, gif, webm or png; by the file's ending if not given.", option="format"),
    Parameter("checkpoint_dir", str, None,
              "Folder that keeps the last completed step; a killed run goes on from there."),
)

MODES = {
    mode.name: mode
    for mode in (
        Mode(
            "text2video",
            "Make a video from a prompt with a text-to-image model (Text2Video-Zero).",
            "text_to_video_zero:TextToVideoZeroPipeline",
            (
                PROMPT,
                MODEL,
                Parameter("video_length", int, 8, "Number of frames.", minimum=1, maximum=4096, option="frames",
                          argument="video_length"),
                Parameter("resolution", str, None,
                          "Side of a square or WIDTHxHEIGHT, in pixels; the model's own if not given."),
                *SAMPLING, *MOTION, *OUTPUT,
            ),
        ),
    )
}
