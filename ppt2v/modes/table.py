"""The modes: one row each. This table is the extension point; command line, config files and ``Model`` follow it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ppt2v import controls
from ppt2v.models.sources.catalogue import EMBEDDED
from ppt2v.parameters import Parameter

from .controlled import BAD, BAD_BODY, BEST, BEST_ART, controlled, with_defaults
from .inputs import ADAPTERS, CLIP, FREE_INIT, LARGER, LARGER_TILED, MODEL, MODULES, PROMPT, PROMPT_AT, START, STRENGTH
from .machine import MEMORY
from .motion import INIT_IMAGE, MOTION, STEADY
from .output import OUTPUT
from .sampling import PERTURBED, SAMPLING, STEPS

# Of the modes whose frames are all made together, from a prompt alone or from a clip.
_LENGTH = Parameter(
    "video_length",
    int,
    16,
    "Number of frames; with a clip to start from, that of the clip.",
    minimum=1,
    maximum=4096,
    option="frames",
    argument="video_length",
)
_SIZE = Parameter(
    "resolution",
    str,
    None,
    "Side of a square or WIDTHxHEIGHT, in pixels; with a clip to start from the longest side; "
    "the model's own if not given.",
    holds="size",
    decides="file",
)


@dataclass(frozen=True)
class Mode:
    """One way to make a video.

    Args:
        name: what it is called on the command line and in recipes.
        summary: one line for people.
        pipeline: "module:class" in ``ppt2v.pipelines``; the class is built from the parts of the model. Some families
            of models have another (``families.family.Family.pipeline``).
        parameters: what a run can be told.
        family: the group of families whose models it takes: "image" for Stable Diffusion, "video" for models that were
            trained on videos.
        control: the kind of control maps that guide it, a key of ``controls.CONTROLS``, where the parameter
            "control_kind" does not say it; None: the mode uses none.
        example: a model of the right kind, for the advice to those who try the embedded one.
        fast_steps: of DPM-Solver++, for fast runs of models that bring no preset of their own (its authors recommend
            15 to 20 for Stable Diffusion, arXiv 2211.01095, section 7).
        moves: whether a run needs a motion module.
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
    moves: bool = False
    alias: str | None = None
    samples: tuple[tuple[str | None, str], ...] = ()

    def default(self, name: str) -> Any:
        """What the parameter of that name is where nothing is given."""
        return next(parameter.default for parameter in self.parameters if parameter.name == name)

    def has(self, name: str) -> bool:
        """Whether there is a parameter of that name."""
        return any(parameter.name == name for parameter in self.parameters)

    def kind(self, values: Mapping[str, Any]) -> str | None:
        """The kind of control maps that guide a run with these values."""
        return values.get("control_kind", self.control)

    @property
    def takes_clip(self) -> bool:
        """Whether it needs a clip to start from."""
        return any(parameter.holds == "clip" and parameter.positional for parameter in self.parameters)

    @property
    def hub_name(self) -> str:
        """What it is called in PaddlePaddle's hubs: as its task in the published code, such as "controlnet_pose"."""
        return self.alias or ("controlnet_" if self.control else "") + self.name.replace("-", "_")


