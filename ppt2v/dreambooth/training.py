"""A training from its pictures to the model that it writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import paddle

from ppt2v.cache import fingerprint
from ppt2v.environment.versions import installed
from ppt2v.model import Model
from ppt2v.models.families import stable_diffusion
from ppt2v.models.layouts.diffusers import weight_files
from ppt2v.pipelines.denoising.checkpoint import Checkpoint
from ppt2v.progress import Progress, bars

from .examples import Examples, encode
from .folder import CLASS_PICTURES, STATE, write_model
from .parameters import PARAMETERS
from .pictures import find, read
from .plan import Plan
from .trainer import Subject, Trainer


def run(plan: Plan, show_progress: bool) -> None:
    """Trains and writes the model.

    Raises:
        InputError: the folder holds a training with other settings.
        NumericalError: the training diverged.
    """
    values = plan.values
    checkpoint = Checkpoint(plan.folder / STATE, _settings(plan), "state")
    saved = checkpoint.load()
    if saved is None:
        checkpoint.save(done=0)  # from now on the folder is known to be of these settings
    sources = [(values["instance_prompt"], plan.files, 1.0)]
    if values["class_prompt"]:
        sources.append((values["class_prompt"], _class_pictures(plan, show_progress), values["prior_weight"]))
    paddle.set_device(plan.device)
    pipe = stable_diffusion.load_stable_diffusion(plan.base)
    levels, seed = pipe.scheduler.config.num_train_timesteps, values["seed"]
    subjects = []
    for stream, (prompt, files, weight) in enumerate(sources):
        means, deviations = encode(pipe.vae, read(files, *plan.size))
        subjects.append(Subject(prompt, Examples(means, deviations, levels, seed, stream), weight))
    arguments = (values[name] for name in ("learning_rate", "batch_size", "accumulate", "train_text_encoder"))
    trainer, done = Trainer(pipe, subjects, *arguments), 0
    if saved and saved["done"]:
        done = int(saved["done"])
        trainer.restore(saved)
    _train(trainer, checkpoint, range(done, values["steps"]), values["save_every"], show_progress)
    write_model(pipe, plan.base, plan.folder, {"parameters": values, "versions": installed()})
    checkpoint.remove()


def _train(trainer: Trainer, checkpoint: Checkpoint, steps: range, save_every: int, show_progress: bool) -> None:
    with bars(show_progress) as watch:
        watch(Progress("Training"))
        for number in steps:
            trainer.step(number)
            if (number + 1) % save_every == 0:
                checkpoint.save(done=number + 1, **trainer.state())
            watch(Progress("Training", number + 1, steps.stop))


def _settings(plan: Plan) -> dict[str, Any]:
    """All that decides the weights."""
    decisive = {each.name for each in PARAMETERS if each.decides == "frames"}
    settings = {name: value for name, value in plan.values.items() if name in decisive}
    networks = [file for part in ("unet", "text_encoder", "vae") for file in weight_files(plan.base / part)]
    return {
        **settings,
        "size": list(plan.size),
        "pictures": [fingerprint(file) for file in plan.files],
        "model": [fingerprint(file) for file in networks],
    }


def _class_pictures(plan: Plan, show_progress: bool) -> list[Path]:
    """Pictures of the class, made by the model as frames that have nothing in common; those that are there are kept."""
    folder, values = plan.folder / CLASS_PICTURES, plan.values
    made = folder.with_suffix(".png")  # as video.write names a folder of pictures
    if not (folder.exists() or made.exists()):
        Model(plan.device, show_progress=show_progress).process_text2video(
            values["class_prompt"],
            str(plan.base),
            video_length=values["class_images"],
            resolution=f"{plan.size[1]}x{plan.size[0]}",
            seed=values["seed"],
            use_cf_attn=False,
            use_motion_field=False,
            save_path=made,
            checkpoint_dir=f"{folder}.resume",
        )
    if made.exists():
        made.rename(folder)
    return find(folder)
