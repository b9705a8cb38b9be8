"""The types of numbers in weight files, those that NumPy lacks among them."""

from __future__ import annotations

from functools import cache

import numpy as np

# NumPy has none of these: such numbers are kept as their bits, marked by these types, and widened when they are used.
BFLOAT16 = np.dtype([("bfloat16", "<u2")])
FLOAT8_E4M3 = np.dtype([("float8_e4m3fn", "u1")])
FLOAT8_E5M2 = np.dtype([("float8_e5m2", "u1")])

SAFETENSORS_TYPES: dict[str, np.dtype] = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": BFLOAT16,
    "U16": BFLOAT16,  # as Paddle stores them; no network has plain 16 bit integers for weights
    "F8_E4M3": FLOAT8_E4M3,
    "F8_E5M2": FLOAT8_E5M2,
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}
STORAGE_TYPES: dict[str, np.dtype] = {
    "UntypedStorage": np.dtype("u1"),  # of the types below, which PyTorch names at the tensor
    "DoubleStorage": np.dtype("<f8"),
    "FloatStorage": np.dtype("<f4"),
    "HalfStorage": np.dtype("<f2"),
    "BFloat16Storage": BFLOAT16,
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
    "ShortStorage": np.dtype("<i2"),
    "CharStorage": np.dtype("i1"),
    "ByteStorage": np.dtype("u1"),
    "BoolStorage": np.dtype("?"),
}
TORCH_TYPES = {"float8_e4m3fn": FLOAT8_E4M3, "float8_e5m2": FLOAT8_E5M2}


def widen(array: np.ndarray) -> np.ndarray:
    """The array itself, or a float32 copy where it holds numbers of a type that NumPy lacks."""
    if array.dtype == BFLOAT16:
        return np.left_shift(array["bfloat16"], 16, dtype=np.uint32).view(np.float32)
    for name, dtype in TORCH_TYPES.items():
        if array.dtype == dtype:
            return _float8()[name][array[name]]
    return array


@cache
def _float8() -> dict[str, np.ndarray]:
    """The 256 numbers of each of the two types (OCP 8-bit Floating Point Specification, tables 1 and 2)."""
    codes = np.arange(256, dtype=np.uint16)
    exponents, fractions = codes >> 3 & 15, (codes & 7) / 8
    e4m3 = np.where(exponents, (1 + fractions) * 2.0 ** (exponents - 7.0), fractions * 2.0**-6)
    e4m3 = np.where(codes & 127 == 127, np.nan, e4m3) * np.where(codes & 128, -1, 1)
    e5m2 = (codes << 8).view(np.float16)  # whose exponents and first fractional bits they are
    return {"float8_e4m3fn": e4m3.astype(np.float32), "float8_e5m2": e5m2.astype(np.float32)}
