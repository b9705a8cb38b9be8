"""The kinds of control maps: one row each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ppt2v.errors import InputError
from ppt2v.language import Message, words
from ppt2v.models.sources.catalogue import (
    EMBEDDED,
    EMBEDDED_WIDTH,
    FIRST_WIDTH,
    KNOWN,
    SECOND_WIDTH,
    XL_WIDTH,
    known,
)
from ppt2v.models.sources.locate import is_embedded
from ppt2v.parameters import Parameter

AUTO, MAP, VIDEO = "auto", "map", "video"

CLIP = (
    Parameter("start_t", float, 0.0, "Second of the clip at which to start.", minimum=0, group="File"),
    Parameter("end_t", float, -1.0, "Second of the clip at which to end; -1 for its end.", group="File"),
    Parameter(
        "out_fps",
        float,
        -1.0,
        "Frames per second to take from the clip; -1 for all of its frames.",
        maximum=240,
        group="File",
    ),
    Parameter("resolution", int, None, "Longest side in pixels; the clip's own if not given.", minimum=1, holds="size"),
)
SOURCE = Parameter(
    "control",
    str,
    AUTO,
    "What the clip is: map (a ready control map, used as it is), video (a map is made of it), or auto (found out).",
    choices=(AUTO, MAP, VIDEO),
    group="Guidance",
)
THRESHOLDS = (
    Parameter(
        "low_threshold",
        int,
        100,
        "Canny: weaker edges than this are left out.",
        minimum=0,
        maximum=65535,
        option="low-threshold",
        group="Guidance",
    ),
    Parameter(
        "high_threshold",
        int,
        200,
        "Canny: edges are followed from where they are as strong as this.",
        minimum=1,
        maximum=65535,
        option="high-threshold",
        group="Guidance",
    ),
)
POSE_DETECTOR = Parameter(
    "detector_weights",
    str,
    None,
    "File, folder or id of OpenPose's weights, such as hf:lllyasviel/Annotators; MediaPipe if not given.",
    option="detector",
    holds="file",
    group="Guidance",
)
DEPTH_DETECTOR = Parameter(
    "detector_weights",
    str,
    None,
    "Folder or id of a DPT network, such as hf:Intel/dpt-hybrid-midas; a small network that ships if not given.",
    option="detector",
    holds="file",
    group="Guidance",
)


@dataclass(frozen=True)
class Control:
    """One kind of control map.

    Args:
        name: what it is called on the command line.
        summary: one line for people.
        ready: the name of one map, with its article, for messages.
        recogniser: "module:function" in ``ppt2v.controls``, which tells whether a clip's first frames are such maps;
            None: that cannot be told.
        parameters: what its making can be told.
        maker: "module:function" in ``ppt2v.controls``, which loads the weights and gives, from the parameters' values,
            a ``maps.Maker``; None: only ready maps are taken.
        networks: its ControlNet for models whose UNet attends to texts of so many channels; those of Stable Diffusion
            1.x have one.
        detector: "module:function" in ``ppt2v.controls``, which refuses values without a detector that can make
            the maps.
    """

    name: str
    summary: str
    ready: Message
    recogniser: str | None
    parameters: tuple[Parameter, ...]
    maker: str | None
    networks: Mapping[int, str]
    detector: str | None = None

    def network_for(self, model: str, text_width: int | None = None) -> str:
        """The ControlNet that fits a model, as far as is known.

        Args:
            model: its name.
            text_width: channels of the texts that its UNet attends to; None where the model is not there yet.

        Raises:
            InputError: none ships for the embedded models.
        """
        row = known(model)
        usual = EMBEDDED_WIDTH if is_embedded(model) else FIRST_WIDTH
        if usual not in self.networks:
            raise InputError(
                "E-CONTROL-NO-NETWORK",
                "no ControlNet of the kind {kind} ships for {model}: give a model of Stable Diffusion 1.x, such as "
                "{example}, or the ControlNet (controlnet=..., --controlnet)",
                kind=self.name,
                model=model,
                example=KNOWN[0].id,
            )
        return self.networks.get(text_width or (row.text_width if row else usual), self.networks[usual])


CONTROLS = {
    control.name: control
    for control in (
        Control(
            "canny",
            "Edges, by Canny's method.",
            words("an edge map"),
            "recognition:are_edge_maps",
            (SOURCE, *THRESHOLDS),
            "maps:canny",
            {
                EMBEDDED_WIDTH: f"{EMBEDDED}/canny",
                FIRST_WIDTH: "lllyasviel/sd-controlnet-canny",
                SECOND_WIDTH: "hf:thibaud/controlnet-sd21-canny-diffusers",
                XL_WIDTH: "hf:diffusers/controlnet-canny-sdxl-1.0",
            },
        ),
        Control(
            "pose",
            "Skeletons of the people, by OpenPose or MediaPipe.",
            words("a skeleton drawing"),
            "recognition:are_skeletons",
            (SOURCE, POSE_DETECTOR),
            "maps:pose",
            {
                EMBEDDED_WIDTH: f"{EMBEDDED}/pose",
                FIRST_WIDTH: "lllyasviel/sd-controlnet-openpose",
                SECOND_WIDTH: "hf:thibaud/controlnet-sd21-openpose-diffusers",
                XL_WIDTH: "hf:thibaud/controlnet-openpose-sdxl-1.0",
            },
            "maps:check_pose_detector",
        ),
        Control(
            "depth",
            "Depth, near is bright, by a small network or DPT.",
            words("a depth picture"),
            "recognition:are_depth_maps",
            (SOURCE, DEPTH_DETECTOR),
            "maps:depth",
            {
                EMBEDDED_WIDTH: f"{EMBEDDED}/depth",
                FIRST_WIDTH: "lllyasviel/sd-controlnet-depth",
                SECOND_WIDTH: "hf:thibaud/controlnet-sd21-depth-diffusers",
                XL_WIDTH: "hf:diffusers/controlnet-depth-sdxl-1.0",
            },
            "maps:check_depth_detector",
        ),
        Control(
            "softedge",
            "Soft edges, as HED and PiDiNet make them; ready maps only.",
            words("a map of soft edges"),
            "recognition:are_drawings",
            (SOURCE,),
            None,
            {
                FIRST_WIDTH: "hf:lllyasviel/control_v11p_sd15_softedge",
                SECOND_WIDTH: "hf:thibaud/controlnet-sd21-hed-diffusers",
                XL_WIDTH: "hf:SargeZT/controlnet-sd-xl-1.0-softedge-dexined",
            },
        ),
        Control(
            "lineart",
            "Line art: bright lines where the clip is darker than around.",
            words("line art"),
            "recognition:are_drawings",
            (SOURCE,),
            "lines:lineart",
            {
                FIRST_WIDTH: "hf:lllyasviel/control_v11p_sd15_lineart",
                SECOND_WIDTH: "hf:thibaud/controlnet-sd21-lineart-diffusers",
            },
        ),
        Control(
            "scribble",
            "Scribbles: strokes along strong lines.",
            words("a scribble"),
            "recognition:are_drawings",
            (SOURCE,),
            "lines:scribble",
            {
                FIRST_WIDTH: "hf:lllyasviel/control_v11p_sd15_scribble",
                SECOND_WIDTH: "hf:thibaud/controlnet-sd21-scribble-diffusers",
                XL_WIDTH: "hf:xinsir/controlnet-scribble-sdxl-1.0",
            },
        ),
        Control(
            "normal",
            "Normals of the surfaces as colours; ready maps only.",
            words("a map of normals"),
            "recognition:are_normals",
            (SOURCE,),
            None,
            {
                FIRST_WIDTH: "hf:lllyasviel/control_v11p_sd15_normalbae",
                SECOND_WIDTH: "hf:thibaud/controlnet-sd21-normalbae-diffusers",
            },
        ),
        Control(
            "segmentation",
            "Things as areas of one colour each (ADE20K's colours); ready maps only, with --control map.",
            words("a map of segments"),
            None,
            (SOURCE,),
            None,
            {
                FIRST_WIDTH: "hf:lllyasviel/control_v11p_sd15_seg",
                SECOND_WIDTH: "hf:thibaud/controlnet-sd21-ade20k-diffusers",
            },
        ),
        Control(
            "tile",
            "The clip itself, whose details are made anew.",
            words("a picture to make anew"),
            "recognition:are_pictures",
            (SOURCE,),
            "maps:tile",
            {
                FIRST_WIDTH: "hf:lllyasviel/control_v11f1e_sd15_tile",
                XL_WIDTH: "hf:xinsir/controlnet-tile-sdxl-1.0",
            },
        ),
    )
}
