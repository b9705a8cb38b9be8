"""The UNet as functions of tensors alone: the whole of it, and its outermost level."""

from __future__ import annotations

from contextlib import AbstractContextManager

import paddle
from paddle.static import InputSpec

from ppt2v.pipelines.methods.freeu import FreeU

from .attention import PerturbedAttnProcessor, processors
from .motion_unet import image_unet
from .patches import given, noted, strengthened, without_deeper_levels
from .programs import DYNAMIC, CrossFrameProgram, SelfAttention, attention_layers


class NoisePrediction(CrossFrameProgram):
    """The UNet: makes the predicted noise. With ``residuals`` those of ControlNets, summed, are its own inputs.

    With ``deep_features`` it also makes those that ``OutermostLevel`` takes. ``freeu`` changes its features. With
    ``perturbed`` its last own input says which rows go without self-attention in the middle, ``[rows, 1, 1]``.
    """

    def __init__(
        self,
        network,
        height: int,
        width: int,
        attention: SelfAttention = SelfAttention(),
        residuals: bool = False,
        deep_features: bool = False,
        freeu: FreeU = FreeU(),
        perturbed: bool = False,
        texts_of_frames: bool = False,
    ):
        super().__init__(network, height, width, attention, texts_of_frames)
        self.residuals, self.deep_features, self.freeu, self.perturbed = residuals, deep_features, freeu, perturbed
        chosen = {"deep_features": deep_features, "perturbed": perturbed, "freeu": freeu != FreeU() and list(freeu)}
        self.settings |= {name: value for name, value in chosen.items() if value}

    def outermost_level(self) -> OutermostLevel:
        """The program for the steps between."""
        attended = self.attention, self.texts_of_frames
        return OutermostLevel(self.network, self.height, self.width, *attended, self.residuals, self.freeu)

    def compute(self, latents, timestep, text, own, **told) -> list:
        own, rows = (own[:-1], own[-1]) if self.perturbed else (own, None)
        if self.residuals:
            told |= {"down_block_additional_residuals": own[:-1], "mid_block_additional_residual": own[-1]}
        with (
            strengthened(image_unet(self.network), self.freeu),
            noted([self.network.up_blocks[-2]] if self.deep_features else []) as deep,
            self._perturbing(rows),
        ):
            predicted = self.network(latents, timestep, encoder_hidden_states=text, **told).sample
        return [predicted, *deep]

    def _perturbing(self, rows: paddle.Tensor | None) -> AbstractContextManager:
        layers = [] if rows is None else attention_layers(image_unet(self.network).mid_block, "attn1")
        return processors(layers, [PerturbedAttnProcessor(layer.processor, rows) for layer in layers])

    def own_inputs(self) -> list[InputSpec]:
        rows = [InputSpec([DYNAMIC, 1, 1], "float32", "perturbed")] if self.perturbed else []
        return [*(self._residual_specs() if self.residuals else []), *rows]

    def _residual_specs(self) -> list[InputSpec]:
        """One for what each layer on the way down leaves for the way up, then one for the middle."""
        config, height, width = self.network.config, self.height, self.width
        widths = config.block_out_channels
        shapes = [(widths[0], height, width)]
        for level, channels in enumerate(widths):
            shapes += [(channels, height, width)] * config.layers_per_block
            if level + 1 < len(widths):
                height, width = -(-height // 2), -(-width // 2)
                shapes.append((channels, height, width))
        shapes.append((widths[-1], height, width))
        return [InputSpec([DYNAMIC, *shape], "float32", f"residual_{number}") for number, shape in enumerate(shapes)]


class OutermostLevel(CrossFrameProgram):
    """The UNet's level of the highest resolution: makes the predicted noise (DeepCache, arXiv 2312.00858, section 3.2).

    Its own inputs: in place of the deeper levels what they made at an earlier step, ``[branches * frames, channels,
    height, width]``; with ``residuals`` those of ControlNets for this level.
    """

    def __init__(
        self,
        network,
        height: int,
        width: int,
        attention: SelfAttention,
        texts_of_frames: bool,
        residuals: bool,
        freeu: FreeU,
    ):
        super().__init__(network, height, width, attention, texts_of_frames)
        self.residuals, self.freeu = residuals, freeu
        if freeu != FreeU():
            self.settings["freeu"] = list(freeu)

    def compute(self, latents, timestep, text, own, **told) -> list:
        unet, deep = image_unet(self.network), own[0].astype(self.network.dtype)
        if self.residuals:  # that of the middle is in the deep features
            told |= {"down_block_additional_residuals": own[1:], "mid_block_additional_residual": 0.0}
        with strengthened(unet, self.freeu), without_deeper_levels(unet), given(self.network.mid_block, deep):
            return [self.network(latents, timestep, encoder_hidden_states=text, **told).sample]

    def own_inputs(self) -> list[InputSpec]:
        config, size = self.network.config, [self.height, self.width]
        deep = InputSpec([DYNAMIC, config.block_out_channels[1], *size], "float32", "deep")
        count = config.layers_per_block + 1 if self.residuals else 0
        shape = [DYNAMIC, config.block_out_channels[0], *size]
        return [deep, *(InputSpec(shape, "float32", f"residual_{number}") for number in range(count))]

    def _layers(self, kind: str) -> list:
        return [
            *attention_layers(self.network.down_blocks[0], kind),
            *attention_layers(self.network.up_blocks[-1], kind),
        ]
