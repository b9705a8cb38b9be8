#!/usr/bin/env bash
# ray 2.60.0 (cluster of this machine alone), Linux
#
# Guess:   tasks and actors run at the priority of the program that starts them; one that keeps a core for itself (num_cpus=1) has it.
# Reality: Ray starts its workers at niceness 15. Against any program of usual priority on the same core they get a thirtieth of it, and
#          num_cpus is bookkeeping alone. RAY_worker_niceness=0, in the environment of what starts the cluster, turns it off.
# Seen:    niceness 0 in the driver, 15 in a task and in an actor; 0 in all of them with the variable
# Matters: a driver that computes beside its workers (the usual shape: it merges, decodes, encodes) starves those that it waits for; so does
#          a desktop. A measurement of "one process against N workers" on a shared machine compares two priorities.
# Holds:   on Linux, for whoever starts at niceness 0; a cluster that a service manager started at another one adds 15 up to 19.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet ray==2.60.0
cat > "$folder/priorities.py" <<'PY'
import os

import ray

ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")


@ray.remote
def of_a_task() -> int:
    return os.nice(0)


@ray.remote(num_cpus=1)
class Actor:
    def niceness(self) -> int:
        return os.nice(0)


print(os.nice(0), ray.get(of_a_task.remote()), ray.get(Actor.remote().niceness.remote()))
PY
export RAY_USAGE_STATS_ENABLED=0 RAY_AUTH_MODE=disabled HOME="$folder"
usual=$("$folder/venv/bin/python" "$folder/priorities.py" 2> "$folder/log" | tail -n 1)
told=$(RAY_worker_niceness=0 "$folder/venv/bin/python" "$folder/priorities.py" 2>> "$folder/log" | tail -n 1)
echo "niceness of driver, task and actor: $usual; with RAY_worker_niceness=0: $told"
own=$(nice)
more=$((own + 15 > 19 ? 19 : own + 15))
[ "$usual" = "$own $more $more" ] && [ "$told" = "$own $own $own" ] || { echo "the behaviour has changed"; exit 1; }
