"""The benchmark's rows: which replace which, what counts as missed, and what the table and the plot hold."""

from __future__ import annotations

import importlib
import json

import cv2
import pytest
from conftest import ROOT


@pytest.fixture
def bench(monkeypatch):
    """Gives the benchmark's modules by name."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module


@pytest.fixture
def row(bench):
    """Makes a row of text2video against some side."""
    work = bench("work").Work("model")

    def make(against: str, time_ratio: float, memory_ratio: float | None = 1.0, **changed) -> dict:
        result = {"time_ratio": time_ratio, "memory_ratio": memory_ratio, "seconds": [1.5, 3], "peak_mb": [10, 20]}
        return bench("results").row("text2video", against, type(work)(**{**vars(work), **changed}), result)

    return make


def test_a_row_replaces_only_that_of_the_same_work_side_and_settings(bench, row, tmp_path):
    results = bench("results")
    first = [row("diffusers", 0.9), row("diffusers-bf16", 0.8), row("diffusers", 0.7, size=512)]
    for each in first:
        results.keep(each, tmp_path)
    again = row("diffusers", 0.5, model="elsewhere")
    assert results.keep(again, tmp_path) == [*first[1:], again]
    assert json.loads((tmp_path / "results.json").read_text()) == [*first[1:], again]


@pytest.mark.parametrize(
    ("against", "time_ratio", "memory_ratio", "missed"),
    [
        ("diffusers", 0.55, 1.1, 0),
        ("diffusers", 0.56, 1.1, 1),
        ("diffusers-bf16", 0.56, 1.2, 1),
        ("diffusers", 2, 2, 2),
        ("ppdiffusers", 0.15, 9, 0),
        ("ppdiffusers", 0.16, None, 1),
        ("no merging", 7, 7, 0),
    ],
)
def test_what_misses_its_aim_is_marked(bench, row, against, time_ratio, memory_ratio, missed):
    assert bench("results").line(row(against, time_ratio, memory_ratio)).count("missed") == missed


def test_table_and_plot_show_every_row(bench, row, tmp_path):
    results = bench("results")
    rows = [row("diffusers", 0.5), row("ppdiffusers", 0.2), results.row("start", "1 second", None, {"time_ratio": 0.3})]
    results.write_table(rows, tmp_path)
    results.plot(rows, tmp_path)
    table = (tmp_path / "results.md").read_text(encoding="utf-8")
    assert all(results.line(each) in table for each in rows)
    widths = {text.count("|") for text in table.splitlines() if text.startswith("|")}
    assert widths == {results.HEADER.count("|")}
    assert cv2.imread(str(tmp_path / "results.png")).shape[1] > 500


def test_every_comparison_has_aims_and_an_estimate(bench):
    comparisons, results = bench("comparisons"), bench("results")
    precisions = [*comparisons.DIFFUSERS, *comparisons.BEST_OF]
    found = [
        each
        for name in comparisons.CASES
        for whom in ("diffusers", "ppdiffusers")
        for each in comparisons.comparisons(name, whom, precisions)
    ]
    assert {each.against for each in found} == {"diffusers", "diffusers-bf16", "diffusers-best", "ppdiffusers"}
    for each in found:
        for work in each.works:
            time, _ = results.aims(results.row(work.task, each.against, work, {}))
            assert time and 0 < time < 1
        once, thrice = (comparisons.estimate(each, rounds, 200.0) for rounds in (1, 3))
        assert 60 < once < thrice


def test_int8_has_aims_of_its_own(bench, row):
    results = bench("results")
    aims = [results.aims(row("diffusers-best", 0.5, precision=precision)) for precision in ("auto", "int8")]
    assert aims == [(0.75, 0.6), (0.4, 0.4)]
    missed = [
        results.line(row("diffusers-best", 0.5, 0.5, precision=each)).count("missed") for each in ("auto", "int8")
    ]
    assert missed == [0, 2]


def test_the_precisions_that_people_use_take_turns_with_the_better_one_of_diffusers(bench):
    [best] = bench("comparisons").comparisons("animate", "diffusers", ["int8", "auto"])
    assert best.against == "diffusers-best" and [work.precision for work in best.works] == ["auto", "int8"]


def test_only_float32_is_compared_with_ppdiffusers(bench):
    comparisons = bench("comparisons")
    assert comparisons.comparisons("text2video", "ppdiffusers", ["bfloat16", "auto"]) == []
    [(_, _, [work])] = comparisons.comparisons("text2video", "ppdiffusers", ["float32"])
    assert work.precision == "float32" and work.steps < comparisons.CASES["text2video"].steps


def test_rows_are_kept_where_the_table_lies(bench):
    folder = bench("bench").RESULTS
    rows = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    table = (folder / "results.md").read_text(encoding="utf-8")
    assert all(bench("results").line(each) in table for each in rows)


def test_eight_workers_are_hardly_ever_idle(bench):
    workers = bench("workers")
    for number, least in ((1, 0.98), (8, 0.9), (48, 0.6)):
        seconds, _ = workers.simulated(number, frames=64, steps=20, chunk_size=8, times=(4.0, 0.15))
        assert least <= 64 * 20 * 4.0 / seconds / number <= 1


def test_what_the_anchor_leaves_behind_is_as_large_as_the_benchmark_says(bench, tiny_pipe):
    import paddle

    from ppt2v.engine.eager import EagerEngine
    from ppt2v.pipelines.networks.predictors import Schedule, UNet
    from ppt2v.pipelines.networks.unet_programs import NoisePrediction

    unet = UNet(NoisePrediction(tiny_pipe.unet, 8, 8), EagerEngine(), Schedule(paddle.randn([2, 77, 16]), [1.0], 1))
    unet(paddle.randn([1, 4, 8, 8]), 0, [0])
    kept = sum(tensor.numpy().nbytes for tensor in unet.memory[0])
    told = {"channels": (8, 16), "layers": 1, "cells": 8, "attending": (True, False)}
    assert kept == bench("workers").anchor_bytes(2, **told)
