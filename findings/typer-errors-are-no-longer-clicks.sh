#!/usr/bin/env bash
# typer 0.29.2 beside click 8.3.1
#
# Guess:   typer is built on click: `except click.ClickException` around a command with standalone_mode=False catches what a person typed
#          wrong, as it did for years, and gettext translates its texts, as in click.
# Reality: this typer carries a copy of click of its own. Its errors are no click exceptions, even where click is installed and imported,
#          its contexts no click contexts; and the copy writes errors in English without asking gettext.
# Seen:    an unknown option: not caught by click.ClickException; a command made by typer is no
#          click.Command; gettext is not asked for "No such option".
# Matters: wrappers that turn usage errors into messages or exit codes let tracebacks out after an update that changed nothing else;
#          plug-ins that test isinstance(..., click.Command) skip typer's commands.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet typer==0.29.2 click==8.3.1
"$folder/venv/bin/python" - <<'PY'
import gettext
import sys

asked = []


def listen(message: str) -> str:
    asked.append(message)
    return message


gettext.gettext = listen
gettext.dgettext = lambda _, message: listen(message)

import click  # noqa: E402
import typer  # noqa: E402

app = typer.Typer()


@app.command()
def main(steps: int = 1) -> None:
    pass


command = typer.main.get_command(app)
caught = None
try:
    command(["--stesp", "3"], standalone_mode=False)
except click.ClickException:
    caught = "click"
except Exception as error:
    caught = f"{type(error).__module__}.{type(error).__name__}"
    error.show(file=open("/dev/null", "w"))
print("an unknown option is caught as", caught)
print("the command is a click.Command:", isinstance(command, click.Command))
print("gettext was asked for the error:", any("No such option" in message for message in asked))
if caught == "click" or isinstance(command, click.Command) or any("No such option" in message for message in asked):
    sys.exit("the behaviour has changed")
PY
