"""The modes: one row each. This table is the extension point; command line, config files and ``Model`` follow it."""
from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from . import controls
from .hub import EMBEDDED
from .parameters import Parameter
from .pipelines.schedule import SOLVERS


@dataclass(frozen=True)
class Mode:
    """One way to make a video.

    Args:
        name: what it is called on the command line and in recipes.
        summary: one line for people.
        pipeline: "module:class" in ``ppt2v.pipelines``; the class is built from the parts of the model. Some kinds of
            video models have another (``video_models.kind``).
        parameters: what a run can be told.
        family: of its models: "image" for Stable Diffusion, "video" for ModelScope's text to video (``video_models``).
        control: the kind of control maps that guide it, a key of ``controls.CONTROLS``; None: it goes without.
        example: a model of the right kind, for the advice to those who try the embedded one.
        fast_steps: of DPM-Solver++, for fast runs of models that bring no preset of their own (its authors recommend
            15 to 20 for Stable Diffusion, arXiv 2211.01095, section 7).
        alias: what it is called in PaddlePaddle's hubs, where that is not made from ``name`` (``hub_name``).
        samples: clips, files of ``__assets__/clips`` (None: without), and prompts to try the embedded model with.
    """

    name: str
    summary: str
    pipeline: str
    parameters: tuple[Parameter, ...]
    family: str = "image"
    control: str | None = None
    example: str = "stable-diffusion-v1-5/stable-diffusion-v1-5"
    fast_steps: int = 20
    alias: str | None = None
    samples: tuple[tuple[str | None, str], ...] = ()

    def default(self, name: str) -> Any:
        """What the parameter of that name is where nothing is given."""
        return next(parameter.default for parameter in self.parameters if parameter.name == name)

    @property
    def takes_clip(self) -> bool:
        """Whether it needs a clip to start from."""
        return any(parameter.name == "video_path" for parameter in self.parameters)

    @property
    def hub_name(self) -> str:
        """What it is called in PaddlePaddle's hubs: as its task in the published code, such as "controlnet_pose"."""
        return self.alias or ("controlnet_" if self.control else "") + self.name.replace("-", "_")


# The ControlNet for each kind of control: that of the embedded model, and one for every Stable Diffusion 1.x.
CONTROLNETS = {
    "canny": (f"{EMBEDDED}/canny", "lllyasviel/sd-controlnet-canny"),
    "pose": (f"{EMBEDDED}/pose", "lllyasviel/sd-controlnet-openpose"),
    "depth": (f"{EMBEDDED}/depth", "lllyasviel/sd-controlnet-depth"),
}

# What the published code (Text2Video-Zero) adds to the prompt, and what it avoids.
BEST = "best quality, extremely detailed"
BEST_ART = f"{BEST}, HD, ultra-realistic, 8K, HQ, masterpiece, trending on artstation, art, smooth"
BAD = ("longbody, lowres, bad anatomy, bad hands, missing fingers, extra digit, fewer digits, cropped, worst quality, "
       "low quality")
BAD_BODY = f"{BAD}, deformed body, bloated, ugly, unrealistic"

PROMPT = Parameter("prompt", str, None, "What the video shows.", argument="prompt")

MODEL = Parameter(
    "model_name", str, EMBEDDED, "Folder, single file or id of the model; `ppt2v models` lists those that are known.",
    option="model",
)

ADAPTERS = (
    Parameter("lora", str, (), "LoRA file that is merged into the model for this run, as PATH or PATH:STRENGTH.",
              many=True),
    Parameter("textual_inversion", str, (),
              "File of a word that the model is to know for this run, as PATH or PATH:WORD.", many=True),
    Parameter("tokenizer", str, None,
              "Folder or id whose vocabulary is used; the model's own if not given, for a single file that of CLIP."),
)

CLIP = (
    Parameter("video_path", str, None, "The clip: a video file."),
    *(parameter for parameter in controls.CLIP if parameter.name != "resolution"),
    Parameter("resolution", int, 512, "Longest side of the video in pixels; the sides are rounded to what the model "
              "can make.", minimum=1),
)

FAST = Parameter("fast", bool, False, "Fewer steps by a better solver: the cheapest setting that keeps the quality; "
                 "what is given beside it wins.")

