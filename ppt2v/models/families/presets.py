"""What a model may decide of a run, in its ppt2v.json: nothing that names files, or that takes more of the machine."""

from __future__ import annotations

MAY_DECIDE = (
    "num_inference_steps",
    "guidance_scale",
    "image_guidance_scale",
    "solver",
    "resolution",
    "t0",
    "t1",
    "a_prompt",
    "n_prompt",
    "fps",
)
MAY_DECIDE_OF_TRAINING = ("learning_rate", "steps", "class_images")
