#!/usr/bin/env bash
# paddlepaddle 3.3.1, CPU
#
# Guess:   importing a library leaves the process's signal handlers alone, or at least those that the program has set.
# Reality: `import paddle` installs a handler of its own in C++ for SIGTERM, among others. A Python handler set before is no longer
#          called, while signal.getsignal still answers it: Python does not know that it was replaced.
# Seen:    handler set, then import, then SIGTERM: the process dies with Paddle's report, the handler does not run; import, then the
#          same handler: it runs.
# Matters: services that finish their requests, trainings that save a checkpoint, and workers that hand their job back on SIGTERM (which
#          is what containers and schedulers send), wherever Paddle is imported late to keep the start quick.
#          paddle.disable_signal_handler() after the import does not bring the handler back: the process dies without a report.
# Cure:    set handlers again after the import.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet paddlepaddle==3.3.1 setuptools==80.9.0
cat > "$folder/program.py" <<'PY'
import os
import signal
import sys


def end(*_: object) -> None:
    print("handler ran", flush=True)
    os._exit(0)


if sys.argv[1] != "after":
    signal.signal(signal.SIGTERM, end)
import paddle  # noqa: E402

if sys.argv[1] == "disabled":
    paddle.disable_signal_handler()
if sys.argv[1] == "after":
    signal.signal(signal.SIGTERM, end)
print("python still names it:", signal.getsignal(signal.SIGTERM) is end, flush=True)
os.kill(os.getpid(), signal.SIGTERM)
for _ in range(1000):
    pass
PY
for set in before disabled after; do
  echo "$set:"
  status=0
  "$folder/venv/bin/python" "$folder/program.py" $set > "$folder/$set" 2> "$folder/$set.err" || status=$?
  sed 's/^/  /' "$folder/$set"
  echo "  exit status $status"
done
if grep -q "handler ran" "$folder/before" "$folder/disabled" || ! grep -q "handler ran" "$folder/after"; then
  echo "the behaviour has changed" >&2
  exit 1
fi
