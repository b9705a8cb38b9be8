"""Reading of checkpoint files, and exact placement into networks."""

from __future__ import annotations

import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from conftest import DATA

from ppt2v.errors import InputError
from ppt2v.models.formats import dtypes, fitting, reading
from ppt2v.models.formats.stand_ins import Storage, Tensor

CHECKPOINTS = DATA / "checkpoints"
NUMBERS = np.arange(24.0).reshape(4, 6)
PICKLED = {
    "float32": NUMBERS,
    "float64": NUMBERS,
    "float16": NUMBERS,
    "bfloat16": NUMBERS,
    "int64": NUMBERS,
    "transposed": NUMBERS.T,
    "part": NUMBERS[1:3, ::2],
    "transposed_bfloat16": NUMBERS.T,
    "parameter": NUMBERS,
    "scalar": np.array(3.0),
    "empty": np.zeros((0, 2)),
}


class RunsWhenUnpickled:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


def _network(*sizes: int):
    """Linear, an Embedding of the same square size, and LayerNorm: only the first is transposed between layouts."""
    from paddle import nn

    return nn.Sequential(
        ("linear", nn.Linear(*sizes)), ("embedding", nn.Embedding(*sizes)), ("norm", nn.LayerNorm(sizes[-1]))
    )


def _arrays(network, seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {name: random.normal(size=value.shape).astype(np.float32) for name, value in network.state_dict().items()}


def _torch_zip(file: Path, pickled: bytes) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)


@pytest.mark.parametrize("file", ["zip.bin", "legacy.bin", "types.safetensors"])
def test_tensors_of_every_type_and_stride_are_read(file):
    found = reading.read(CHECKPOINTS / file)
    assert found.layout == reading.PYTORCH
    assert found.tensors.keys() == PICKLED.keys()
    for name, expected in PICKLED.items():
        np.testing.assert_array_equal(dtypes.widen(found.tensors[name]), expected, err_msg=name)


def test_large_files_are_mapped_and_not_copied():
    for file in ("zip.bin", "legacy.bin", "types.safetensors"):
        array = reading.read(CHECKPOINTS / file).tensors["float32"]
        while array.base is not None and not isinstance(array, np.memmap):
            array = array.base
        assert isinstance(array, np.memmap), file


def test_compressed_torch_file_is_read(tmp_path):
    with zipfile.ZipFile(CHECKPOINTS / "zip.bin") as source, zipfile.ZipFile(tmp_path / "packed.bin", "w", 8) as target:
        for entry in source.namelist():
            target.writestr(entry, source.read(entry))
    found = reading.read(tmp_path / "packed.bin").tensors
    np.testing.assert_array_equal(found["transposed"], NUMBERS.T)


def test_big_endian_torch_file_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "big.bin", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({}))
        archive.writestr("archive/byteorder", "big")
    with pytest.raises(InputError, match="big.bin.*big-endian"):
        reading.read(tmp_path / "big.bin")


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_paddle_file_is_read(tmp_path, dtype, protocol):
    import paddle

    network = _network(3, 4)
    network.to(dtype=dtype)
    paddle.save(network.state_dict(), str(tmp_path / "model_state.pdparams"), protocol=protocol)
    found = reading.read(tmp_path / "model_state.pdparams")
    assert found.layout == reading.PADDLE
    for name, value in network.state_dict().items():
        np.testing.assert_array_equal(dtypes.widen(found.tensors[name]), value.cast("float32").numpy())


def test_paddle_tensors_saved_one_by_one_are_read(tmp_path):
    import paddle

    paddle.save({"parts": 1, "weight": paddle.ones([2, 3])}, str(tmp_path / "mixed.pdparams"))
    paddle.save({"weight": paddle.ones([2, 3])}, str(tmp_path / "model.pdparams"))
    np.testing.assert_array_equal(reading.read(tmp_path / "model.pdparams").tensors["weight"], np.ones((2, 3)))
    with pytest.raises(InputError, match="mixed.pdparams.*'parts' is a builtins.int"):
        reading.read(tmp_path / "mixed.pdparams")


