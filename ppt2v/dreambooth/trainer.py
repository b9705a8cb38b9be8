"""One training: the loss of Dreambooth, its gradient, and the state from which it goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import paddle
import paddle.nn.functional as F

from ppt2v.errors import InputError, NumericalError
from ppt2v.parameters import shown

from .examples import Batch, Examples

WEIGHT_DECAY, LARGEST_GRADIENT = 1e-2, 1.0  # as in the training scripts of diffusers and PPDiffusers
# The optimizer's numbers for each parameter, under the names that Paddle appends to the parameter's.
_ACCUMULATORS = ("moment1_0", "moment2_0", "beta1_pow_acc_0", "beta2_pow_acc_0")


class Subject(NamedTuple):
    """What a network is to learn (or not to forget): a prompt, pictures of it, and how much the loss on them counts."""

    prompt: str
    examples: Examples
    weight: float


class Trainer:
    """Trains the UNet of a pipeline, and if asked its text encoder.

    Dropout stays off: the networks of Stable Diffusion have none, and it would not depend on the step's number alone.

    Args:
        pipe: a StableDiffusionPipeline in float32.
        subjects: the first is the new one; the others are the class, for prior preservation (arXiv 2208.12242, 3.3).
        batch_size: examples of each subject that are computed together.
        accumulate: batches whose gradients make one step.
    """

    def __init__(
        self,
        pipe,
        subjects: Sequence[Subject],
        learning_rate: float,
        batch_size: int = 1,
        accumulate: int = 1,
        train_text_encoder: bool = False,
    ):
        self._unet, self._text_encoder, self._scheduler = pipe.unet, pipe.text_encoder, pipe.scheduler
        self._subjects, self._batch_size, self._accumulate = subjects, batch_size, accumulate
        trained = {"unet": pipe.unet, **({"text_encoder": pipe.text_encoder} if train_text_encoder else {})}
        for network in (pipe.vae, pipe.text_encoder, pipe.unet):
            for parameter in network.parameters():
                parameter.stop_gradient = network not in trained.values()
        self.parameters = {
            f"{part}.{name}": parameter
            for part, network in trained.items()
            for name, parameter in network.named_parameters()
        }
        self._optimizer = paddle.optimizer.AdamW(
            learning_rate,
            parameters=list(self.parameters.values()),
            weight_decay=WEIGHT_DECAY,
            grad_clip=paddle.nn.ClipGradByGlobalNorm(LARGEST_GRADIENT),
        )
        self._tokens = _tokens(pipe, [subject.prompt for subject in subjects])
        with paddle.no_grad():
            self._text = None if train_text_encoder else self._encode_text()

    def step(self, number: int) -> float:
        """Takes the step of that number (from 0 on) and returns its loss.

        Raises:
            NumericalError: the loss is NaN or infinite; the weights are as before.
        """
        total = 0.0
        for batch in range(number * self._accumulate, (number + 1) * self._accumulate):
            numbers = range(batch * self._batch_size, (batch + 1) * self._batch_size)
            loss = self.loss([subject.examples.draw(numbers) for subject in self._subjects]) / self._accumulate
            loss.backward()
            total += loss.item()
        if not np.isfinite(total):
            raise NumericalError(
                "E-TRAINING-LOSS",
                "the loss of step {step} is {loss}: train with a lower learning rate",
                step=number + 1,
                loss=total,
            )
        self._optimizer.step()
        self._optimizer.clear_grad()
        return total

    def loss(self, batches: Sequence[Batch]) -> paddle.Tensor:
        """The weighted sum of the subjects' losses, each the mean square error of what the UNet predicts."""
        latents, noise, timesteps = (paddle.concat(parts) for parts in zip(*batches))
        sizes = [len(batch.timesteps) for batch in batches]
        texts = (self._encode_text() if self._text is None else self._text).split(len(sizes))
        text = paddle.concat([one.expand([size, -1, -1]) for one, size in zip(texts, sizes)])
        predicted = self._unet(self._scheduler.add_noise(latents, noise, timesteps), timesteps, text).sample
        target = self._target(latents, noise, timesteps)
        compared = zip(self._subjects, predicted.split(sizes), target.split(sizes))
        return sum(subject.weight * F.mse_loss(made, wanted) for subject, made, wanted in compared)

    def _target(self, latents: paddle.Tensor, noise: paddle.Tensor, timesteps: paddle.Tensor) -> paddle.Tensor:
        if self._scheduler.config.prediction_type == "v_prediction":
            return self._scheduler.get_velocity(latents, noise, timesteps)
        return noise

    def _encode_text(self) -> paddle.Tensor:
        return self._text_encoder(self._tokens)[0]

    def state(self) -> dict[str, np.ndarray]:
        """The weights, and the optimizer's numbers."""
        kept = self._optimizer.state_dict()
        state = {f"weights {name}": parameter.numpy() for name, parameter in self.parameters.items()}
        for name, parameter in self.parameters.items():
            state |= {f"{kind} {name}": kept[f"{parameter.name}_{kind}"].numpy() for kind in _ACCUMULATORS}
        return state

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Goes back to a ``state``."""
        kept: dict[str, Any] = {}
        for name, parameter in self.parameters.items():
            parameter.set_value(state[f"weights {name}"])
            kept |= {f"{parameter.name}_{kind}": paddle.to_tensor(state[f"{kind} {name}"]) for kind in _ACCUMULATORS}
        self._optimizer.set_state_dict(kept)


def _tokens(pipe, prompts: list[str]) -> paddle.Tensor:
    """``[prompts, tokens]``; InputError for a prompt that the text encoder does not read at once."""
    length = pipe.text_encoder.config.max_position_embeddings
    for prompt in prompts:
        count = len(pipe.tokenizer(prompt, verbose=False)["input_ids"])
        if count > length:
            raise InputError(
                "E-TRAINING-PROMPT-LONG",
                "the prompt {prompt} has {count} tokens: a training takes {most}; shorten it",
                prompt=shown(prompt),
                count=count,
                most=length,
            )
    return pipe.tokenizer(prompts, padding="max_length", max_length=length, return_tensors="pd")["input_ids"]