_FILE = (
    replace(OUTPUT[0], help="Frames per second of the file; those taken from a clip, or 8, if not given."),
    *OUTPUT[1:],
)
# Where those of a window come together.
_ALL_FRAMES = tuple(each for each in SAMPLING if each.name not in ("chunk_size", "anchors"))
_CONTROLNET = "video_controlnet:VideoControlNetPipeline"
_CANNY = controls.CONTROLS["canny"].parameters
_OWN_MODES = ("canny", "pose", "depth")
_KIND = Parameter(
    "control_kind",
    str,
    "tile",
    "What the control maps show: softedge, lineart (made where the clip is none), scribble (likewise), normal, "
    "segmentation, or tile (the clip itself).",
    choices=tuple(kind for kind in controls.CONTROLS if kind not in _OWN_MODES),
    option="kind",
    group="Guidance",
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
                *ADAPTERS,
                Parameter(
                    "video_length",
                    int,
                    8,
                    "Number of frames.",
                    minimum=1,
                    maximum=4096,
                    option="frames",
                    argument="video_length",
                ),
                Parameter(
                    "resolution",
                    str,
                    None,
                    "Side of a square or WIDTHxHEIGHT, in pixels; the model's own if not given.",
                    holds="size",
                    decides="file",
                ),
                *SAMPLING,
                PERTURBED,
                *MOTION,
                *MEMORY,
                *LARGER_TILED,
                replace(OUTPUT[0], default=4.0, help="Frames per second of the file."),
                *OUTPUT[1:],
            ),
            alias="text2video_zero",
            samples=((None, "a fox in the snow"), (None, "an astronaut in outer space"), (None, "a rocket at sunset")),
        ),
        Mode(
            "synthesize",
            "Make a video from a prompt with a model that was trained on videos (ModelScope's text to video).",
            "text_to_video_modelscope:TextToVideoPipeline",
            (
                replace(PROMPT, help="What the video shows, in English."),
                replace(
                    MODEL,
                    default=f"{EMBEDDED}/video",
                    help="Folder or id of a text-to-video model, such as damo-"
                    "vilab/text-to-video-ms-1.7b: ModelScope's own files, or the layout of diffusers or Paddle.",
                ),
                _LENGTH,
                replace(
                    _SIZE,
                    help="Side of a square or WIDTHxHEIGHT, in pixels; with a clip to start from the longest side; "
                    "the model's own (256) if not given.",
                ),
                Parameter(
                    "content_seed",
                    int,
                    None,
                    "Number that fixes what a VideoFusion model shows, while the seed varies how it moves; the "
                    "seed if not given.",
                    minimum=0,
                    maximum=2**63 - 1,
                    group="Guidance",
                ),
                Parameter(
                    "free_noise",
                    bool,
                    False,
                    "Start the frames behind the first 16 from the noise of those before, in another order "
                    "(FreeNoise), so that a long video stays of one piece.",
                    group="Motion",
                ),
                FREE_INIT,
                *with_defaults(STEPS, guidance_scale=9.0),
                *START,
                STRENGTH,
                Parameter(
                    "tile",
                    int,
                    None,
                    "Predict the noise in tiles of this side in pixels, which overlap: larger frames than the model "
                    "knows, in the memory of small ones; slower.",
                    minimum=8,
                    argument="tile",
                    group="Speed and memory",
                ),
                *MEMORY[1:],
                *LARGER,
                *_FILE,
            ),
            family="video",
            example="damo-vilab/text-to-video-ms-1.7b",
            alias="text_to_video_synthesis",
            samples=((None, "a panda moving left in the snow"), (None, "a rocket rising in outer space")),
        ),
        Mode(
            "animate",
            "Make a video from a prompt with a text-to-image model and a motion module (AnimateDiff).",
            "animate:AnimatePipeline",
            (
                PROMPT,
                PROMPT_AT,
                replace(MODEL, default=f"{EMBEDDED}/animate"),
                replace(
                    MODULES[0],
                    default=f"{EMBEDDED}/motion",
                    help="Folder, file or id of a motion module (AnimateDiff) that was made for the model; the one "
                    "that ships fits the embedded model alone.",
                ),
                *MODULES[1:],
                *ADAPTERS,
                _LENGTH,
                _SIZE,
                INIT_IMAGE,
                FREE_INIT,
                *with_defaults(_ALL_FRAMES, num_inference_steps=25, use_cf_attn=False),
                *START,
                replace(
                    STRENGTH,
                    help="How much of the schedule is run from that clip, or from the first frame: with 1 little of it "
                    "is left.",
                ),
                *MEMORY,
                *LARGER,
                *_FILE,
            ),
            moves=True,
            samples=((None, "a panda moving left in the snow"), (None, "a rocket rising in outer space")),
        ),
        Mode(
            "pix2pix",
            "Edit a clip as an instruction says (Video Instruct-Pix2Pix).",
            "video_instruct_pix2pix:VideoInstructPix2PixPipeline",
            (
                replace(CLIP[0], argument="frames"),
                *CLIP[1:],
                replace(PROMPT, help='What to do with the clip, such as "make it snow".'),
                replace(MODEL, default=f"{EMBEDDED}/pix2pix"),
                *ADAPTERS,
                Parameter(
                    "image_guidance_scale",
                    float,
                    1.5,
                    "How closely to keep to the clip; below 1 turns guidance off.",
                    minimum=0,
                    maximum=100,
                    argument="image_guidance_scale",
                    group="Guidance",
                ),
                Parameter(
                    "shared_noise",
                    bool,
                    True,
                    "Give all frames the same noise, which flickers less than noise of their own.",
                    argument="shared_noise",
                    group="Guidance",
                ),
                STEADY,
                *with_defaults(SAMPLING, solver="euler_a"),
                *MEMORY,
                *OUTPUT,
            ),
            example="timbrooks/instruct-pix2pix",
            samples=(("panda.mp4", "make it night"), ("car.mp4", "make it green")),
        ),
        Mode(
            "pose",
            "Make a video that follows the poses of the people in a clip.",
            _CONTROLNET,
            controlled(BEST_ART, BAD_BODY, fps=4.0) + controls.CONTROLS["pose"].parameters,
            control="pose",
            fast_steps=10,
            samples=(("dance_pose.mp4", "a dancing fox on the grass"),),
        ),
        Mode(
            "canny",
            "Make a video that follows the edges of a clip.",
            _CONTROLNET,
            controlled(BEST, BAD) + _CANNY,
            control="canny",
            fast_steps=10,
            samples=(("panda.mp4", "a bear at sunset"), ("car.mp4", "a car in the desert")),
        ),
        Mode(
            "depth",
            "Make a video that follows the depth of a clip.",
            _CONTROLNET,
            controlled(BEST, BAD) + controls.CONTROLS["depth"].parameters,
            control="depth",
            fast_steps=10,
            samples=(("elephant_depth.mp4", "an elephant in the snow"),),
        ),
        Mode(
            "canny-db",
            "Make a video that follows the edges of a clip, with a Dreambooth model.",
            _CONTROLNET,
            with_defaults(controlled(BEST, BAD) + _CANNY, model_name=f"{EMBEDDED}/dreambooth"),
            control="canny",
            fast_steps=10,
            samples=(("bear.mp4", "a sks bear on the beach"),),
        ),
        Mode(
            "controlnet",
            "Make a video that follows other control maps: line art, scribbles, soft edges, normals, segments, tiles.",
            _CONTROLNET,
            (*controlled(BEST, BAD), _KIND, controls.SOURCE),
            control="tile",
            fast_steps=10,
            alias="controlnet",
        ),
    )
}
