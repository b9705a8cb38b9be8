"""What goes over HTTP, as pydantic models: requests made from the table of modes, and what is answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Any, Dict, List, Literal, Optional

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model

from ppt2v.language import Message, either, translated, words
from ppt2v.models.families.presets import MAY_DECIDE
from ppt2v.models.sources import locate
from ppt2v.modes import MODES, Mode
from ppt2v.parameters import Parameter, holding
from ppt2v.serving import offers
from ppt2v.serving.job import DONE, STATES, Job
from ppt2v.serving.limits import FORMATS, MOST_TEXTS, Limits

SEEDS, WEBHOOK, PRIORITY = "seeds", "webhook", "priority"  # what a request may say beside the parameters of its mode
BINARY = {"type": "string", "format": "binary"}


class Problem(BaseModel):
    """Why a request failed (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str = Field(description="In the language that the request asks for with Accept-Language: en or zh.")
    code: Optional[str] = Field(description="Of the detail, the same in every language, such as E-CLIP-MISSING.")


class ClipView(BaseModel):
    """An uploaded clip."""

    id: str = Field(description="To be given as the clip of a job.")
    frames: int
    seconds: float
    height: int
    width: int


class ModeView(BaseModel):
    """A mode."""

    name: str
    summary: str
    path: str = Field(description="Where to ask for a video.")
    clip: bool = Field(description="Whether it needs a clip to start from.")
    model: str = Field(description="The model that is used where none is named.")
    parameters: Dict[str, Any] = Field(description="What may be said: a JSON Schema for each.")


class ModelView(BaseModel):
    """A model that may be named."""

    name: str
    modes: Optional[List[str]] = Field(description="Those that take it; null where that is not known yet.")
    defaults: Dict[str, Dict[str, Any]] = Field(description="The values that it brings along, by mode.")


class Health(BaseModel):
    """How the service is."""

    status: Literal["ok"]
    version: str
    running: int = Field(description="Jobs that run.")
    queued: int = Field(description="Jobs that wait.")
    capacity: int = Field(description="Most jobs that may wait.")
    workers: int = Field(description="Most jobs that run at once.")


class JobView(BaseModel):
    """A job as it stands."""

    id: str
    mode: str
    parameters: Dict[str, Any] = Field(description="What was asked for, with the seed that makes the video again.")
    advice: List[str] = Field(description="What should be known of the prompts; mostly nothing.")
    priority: int
    state: Literal[STATES]  # type: ignore[valid-type]
    place: Optional[int] = Field(description="In the queue, while the job waits; 1 is the next to run.")
    stage: Optional[str]
    done: int = Field(description="Steps of the stage that are done.")
    total: Optional[int]
    remaining: Optional[float] = Field(description="Seconds that the stage still takes.")
    submitted: datetime
    started: Optional[datetime]
    ended: Optional[datetime]
    error: Optional[str] = Field(description="Why the job has failed.")
    code: Optional[str] = Field(description="Of the error, the same in every language.")
    result: Optional[str] = Field(description="Where the video is, once the job is done.")


def view(job: Job, limits: Limits, place: int | None) -> JobView:
    """A job as clients see it, without the folders of the machine; ``place`` is the one in the queue."""
    result = f"/jobs/{job.id}/result" if job.state == DONE else None
    return JobView(
        id=job.id,
        mode=job.mode,
        parameters=_shown(job, limits),
        advice=list(map(str, job.advice)),
        priority=job.priority,
        state=job.state,
        place=place,
        stage=job.stage,
        done=job.done,
        total=job.total,
        remaining=job.remaining,
        submitted=_date(job.submitted),
        started=_date(job.started),
        ended=_date(job.ended),
        error=None if job.error is None else str(job.error),
        code=None if job.error is None else job.error.code,
        result=result,
    )


def _shown(job: Job, limits: Limits) -> dict[str, Any]:
    values = job.values
    names = {locate.from_anywhere(model): offers.public_name(model) for model in limits.models}
    clips = {name: Path(values[name]).name for name in holding(MODES[job.mode].parameters, "clip") if name in values}
    return {
        name: names.get(value, value) if isinstance(value, str) else value
        for name, value in {**values, **clips}.items()
    }


def _date(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, timezone.utc)


def request_model(row: Mode, limits: Limits) -> type[BaseModel]:
    """What a request for videos of a mode says; values are of their own types, not texts of them."""
    brought = offers.defaults(row)
    allowed = {parameter.name: parameter for parameter in limits.open_parameters(row)}
    fields: dict[str, Any] = {name: _field(parameter, limits, brought) for name, parameter in allowed.items()}
    if "seed" in allowed:
        fields[SEEDS] = _seeds(allowed["seed"], limits)
    if limits.priority:
        order = translated("Jobs of a higher priority go first.")
        fields[PRIORITY] = int, Field(0, description=order, ge=0, le=limits.priority)
    if limits.webhooks:
        about = words(
            "Where each job is reported to once it is finished, at {servers}.", servers=either(limits.webhooks)
        )
        fields[WEBHOOK] = Optional[str], Field(None, description=str(about), max_length=limits.letters)
    name = "".join(word.title() for word in row.name.split("-"))
    strict = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, protected_namespaces=())
    return create_model(name, __config__=strict, __doc__=row.summary, **fields)


