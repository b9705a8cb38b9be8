#!/usr/bin/env bash
# safetensors 0.8.0 (safetensors.numpy; torch's and paddle's writers share the code beneath); numpy 2.2.6
#
# Guess:   the same tensors with the same metadata are the same file, as the format is made for: the header is sorted, there are no dates.
# Reality: the tensors are sorted, the metadata are not: they are written in the order of a hash table that is seeded anew at each call, also
#          within one process. Python's order of the dictionary is not kept either. Without metadata, or with one entry, the bytes are the same.
# Seen:    20 savings of one array: with 8 entries 20 different SHA-256 of one length, with 1 or none a single one; the bytes of the numbers, and
#          what is read back, are the same in all
# Matters: trainers write dozens of entries (rank, alpha, data set). A LoRA that is saved twice, or exported again by a reproducible build, is
#          another file: fingerprints in recipes, content-addressed caches and "unchanged, do not upload" all see a change. One entry that holds JSON with sorted keys is the same bytes always; so is a hash without the header.
# Holds:   on any processor.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 safetensors==0.8.0
"$folder/venv/bin/python" - <<'PY'
import hashlib
import sys

import numpy as np
import safetensors.numpy

SAVINGS = 20
ARRAYS = {"b": np.arange(6, dtype=np.float32), "a": np.ones(3, np.float32)}
METADATA = {f"key {number}": str(number) for number in range(8)}


def numbers(file: bytes) -> bytes:
    """What follows the header, whose length the first eight bytes tell."""
    return file[8 + int.from_bytes(file[:8], "little") :]


def savings(metadata: dict[str, str] | None) -> list[bytes]:
    return [safetensors.numpy.save(ARRAYS, metadata) for _ in range(SAVINGS)]


def kinds(files: list[bytes]) -> int:
    return len({hashlib.sha256(file).hexdigest() for file in files})


many, one, none = savings(METADATA), savings({"key": "value"}), savings(None)
for name, files in (("8 entries", many), ("1 entry", one), ("no metadata", none)):
    print(f"{name}: {kinds(files)} different files in {SAVINGS} savings, {kinds([numbers(file) for file in files])} without the header")
print("headers:", *(file[8:60].decode() for file in many[:3]), sep="\n  ")
same = len({len(file) for file in many}) == 1 and kinds([numbers(file) for file in many]) == 1
if kinds(many) < SAVINGS // 2 or kinds(one) != 1 or kinds(none) != 1 or not same:
    sys.exit("the behaviour has changed")
PY
