#!/usr/bin/env bash
# openvino 2026.4.1, Python interface, CPU plugin on Linux; numpy 2.2.6
#
# Guess:   two processes that may use one thread each (INFERENCE_NUM_THREADS=1) take two cores: the system places their threads.
# Reality: for the time of each call the calling thread is pinned to the first core, in every process the same one. The pinning is
#          undone when the call returns, so that a look at the affinity before or after shows nothing. ENABLE_CPU_PINNING=False
#          leaves the thread where the system wants it.
# Seen:    on two cores, two processes at once, the affinity of the thread inside of the calls: [0] and [0], 63 calls each in three
#          seconds; without pinning [0, 1] and [0, 1], 91 and 108 calls (another program was busy on one of the cores)
# Matters: several workers of few threads each, the usual way to serve a model on a CPU: one core is busy, all others idle, and N workers
#          are as fast as one. There is no warning, and each process by itself is as fast as it should be.
# Holds:   on a machine of two cores or more; with one there is nothing to see.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 openvino==2026.4.1
cat > "$folder/worker.py" <<'PY'
import collections
import os
import sys
import threading
import time

import numpy as np
import openvino as ov
from openvino import opset13 as op

parameter = op.parameter([1, 64, 64, 64])
x = parameter
for _ in range(8):
    x = op.convolution(x, op.constant(np.full((64, 64, 3, 3), 0.01, np.float32)), [1, 1], [1, 1], [1, 1], [1, 1])
settings = {"INFERENCE_NUM_THREADS": 1}
if sys.argv[1] == "free":
    settings["ENABLE_CPU_PINNING"] = False
request = ov.Core().compile_model(ov.Model([x], [parameter], "convolutions"), "CPU", settings).create_infer_request()

caller, seen, over = threading.get_native_id(), collections.Counter(), threading.Event()


def watch() -> None:
    while not over.wait(0.01):
        seen[tuple(sorted(os.sched_getaffinity(caller)))] += 1


watcher = threading.Thread(target=watch)
watcher.start()
calls, end = 0, time.monotonic() + 3
while time.monotonic() < end:
    request.infer([np.ones((1, 64, 64, 64), np.float32)])
    calls += 1
over.set()
watcher.join()
print(calls, "calls; cores inside of them:", list(seen.most_common(1)[0][0]))
PY
for kind in pinned free; do
  for number in 1 2; do "$folder/venv/bin/python" "$folder/worker.py" $kind > "$folder/$kind-$number" & done
  wait
  sed "s/^/$kind: /" "$folder/$kind-1" "$folder/$kind-2"
done
cores() { sed 's/.*them: //' "$folder/$1"; }
[ "$(cores pinned-1)" = "$(cores pinned-2)" ] || { echo "the behaviour has changed"; exit 1; }
[[ "$(cores pinned-1)" =~ ^\[[0-9]+\]$ ]] || { echo "the behaviour has changed"; exit 1; }
[[ "$(cores free-1)" = *,* ]] || { echo "the behaviour has changed"; exit 1; }
