"""The parameters that modes share: what is written."""

from __future__ import annotations

from ppt2v.parameters import Parameter

OUTPUT = (
    Parameter(
        "fps",
        float,
        None,
        "Frames per second of the file; those taken from the clip if not given.",
        above=0,
        maximum=240,
        decides="file",
        group="File",
    ),
    Parameter(
        "interpolate",
        int,
        1,
        "How many frames become of one, by frames in between along the optical flow, at as many times the rate.",
        minimum=1,
        maximum=16,
        decides="file",
        group="File",
    ),
    Parameter(
        "interpolate_model",
        str,
        None,
        "With interpolate: RIFE's flownet.pkl of version 4.6, 4.25 or 4.26, or where one is, which makes the frames in "
        "between; the optical flow does if not given.",
        holds="file",
        decides="file",
        group="File",
    ),
    Parameter(
        "watermark",
        str,
        None,
        "A text, or the path of a picture, to put into the lower right corner.",
        holds="picture",
        decides="file",
        group="File",
    ),
    Parameter(
        "save_path",
        str,
        None,
        "File to write (for png a folder); named after the prompt if not given.",
        option="out",
        holds="output",
        decides="nothing",
    ),
    Parameter(
        "save_format",
        str,
        None,
        "mp4, gif, webm or png; by the file's ending if not given.",
        option="format",
        holds="format",
        decides="file",
        group="File",
    ),
    Parameter(
        "checkpoint_dir",
        str,
        None,
        "Folder that keeps the last completed step; a killed run goes on from there.",
        holds="output",
        decides="nothing",
        group="File",
    ),
)
