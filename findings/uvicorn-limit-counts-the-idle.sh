#!/usr/bin/env bash
# uvicorn 0.54.0 with h11 0.16.0
#
# Guess:   limit_concurrency=3 lets three requests be worked on at a time and answers 503 to a fourth.
# Reality: it counts open connections, idle ones and the asker's own with them, and refuses when the count reaches the limit. Two browsers that keep
#          their connection and ask nothing fill a limit of 3; a limit of 1 refuses every request there is.
# Seen:    limit 3, clients one after another that keep their connections: 200, 200, 503, 503; limit 1: 503 for the very first; a
#          client that closes after each request gets 200 four times
# Matters: a renderer limits itself to what its memory bears (one video at a time is the natural setting) and shows 503 to everybody, while idle;
#          tested with curl, which closes, all is well with a limit of 2. Count the work inside the application.
# Holds:   on any processor.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet uvicorn==0.54.0 h11==0.16.0
"$folder/venv/bin/python" - <<'PY'
import contextlib
import http.client
import socket
import sys
import threading
import time
from collections.abc import Iterator

import uvicorn


async def application(scope, receive, send):
    """Answers at once."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@contextlib.contextmanager
def served(limit: int) -> Iterator[int]:
    """The port of a server with this limit."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(application, http="h11", limit_concurrency=limit, timeout_keep_alive=600, lifespan="off", log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join()


def statuses(limit: int, close: bool) -> list[int]:
    """The answers to four clients, each asking once after the one before has its answer."""
    clients, answers = [], []
    with served(limit) as port:
        for _ in range(4):
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            client.request("GET", "/", headers={"connection": "close"} if close else {})
            answer = client.getresponse()
            answer.read()
            answers.append(answer.status)
            clients.append(client)
            if close:
                client.close()
                time.sleep(0.5)
        for client in clients:
            client.close()
    return answers


seen = {"limit 3, kept": statuses(3, False), "limit 3, closed": statuses(3, True), "limit 1, closed": statuses(1, True)}
for name, answers in seen.items():
    print(f"{name}: {answers}")
if list(seen.values()) != [[200, 200, 503, 503], [200] * 4, [503] * 4]:
    sys.exit("the behaviour has changed")
PY
