#!/usr/bin/env bash
# ray 2.60.0 (cluster of this machine alone), Linux
#
# Guess:   a cluster of two CPUs runs two plain actors at a time, as it does with tasks; an actor's libraries use the machine's cores.
# Reality: an actor without num_cpus counts as one CPU while it is placed and as none while it lives, so that there may be any number of them. And
#          each has OMP_NUM_THREADS=1, as has a task; two threads come with num_cpus=2, which does reserve.
# Seen:    num_cpus=2: six actors live at once, 2 CPUs are still free; with num_cpus=1, two live and four wait; OMP_NUM_THREADS is 1 in both
#          and in tasks, 2 with num_cpus=2
# Matters: one actor for each model or video seems to limit itself, and loads as many models as there are actors: memory ends, not the queue.
#          And PyTorch or Paddle computes in each on one thread, while OpenVINO, which does not read the variable, takes all cores.
# Holds:   on Linux, where OMP_NUM_THREADS is not set by hand before (the script unsets it).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet ray==2.60.0
cat > "$folder/actors.py" <<'PY'
import os
import sys

import ray

ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
ACTORS = 6
PATIENCE, MORE = 60, 10  # seconds for those that are expected, and for the others


@ray.remote
class Actor:
    def threads(self) -> str | None:
        return os.environ.get("OMP_NUM_THREADS")


@ray.remote
def of_a_task() -> str | None:
    return os.environ.get("OMP_NUM_THREADS")


def living(expected: int, **options) -> tuple[int, float, set[str | None]]:
    """Of some actors: how many live, how many CPUs are free beside them, and what they are told of threads."""
    actors = [Actor.options(**options).remote() for _ in range(ACTORS)]
    answers = [actor.threads.remote() for actor in actors]
    ray.wait(answers, num_returns=expected, timeout=PATIENCE)
    ready, _ = ray.wait(answers, num_returns=ACTORS, timeout=MORE)
    result = len(ready), ray.available_resources().get("CPU", 0.0), set(ray.get(ready))
    for actor in actors:
        ray.kill(actor)
    return result


plain, reserved = living(ACTORS), living(2, num_cpus=1)
task = ray.get(of_a_task.remote())
pair = ray.get(Actor.options(num_cpus=2).remote().threads.remote(), timeout=PATIENCE)
for name, (alive, free, threads) in {"plain actors": plain, "with num_cpus=1": reserved}.items():
    print(f"{name}: {alive} of {ACTORS} live, {free:g} of 2 CPUs are free, OMP_NUM_THREADS is {threads}")
print(f"OMP_NUM_THREADS is {task} in a task, {pair} in an actor with num_cpus=2")
if plain != (ACTORS, 2.0, {"1"}) or reserved != (2, 0.0, {"1"}) or (task, pair) != ("1", "2"):
    sys.exit("the behaviour has changed")
PY
unset OMP_NUM_THREADS
RAY_USAGE_STATS_ENABLED=0 RAY_AUTH_MODE=disabled HOME="$folder" "$folder/venv/bin/python" "$folder/actors.py" 2> "$folder/log" || { cat "$folder/log"; exit 1; }
