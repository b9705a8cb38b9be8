"""The solver that a model's file asks for: the one that diffusers takes, as in tests/data/make_solvers_reference.py."""

from __future__ import annotations

import pytest
from conftest import scheduler_says

from ppt2v import Model, video
from ppt2v.errors import InputError, Notice
from ppt2v.request.sampler import Sampler, sampler

KARRAS, SDE = {"use_karras_sigmas": True}, {"algorithm_type": "sde-dpmsolver++"}
ZERO_SNR = {"rescale_betas_zero_snr": True, "prediction_type": "v_prediction"}
QUICK = {"prompt": "a fox", "video_length": 2, "num_inference_steps": 2, "seed": 1}


@pytest.mark.parametrize(
    ("kind", "options", "solver"),
    [
        ("EulerDiscrete", KARRAS, "euler_karras"),
        ("HeunDiscrete", KARRAS, "heun_karras"),
        ("KDPM2Discrete", KARRAS, "dpm2_karras"),
        ("KDPM2AncestralDiscrete", KARRAS, "dpm2_a_karras"),
        ("LMSDiscrete", KARRAS, "lms_karras"),
        ("DPMSolverMultistep", KARRAS, "dpmsolver++_karras"),
        ("DPMSolverMultistep", SDE, "dpm++_2m_sde"),
        ("DPMSolverMultistep", {**SDE, **KARRAS}, "dpm++_2m_sde_karras"),
        ("DPMSolverSDE", KARRAS, "dpm++_sde_karras"),
        ("UniPCMultistep", KARRAS, "unipc_karras"),
        ("PNDM", {}, None),
        ("EulerDiscrete", {"use_karras_sigmas": False, "final_sigmas_type": "zero"}, None),
        ("DPMSolverMultistep", {"algorithm_type": "dpmsolver++", "solver_order": 2}, None),
    ],
)
def test_a_file_asks_for_the_solver_that_diffusers_takes(kind, options, solver):
    assert sampler({"_class_name": f"{kind}Scheduler", **options}, "file") == Sampler(solver)


@pytest.mark.parametrize(
    ("kind", "options", "lacking"),
    [
        ("EulerDiscrete", {"use_beta_sigmas": True}, "use_beta_sigmas=True"),
        ("EulerDiscrete", {"final_sigmas_type": "sigma_min"}, "final_sigmas_type=sigma_min"),
        ("DPMSolverMultistep", {"solver_order": 3}, "solver_order=3"),
        ("EulerAncestralDiscrete", KARRAS, "use_karras_sigmas=True"),
        ("EulerDiscrete", {**KARRAS, **ZERO_SNR}, "use_karras_sigmas=True"),
    ],
)
def test_what_no_solver_does_is_told(kind, options, lacking):
    assert sampler({"_class_name": f"{kind}Scheduler", **options}, "file") == Sampler(None, (lacking,))


@pytest.mark.parametrize("strange", [["DDIMScheduler"], {}, 7, None])
def test_a_class_that_is_no_name_asks_for_nothing(strange):
    assert sampler({"_class_name": strange, **SDE, **KARRAS}, "file").solver is None


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        ({"use_karras_sigmas": "yes"}, "use_karras_sigmas='yes'; the rule is true or false"),
        ({"use_karras_sigmas": 1}, "use_karras_sigmas=1; the rule is true or false"),
        ({"use_beta_sigmas": "true"}, "use_beta_sigmas='true'; the rule is true or false"),
        ({"algorithm_type": 7}, "algorithm_type=7; the rule is a text"),
        ({"solver_order": "2"}, "solver_order='2'; the rule is a whole number from 1 to 9"),
    ],
)
def test_a_value_that_diffusers_would_read_otherwise_is_refused(said, rule):
    with pytest.raises(InputError, match=f"^file: {rule}: correct the file"):
        sampler({"_class_name": "EulerDiscreteScheduler", **said}, "file")


def test_null_asks_for_nothing():
    said = dict.fromkeys(("use_karras_sigmas", "algorithm_type", "solver_order", "final_sigmas_type"))
    assert sampler({"_class_name": "EulerDiscreteScheduler", **said}, "file") == Sampler()


@pytest.fixture
def make(copy, tmp_path):
    """Makes a video with a model whose file says something more; the solver that its recipe names."""

    def run(said: dict, **given) -> str:
        scheduler_says(copy, **said)
        model = Model(device="cpu", engine="eager", show_progress=False)
        path = model.process_text2video(model_name=copy, save_path=tmp_path / "a.gif", **QUICK, **given)
        return video.read_recipe(path)["parameters"]["solver"]

    return run


def test_a_run_takes_the_solver_that_the_file_asks_for_unless_another_is_given(make):
    said = {"_class_name": "DPMSolverMultistepScheduler", **SDE, **KARRAS}
    assert make(said) == "dpm++_2m_sde_karras"
    assert make(said, solver="ddim") == "ddim"


def test_a_run_says_what_no_solver_does(make):
    with pytest.warns(Notice, match="asks for use_beta_sigmas=True, which no solver here does.*made by ddim"):
        make({"_class_name": "EulerDiscreteScheduler", "use_beta_sigmas": True})
