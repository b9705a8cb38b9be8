"""The modes of Text2Video-Zero with models of Stable Diffusion XL (arXiv 2307.01952)."""

from __future__ import annotations

from collections.abc import Sequence

import paddle

from ppt2v.pipelines.networks.conditions import Conditions
from ppt2v.pipelines.networks.texts import Encoded, encode_texts
from ppt2v.pipelines.networks.two_encoders import LayerBeforeLast

from .latent_diffusion import VideoPipeline
from .settings import Sampling
from .text_to_video_zero import TextToVideoZeroPipeline
from .video_controlnet import VideoControlNetPipeline


class _TwoEncoders(VideoPipeline):
    """The parts of such a model, and how it reads texts.

    Args:
        force_zeros_for_empty_prompt: whether a text without words is zeros instead of what the encoders make of it.
    """

    def __init__(
        self,
        vae,
        text_encoder,
        text_encoder_2,
        tokenizer,
        tokenizer_2,
        unet,
        scheduler,
        force_zeros_for_empty_prompt: bool = True,
    ):
        self.register_modules(
            vae=vae,
            text_encoder=text_encoder,
            text_encoder_2=text_encoder_2,
            tokenizer=tokenizer,
            tokenizer_2=tokenizer_2,
            unet=unet,
            scheduler=scheduler,
        )
        self.vae_scale_factor = 2 ** (len(vae.config.block_out_channels) - 1)
        self.vae_in_float32 = bool(vae.config.force_upcast)
        self._zeros_for_nothing = force_zeros_for_empty_prompt

    @property
    def text_encoders(self) -> list:
        return [self.text_encoder, self.text_encoder_2]

    def _read(self, sampling: Sampling, texts: Sequence[str]) -> tuple[paddle.Tensor, Conditions]:
        clip_skip, others = sampling.clip_skip, sampling.for_second_encoder(texts)
        first = self._encoded_by(self.text_encoder, self.tokenizer, "first", texts, clip_skip)
        second = self._encoded_by(self.text_encoder_2, self.tokenizer_2, "second", others, clip_skip)
        tokens, whole = paddle.concat([first.tokens, second.tokens], axis=-1), second.whole
        if self._zeros_for_nothing:
            said = [float(bool((text + other).strip())) for text, other in zip(texts, others)]
            words = paddle.to_tensor(said).astype(tokens.dtype)
            tokens, whole = tokens * words.reshape([-1, 1, 1]), whole * words.reshape([-1, 1])
        return tokens, Conditions(whole, self.vae_scale_factor)

    def _encoded_by(self, network, tokenizer, owner: str, texts: Sequence[str], clip_skip: int) -> Encoded:
        with self._prepared(LayerBeforeLast(network, owner, clip_skip)) as encode:
            return encode_texts(encode, tokenizer, texts, network.config.max_position_embeddings)


class TextToVideoZeroXLPipeline(_TwoEncoders, TextToVideoZeroPipeline):
    """Zero-shot text to video."""


class VideoControlNetXLPipeline(_TwoEncoders, VideoControlNetPipeline):
    """A video that follows the control maps of a clip."""
