#!/usr/bin/env bash
# Python 3.10.13, 3.11.7, 3.12.1 and 3.13.0 (importlib.util.LazyLoader), with numpy 2.2.6 for the heavy package
#
# Guess:   a module behind LazyLoader is read when one of its attributes is first used; a further `import` only finds it in sys.modules and binds a name.
# Reality: the import statement asks the module in sys.modules for its __spec__, and that is an attribute: the second `import numpy` reads it, unused. So
#          does the question whether it is installed (find_spec); inspect.stack(), called anywhere, asks every module for its __file__.
# Seen:    submodules of numpy in sys.modules: none behind LazyLoader, 84 behind a second `import numpy`, behind find_spec("numpy") and behind
#          inspect.stack(); none behind `x = sys.modules["numpy"]` and hash(x)
# Matters: programs put torch, paddle or transformers behind it so that --help comes at once. It saves nothing as soon as two files import the package at
#          their top, or a library asks which of its back ends are there, or a decorator looks who called; nothing tells. A function
#          that imports when it is called does what was meant.
# Holds:   on any processor.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6
cat > "$folder/lazy.py" <<'PY'
import importlib.util
import inspect
import sys


def put_off(name: str) -> None:
    """Puts the module into sys.modules as importlib's documentation does: to be read when it is used."""
    spec = importlib.util.find_spec(name)
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)


def import_again() -> None:
    import numpy  # noqa: F401


ACTIONS = {
    "nothing": lambda: None,
    "its hash": lambda: hash(sys.modules["numpy"]),
    "import numpy": import_again,
    "find_spec": lambda: importlib.util.find_spec("numpy"),
    "inspect.stack": inspect.stack,
    "an attribute": lambda: sys.modules["numpy"].pi,
}

action = list(ACTIONS)[int(sys.argv[1])]
put_off("numpy")
ACTIONS[action]()
read = sum(name.startswith("numpy.") for name in sys.modules)
print(f"{action}: {read} submodules", file=sys.stderr)
print("read" if read else "waits")
PY
seen=""
for number in 0 1 2 3 4 5; do
  seen="$seen $("$folder/venv/bin/python" "$folder/lazy.py" $number)"
done
[ "$seen" = " waits waits read read read read" ] || { echo "the behaviour has changed:$seen"; exit 1; }
