"""Texts as Stable Diffusion XL reads them: by two encoders at once (arXiv 2307.01952, section 2.1)."""

from __future__ import annotations

from paddle.static import InputSpec

from ppt2v.engine.program import Program


class LayerBeforeLast(Program):
    """Token numbers ``[1, tokens]`` -> ``[1, tokens, channels]``, and what is projected of them where the encoder does.

    Without the norm that follows the last layer, as such models were trained. The projection is of the last layer,
    token by token: that of a text's end stands for the whole.

    Args:
        network: a CLIPTextModel or CLIPTextModelWithProjection.
        owner: tells the encoders of a model apart.
        clip_skip: the layer that is taken, counted from the one before the last: 1 is that.
    """

    def __init__(self, network, owner: str, clip_skip: int = 1):
        super().__init__(network)
        self.clip_skip, self.place = clip_skip, f"{type(self).__name__} {owner}"
        self.settings["clip_skip"] = clip_skip

    def forward(self, inputs: list) -> list:
        read = self.network.text_model(inputs[0], output_hidden_states=True, return_dict=True)
        projected = [self.network.text_projection(read.last_hidden_state)] if self._projects else []
        return [read.hidden_states[-1 - self.clip_skip], *projected]

    @property
    def _projects(self) -> bool:
        return hasattr(self.network, "text_projection")

    def inputs(self) -> list[InputSpec]:
        return [InputSpec([1, self.network.config.max_position_embeddings], "int64", "tokens")]