@pytest.mark.parametrize(
    ("file", "metadata", "layout"),
    [
        ("diffusion_paddle_model.safetensors", {"format": "pt"}, reading.PADDLE),
        ("diffusion_pytorch_model.fp16.safetensors", None, reading.PYTORCH),
        ("model.safetensors", None, reading.PYTORCH),
        ("model.safetensors", {"format": "pt"}, reading.PYTORCH),
        ("model.safetensors", {"format": "np"}, reading.PADDLE),
        ("model.safetensors", {"format": "pd"}, reading.PADDLE),
    ],
)
def test_layout_of_safetensors(tmp_path, file, metadata, layout):
    from safetensors.numpy import save_file

    save_file({"weight": np.ones((2, 3), np.float32)}, tmp_path / file, metadata)
    assert reading.read(tmp_path / file).layout == layout


def test_paddle_bfloat16_in_safetensors_is_read(tmp_path):
    from safetensors.numpy import save_file

    bits = (np.arange(6, dtype=np.float32).view(np.uint32) >> 16).astype(np.uint16)
    save_file({"weight": bits}, tmp_path / "diffusion_paddle_model.safetensors")
    found = reading.read(tmp_path / "diffusion_paddle_model.safetensors").tensors["weight"]
    np.testing.assert_array_equal(dtypes.widen(found), np.arange(6))


@pytest.mark.parametrize("file", ["float8.bin", "float8_legacy.bin", "float8.safetensors"])
def test_numbers_of_8_bits_are_widened_as_by_pytorch(file):
    found, expected = reading.read(CHECKPOINTS / file).tensors, np.load(CHECKPOINTS / "float8.npz")
    for name in ("e4m3", "e5m2"):
        np.testing.assert_array_equal(dtypes.widen(found[name]), expected[name])
        np.testing.assert_array_equal(dtypes.widen(found[name][5]), expected[name][5])


def test_parameters_of_a_pytorch_module_are_read():
    tensors = reading.read(CHECKPOINTS / "parameter_dict.pt").tensors
    assert tensors.keys() == {"*"}
    np.testing.assert_array_equal(tensors["*"], np.ones((2, 3)))


def test_objects_beside_the_weights_of_a_training_checkpoint_are_passed_over():
    found = reading.read(CHECKPOINTS / "lightning.ckpt").tensors
    assert list(found) == ["weight"]
    np.testing.assert_array_equal(found["weight"], np.ones((2, 3)))


def test_object_among_the_weights_is_refused_by_name():
    with pytest.raises(InputError, match=r"object.bin: 'callback' is a __main__.Callback, which is refused"):
        reading.read(CHECKPOINTS / "object.bin")


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("beside", [True, False])
def test_no_pickle_is_executed(tmp_path, packed, beside):
    harmful = RunsWhenUnpickled(tmp_path / "ran")
    pickled = pickle.dumps({"state_dict": {}, "extra": harmful} if beside else {"weight": harmful})
    file = tmp_path / "model.bin"
    _torch_zip(file, pickled) if packed else file.write_bytes(pickled)
    if beside:
        assert reading.read(file).tensors == {}
    else:
        with pytest.raises(InputError, match=r"model.bin: 'weight' is a posix.mkdir, which is refused"):
            reading.read(file)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("code", [b"cbuiltins\neval\n(S'1'\ntR.", b"cos\nsystem\n.", b"\x80\x04]."])
def test_pickle_that_is_no_dictionary_is_refused(tmp_path, code):
    (tmp_path / "model.pdparams").write_bytes(code)
    with pytest.raises(InputError, match="model.pdparams holds a .*; a checkpoint is a dictionary of tensors"):
        reading.read(tmp_path / "model.pdparams")


def test_array_of_objects_is_refused(tmp_path):
    (tmp_path / "model.pdparams").write_bytes(pickle.dumps({"weight": np.array([{}, {}])}))
    with pytest.raises(InputError, match="model.pdparams.*no weights"):
        reading.read(tmp_path / "model.pdparams")


@pytest.mark.parametrize("offset, shape, stride", [(20, (2, 4), (4, 1)), (-1, (1,), (1,)), (3, (4,), (-1,))])
def test_tensor_that_reaches_beyond_its_data_is_refused(offset, shape, stride):
    storage = Storage(np.dtype("<f4"), 24, np.zeros(24, np.float32))
    with pytest.raises(ValueError, match="beyond its data"):
        Tensor(storage, offset, shape, stride).array()


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9, 0.999])
@pytest.mark.parametrize("file", ["zip.bin", "legacy.bin", "types.safetensors", "model_state.pdparams"])
def test_truncated_file_is_refused_by_name(tmp_path, file, share):
    content = pickle.dumps({"w": np.ones(500)}) if file == "model_state.pdparams" else (CHECKPOINTS / file).read_bytes()
    (tmp_path / file).write_bytes(content[: int(len(content) * share)])
    with pytest.raises(InputError, match=f"{file} is truncated, corrupt or no checkpoint"):
        reading.read(tmp_path / file)


