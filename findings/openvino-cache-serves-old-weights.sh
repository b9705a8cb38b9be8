#!/usr/bin/env bash
# openvino 2026.4.1, CPU plugin, CACHE_DIR; numpy 2.2.6
#
# Guess:   compile_model(path) with CACHE_DIR takes a network from its cache only while both of its files are what they were; a
#          .bin with other weights is compiled anew.
# Reality: the key is made of the .xml. After the .bin was replaced and the .xml not touched, CACHE_MODE OPTIMIZE_SPEED serves the
#          network with the OLD weights out of its blob, in a new process too; OPTIMIZE_SIZE reads the new ones. Nothing is said.
# Seen:    weights 1, then 2 in the .bin: OPTIMIZE_SPEED answers 1 and 1, OPTIMIZE_SIZE 1 and 2, without a cache 2
# Matters: merging another LoRA or a fine-tuned checkpoint into an exported UNet changes the .bin alone. The next videos are still those of the
#          old weights, whoever compares hashes of the model's files sees the new ones. Delete the cache, or name it
#          after a hash of the .bin.
# Holds:   on any processor of the CPU plugin.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 openvino==2026.4.1
cat > "$folder/answer.py" <<'PY'
"""answer.py FOLDER MODE: compiles FOLDER/net.xml with a cache of its own for MODE and prints its one output."""

import sys

import numpy as np
import openvino as ov

folder, mode = sys.argv[1:]
settings = {} if mode == "none" else {"CACHE_DIR": f"{folder}/{mode}", "CACHE_MODE": mode}
network = ov.Core().compile_model(f"{folder}/net.xml", "CPU", settings)
print(int(np.ravel(network(np.ones((1, 64), np.float32))[0])[0]))
PY
cat > "$folder/write.py" <<'PY'
"""write.py FOLDER NAME WEIGHT: a matrix product by WEIGHT times the identity, as NAME.xml and NAME.bin."""

import sys

import numpy as np
import openvino as ov
from openvino import opset13 as op

folder, name, weight = sys.argv[1:]
parameter = op.parameter([1, 64], np.float32, name="x")
matrix = op.constant(np.eye(64, dtype=np.float32) * float(weight), name="w")
product = op.matmul(parameter, matrix, False, False, name="y")
ov.save_model(ov.Model([product], [parameter], "net"), f"{folder}/{name}.xml", compress_to_fp16=False)
PY
run() { "$folder/venv/bin/python" "$folder/$1.py" "$folder" "${@:2}"; }
run write net 1
run write other 2
before="$(run answer OPTIMIZE_SPEED) $(run answer OPTIMIZE_SIZE)"
cp "$folder/other.bin" "$folder/net.bin"
after="$(run answer OPTIMIZE_SPEED) $(run answer OPTIMIZE_SIZE) $(run answer none)"
echo "weights 1: OPTIMIZE_SPEED and OPTIMIZE_SIZE answer $before"
echo "weights 2: OPTIMIZE_SPEED, OPTIMIZE_SIZE and no cache answer $after"
if [ "$before" != "1 1" ] || [ "$after" != "1 2 2" ]; then
  echo "the behaviour has changed"
  exit 1
fi
