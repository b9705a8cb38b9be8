"""What the service says of itself."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from conftest import scheduler_says
from stand_in_model import StandInModel
from stand_in_service import ASKED, problem, serving

from ppt2v import InputError
from ppt2v.models.sources import catalogue, locate
from ppt2v.modes import MODES
from ppt2v.serving import offers
from ppt2v.version import __version__


@pytest.fixture
def client(tmp_path):
    with serving(tmp_path / "out", StandInModel()) as opened:
        yield opened


def test_modes(client):
    modes = client.get("/modes").json()
    assert [mode["name"] for mode in modes] == list(MODES)
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    for mode, row in zip(modes, MODES.values()):
        assert mode["path"] == f"/jobs/{row.name}" and mode["clip"] == row.takes_clip
        assert mode["parameters"].keys() == schemas["".join(map(str.title, row.name.split("-")))]["properties"].keys()
    assert modes[0]["parameters"]["num_inference_steps"]["maximum"] == 100


def test_an_unknown_mode_is_answered_with_the_modes(client):
    for sent in ({"json": ASKED}, {"content": b"x"}, {}):
        said = problem(client.post("/jobs/text2vid", **sent), 404)
        assert said.endswith(", ".join(MODES))


def test_models_with_what_they_bring_and_the_modes_that_they_are_for(client):
    models = {model["name"]: model for model in client.get("/models").json()}
    assert {"embedded", "embedded/pix2pix", "embedded/video"} <= models.keys() and "embedded/canny" not in models
    assert models["embedded"]["defaults"]["text2video"]["num_inference_steps"] == 20
    assert models["embedded/pix2pix"]["modes"] == ["pix2pix"] and "pix2pix" not in models["embedded"]["modes"]
    assert [name for name, model in models.items() if "animate" in model["modes"]] == ["embedded/animate"]
    for model in models.values():
        assert model["defaults"].keys() <= set(model["modes"])
        for mode in model["modes"]:
            assert "cannot be chosen" not in client.post(f"/jobs/{mode}", json={"model_name": model["name"]}).text


def test_a_folder_of_the_operator_is_named_by_its_last_part(tmp_path):
    model, folder = StandInModel(), tmp_path / "private" / "foxes"
    folder.parent.mkdir()
    folder.symlink_to(locate.locate(catalogue.EMBEDDED))
    with serving(tmp_path / "out", model, models=(str(folder), "an/id")) as client:
        told = client.get("/models")
        named = {each["name"]: each["modes"] for each in told.json()}
        assert "text2video" in named["foxes"] and named["an/id"] is None and "private" not in told.text
        job = client.post("/jobs/text2video", json={**ASKED, "model_name": "foxes"}).json()
        assert job["parameters"]["model_name"] == "foxes"
        assert client.jobs.wait(job["id"]).state == "done"
        assert model.runs[0][1]["model_name"] == str(folder)


def test_the_solver_that_a_models_file_asks_for_is_what_it_brings(tmp_path, copy):
    scheduler_says(copy, _class_name="EulerDiscreteScheduler", use_karras_sigmas=True)
    with serving(tmp_path / "out", StandInModel(), models=(str(copy),)) as client:
        [told] = [each for each in client.get("/models").json() if each["name"] == copy.name]
        assert {told["defaults"][mode]["solver"] for mode in ("text2video", "canny")} == {"euler_karras"}
        about = client.get("/modes").json()[0]["parameters"]["solver"]["description"]
        assert about.endswith("Some models bring their own (GET /models).")


def test_a_folder_of_which_a_file_is_damaged_is_for_no_mode(tmp_path, copy):
    (copy / "scheduler" / "scheduler_config.json").write_text("{", encoding="utf-8")
    with serving(tmp_path / "out", StandInModel(), models=(str(copy),)) as client:
        assert [each["modes"] for each in client.get("/models").json() if each["name"] == copy.name] == [[]]


def test_folders_that_clients_could_not_tell_apart_are_refused(tmp_path):
    folders = [tmp_path / name / "sd" for name in "ab"]
    for folder in folders:
        folder.mkdir(parents=True)
    offers.check_names((str(folders[0]), "an/id"))
    with pytest.raises(InputError, match="clients know it as 'sd'"):
        offers.check_names(tuple(map(str, folders)))
    with pytest.raises(InputError, match="clients know it as 'embedded'"):
        offers.check_names((str(folders[0].rename(tmp_path / "embedded")),))


def test_health(client):
    client.jobs.seats[0].maker.model.go.clear()
    client.jobs.wait(client.post("/jobs/text2video", json=ASKED).json()["id"], until=lambda job: job.total)
    client.post("/jobs/text2video", json=ASKED)
    healthy = {"status": "ok", "version": __version__, "running": 1, "queued": 1, "capacity": 2, "workers": 1}
    assert client.get("/health").json() == healthy
    client.jobs.seats[0].maker.model.go.set()
    client.jobs.close()
    assert "stopped" in problem(client.get("/health"), 503)


class Page(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, text: str):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_the_page_shows_every_path_and_parameter_and_loads_nothing(client, path):
    answer = client.get(path)
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    page, described = Page(answer.text), client.get("/openapi.json").json()
    for name, operations in described["paths"].items():
        for method in operations:
            assert re.search(rf"{method.upper()} {re.escape(name)}\n", page.text)
    for parameter in described["components"]["schemas"]["Text2Video"]["properties"].values():
        assert parameter["description"] in page.text
    assert "integer ≥ 1 ≤ 64" in page.text and "curl http://127.0.0.1/jobs/text2video --json" in page.text
    assert not {"script", "link", "img", "iframe", "form"} & {tag for tag, _ in page.tags}
    assert [
        attributes for _, attributes in page.tags if "src" in attributes or "//" in attributes.get("href", "")
    ] == []


def test_the_page_speaks_chinese(client):
    page = client.get("/", headers={"Accept-Language": "zh"}).text
    assert "<html lang=zh>" in page
    without_code = re.sub(r"<(style|code|pre)>.*?</\1>|<[^>]+>", "\n", page, flags=re.DOTALL)
    told = [line for line in without_code.splitlines() if re.search(r"[A-Za-z]+ [a-z]+ [a-z]+", line)]
    assert [line for line in told if not re.search(r"[\u4e00-\u9fff]", line)] == []


def test_the_page_shows_no_markup_of_others(tmp_path):
    token = "correct horse battery staple"
    with serving(tmp_path, StandInModel(), token=token, webhooks=("https://<script>.example",)) as client:
        problem(client.get("/docs"), 401)
        page = client.get("http://a.name:80/docs", headers={"Authorization": f"Bearer {token}"})
        assert page.status_code == 200 and "<script>" not in page.text and "&lt;script&gt;" in page.text
