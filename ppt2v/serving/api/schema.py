"""What goes over HTTP, as pydantic models: requests made from the table of modes, and what is answered."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Dict, List, Literal, Optional

from pydantic import BaseModel, ConfigDict, Field, create_model

from ppt2v.models.sources import locate
from ppt2v.modes import MODES, Mode
from ppt2v.parameters import Parameter, holding
from ppt2v.serving.job import DONE, STATES, Job
from ppt2v.serving.limits import FORMATS, MOST_TEXTS, Limits


class Problem(BaseModel):
    """Why a request failed (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str


class ClipView(BaseModel):
    """An uploaded clip."""

    id: str = Field(description="To be given as the clip of a job.")
    frames: int
    seconds: float
    height: int
    width: int


class JobView(BaseModel):
    """A job as it stands."""

    id: str
    mode: str
    parameters: Dict[str, Any] = Field(description="What was asked for, with the seed that makes the video again.")
    advice: List[str] = Field(description="What should be known of the prompts; mostly nothing.")
    state: Literal[STATES]  # type: ignore[valid-type]
    stage: Optional[str]
    done: int = Field(description="Steps of the stage that are done.")
    total: Optional[int]
    remaining: Optional[float] = Field(description="Seconds that the stage still takes.")
    submitted: datetime
    started: Optional[datetime]
    ended: Optional[datetime]
    error: Optional[str]
    result: Optional[str] = Field(description="Where the video is, once the job is done.")


def view(job: Job, limits: Limits) -> JobView:
    """A job as clients see it: without the folders of the machine."""
    result = f"/jobs/{job.id}/result" if job.state == DONE else None
    return JobView(
        id=job.id,
        mode=job.mode,
        parameters=_shown(job, limits),
        advice=list(map(str, job.advice)),
        state=job.state,
        stage=job.stage,
        done=job.done,
        total=job.total,
        remaining=job.remaining,
        submitted=_date(job.submitted),
        started=_date(job.started),
        ended=_date(job.ended),
        error=job.error,
        result=result,
    )


def _shown(job: Job, limits: Limits) -> dict[str, Any]:
    values = job.values
    names = {locate.from_anywhere(model): model for model in limits.models}
    clips = {name: Path(values[name]).name for name in holding(MODES[job.mode].parameters, "clip") if name in values}
    return {
        name: names.get(value, value) if isinstance(value, str) else value
        for name, value in {**values, **clips}.items()
    }


def _date(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, timezone.utc)


def request_model(row: Mode, limits: Limits) -> type[BaseModel]:
    """What a request for a video of a mode says; values are of their own types, not texts of them."""
    fields: dict[str, Any] = {parameter.name: _field(parameter, limits) for parameter in limits.open_parameters(row)}
    name = "".join(word.title() for word in row.name.split("-"))
    strict = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, protected_namespaces=())
    return create_model(name, __config__=strict, __doc__=row.summary, **fields)


def _field(parameter: Parameter, limits: Limits) -> tuple[Any, Any]:
    """Type and description of a parameter, as ``create_model`` takes them."""
    required = parameter.positional is not None
    kind, rules = _kind(parameter, limits)
    about = parameter.help
    if parameter.many:
        kind, rules = List[kind], {"max_length": MOST_TEXTS}  # type: ignore[valid-type]
    elif parameter.default is None and not required:
        kind = Optional[kind]
    if parameter.holds == "clip":
        about += " Here the id that POST /clips answers."
    default = ... if required else list(parameter.default) if parameter.many else parameter.default
    return kind, Field(default, description=about, **rules)


def _kind(parameter: Parameter, limits: Limits) -> tuple[Any, dict[str, Any]]:
    if parameter.holds == "format":
        return Literal[FORMATS], {}
    if parameter.choices:
        return Literal[parameter.choices], {}
    bounds = {"ge": parameter.minimum, "le": parameter.maximum, "gt": parameter.above}
    lengths = {"min_length": 1 if parameter.positional else None, "max_length": limits.letters}
    rules = {str: lengths, bool: {}}.get(parameter.kind, bounds)
    return parameter.kind, {name: bound for name, bound in rules.items() if bound is not None}
