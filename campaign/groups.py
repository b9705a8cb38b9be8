"""The groups of the campaign."""

from __future__ import annotations

from . import bad_commands, bad_files, bad_models, bad_requests, crowds, full_disks, kills, steadiness
from .trial import Group

_REFUSED = "refused with one line and code 2, nothing left, within 300 MB and 10 s; or it works"

GROUPS = (
    Group("commands", f"bad options and files: {_REFUSED}", 400, 120, bad_commands.trials),
    Group("configs", f"damaged config files: {_REFUSED}", 100, 120, bad_files.configs),
    Group("batches", f"damaged batch files: {_REFUSED}", 100, 120, bad_files.batches),
    Group("models", f"malformed model folders: {_REFUSED}", 400, 120, bad_models.trials),
    Group(
        "requests",
        "bad requests: a problem detail that tells nothing of the machine, nothing left",
        300,
        60,
        bad_requests.trials,
    ),
    Group(
        "killed runs", "killed at a random moment and resumed: the same bytes, nothing else left", 28, 600, kills.runs
    ),
    Group(
        "killed exports",
        "killed at a random moment: the next run works, nothing unfinished is left",
        8,
        600,
        kills.exports,
    ),
    Group("killed batches", "terminated or killed: no process is left, no video is made twice", 10, 600, kills.batches),
    Group("killed trainings", "killed and resumed: the same model", 6, 900, kills.trainings),
    Group("killed services", "12 jobs under 8 kills: all done, each once", 1, 1800, kills.services),
    Group(
        "crowds",
        "300 jobs of 30 clients, two workers killed: each done and reported once",
        1,
        1200,
        crowds.trials,
    ),
    Group(
        "full disks", "one line or 507, nothing half-written; it goes on when there is room", 14, 300, full_disks.trials
    ),
    Group("together", "several at once on an empty cache: all work, with the same bytes", 2, 900, steadiness.together),
    Group("again", "the same bytes again, whatever the chunks, the cache and the workers", 6, 600, steadiness.again),
    Group("soak", "many jobs of one service: memory, files and threads stay", 1, 1800, steadiness.soak),
)
