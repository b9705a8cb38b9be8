"""What a training can be told.

The pictures, the model and the size decide the weights too, but a checkpoint knows them by what is in the files and in
pixels; hence ``decides="nothing"``.
"""

from __future__ import annotations

from ppt2v.models.sources.catalogue import EMBEDDED
from ppt2v.parameters import Parameter

PARAMETERS = (
    Parameter(
        "images", str, None, "Folder with pictures of the subject, some three to ten.", holds="file", decides="nothing"
    ),
    Parameter(
        "instance_prompt",
        str,
        None,
        'What they show, with a rare word for the subject in front of its class: "a sks fox".',
        option="prompt",
    ),
    Parameter("out", str, None, "Folder for the new model: new, or empty.", holds="output", decides="nothing"),
    Parameter(
        "class_prompt",
        str,
        None,
        "The same without the rare word; pictures of it that the model makes itself keep it from forgetting the "
        "class (prior preservation).",
    ),
    Parameter("prior_weight", float, 1.0, "How much the loss on those pictures counts.", minimum=0, maximum=100),
    Parameter("class_images", int, 100, "How many of those pictures there are.", minimum=1, maximum=4096),
    Parameter(
        "model_name",
        str,
        EMBEDDED,
        "Folder or id of the model to start from.",
        option="model",
        holds="model",
        decides="nothing",
    ),
    Parameter("steps", int, 400, "Steps of the optimizer.", minimum=1),
    Parameter("learning_rate", float, 5e-6, "Learning rate, the same in all steps.", above=0, maximum=1, option="lr"),
    Parameter("batch_size", int, 1, "Pictures computed together.", minimum=1),
    Parameter("accumulate", int, 1, "Batches whose gradients make one step.", minimum=1),
    Parameter(
        "resolution",
        str,
        None,
        "Side of a square or WIDTHxHEIGHT, in pixels, to which the pictures are scaled and cut; the model's own "
        "if not given.",
        holds="size",
        decides="nothing",
    ),
    Parameter("train_text_encoder", bool, False, "Train the text encoder as well; takes more memory."),
    Parameter("seed", int, 0, "Number that fixes the randomness.", minimum=0, maximum=2**63 - 1),
    Parameter(
        "save_every",
        int,
        100,
        "Steps between two saved states, from which a killed training goes on.",
        minimum=1,
        decides="nothing",
    ),
    Parameter(
        "device",
        str,
        None,
        "cpu, cuda or cuda:N; a GPU where there is one if not given.",
        holds="machine",
        decides="nothing",
    ),
)