def _field(parameter: Parameter, limits: Limits, brought: Mapping[str, Any]) -> tuple[Any, Any]:
    """Type and description of a parameter, as ``create_model`` takes them.

    Args:
        brought: values of the mode's own model, which wins over the defaults of the table.
    """
    required = parameter.positional is not None
    kind, rules = _kind(parameter, limits)
    default = brought.get(parameter.name, parameter.default)
    if parameter.many:
        kind, rules, default = List[kind], {"max_length": MOST_TEXTS}, list(parameter.default)  # type: ignore[valid-type]
    elif default is None and not required:
        kind = Optional[kind]
    about = " ".join(map(str, [translated(parameter.help), *_here(parameter, limits, parameter.name in brought)]))
    return kind, Field(... if required else default, description=about, **rules)


def _here(parameter: Parameter, limits: Limits, is_brought: bool) -> Iterator[Message]:
    """What is to be said of a parameter for this service."""
    if parameter.holds == "clip":
        yield words("Here the id that POST /clips answers.")
    if parameter.holds == "model":
        yield words("Here one of GET /models.")
    if parameter.holds == "size" and parameter.kind is str:
        yield words("At most {side} pixels.", side=limits.side)
    if is_brought:
        yield words("Other models bring their own (GET /models), else it is {value!r}.", value=parameter.default)
    elif parameter.name in MAY_DECIDE:
        yield words("Some models bring their own (GET /models).")


def _kind(parameter: Parameter, limits: Limits) -> tuple[Any, dict[str, Any]]:
    if parameter.holds == "format":
        return Literal[FORMATS], {}
    if parameter.choices:
        return Annotated[Literal[parameter.choices], BeforeValidator(parameter.meant)], {}  # type: ignore[valid-type]
    bounds = {"ge": parameter.minimum, "le": limits.most(parameter), "gt": parameter.above}
    lengths = {"min_length": 1 if parameter.positional else None, "max_length": limits.letters}
    rules = {str: lengths, bool: {}}.get(parameter.kind, bounds)
    return parameter.kind, {name: bound for name, bound in rules.items() if bound is not None}


def _seeds(seed: Parameter, limits: Limits) -> tuple[Any, Any]:
    """Several seeds, as ``create_model`` takes them."""
    kind, rules = _kind(seed, limits)
    about = translated("Instead of seed: a job for each of these; the answer is the list of them.")
    one = Annotated[kind, Field(**rules)]  # type: ignore[valid-type]
    return Optional[List[one]], Field(None, description=about, min_length=1, max_length=limits.seeds)