@pytest.mark.parametrize("file", ["zip.bin", "types.safetensors", "model_state.pdparams"])
def test_empty_file_is_refused_by_name(tmp_path, file):
    (tmp_path / file).touch()
    with pytest.raises(InputError, match=f"{file} is empty: download the file itself"):
        reading.read(tmp_path / file)


def test_missing_file_is_refused_by_name(tmp_path):
    with pytest.raises(InputError, match="model.bin: no such file"):
        reading.read(tmp_path / "model.bin")


@pytest.mark.parametrize("layout", [reading.PYTORCH, reading.PADDLE])
def test_only_linear_weights_are_transposed(layout):
    network = _network(4, 4)
    arrays = _arrays(network)
    fitting.put(network, reading.WeightFile(arrays, layout), "file")
    for name, value in network.state_dict().items():
        expected = arrays[name]
        if name == "linear.weight" and layout == reading.PYTORCH:
            expected = expected.T
        np.testing.assert_array_equal(value.numpy(), expected, err_msg=name)


@pytest.mark.parametrize("said", [reading.PYTORCH, reading.PADDLE])
@pytest.mark.parametrize("transposed", [False, True])
def test_weights_of_different_sides_say_in_whose_layout_they_are(transposed, said):
    network = _network(3, 4)
    arrays = _arrays(network)
    given = {**arrays, "linear.weight": arrays["linear.weight"].T} if transposed else arrays
    fitting.put(network, reading.WeightFile(given, said), "file")
    for name, value in network.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), arrays[name], err_msg=name)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_weights_take_the_type_of_the_network(dtype):
    network = _network(3, 4)
    network.to(dtype=dtype)
    arrays = _arrays(network)
    fitting.put(network, reading.WeightFile(arrays, reading.PADDLE), "file")
    for name, value in network.state_dict().items():
        assert str(value.dtype).endswith(dtype)
        np.testing.assert_allclose(value.cast("float32").numpy(), arrays[name], rtol=1e-2)


def test_missing_and_unexpected_names_are_listed():
    network = _network(3, 4)
    arrays = _arrays(network)
    arrays["other.weight"] = arrays.pop("norm.weight")
    before = network.state_dict()["linear.weight"].numpy()
    with pytest.raises(
        InputError,
        match=r"file does not fit Sequential: 1 weights are missing \(norm.weight\), "
        r"1 are unexpected \(other.weight\)",
    ):
        fitting.put(network, reading.WeightFile(arrays, reading.PADDLE), "file")
    np.testing.assert_array_equal(network.state_dict()["linear.weight"].numpy(), before)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("linear.weight", np.ones((3, 4), np.int8)),
        ("linear.weight", np.ones((6, 1), np.uint8)),
        *((name, np.ones(1, np.float32)) for name in ("linear.weight.absmax", "linear.scale_weight", "scaled_fp8")),
        ("linear.weight._scale", np.ones((3, 1), np.float32)),
    ],
)
def test_quantized_weights_are_called_so(name, array):
    network = _network(3, 4)
    with pytest.raises(InputError, match=f"^file is quantized: .*{name}"):
        fitting.put(network, reading.WeightFile({**_arrays(network), name: array}, reading.PADDLE), "file")


def test_long_lists_of_names_are_cut():
    with pytest.raises(InputError, match=r"5 weights are missing \(([\w.]+, ){4}\.\.\.\), 0 are unexpected;"):
        fitting.put(_network(3, 4), reading.WeightFile({}, reading.PADDLE), "file")


def test_other_shape_is_named():
    arrays = _arrays(_network(3, 5))
    with pytest.raises(InputError, match=r"linear.weight is \[3, 5\] instead of \[3, 4\]"):
        fitting.put(_network(3, 4), reading.WeightFile(arrays, reading.PADDLE), "file")