STEPS = (
    Parameter("n_prompt", str, "", "What the video must not show.", option="negative-prompt",
              argument="negative_prompt"),
    Parameter("seed", int, None, "Number that fixes the randomness; drawn from Paddle's generator if not given.",
              minimum=0, maximum=2**63 - 1),
    Parameter("num_inference_steps", int, 50, "Denoising steps.", minimum=1, maximum=999, option="steps",
              argument="num_inference_steps"),
    Parameter("guidance_scale", float, 7.5, "How closely to follow the prompt; 1 or less turns guidance off.",
              minimum=0, maximum=100, argument="guidance_scale"),
    Parameter("guidance_stop_step", float, 1.0,
              "Part of the steps, from the first on, that guidance is used in; those without take half the time.",
              minimum=0, maximum=1, option="guidance-stop", argument="guidance_stop_step"),
    Parameter("solver", str, "ddim",
              "How a step is made: ddim, dpmsolver++ (needs fewer steps), euler_a (fresh noise in each step), or lcm "
              "(for models distilled for it).", choices=SOLVERS, argument="solver"),
    Parameter("eta", float, 0.0, "Stochasticity of DDIM: 0 is deterministic, 1 is DDPM.", minimum=0, maximum=1,
              argument="eta"),
)

SAMPLING = (
    *STEPS,
    FAST,
    Parameter("chunk_size", int, 8, "Frames computed together, the first included; changes only the memory needed.",
              minimum=2, argument="chunk_size"),
    Parameter("use_cf_attn", bool, True, "Let every frame attend to the first one.", option="cross-frame-attention",
              argument="use_cf_attn"),
    Parameter("merging_ratio", float, 0.0,
              "Share of the tokens that are merged where there are most of them: faster at large sizes, less detail.",
              minimum=0, maximum=0.9, argument="merging_ratio"),
    Parameter("cache_interval", int, 1,
              "Of so many steps one computes the whole UNet, the others its outermost level alone: faster, less "
              "faithful; 1 turns it off.", minimum=1, maximum=10, argument="cache_interval"),
)

START = (
    Parameter("init_video", str, None, "A clip to start from instead of noise alone; its motion is kept."),
    *(replace(each, default=8.0) if each.name == "out_fps" else each
      for each in controls.CLIP if each.name != "resolution"),
    Parameter("strength", float, 0.6, "How much of the schedule is run from that clip: with 1 little of it is left.",
              above=0, maximum=1, argument="strength"),
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
    Parameter("smooth_bg", bool, False,
              "Keep the background steady with the first frame's, moved along; takes about twice the time.",
              option="smooth-background"),
    Parameter("smooth_bg_strength", float, 0.4, "With a smooth background: share of its own that each frame keeps.",
              minimum=0, maximum=1, option="background-kept", argument="smooth_bg_strength"),
    Parameter("saliency_weights", str, f"{EMBEDDED}/saliency",
              "With a smooth background: network that finds the subject, as a file u2net.pth or u2netp.pth or where "
              "one is; the embedded one knows the embedded model's subjects.", option="saliency"),
)

MEMORY = (
    Parameter("memory", str, None,
              "Most memory to use, such as 8GB: chooses chunk size, decoding in tiles and offloading, where not "
              "given."),
    Parameter("decode_tile", int, None,
              "Decode frames in tiles of this side in pixels: less memory for large frames, slightly other pixels.",
              minimum=64),
    Parameter("offload", bool, False,
              "Let each network leave the memory when its part is done; the next run reads it again."),
)

OUTPUT = (
    Parameter("fps", float, None, "Frames per second of the file; those taken from the clip if not given.", above=0,
              maximum=240),
    Parameter("watermark", str, None, "A text, or the path of a picture, to put into the lower right corner."),
    Parameter("save_path", str, None, "File to write (for png a folder); named after the prompt if not given.",
              option="out"),
    Parameter("save_format", str, None, "mp4, gif, webm or png; by the file's ending if not given.", option="format"),
    Parameter("checkpoint_dir", str, None,
              "Folder that keeps the last completed step; a killed run goes on from there."),
)


def _with_defaults(parameters: tuple[Parameter, ...], **defaults) -> tuple[Parameter, ...]:
    """The same parameters, some with other defaults."""
    return tuple(replace(each, default=defaults.get(each.name, each.default)) for each in parameters)


def _controlled(a_prompt: str, n_prompt: str, fps: float | None = None) -> tuple[Parameter, ...]:
    """The parameters of the modes that ControlNets guide, but for those of the control itself."""
    return (
        *CLIP,
        PROMPT,
        Parameter("a_prompt", str, a_prompt, "Added to the prompt.", option="added-prompt"),
        MODEL, *ADAPTERS,
        Parameter("controlnet", str, None,
                  "Folder or id of the ControlNet; the one for this control that fits the model if not given."),
        Parameter("controlnet_conditioning_scale", float, 1.0, "How strongly the control maps guide.", minimum=0,
                  maximum=10, option="control-strength"),
        Parameter("extra_controls", str, (),
                  "One more ControlNet: KIND:STRENGTH or KIND:STRENGTH:MODEL, such as depth:0.5.", many=True,
                  option="also"),
        *_with_defaults(SAMPLING, n_prompt=n_prompt, num_inference_steps=20, guidance_scale=9.0),
        *MEMORY,
        *_with_defaults(OUTPUT, fps=fps),
    )


