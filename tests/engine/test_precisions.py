"""The precision of a run that asks for none: the fastest of this machine, measured once."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("openvino")

from ppt2v.engine import precisions
from ppt2v.engine.choice import choose
from ppt2v.environment import processor, threads
from ppt2v.errors import InputError


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ({"float32": 1.0}, "float32"),
        ({"float32": 1.0, "bfloat16": 0.5}, "bfloat16"),
        ({"float32": 1.0, "bfloat16": 1.48}, "float32"),
        ({"float32": 1.0, "bfloat16": 0.95}, "float32"),
        ({"float32": 1.0, "float16": 0.6, "bfloat16": 0.58}, "float16"),
        ({"float32": 1.0, "float16": 0.6, "bfloat16": 0.4}, "bfloat16"),
    ],
    ids=str,
)
def test_a_less_exact_precision_has_to_be_clearly_faster(seconds, expected):
    assert precisions.fastest(seconds) == expected


@pytest.fixture
def measurements(tmp_path, monkeypatch) -> list:
    """What is measured from now on, with a cache folder of its own; the times are made up."""
    made = []

    def measure(names) -> dict[str, float]:
        made.append(names)
        return {name: 1 / (1 + number) for number, name in enumerate(names)}

    monkeypatch.setenv("PPT2V_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(precisions, "_measure", measure)
    monkeypatch.setattr(precisions, "available", lambda: ("float32", "bfloat16"))
    return made


def test_it_is_measured_once_and_kept_with_processor_and_version(measurements, tmp_path):
    assert choose("auto", "cpu", None).precision == choose("auto", "cpu", None).precision == "bfloat16"
    assert measurements == [("float32", "bfloat16")]
    [file] = (tmp_path / "cache").iterdir()
    kept = json.loads(file.read_text(encoding="utf-8"))
    assert kept.keys() == {"processor", "flags", "limit", "openvino", "seconds"}
    assert kept["processor"] == processor.name()


def test_what_is_asked_for_is_not_measured(measurements):
    assert choose("auto", "cpu", "float32").precision == "float32"
    assert choose("eager", "cpu", None).precision == "float32"
    assert measurements == []


def test_where_there_is_one_precision_nothing_is_measured(measurements, monkeypatch):
    monkeypatch.setattr(precisions, "available", lambda: ("float32",))
    assert choose("auto", "cpu", None).precision == "float32"
    assert measurements == []


def test_another_processor_and_a_damaged_file_are_measured_anew(measurements, tmp_path, monkeypatch):
    precisions.measured()
    [file] = (tmp_path / "cache").iterdir()
    file.write_text('{"seconds": [', encoding="utf-8")
    precisions.measured()
    assert len(measurements) == 2
    monkeypatch.setattr(processor, "name", lambda: "another")
    precisions.measured()
    precisions.measured()
    assert len(measurements) == 3 and len(list((tmp_path / "cache").iterdir())) == 2
    monkeypatch.setattr(processor, "limit", lambda: "AVX512_CORE")
    precisions.measured()
    assert len(measurements) == 4, "what oneDNN is forbidden makes another processor"


@pytest.mark.parametrize(
    ("limit", "flags", "held_back"),
    [
        ("avx2", "avx2 avx512f fma", True),
        ("AVX2", "avx2 fma", False),
        ("AVX512_CORE", "avx2 avx512f fma", False),
        ("ALL", "avx2 avx512f fma", False),
        ("", "avx2 avx512f fma", False),
        ("SSE41", "avx2 fma", True),
    ],
)
def test_the_environment_may_hold_the_processor_back(monkeypatch, limit, flags, held_back):
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", limit)
    monkeypatch.setattr(processor, "flags", lambda: flags)
    assert processor.is_held_back() == held_back


def test_openvino_is_not_taken_where_it_would_crash(monkeypatch):
    # In place of the variable, which oneDNN reads once in a process.
    monkeypatch.setattr(processor, "limit", lambda: "AVX2")
    monkeypatch.setattr(processor, "flags", lambda: "avx2 avx512f")
    assert choose("auto", "cpu", None).engine == "eager"
    with pytest.raises(InputError, match="ONEDNN_MAX_CPU_ISA=AVX2.*unset it, or choose auto"):
        choose("openvino", "cpu", "float32")


def test_without_a_writable_folder_each_process_measures_for_itself(measurements, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("PPT2V_CACHE", str(tmp_path / "file" / "cache"))
    assert precisions.measured() == precisions.measured()
    assert len(measurements) == 2


def test_what_is_measured_computes_as_a_unet_does(monkeypatch):
    monkeypatch.setattr(precisions, "_LEVELS", ((32, 4), (64, 2)))
    kinds = {node.get_type_name() for node in precisions._part_of_unet().get_ordered_ops()}
    assert {"Convolution", "GroupNormalization", "MatMul", "ScaledDotProductAttention", "Gelu"} <= kinds
    seconds = precisions._measure(precisions.available())
    assert tuple(seconds) == precisions.available() and min(seconds.values()) >= 0


def test_the_threads_of_a_program_are_pinned_to_no_core(monkeypatch):
    """Else two processes of one thread each share the first core, whatever the machine has."""
    monkeypatch.setattr(precisions, "_LEVELS", ((32, 2),))
    with threads.using(1):
        program = precisions.compile_model(precisions._part_of_unet(), "float32")
    assert program.get_property("INFERENCE_NUM_THREADS") == 1
    assert not program.get_property("ENABLE_CPU_PINNING")


@pytest.mark.parametrize(
    ("text", "name", "flags"),
    [
        (
            "processor\t: 0\nmodel name\t: A CPU: fast\nflags\t\t: fpu sse avx2 avx512_bf16 amx_tile fma\n",
            "A CPU: fast",
            "amx_tile avx2 avx512_bf16 fma",
        ),
        ("processor : 0\nFeatures : fp asimd bf16 sve2 crc32\n", None, "asimd bf16 sve2"),
        ("", None, ""),
    ],
    ids=["x86", "arm", "nothing"],
)
def test_the_processor_is_described(tmp_path, monkeypatch, text, name, flags):
    (tmp_path / "cpuinfo").write_text(text, encoding="utf-8")
    monkeypatch.setattr(processor, "_CPUINFO", tmp_path / "cpuinfo")
    assert processor.flags() == flags
    assert processor.name() == name if name else processor.name()
