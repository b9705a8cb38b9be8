"""The kinds of control maps: one row each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ppt2v.language import Message, words
from ppt2v.models.sources.catalogue import EMBEDDED, EMBEDDED_WIDTH, FIRST_WIDTH, SECOND_WIDTH, XL_WIDTH, known
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
    "Folder or id of a DPT network, such as hf:Intel/dpt-hybrid-midas.",
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
        recogniser: "module:function" in ``ppt2v.controls``, which tells whether a clip's first frames are such maps.
        parameters: what its making can be told.
        maker: "module:function" in ``ppt2v.controls``, which loads the weights and gives, from the parameters' values,
            what makes maps of frames, and how it does so in a few words.
        detector: "module:function" in ``ppt2v.controls``, which refuses values without the detector that the maps need.
        networks: its ControlNet for models whose UNet attends to texts of so many channels.
    """

    name: str
    summary: str
    ready: Message
    recogniser: str
    parameters: tuple[Parameter, ...]
    maker: str
    networks: Mapping[int, str]
    detector: str | None = None

    def network_for(self, model: str, text_width: int | None = None) -> str:
        """The ControlNet that fits a model, as far as is known.

        Args:
            model: its name.
            text_width: channels of the texts that its UNet attends to; None where the model is not there yet.
        """
        row = known(model)
        usual = EMBEDDED_WIDTH if is_embedded(model) else FIRST_WIDTH
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
            "Depth, near is bright, by DPT.",
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
    )
}