_CONTROLNET = "video_controlnet:VideoControlNetPipeline"
_CANNY = controls.CONTROLS["canny"].parameters

MODES = {
    mode.name: mode
    for mode in (
        Mode(
            "text2video",
            "Make a video from a prompt with a text-to-image model (Text2Video-Zero).",
            "text_to_video_zero:TextToVideoZeroPipeline",
            (
                PROMPT,
                MODEL, *ADAPTERS,
                Parameter("video_length", int, 8, "Number of frames.", minimum=1, maximum=4096, option="frames",
                          argument="video_length"),
                Parameter("resolution", str, None,
                          "Side of a square or WIDTHxHEIGHT, in pixels; the model's own if not given."),
                *SAMPLING, *MOTION, *MEMORY,
                replace(OUTPUT[0], default=4.0, help="Frames per second of the file."), *OUTPUT[1:],
            ),
            alias="text2video_zero",
            samples=((None, "a fox in the snow"), (None, "an astronaut in outer space"),
                     (None, "a rocket at sunset")),
        ),
        Mode(
            "synthesize",
            "Make a video from a prompt with a model that was trained on videos (ModelScope's text to video).",
            "text_to_video_modelscope:TextToVideoPipeline",
            (
                replace(PROMPT, help="What the video shows, in English."),
                replace(MODEL, default=f"{EMBEDDED}/video", help="Folder or id of a text-to-video model, such as damo-"
                        "vilab/text-to-video-ms-1.7b: ModelScope's own files, or the layout of diffusers or Paddle."),
                Parameter("video_length", int, 16, "Number of frames; with a clip to start from, that of the clip.",
                          minimum=1, maximum=4096, option="frames", argument="video_length"),
                Parameter("resolution", str, None,
                          "Side of a square or WIDTHxHEIGHT, in pixels; with a clip to start from the longest side; "
                          "the model's own (256) if not given."),
                Parameter("content_seed", int, None,
                          "Number that fixes what a VideoFusion model shows, while the seed varies how it moves; the "
                          "seed if not given.", minimum=0, maximum=2**63 - 1),
                *_with_defaults(STEPS, guidance_scale=9.0), *START, *MEMORY[1:], *_with_defaults(OUTPUT, fps=8.0),
            ),
            family="video",
            example="damo-vilab/text-to-video-ms-1.7b",
            alias="text_to_video_synthesis",
            samples=((None, "a panda moving left in the snow"), (None, "a rocket rising in outer space")),
        ),
        Mode(
            "pix2pix",
            "Edit a clip as an instruction says (Video Instruct-Pix2Pix).",
            "video_instruct_pix2pix:VideoInstructPix2PixPipeline",
            (
                *CLIP,
                replace(PROMPT, help="What to do with the clip, such as \"make it snow\"."),
                replace(MODEL, default=f"{EMBEDDED}/pix2pix"), *ADAPTERS,
                Parameter("image_guidance_scale", float, 1.5,
                          "How closely to keep to the clip; below 1 turns guidance off.", minimum=0, maximum=100,
                          argument="image_guidance_scale"),
                Parameter("shared_noise", bool, True,
                          "Give all frames the same noise, which flickers less than noise of their own.",
                          argument="shared_noise"),
                *_with_defaults(SAMPLING, solver="euler_a"), *MEMORY, *OUTPUT,
            ),
            example="timbrooks/instruct-pix2pix",
            samples=(("panda.mp4", "make it night"), ("car.mp4", "make it green")),
        ),
        Mode(
            "pose",
            "Make a video that follows the poses of the people in a clip.",
            _CONTROLNET,
            _controlled(BEST_ART, BAD_BODY, fps=4.0) + controls.CONTROLS["pose"].parameters,
            control="pose",
            fast_steps=10,
            samples=(("dance_pose.mp4", "a dancing fox on the grass"),),
        ),
        Mode(
            "canny",
            "Make a video that follows the edges of a clip.",
            _CONTROLNET,
            _controlled(BEST, BAD) + _CANNY,
            control="canny",
            fast_steps=10,
            samples=(("panda.mp4", "a bear at sunset"), ("car.mp4", "a car in the desert")),
        ),
        Mode(
            "depth",
            "Make a video that follows the depth of a clip.",
            _CONTROLNET,
            _controlled(BEST, BAD) + controls.CONTROLS["depth"].parameters,
            control="depth",
            fast_steps=10,
            samples=(("elephant_depth.mp4", "an elephant in the snow"),),
        ),
        Mode(
            "canny-db",
            "Make a video that follows the edges of a clip, with a Dreambooth model.",
            _CONTROLNET,
            _with_defaults(_controlled(BEST, BAD) + _CANNY, model_name=f"{EMBEDDED}/dreambooth"),
            control="canny",
            fast_steps=10,
            samples=(("bear.mp4", "a sks bear on the beach"),),
        ),
    )
}
