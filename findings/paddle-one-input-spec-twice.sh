#!/usr/bin/env bash
# paddlepaddle 3.3.1 on the CPU, paddle.jit.save and paddle.jit.load; numpy 2.2.6
#
# Guess:   input_spec=[spec, spec] describes two inputs of one shape and dtype, as a list of two shapes would; an InputSpec without a name
#          is a description and can be used again.
# Reality: the export names the spec after the first argument and keeps the name in the object, so that the second argument gets it, too:
#          the saved program has two inputs of one name and computes with one value for both. The layer itself is right until it is
#          saved, jit.save says nothing, and the loaded layer takes two tensors without a word.
# Seen:    inputs named ['first', 'first']; first - second of 5 and 3 is 2 before saving and 0 after loading;
#          with two InputSpec objects: ['first', 'second'] and 2
# Matters: the two branches of classifier-free guidance, latents and anchor, frame and previous frame have one shape, and
#          a shared spec = InputSpec(...) is the natural way to write them: guidance then cancels to nothing.
# Holds:   on any processor.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 setuptools==80.9.0 paddlepaddle==3.3.1
cat > "$folder/show.py" <<'PY'
import sys

import paddle
from paddle.static import InputSpec


class Difference(paddle.nn.Layer):
    def forward(self, first, second):
        return first - second


def saved(specs: list[InputSpec], path: str) -> tuple[list[str], float]:
    """The names of the inputs of the saved program, and what it answers for 5 and 3."""
    paddle.jit.save(Difference(), path, input_spec=specs)
    layer = paddle.jit.load(path)
    return [spec.name for spec in layer._input_spec()], float(layer(five, three)[0])


paddle.device.set_device("cpu")
five, three = paddle.full([1], 5.0), paddle.full([1], 3.0)
spec = InputSpec([None], "float32")
shared = saved([spec, spec], sys.argv[1] + "/shared")
apart = saved([InputSpec([None], "float32"), InputSpec([None], "float32")], sys.argv[1] + "/apart")
print("before saving:", float(Difference()(five, three)[0]))
print("one InputSpec twice:", shared)
print("two InputSpecs:     ", apart)
if shared != (["first", "first"], 0.0) or apart != (["first", "second"], 2.0):
    sys.exit("the behaviour has changed")
PY
GLOG_minloglevel=2 "$folder/venv/bin/python" "$folder/show.py" "$folder"
