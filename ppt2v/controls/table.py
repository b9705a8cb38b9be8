"""The kinds of control maps: one row each."""

from __future__ import annotations

from dataclasses import dataclass

from ppt2v.models.sources.catalogue import EMBEDDED
from ppt2v.models.sources.locate import is_embedded
from ppt2v.parameters import Parameter

AUTO, MAP, VIDEO = "auto", "map", "video"

CLIP = (
    Parameter("start_t", float, 0.0, "Second of the clip at which to start.", minimum=0),
    Parameter("end_t", float, -1.0, "Second of the clip at which to end; -1 for its end."),
    Parameter(
        "out_fps", float, -1.0, "Frames per second to take from the clip; -1 for all of its frames.", maximum=240
    ),
    Parameter("resolution", int, None, "Longest side in pixels; the clip's own if not given.", minimum=1, holds="size"),
)
SOURCE = Parameter(
    "control",
    str,
    AUTO,
    "What the clip is: map (a ready control map, used as it is), video (a map is made of it), or auto (found out).",
    choices=(AUTO, MAP, VIDEO),
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
    ),
    Parameter(
        "high_threshold",
        int,
        200,
        "Canny: edges are followed from where they are as strong as this.",
        minimum=1,
        maximum=65535,
        option="high-threshold",
    ),
)
POSE_DETECTOR = Parameter(
    "detector_weights",
    str,
    None,
    "File, folder or id of OpenPose's weights, such as hf:lllyasviel/Annotators; MediaPipe if not given.",
    option="detector",
    holds="file",
)
DEPTH_DETECTOR = Parameter(
    "detector_weights",
    str,
    None,
    "Folder or id of a DPT network, such as hf:Intel/dpt-hybrid-midas.",
    option="detector",
    holds="file",
)


@dataclass(frozen=True)
class Control:
    """One kind of control map.

    Args:
        name: what it is called on the command line.
        summary: one line for people.
        ready: what a ready map is called.
        recogniser: "module:function" in ``ppt2v.controls``, which tells whether a clip's first frames are such maps.
        parameters: what its making can be told.
        maker: "module:function" in ``ppt2v.controls``, which loads the weights and gives, from the parameters' values,
            what makes maps of frames, and how it does so in a few words.
        networks: its ControlNet for the embedded model, and one for every Stable Diffusion 1.x.
    """

    name: str
    summary: str
    ready: str
    recogniser: str
    parameters: tuple[Parameter, ...]
    maker: str
    networks: tuple[str, str]

    def network_for(self, model: str) -> str:
        """The ControlNet that fits a model of this name."""
        embedded, published = self.networks
        return embedded if is_embedded(model) else published


CONTROLS = {
    control.name: control
    for control in (
        Control(
            "canny",
            "Edges, by Canny's method.",
            "an edge map",
            "recognition:are_edge_maps",
            (SOURCE, *THRESHOLDS),
            "maps:canny",
            (f"{EMBEDDED}/canny", "lllyasviel/sd-controlnet-canny"),
        ),
        Control(
            "pose",
            "Skeletons of the people, by OpenPose or MediaPipe.",
            "a skeleton drawing",
            "recognition:are_skeletons",
            (SOURCE, POSE_DETECTOR),
            "maps:pose",
            (f"{EMBEDDED}/pose", "lllyasviel/sd-controlnet-openpose"),
        ),
        Control(
            "depth",
            "Depth, near is bright, by DPT.",
            "a depth picture",
            "recognition:are_depth_maps",
            (SOURCE, DEPTH_DETECTOR),
            "maps:depth",
            (f"{EMBEDDED}/depth", "lllyasviel/sd-controlnet-depth"),
        ),
    )
}
