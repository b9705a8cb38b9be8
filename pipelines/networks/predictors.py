"""The networks that make pictures, in one run over the frames of a video: UNet and the ControlNets that guide it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import paddle

from ppt2v.engine import Engine
from ppt2v.pipelines.methods.mixing import mixed

from .control_programs import ControlEmbedding, ControlResiduals
from .programs import SelfAttention
from .schedule import Schedule
from .scheduled import LookedUpText, ScheduledNetwork
from .text_programs import TextLookup
from .unet_programs import NoisePrediction


class _CrossFrameNetwork(ScheduledNetwork):
    """What the UNet, its outermost level and a ControlNet have in common.

    Keys and values of the anchor frame are computed at the first call after ``forget``, for the calls that follow; with
    other anchors beside it each call leaves behind what the next ones need of it.
    """

    def __init__(self, program, text: LookedUpText, engine: Engine, schedule: Schedule):
        super().__init__(program, text, engine, schedule)
        self._no_anchor, self._texts, self._conditioned = program.no_anchor, program.texts, program.conditioned
        self._outputs, self._anchors = program.remembered, program.attention.anchors
        self._texts_of_frames = program.texts_of_frames
        self.anchored = bool(program.to_anchor)
        self.anchor: list | None = None

    def run(self, batch: paddle.Tensor, step: int, frame_ids: list[int], own: list) -> list:
        """What the program makes of the frames at a step, but for the anchors' keys and values.

        ``batch`` has a row for each frame of each branch; ``own`` are the program's own inputs.
        """
        branches = self.schedule.branches(step)
        anchor = self._no_anchor(branches) if self.anchor is None else self.anchor
        looked_up = self._looked_up(branches, frame_ids)
        conditions = self._conditions(looked_up, batch.shape[0])
        texts = self._texts(looked_up)
        if self._texts_of_frames:
            texts = [text.reshape([branches, -1, text.shape[-1]]) for text in texts]
        outputs = self._runner([batch, self._times[step], *conditions, *texts, *anchor, *own])
        made, remembered = outputs[: len(outputs) - self._outputs], outputs[len(outputs) - self._outputs :]
        if self.anchor is None or self._anchors.previous:
            self.anchor = remembered
        elif self._anchors.in_bank(frame_ids[0]):
            pairs = zip(self.anchor, remembered)
            self.anchor = [paddle.concat([paddle.to_tensor(each) for each in pair], axis=1) for pair in pairs]
        return made

    def _looked_up(self, branches: int, frame_ids: list[int]) -> list:
        """What the network has looked up of the texts, for each branch; where the prompt changes for each frame too."""
        travel = self.schedule.travel
        if travel is None:
            return self._text(branches)
        shares = paddle.to_tensor(travel.shares(frame_ids), "float32")
        return [mixed(paddle.to_tensor(found), shares) for found in self._text(branches - 1 + len(travel.texts))]

    def _conditions(self, looked_up: list, rows: int) -> list[paddle.Tensor]:
        """What the network has made of the conditions, for each frame of each branch."""
        if not self._conditioned:
            return []
        found = paddle.to_tensor(looked_up[-1])
        return [found.repeat_interleave(rows // found.shape[0], axis=0)]

    def forget(self) -> None:
        self.anchor = None


class ControlNet(_CrossFrameNetwork):
    """A ControlNet with the control maps of a clip.

    Args:
        network: a ControlNetModel.
        maps: uint8 RGB ``[frames, height, width, 3]``.
        strength: the residuals are multiplied by it; one for all frames, or one for each.
        attention: what frames attend to.
        number: its place among the ControlNets of the run.
        guess_mode: whether it guides the last branch alone, and the UNet's outer layers less than its inner ones: by
            a tenth at the first, and wholly in the middle.
    """

    def __init__(
        self,
        network,
        maps: np.ndarray,
        strength: float | Sequence[float],
        attention: SelfAttention,
        number: int,
        engine: Engine,
        schedule: Schedule,
        guess_mode: bool = False,
    ):
        scale = 2 ** (len(network.config.conditioning_embedding_out_channels) - 1)
        size = maps.shape[1] // scale, maps.shape[2] // scale
        program = ControlResiduals(network, *size, attention, number)
        text = LookedUpText(TextLookup(network, f"ControlNet {number}"), engine, schedule.texts_for(program))
        super().__init__(program, text, engine, schedule)
        self._programs.append(ControlEmbedding(network, *size, number))
        self._embed = engine.prepare(self._programs[-1])
        self._maps, self._guess_mode = maps, guess_mode
        layers = np.logspace(-1 if guess_mode else 0, 0, program.predictions, dtype=np.float32)
        self._strengths = np.broadcast_to(np.float32(strength), len(maps))[:, None] * layers

    def residuals(self, batch: paddle.Tensor, step: int, frame_ids: list[int]) -> list:
        """What is added to the UNet's layers for these frames of all branches."""
        pictures = paddle.to_tensor(self._maps[frame_ids]).transpose([0, 3, 1, 2]).astype("float32") / 255
        embedded = paddle.to_tensor(self._embed([pictures])[0])
        branches = self.schedule.branches(step)
        repeated = paddle.concat([embedded] * branches)
        return self.run(batch, step, frame_ids, [repeated, self._strengths_of(branches, frame_ids)])

    def _strengths_of(self, branches: int, frame_ids: list[int]) -> paddle.Tensor:
        """``[branches * frames, layers]``."""
        strengths = np.stack([self._strengths[frame_ids]] * branches)
        if self._guess_mode:
            strengths[:-1] = 0
        return paddle.to_tensor(strengths.reshape([branches * len(frame_ids), -1]))


