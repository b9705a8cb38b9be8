"""What all pipelines are told, said once: of the way to the latents, and of what frames and steps have in common."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from ppt2v.pipelines.methods.freeu import FreeU
from ppt2v.pipelines.methods.guidance import Guidance
from ppt2v.pipelines.networks.programs import SelfAttention
from ppt2v.pipelines.planning.anchors import FIRST, Anchors
from ppt2v.pipelines.planning.chunks import followers
from ppt2v.pipelines.planning.travel import Travel


@dataclass(frozen=True)
class Sampling:
    """What every pipeline is told about the way from noise to latents.

    Args:
        prompt: what to show; for a pipeline that edits a clip, what to do with it. Written as ``planning.prompts``
            says, of any length.
        num_inference_steps: steps of the schedule, >= 1.
        guidance_scale: classifier-free guidance; 1 or less turns it off, and with it the negative prompt.
        guidance_stop_step: the part of the steps that is guided, 0..1; the rest follow the prompt alone.
        negative_prompt: what to avoid.
        eta: 0 (DDIM) to 1 (as stochastic as DDPM); for the solver "ddim".
        solver: one of ``solver_names.SOLVERS``.
        timestep_spacing: "leading", "trailing" or "linspace" instead of the schedule's own, for solvers that have none
            of their own.
        clip_skip: which layer of the text encoder is taken, counted from the last one, 1 to their number.
        prompt_2, negative_prompt_2: what the second text encoder reads, where a model has two; None: the same as the
            first one.
        guidance_rescale: how much of what is guided gets the standard deviation of what follows the prompt, 0..1.
    """

    prompt: str
    num_inference_steps: int = 50
    guidance_scale: float = 7.5
    guidance_stop_step: float = 1.0
    negative_prompt: str = ""
    eta: float = 0.0
    solver: str = "ddim"
    timestep_spacing: str | None = None
    clip_skip: int = 1
    prompt_2: str | None = None
    negative_prompt_2: str | None = None
    guidance_rescale: float = 0.0

    def guidance(self, *before: float, perturbed: float = 0.0) -> Guidance:
        """How guidance branches become one; ``before`` are scales in front of that of the prompt."""
        return Guidance((*before, self.guidance_scale), self.guidance_rescale, perturbed)

    @property
    def texts(self) -> list[str]:
        """The text of each branch of classifier-free guidance."""
        return [self.negative_prompt, self.prompt] if self.guidance_scale > 1 else [self.prompt]

    def texts_along(self, travel: Travel | None) -> list[str]:
        """The same with all texts of a travel, if there is one, for the last branch."""
        return [*self.texts[:-1], *travel.texts] if travel else self.texts

    def for_second_encoder(self, texts: Sequence[str]) -> list[str]:
        """What a second text encoder reads where the first one reads these, with guidance the negative one in front."""
        negative = [self.negative_prompt_2] if self.guidance_scale > 1 else []
        instead = [*negative, *[self.prompt_2] * (len(texts) - len(negative))]
        return [text if other is None else other for text, other in zip(texts, instead)]


@dataclass(frozen=True)
class Sharing:
    """What the pipelines of image models are told about what frames and steps have in common.

    Args:
        use_cf_attn: whether frames attend to the anchors instead of to themselves, in UNet and ControlNets.
        merging_ratio: share of the tokens that are merged where the layers have most, 0..0.9 (``methods.merging``).
        cache_interval: of so many steps one computes UNet and ControlNets, the others the UNet's outermost level
            alone, with what the rest made before (DeepCache, arXiv 2312.00858); 1: all compute everything.
        anchors: which frames the others attend to, as ``planning.anchors.Anchors.parse`` reads it; where frames are
            computed in chunks.
        freeu_b1, freeu_b2, freeu_s1, freeu_s2: see ``methods.freeu.FreeU``.
    """

    use_cf_attn: bool = True
    merging_ratio: float = 0.0
    cache_interval: int = 1
    anchors: str = FIRST
    freeu_b1: float = 1.0
    freeu_b2: float = 1.0
    freeu_s1: float = 1.0
    freeu_s2: float = 1.0

    @property
    def freeu(self) -> FreeU:
        """How the UNet's features are changed."""
        return FreeU(self.freeu_b1, self.freeu_b2, self.freeu_s1, self.freeu_s2)

    @property
    def attention(self) -> SelfAttention:
        """How the networks attend."""
        return SelfAttention(self.use_cf_attn, self.merging_ratio, Anchors.parse(self.anchors))

    def chunks(self, video_length: int, chunk_size: int) -> list[list[int]]:
        """The frames that are computed together, as ``planning.chunks.followers`` gives them."""
        return followers(video_length, chunk_size, self.attention.anchors)


_GROUPS: dict[str, type] = {"sampling": Sampling, "sharing": Sharing}


def by_keywords(**defaults: Any) -> Callable[[Callable], Callable]:
    """Makes the fields of the parameters ``sampling`` and ``sharing`` keywords of a pipeline's call.

    What must be given may also be given by position, in the order of the parameters; all else by keyword.

    Args:
        defaults: of fields for which the pipeline has a default of its own.
    """

    def spread(call: Callable) -> Callable:
        own = inspect.signature(call).parameters
        groups = {name: group for name, group in _GROUPS.items() if name in own}
        signature = inspect.Signature(_spread_out(own.values(), defaults))

        @functools.wraps(call)
        def keyword_call(*args: Any, **kwargs: Any) -> Any:
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            values = bound.arguments
            grouped = {
                name: group(**{field.name: values.pop(field.name) for field in fields(group)})
                for name, group in groups.items()
            }
            return call(**values, **grouped)

        keyword_call.__signature__ = signature
        return keyword_call

    return spread


def _spread_out(parameters: Iterable[inspect.Parameter], defaults: dict[str, Any]) -> list[inspect.Parameter]:
    """The parameters with the fields of the groups in their place; those that have a default come last."""
    spread: list[inspect.Parameter] = []
    for parameter in parameters:
        if parameter.name in _GROUPS:
            known = inspect.signature(_GROUPS[parameter.name]).parameters.values()
            spread += [each.replace(default=defaults.get(each.name, each.default)) for each in known]
        else:
            spread.append(parameter)
    needed = [each for each in spread if each.default is each.empty]
    return needed + [each.replace(kind=each.KEYWORD_ONLY) for each in spread if each.default is not each.empty]
