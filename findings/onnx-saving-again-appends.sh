#!/usr/bin/env bash
# onnx 1.23.2; numpy 2.2.6
#
# Guess:   saving a model a second time under the same name leaves what one saving leaves: save_model replaces files, or says
#          FileExistsError, as convert_model_to_external_data documents.
# Reality: it replaces the .onnx and appends the weights to the file beside it. The old ones stay in front, unreachable, and every export
#          adds the size of the model. The model is right every time, so that no test sees it.
# Seen:    weights of 262,144 bytes saved three times: 262,144, 524,288 and 786,432 bytes; the model loads, with an offset of 524,288
# Matters: external data is for what does not fit in 2 GB: UNets. Exporting again after a change (other LoRA, other opset) to the same
#          folder makes 3.4 GB of 1.7, then 5.1; images and caches carry the dead weights, which are still the old, maybe unlicensed,
#          checkpoint. Delete the file first.
# Holds:   on any processor.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 onnx==1.23.2
cat > "$folder/show.py" <<'PY'
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def model(weight: float) -> onnx.ModelProto:
    """A product by a matrix of 256 KiB."""
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 256]) for name in ("x", "y")]
    matrix = numpy_helper.from_array(np.full((256, 256), weight, np.float32), "w")
    return helper.make_model(helper.make_graph([node], "product", ends[:1], ends[1:], [matrix]))


path = Path(sys.argv[1]) / "model.onnx"
seen = []
for weight in (1, 2, 3):
    onnx.save_model(model(weight), str(path), save_as_external_data=True, location="model.data")
    matrix = numpy_helper.to_array(onnx.load(str(path)).graph.initializer[0])
    seen.append((path.with_name("model.data").stat().st_size, float(matrix[0, 0])))
    print(f"saved with {weight}: file of weights {seen[-1][0]} bytes, read back {seen[-1][1]}")
if seen != [(262144, 1), (524288, 2), (786432, 3)]:
    sys.exit("the behaviour has changed")
PY
"$folder/venv/bin/python" "$folder/show.py" "$folder"