class UNet(_CrossFrameNetwork):
    """Predicts noise for any frames of a video.

    Steps that are not whole (``Schedule.whole``) compute the outermost level alone (DeepCache, arXiv 2312.00858). What
    it takes from the deeper ones is kept since the last whole step, for all frames: with Stable Diffusion 1.x 10 MiB
    in float32 for each 512x512 frame and guidance branch; with ControlNets, which only whole steps run, 25 MiB.

    Args:
        program: the network, for the size of the run; with deep features where not all steps are whole.
        engine: executes it.
        schedule: of the run.
        controls: the ControlNets that guide it.
        appended: the latents that are appended to those of the frames given, for so many branches; None: none are.
    """

    def __init__(
        self,
        program: NoisePrediction,
        engine: Engine,
        schedule: Schedule,
        controls: Sequence[ControlNet] = (),
        appended: Callable[[list[int], int], paddle.Tensor] | None = None,
    ):
        text = LookedUpText(TextLookup(program.network), engine, schedule.texts_for(program))
        super().__init__(program, text, engine, schedule)
        self._controls, self._appended = controls, appended
        self._residual_shapes = [spec.shape[1:] for spec in program.own_inputs()] if controls else []
        self._others: list[_CrossFrameNetwork] = list(controls)
        if program.deep_features:
            outermost = program.outermost_level()
            self._outermost = _CrossFrameNetwork(outermost, self._text, engine, schedule)
            self._others.append(self._outermost)
            self._kept_residuals = len(outermost.own_inputs()) - 1
        self._deep: dict[tuple[int, ...], list] = {}  # the outermost level's own inputs, for the frames of a call

    def __call__(self, latents: paddle.Tensor, step: int, frame_ids: list[int]) -> paddle.Tensor:
        """The prediction of each branch at a step: float32 ``[branches * frames, channels, height, width]``."""
        branches = self.schedule.branches(step)
        batch = paddle.concat([latents] * branches)
        if self.schedule.whole(step):
            predicted = self._predict_whole(batch, step, frame_ids)
        else:
            batch = self._with_appended(batch, frame_ids, branches)
            [predicted] = self._outermost.run(batch, step, frame_ids, self._deep[tuple(frame_ids)])
        return paddle.to_tensor(predicted).astype("float32")

    def _predict_whole(self, batch: paddle.Tensor, step: int, frame_ids: list[int]):
        residuals = self._residuals(batch, step, frame_ids)
        batch = self._with_appended(batch, frame_ids, self.schedule.branches(step))
        predicted, *deep = self.run(batch, step, frame_ids, [*residuals, *self._perturbed(batch.shape[0], step)])
        if deep:
            self._deep[tuple(frame_ids)] = [*deep, *residuals[: self._kept_residuals]]
        return predicted

    def _perturbed(self, rows: int, step: int) -> list[paddle.Tensor]:
        """Which rows go without self-attention in the middle, where some do."""
        if not self.schedule.perturbed:
            return []
        branches = self.schedule.branches(step)
        first = np.arange(rows) < rows // branches if branches > 1 else np.zeros(rows)
        return [paddle.to_tensor(first.reshape([rows, 1, 1]), "float32")]

    def _residuals(self, batch: paddle.Tensor, step: int, frame_ids: list[int]) -> list:
        """What the ControlNets add to the layers; zeros at a step that they do not guide."""
        controlled = self.schedule.controlled
        if controlled is not None and step not in controlled:
            return [paddle.zeros([batch.shape[0], *shape]) for shape in self._residual_shapes]
        return _summed([control.residuals(batch, step, frame_ids) for control in self._controls])

    def _with_appended(self, batch: paddle.Tensor, frame_ids: list[int], branches: int) -> paddle.Tensor:
        return paddle.concat([batch, self._appended(frame_ids, branches)], axis=1) if self._appended else batch

    @property
    def half(self) -> bool:
        """Whether any of its networks computes in half precision."""
        return self._runner.half or any(other.half for other in self._others)

    @property
    def memory(self) -> list:
        """What the anchor has left behind in the UNet and its ControlNets; can be set again."""
        return [self.anchor, *(other.anchor for other in self._others)]

    @memory.setter
    def memory(self, memory: list) -> None:
        self.anchor = memory[0]
        for other, anchor in zip(self._others, memory[1:]):
            other.anchor = anchor

    def forget(self) -> None:
        super().forget()
        for other in self._others:
            other.forget()

    def use_float32(self) -> None:
        super().use_float32()
        for other in self._others:
            other.use_float32()

    def restore(self) -> None:
        super().restore()
        for other in self._others:
            other.restore()

    def release(self) -> None:
        super().release()
        for other in self._others:
            other.release()


def _summed(residuals: list[list]) -> list:
    """The residuals of all ControlNets, layer by layer."""
    if len(residuals) < 2:
        return residuals[0] if residuals else []
    return [sum(paddle.to_tensor(residual) for residual in layer) for layer in zip(*residuals)]
