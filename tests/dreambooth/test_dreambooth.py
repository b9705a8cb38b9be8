"""Dreambooth training on tiny networks; against one step of PyTorch diffusers."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import paddle
import pytest
from conftest import DATA
from PIL import Image

from ppt2v import Model, NumericalError, dreambooth
from ppt2v.cli import app
from ppt2v.dreambooth import pictures
from ppt2v.dreambooth.examples import Batch, Examples
from ppt2v.dreambooth.trainer import Subject, Trainer
from ppt2v.errors import InputError
from ppt2v.models.families import stable_diffusion
from ppt2v.models.formats import fitting, reading
from ppt2v.models.sources import locate

REFERENCE = DATA / "dreambooth_reference"
BASE = DATA / "text2video_reference" / "model"
PART_FILES = {"unet": "unet/*.safetensors", "text_encoder": "text_encoder/*.safetensors", "vae": "vae/*.safetensors"}


@pytest.fixture
def fox(tmp_path) -> Path:
    """A folder with three pictures."""
    folder = tmp_path / "fox"
    folder.mkdir()
    for number, colour in enumerate(("red", "green", "blue")):
        Image.new("RGB", (20 + number, 16), colour).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def base(copy) -> Path:
    """A model with defaults of its own, quick to sample from."""
    defaults = {"text2video": {"num_inference_steps": 2}, "dreambooth": {"steps": 5, "learning_rate": 1e-3}}
    (copy / "ppt2v.json").write_text(json.dumps(defaults))
    return copy


@pytest.fixture
def train(fox, base, tmp_path):
    """Trains with usual arguments, of which some can be replaced."""

    def call(**changed) -> Path:
        usual = {
            "images": fox,
            "instance_prompt": "a sks fox",
            "out": tmp_path / "out",
            "model_name": base,
            "device": "cpu",
            "show_progress": False,
        }
        return Path(dreambooth.train(**{**usual, **changed}))

    return call


def examples(seed: int = 0, stream: int = 0) -> Examples:
    means = np.random.default_rng(5).standard_normal((3, 4, 8, 8), np.float32)
    return Examples(means, np.full_like(means, 0.1), 1000, seed, stream)


def load(folder: Path = BASE, prediction: str = "epsilon"):
    pipe = stable_diffusion.load_stable_diffusion(folder)
    pipe.scheduler = type(pipe.scheduler).from_config(pipe.scheduler.config, prediction_type=prediction)
    return pipe


def part_bytes(folder: Path) -> dict[str, bytes]:
    return {part: next(folder.glob(pattern)).read_bytes() for part, pattern in PART_FILES.items()}


# Against PyTorch


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_loss_and_gradient_are_those_of_diffusers(prediction):
    case, drawn = json.loads((REFERENCE / "case.json").read_text()), np.load(REFERENCE / "drawn.npz")
    pipe, timesteps = load(prediction=prediction), np.array(case["timesteps"])
    subjects = [Subject(text, examples(), weight) for text, weight in zip(case["prompts"], (1, case["prior_weight"]))]
    trainer = Trainer(pipe, subjects, 1e-3, batch_size=2, train_text_encoder=True)
    batches = [
        Batch(*(paddle.to_tensor(array[own]) for array in (drawn["latents"], drawn["noise"], timesteps)))
        for own in (slice(0, 2), slice(2, 4))
    ]
    loss = trainer.loss(batches)
    loss.backward()
    assert loss.item() == pytest.approx(case["losses"][prediction], rel=1e-5)
    for file in REFERENCE.glob(f"*-{prediction}.safetensors"):
        part = file.stem.split("-")[0]
        wanted = fitting.match(getattr(pipe, part), reading.read(file), file.name)
        found = {name: parameter.grad.numpy() for name, parameter in getattr(pipe, part).named_parameters()}
        assert found.keys() == wanted.keys()
        # Sums of some thousand float32 products, in another order, on the scale of the whole gradient.
        scale = max(np.abs(gradient).max() for gradient in wanted.values())
        assert max(np.abs(found[name] - wanted[name]).max() for name in found) < 1e-5 * scale


# Examples


def test_each_round_shows_every_picture_once():
    exact = Examples(np.arange(5, dtype=np.float32).reshape(5, 1, 1, 1), np.zeros((5, 1, 1, 1), np.float32), 10, 0, 0)
    order = exact.draw(range(20)).latents.numpy().ravel().reshape(4, 5)
    assert (np.sort(order) == np.arange(5)).all()
    assert len({tuple(row) for row in order}) > 1


def test_an_example_depends_on_its_number_seed_and_stream_alone():
    first = examples().draw(range(2, 4))
    for one, other in zip(first, examples().draw(range(4))):
        assert (one == other[2:]).all()
    for others in (examples(seed=1), examples(stream=1)):
        assert not (first.noise == others.draw(range(2, 4)).noise).any()


def test_latents_spread_as_the_vae_says():
    exact = Examples(np.full((1, 4, 8, 8), 3, np.float32), np.full((1, 4, 8, 8), 0.5, np.float32), 10, 0, 0)
    latents = exact.draw(range(40)).latents.numpy()
    assert latents.mean() == pytest.approx(3, abs=0.02)
    assert latents.std() == pytest.approx(0.5, abs=0.02)


# Steps


class Fixed(Examples):
    """The same examples in every step."""

    def draw(self, numbers):
        return super().draw(range(len(numbers)))


def test_the_loss_on_a_fixed_batch_goes_down():
    fixed = examples()
    fixed.__class__ = Fixed
    trainer = Trainer(load(), [Subject("a sks fox", fixed, 1.0)], 3e-3, batch_size=2)
    losses = [trainer.step(number) for number in range(15)]
    assert losses[-1] < 0.8 * losses[0]


def test_two_accumulated_batches_are_one_batch_of_two():
    def moments(batch_size: int, accumulate: int) -> tuple[float, dict]:
        trainer = Trainer(load(), [Subject("a sks fox", examples(), 1.0)], 1e-3, batch_size, accumulate, True)
        loss = trainer.step(0)
        return loss, {name: array for name, array in trainer.state().items() if name.startswith("moment1")}

    (loss, together), (other_loss, accumulated) = moments(2, 1), moments(1, 2)
    assert loss == pytest.approx(other_loss, rel=1e-5)
    scale = max(np.abs(moment).max() for moment in together.values())
    assert scale > 0
    assert max(np.abs(together[name] - accumulated[name]).max() for name in together) < 1e-5 * scale


def test_prior_preservation_is_a_weighted_sum():
    own, known = examples(stream=0).draw(range(2)), examples(stream=1).draw(range(3))
    subject, prior = Subject("a sks fox", examples(), 1.0), Subject("a fox", examples(), 0.3)
    both = Trainer(load(), [subject, prior], 1e-3).loss([own, known]).item()
    alone = Trainer(load(), [subject], 1e-3).loss([own]).item()
    class_alone = Trainer(load(), [prior._replace(weight=1.0)], 1e-3).loss([known]).item()
    assert both == pytest.approx(alone + 0.3 * class_alone, rel=1e-5)


def test_a_training_that_diverges_ends_with_an_error():
    broken = Examples(np.full((1, 4, 8, 8), np.nan, np.float32), np.zeros((1, 4, 8, 8), np.float32), 1000, 0, 0)
    trainer = Trainer(load(), [Subject("a sks fox", broken, 1.0)], 1e-3)
    before = {name: parameter.numpy() for name, parameter in trainer.parameters.items()}
    with pytest.raises(NumericalError, match="lower learning rate"):
        trainer.step(0)
    assert all((parameter.numpy() == before[name]).all() for name, parameter in trainer.parameters.items())


# Whole trainings


class Killed(BaseException):
    pass


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"class_prompt": "a fox", "class_images": 2, "prior_weight": 0.5, "train_text_encoder": True, "accumulate": 2},
    ],
)
def test_a_killed_training_goes_on_to_the_same_weights(train, tmp_path, monkeypatch, more):
    whole = train(out=tmp_path / "whole", **more)
    step = Trainer.step

    def kill(trainer, number):
        if number == 3:
            raise Killed
        return step(trainer, number)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Trainer, "step", kill)
        train(save_every=2, **more)
    assert not (tmp_path / "out" / "model_index.json").exists()
    taken = []
    monkeypatch.setattr(Trainer, "step", lambda trainer, number: taken.append(number) or step(trainer, number))
    resumed = train(save_every=2, resume=True, **more)
    assert taken == [2, 3, 4]
    assert part_bytes(resumed) == part_bytes(whole)


def test_what_is_trained_and_what_is_not(train, base, tmp_path):
    before = stable_diffusion.load_stable_diffusion(base)
    after = {
        text: stable_diffusion.load_stable_diffusion(train(train_text_encoder=text, steps=1, out=tmp_path / str(text)))
        for text in (False, True)
    }

    def changed(part: str, text: bool) -> bool:
        old, new = (getattr(pipe, part).state_dict() for pipe in (before, after[text]))
        return any((old[name] != new[name]).any() for name in old)

    assert changed("unet", False) and changed("unet", True) and changed("text_encoder", True)
    assert not (changed("text_encoder", False) or changed("vae", False) or changed("vae", True))


def test_the_result_is_a_model(train, base, tmp_path):
    from ppdiffusers import StableDiffusionPipeline

    folder = train(class_prompt="a fox", class_images=3)
    assert locate.locate(folder) == folder
    assert stable_diffusion.model_defaults(folder) == stable_diffusion.model_defaults(base)
    made = Model("cpu", show_progress=False, engine="eager").process_text2video(
        "a sks fox", model_name=folder, video_length=2, save_path=tmp_path / "fox.gif"
    )
    assert Path(made).stat().st_size
    plain = StableDiffusionPipeline.from_pretrained(str(folder), safety_checker=None)
    ours = stable_diffusion.load_stable_diffusion(folder).unet.state_dict()
    assert all((ours[name] == tensor).all() for name, tensor in plain.unet.state_dict().items())
    assert json.loads((folder / "dreambooth.json").read_text())["parameters"]["instance_prompt"] == "a sks fox"
    assert len(pictures.find(folder / "class_images")) == 3
    unfinished = {"training", "model.partial", "class_images.resume"}
    assert not unfinished & {entry.name for entry in folder.iterdir()}


def test_pictures_of_the_class_are_made_once_and_differ(train, tmp_path, monkeypatch):
    more = {"class_prompt": "a fox", "class_images": 3, "resume": True}

    def kill(*_):
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Trainer, "step", kill)
        train(**more)
    made = pictures.read(pictures.find(tmp_path / "out" / "class_images"), 16, 16)
    assert made.shape == (3, 16, 16, 3)
    assert (made[0] != made[1]).any() and (made[1] != made[2]).any()
    with monkeypatch.context() as patch:
        patch.setattr("ppt2v.dreambooth.training.Model", kill)
        train(**more)


# The command


@pytest.fixture
def command(monkeypatch, capsys):
    """Runs ``ppt2v dreambooth train``; returns exit code, standard output and standard error."""

    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            app.main(["dreambooth", "train", *arguments])
        logging.disable(logging.NOTSET)
        return (end.value.code or 0, *capsys.readouterr())

    return call


def test_the_command_passes_its_options_on(command, monkeypatch):
    calls = []
    monkeypatch.setattr(dreambooth, "train", lambda **given: calls.append(given) or "made")
    options = ["--images", "fox", "--prompt", "a sks fox", "--out", "made", "--class-prompt", "a fox", "--lr", "1e-4"]
    switches = ["--train-text-encoder", "--resume", "--quiet", "--model", "embedded", "--accumulate", "4"]
    assert command(*options, *switches) == (0, "made\n", "")
    assert calls == [
        {
            "images": "fox",
            "instance_prompt": "a sks fox",
            "out": "made",
            "class_prompt": "a fox",
            "learning_rate": 1e-4,
            "train_text_encoder": True,
            "model_name": "embedded",
            "accumulate": 4,
            "resume": True,
            "show_progress": False,
        }
    ]


@pytest.mark.parametrize(
    "options, complaint",
    [
        (("--prompt", "a sks fox", "--out", "made"), "images (--images) is missing"),
        (("--lr", "0"), "--lr=0.0: the rule is a number > 0"),
        (("--images", "nowhere", "--prompt", "a sks fox", "--out", "made"), "there is no folder nowhere"),
    ],
)
def test_the_command_refuses_bad_input(command, options, complaint):
    code, _, error = command(*options)
    assert code == 2 and complaint in error


# Pictures


def test_pictures_are_cut_to_their_middle(tmp_path):
    pixels = np.zeros((10, 30, 3), np.uint8)
    pixels[:, 10:20] = 200
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert (pictures.read([tmp_path / "a.png"], 10, 10) == 200).all()


def test_transparent_pictures_are_put_on_white_and_turned_ones_upright(tmp_path):
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(tmp_path / "a.png")
    turned = Image.new("RGB", (8, 4))
    turned.putpixel((0, 0), (255, 255, 255))
    exif = Image.Exif()
    exif[0x0112] = 3  # Orientation: upside down
    turned.save(tmp_path / "b.png", exif=exif)
    assert (pictures.read([tmp_path / "a.png"], 8, 8) == 255).all()
    assert pictures.read([tmp_path / "b.png"], 4, 8)[0].sum(axis=-1).argmax() == 31


# Bad input

BAD = [
    ({"images": "nowhere"}, "there is no folder nowhere"),
    ({"images": None}, r"images \(--images\) is missing"),
    ({"images": ""}, "images is an empty text"),
    ({"instance_prompt": "  "}, r"instance_prompt \(--prompt\) is empty"),
    ({"class_prompt": ""}, r"class_prompt \(--class-prompt\) is empty"),
    ({"learning_rate": 0.0}, "learning_rate=0.0: the rule is a number > 0"),
    ({"learning_rate": float("nan")}, "learning_rate=nan"),
    ({"steps": 0}, "steps=0"),
    ({"accumulate": 0}, "accumulate=0"),
    ({"batch_size": 1.5}, "batch_size=1.5"),
    ({"prior_weight": 0.5}, "prior_weight: without class_prompt this has no effect"),
    ({"class_images": 9}, "class_images: without class_prompt this has no effect"),
    ({"resolution": "big"}, "resolution='big'"),
    ({"resolution": 17}, "17x17 pixels"),
    ({"device": "tpu"}, "unknown device 'tpu'"),
    ({"model_name": "sks"}, "unknown model 'sks'"),
]


@pytest.fixture
def unloaded(monkeypatch):
    """No model may be loaded."""
    monkeypatch.setattr(stable_diffusion, "load_stable_diffusion", lambda *_: pytest.fail("a model was loaded"))


@pytest.mark.parametrize("changed, complaint", BAD)
def test_bad_values_are_refused_before_a_model_is_loaded(train, tmp_path, unloaded, changed, complaint):
    with pytest.raises(InputError, match=complaint):
        train(**changed)
    assert not (tmp_path / "out").exists()


def test_a_folder_without_pictures_is_refused(train, tmp_path, unloaded):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").touch()
    with pytest.raises(InputError, match="notes holds no pictures"):
        train(images=tmp_path / "notes")


@pytest.mark.parametrize("damage", [lambda b: b"", lambda b: b"hello", lambda b: b[: len(b) // 2]])
def test_a_picture_that_cannot_be_read_is_named(train, fox, unloaded, damage):
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (16, 16, 3), np.uint8)).save(fox / "1.png")
    (fox / "1.png").write_bytes(damage((fox / "1.png").read_bytes()))
    with pytest.raises(InputError, match="1.png cannot be read"):
        train()


@pytest.mark.parametrize("resume", [False, True])
def test_other_files_in_the_way_are_left_alone(train, tmp_path, unloaded, resume):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").touch()
    with pytest.raises(InputError, match="is not empty"):
        train(resume=resume)
    assert [entry.name for entry in (tmp_path / "out").iterdir()] == ["thesis.txt"]


def test_a_file_and_a_missing_parent_are_no_folder_to_write(train, tmp_path, unloaded):
    (tmp_path / "taken").touch()
    with pytest.raises(InputError, match="taken is a file"):
        train(out=tmp_path / "taken")
    with pytest.raises(InputError, match="there is no folder"):
        train(out=tmp_path / "a" / "b")


def test_a_prompt_that_the_text_encoder_does_not_read_at_once_is_refused(train):
    with pytest.raises(InputError, match=r"has 162 tokens: a training takes 77; shorten it"):
        train(instance_prompt="a sks fox in the snow " * 20)


def test_a_training_with_other_settings_is_not_gone_on_with(train, fox, monkeypatch):
    def kill(*_):
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr("ppt2v.dreambooth.training.write_model", kill)
        train(save_every=1)
    with pytest.raises(InputError, match="go on with it"):
        train()
    with pytest.raises(InputError, match="learning_rate differ"):
        train(resume=True, learning_rate=1e-4)
    Image.new("RGB", (20, 16), "white").save(fox / "0.png")
    with pytest.raises(InputError, match="pictures differ"):
        train(resume=True)


def test_settings_bind_before_the_first_state_is_saved(train, monkeypatch):
    def kill(*_):
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr("ppt2v.dreambooth.training._class_pictures", kill)
        train(class_prompt="a fox")
    with pytest.raises(InputError, match="class_prompt differ"):
        train(class_prompt="a dog", resume=True)


def test_models_that_cannot_be_trained_are_refused(train, base, unloaded):
    scheduler, unet = base / "scheduler" / "scheduler_config.json", base / "unet" / "config.json"
    scheduler.write_text(json.dumps({**json.loads(scheduler.read_text()), "prediction_type": "sample"}))
    with pytest.raises(InputError, match="predicts 'sample'"):
        train()
    unet.write_text(json.dumps({**json.loads(unet.read_text()), "in_channels": 8}))
    with pytest.raises(InputError, match="choose a text-to-image model"):
        train()
