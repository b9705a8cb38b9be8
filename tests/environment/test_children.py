"""The processes of a batch end with the one that started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

STARTED = """
import signal
import sys
import stand_in_worker
from ppt2v.batch import runners
from ppt2v.batch.worker import Task
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which a process started in the background ignores
    tasks = [Task(number, "text2video", {"prompt": "wait", "save_path": ""}) for number in range(2)]
    try:
        list(runners.shared_out("local", tasks, 2, {"folder": sys.argv[1]}, stand_in_worker.StandInWorker))
    except KeyboardInterrupt:
        sys.exit(130)
"""


def runs(process: int) -> bool:
    """Whether there is such a process that is more than a zombie."""
    try:
        return "State:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_workers_end_with_their_parent_and_say_nothing(tmp_path, number):
    script = tmp_path / "started.py"
    script.write_text(STARTED, encoding="utf-8")
    path = os.pathsep.join([str(Path(__file__).parents[1]), *filter(None, [os.getenv("PYTHONPATH")])])
    with open(tmp_path / "said", "w+") as said:
        parent = subprocess.Popen(
            [sys.executable, str(script), str(tmp_path)],
            stdout=said,
            stderr=said,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,
        )
        notes = [tmp_path / f"waits-{number}" for number in range(2)]
        while not all(note.exists() and note.read_text() for note in notes):
            assert parent.poll() is None, (tmp_path / "said").read_text()
            time.sleep(0.05)
        workers = [int(note.read_text()) for note in notes]
        if number == signal.SIGINT:
            os.killpg(parent.pid, number)  # as a terminal does
        else:
            parent.send_signal(number)
        assert parent.wait(timeout=120) == (130 if number == signal.SIGINT else -number)
        while any(map(runs, workers)):
            time.sleep(0.05)
    assert (tmp_path / "said").read_text() == ""
