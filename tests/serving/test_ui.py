"""The page without a browser: what it offers, shows and serves. Jobs run on a stand-in for the model."""

from __future__ import annotations

import ast
import errno
import os
import tempfile
import time
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import scheduler_says
from stand_in_model import VIDEO, StandInModel

from ppt2v import MODES, InputError, dreambooth, video
from ppt2v.cli import app
from ppt2v.controls import CLIP, CONTROLS
from ppt2v.environment.shipped import sample_clips
from ppt2v.language import preferred
from ppt2v.models.sources import catalogue, locate
from ppt2v.modes.machine import MACHINE
from ppt2v.parameters import GROUPS
from ppt2v.progress import Progress
from ppt2v.serving import limits, uploads
from ppt2v.serving import queue as jobs_module
from ppt2v.serving.job import DONE, FAILED, QUEUED, RUNNING, Job
from ppt2v.serving.limits import Limits
from ppt2v.serving.makers import Here
from ppt2v.serving.queue import Jobs
from ppt2v.serving.ui import panels
from ppt2v.serving.ui.visits import Visits
from ppt2v.serving.ui.words import LANGUAGES, translator

gradio = pytest.importorskip("gradio", minversion="6.17")

from starlette.datastructures import UploadFile  # noqa: E402
from starlette.testclient import TestClient  # noqa: E402

from ppt2v.serving.ui import choices, widgets  # noqa: E402
from ppt2v.serving.ui.fetching import Download, Downloads  # noqa: E402
from ppt2v.serving.ui.form import HELP  # noqa: E402
from ppt2v.serving.ui.gallery import Gallery  # noqa: E402
from ppt2v.serving.ui.server import application, is_clip_of  # noqa: E402
from ppt2v.serving.ui.tab import Tab  # noqa: E402

HERE = "http://localhost"
ENGLISH, CHINESE = translator("en"), translator("zh")
ASKED = {"prompt": "a panda", "seed": 1}


@pytest.fixture
def model():
    return StandInModel()


@pytest.fixture
def jobs(tmp_path, model):
    opened = Jobs(tmp_path / "out", [Here(model)], capacity=1)
    yield opened
    model.go.set()
    opened.close()


# What is offered


@pytest.mark.parametrize(
    ("prompt", "language", "said"),
    [
        ("雪地里的狐狸", "en", "write the prompt in English"),
        ("雪地里的狐狸", "zh", "请用英文写提示词"),
        ("a <b>corgi</b>", "en", "knows no: b, corgi; it knows astronaut"),
        ("a corgi", "zh", "不认识：corgi；它认识：astronaut"),
        ("a fox", "en", None),
    ],
)
def test_what_a_prompt_will_not_do_is_shown_before_the_run_and_after_it(jobs, model, prompt, language, said):
    model.go.clear()
    job, text = jobs.submit("text2video", {"prompt": prompt}), translator(language)
    for shown in (panels.parts(job, 0, False, {}, text)["more"], panels.advice(job, text)):
        assert ("class='advice'" in shown) == (said is not None) and (said or "") in shown and "<b>" not in shown


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_what_is_left_as_it_is_is_left_to_the_model(mode):
    start = choices.defaults(mode, choices.models(mode, Limits(at_home=True))[0].name)
    offered = choices.parameters(mode, Limits(at_home=True))
    entered = {each.name: widgets.entry(each, start[each.name]) for each in offered}
    assert widgets.given(offered, entered, start) == {}


@pytest.mark.parametrize(
    ("mode", "name", "component", "entered", "value"),
    [
        ("text2video", "prompt", gradio.Textbox, "a fox", "a fox"),
        ("text2video", "num_inference_steps", gradio.Number, 7, 7),
        ("text2video", "fps", gradio.Number, 2.5, 2.5),
        ("text2video", "seed", gradio.Textbox, "9223372036854775807", 2**63 - 1),
        ("text2video", "solver", gradio.Dropdown, "lcm", "lcm"),
        ("text2video", "smooth_bg", gradio.Checkbox, True, True),
        ("text2video", "eta", gradio.Slider, 0.5, 0.5),
        ("text2video", "lora", gradio.Textbox, "one.pt\n two.pt:0.5\n", ["one.pt", "two.pt:0.5"]),
        ("pix2pix", "fps", gradio.Textbox, "2.5", 2.5),
        ("pix2pix", "video_path", gradio.Video, "clip.mp4", "clip.mp4"),
        ("synthesize", "strength", gradio.Slider, 0.05, 0.05),
    ],
)
def test_each_kind_of_parameter_has_its_component(mode, name, component, entered, value):
    parameter = next(each for each in MODES[mode].parameters if each.name == name)
    assert isinstance(widgets.build(parameter, "label", "help", parameter.default, ENGLISH), component)
    given = widgets.given([parameter], {name: entered}, {name: parameter.default})
    assert given == {name: value} and type(given[name]) is type(value)


@pytest.mark.parametrize(("name", "entered"), [("seed", "many"), ("num_inference_steps", 0), ("decode_tile", "63")])
def test_what_cannot_be_is_refused_with_the_rule(name, entered):
    parameter = next(each for each in MODES["text2video"].parameters if each.name == name)
    with pytest.raises(InputError, match=f"{name}=.*: the rule is a whole number"):
        widgets.given([parameter], {name: entered}, {name: parameter.default})


def test_what_a_model_brings_along_is_shown():
    assert choices.defaults(MODES["canny"], catalogue.EMBEDDED)["resolution"] == 128
    assert choices.defaults(MODES["canny"], "nobody/knows-this")["resolution"] == 512
    assert choices.defaults(MODES["canny"], "embedded/no-such")["resolution"] == 512


def test_the_model_that_was_chosen_is_the_one_that_is_used(tiny_folder):
    row = MODES["text2video"]
    parameters = choices.parameters(row, Limits(at_home=True))
    shown = choices.defaults(row, str(tiny_folder))  # what the page shows once the model has been chosen
    entered = {each.name: widgets.entry(each, shown[each.name]) for each in parameters}
    entered |= {"model_name": str(tiny_folder), "prompt": "a fox"}
    assert widgets.given(parameters, entered, shown) == {"model_name": str(tiny_folder), "prompt": "a fox"}


def test_the_solver_that_a_models_file_asks_for_is_shown_and_another_one_that_is_chosen_is_given(copy):
    scheduler_says(copy, _class_name="EulerDiscreteScheduler", use_karras_sigmas=True)
    row = MODES["text2video"]
    shown = choices.defaults(row, str(copy))
    assert shown["solver"] == "euler_karras"
    [solver] = [each for each in row.parameters if each.name == "solver"]
    assert widgets.given([solver], {"solver": "ddim"}, shown) == {"solver": "ddim"}
    (copy / "scheduler" / "scheduler_config.json").write_text("{", encoding="utf-8")
    assert choices.defaults(row, str(copy))["solver"] == "ddim", "the visitor is told when it is used"


def _offered(mode: str, limits: Limits) -> list[str]:
    return [offer.name for offer in choices.models(MODES[mode], limits) if offer.here]


def test_models_that_the_operator_names_are_offered(tiny_folder, modelscope_folder, tmp_path):
    named = Limits(models=(str(tiny_folder), str(modelscope_folder), str(tmp_path / "missing")))
    assert _offered("text2video", named) == ["embedded", str(tiny_folder)]
    assert _offered("synthesize", named) == ["embedded/video", str(modelscope_folder)]
    assert all(offer.gb > 0 and offer.here for offer in choices.models(MODES["text2video"], named))


def test_strangers_are_offered_nothing_of_the_machine(monkeypatch, tiny_folder):
    monkeypatch.setattr(locate, "cached", lambda: [("an/other", tiny_folder, 1), ("one/listed", tiny_folder, 1)])
    row, strangers = MODES["text2video"], Limits(models=("one/listed",))
    operators = {each.name for each in row.parameters if each.holds in limits.OPERATORS}
    assert not {each.name for each in choices.parameters(row, strangers)} & operators
    assert _offered("text2video", strangers) == ["embedded", "one/listed"]
    assert _offered("text2video", Limits(at_home=True)) == ["embedded", "an/other", "one/listed"]
    assert _offered("synthesize", Limits(at_home=True)) == ["embedded/video"]


def test_models_that_are_not_here_are_offered_to_be_downloaded_to_those_who_may(monkeypatch):
    monkeypatch.setattr(locate.downloads, "cached_folders", lambda source: iter(()))

    def missing(limits):
        return [offer for offer in choices.models(MODES["synthesize"], limits) if not offer.here]

    named, size = "damo-vilab/text-to-video-ms-1.7b", pytest.approx(7.36)
    assert [offer.name for offer in missing(Limits(at_home=True))] == [named, "cerspense/zeroscope_v2_576w"]
    assert missing(Limits(models=(named, "org/unknown"))) == [(named, size, False), ("org/unknown", None, False)]
    assert missing(Limits()) == []
    assert not choices.is_downloaded(named, Limits()) and choices.is_downloaded(named, Limits(models=(named,)))
    assert not choices.is_downloaded("embedded", Limits(at_home=True))


def test_at_home_anything_may_be_named_but_a_clip_is_limited(tiny_folder, tmp_path):
    home, row = Limits(at_home=True), MODES["canny"]
    home.check_given(row, {"prompt": "a fox", "model_name": str(tiny_folder), "lora": ["a.safetensors"]})
    (tmp_path / "fake.mp4").write_bytes(b"no video")
    with pytest.raises(InputError, match="no video that is taken here"):
        home.check_given(row, {"video_path": str(tmp_path / "fake.mp4")})


def test_every_mode_has_samples_to_try():
    # No ControlNet ships of the kinds that have no mode of their own.
    assert all(mode.samples or mode.has("control_kind") for mode in MODES.values())
    clips = [sample_clips() / clip for mode in MODES.values() for clip, _ in mode.samples if mode.takes_clip]
    assert clips and all(clip.is_file() for clip in clips)


# Words


@pytest.mark.parametrize(
    ("header", "language"),
    [("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("de,en;q=0.3,zh;q=0.7", "zh"), ("en-GB", "en"), ("", "en"), ("fr;q=x", "en")],
)
def test_the_browsers_language_is_found(header, language):
    assert preferred(header) == language


def _own_words():
    """What the code of the page says, and what the table of modes says there."""
    for file in Path(panels.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            called = isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", None)) == "text"
            if called and isinstance(node.args[0], ast.Constant):
                yield node.args[0].value
    yield from MODES
    yield from (mode.summary for mode in MODES.values())
    yield from (control.summary for control in CONTROLS.values())
    yield from GROUPS
    yield from HELP.values()
    for stage in ("Preparing", "Control maps (canny)", "Denoising (eager, float32)", "Decoding"):
        yield panels.stage(Job("0" * 32, "canny", {}, stage=stage))
    for mode in MODES.values():
        yield from widgets.labels(choices.parameters(mode, Limits(at_home=True)), str).values()
    for table in (*MODES.values(), *CONTROLS.values()):
        yield from (parameter.help for parameter in table.parameters)
    yield from (parameter.help for parameter in (*CLIP, *MACHINE, *dreambooth.PARAMETERS))


def test_all_words_of_the_page_and_the_lists_of_parameters_are_translated():
    assert len(set(_own_words())) > 60
    assert [words for words in _own_words() if words not in LANGUAGES["zh"]] == []


# What is shown


def test_what_visitors_write_is_escaped():
    values = {"prompt": "<script>alert(1)</script>", "seed": 1}
    job = Job("0" * 32, "text2video", values, path=Path("video.mp4"), state=DONE, error="<script>")
    shown = [
        panels.failure("<script>", ENGLISH),
        panels.gallery([job], ENGLISH),
        panels.download(Download(False, 0, "<script>"), None, ENGLISH),
        *(
            "".join(panels.parts(replace(job, state=state), 0, True, {"parameters": job.values}, ENGLISH).values())
            for state in (DONE, FAILED)
        ),
    ]
    assert all("<script" not in html and "&lt;script&gt;" in html for html in shown)


def _status(job: Job, ahead: int = 0, text=ENGLISH) -> str:
    return panels.parts(job, ahead, False, {}, text)["status"]


def test_progress_tells_stage_share_and_time_without_words_of_engines():
    running = Job(
        "0" * 32,
        "text2video",
        ASKED,
        state=RUNNING,
        stage="Denoising (eager, float32)",
        done=2,
        total=8,
        stage_began=10,
        reported=14,
        preview=np.zeros((8, 8, 3), np.uint8),
    )
    html = _status(running, text=CHINESE)
    assert "正在生成画面 · 25 % · 约剩 12 秒" in html and "value='2' max='8'" in html
    assert "data:image/webp;base64," in panels.parts(running, 0, False, {}, CHINESE)["screen"]
    assert "Finishing the frames · frame 2 of 8" in _status(replace(running, stage="Decoding"))
    assert "Reading the clip · frame 2 of 8" in _status(replace(running, stage="Control maps (canny)"))
    assert "Preparing the model" in _status(replace(running, stage="Preparing", done=0, total=None))
    assert "<progress></progress>" in _status(replace(running, done=0, total=None))
    assert "jobs ahead of yours: 3" in _status(replace(running, state=QUEUED), ahead=3)


# Visits


def test_jobs_are_known_to_those_who_have_their_ids(jobs):
    visits = Visits(jobs)
    job = jobs.wait(jobs.submit("text2video", ASKED).id)
    assert visits.known([job.id, "unknown", None, ["x"]]) == visits.finished([job.id, "unknown"]) == [job]
    assert visits.known(None) == visits.finished({"id": job.id}) == []
    assert visits.latest([job.id], "text2video") == job and visits.latest([job.id], "canny") is None
    job.path.unlink()
    assert visits.finished([job.id]) == [] and visits.latest([job.id], "text2video") is None


def test_the_job_that_was_asked_for_last_is_found_again(jobs, model):
    model.go.clear()
    first = jobs.wait(jobs.submit("text2video", ASKED).id, until=lambda job: job.state == RUNNING)
    second = jobs.submit("text2video", ASKED)
    assert Visits(jobs).latest([first.id, second.id], "text2video") == second


def test_those_ahead_are_counted(jobs, model):
    model.go.clear()
    visits = Visits(jobs)
    first = jobs.wait(jobs.submit("text2video", ASKED).id, until=lambda job: job.state == RUNNING)
    assert (visits.ahead(first), visits.ahead(jobs.submit("text2video", ASKED))) == (0, 1)


def test_a_control_map_is_kept_once_it_was_shown(tmp_path):
    maps = [np.full((2, 8, 8, 3), level, np.uint8) for level in (0, 255)]

    class Guided(StandInModel):
        def run(self, mode, callback=None, **given):
            for each in maps:
                callback(Progress("Control maps", 2, 2, control_map=each))
            return super().run(mode, callback, **given)

    guided = Jobs(tmp_path / "out", [Here(Guided())])
    guided.seats[0].maker.model.go.clear()
    job = guided.submit("text2video", ASKED)
    running = guided.wait(job.id, until=lambda job: job.stage == "Denoising")
    assert running.control_map is maps[0]  # the mode's own, and not that of one beside it
    visits = Visits(guided)
    shown = visits.control_map(running)
    assert shown[8:12] == b"WEBP"
    guided.seats[0].maker.model.go.set()
    ended = guided.wait(job.id)
    assert ended.control_map is None and visits.control_map(ended) == shown
    assert Visits(guided).control_map(ended) is None
    guided.close()


# The server


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Jobs with a page, which takes seconds to build."""
    opened = Jobs(tmp_path_factory.mktemp("served"), [Here(StandInModel())], capacity=1)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def client(served):
    with TestClient(application(served), base_url=HERE) as opened:
        yield opened


@pytest.fixture
def another_page(monkeypatch):
    """Lets a test build a page of its own: where uploads go is a matter of the process."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", "to be put back")
    return application


def _generate(client, **entered) -> str:
    """What a page is told that presses "Generate" on the tab "canny", with other values in some of its components."""
    page = client.get("/en/config").json()
    shown = {each["id"]: each["props"] for each in page["components"]}
    button = [id for id, props in shown.items() if props.get("value") == "Generate"][list(MODES).index("canny")]
    event = next(each for each in page["dependencies"] if [button, "click"] in each["targets"])
    data = [entered.get(shown[id].get("label"), shown[id].get("value")) for id in event["inputs"]]
    body = {"data": data, "fn_index": event["id"], "session_hash": "visit"}
    assert client.post("/en/gradio_api/queue/join", json=body).status_code == 200
    with client.stream("GET", "/en/gradio_api/queue/data", params={"session_hash": "visit"}) as answer:
        return "\n".join(line for line in answer.iter_lines() if "process_" in line)


def _upload(client, content: bytes) -> dict:
    """What a page says of a clip that it has uploaded."""
    (path,) = client.post("/en/gradio_api/upload", files={"files": ("clip.mp4", content)}).json()
    return _clip(path)


def _clip(path: str | Path) -> dict:
    return {"path": str(path), "meta": {"_type": "gradio.FileData"}}


def test_the_first_page_is_in_the_browsers_language(client):
    answer = client.get("/", headers={"Accept-Language": "zh-CN"}, follow_redirects=False)
    assert answer.is_redirect and answer.headers["location"] == "zh/"
    assert client.get("/zh/").status_code == 200


def test_nothing_is_fetched_from_elsewhere(client):
    page = client.get("/en/")
    assert page.headers["content-security-policy"].startswith("default-src 'self' ")
    config = client.get("/en/config").json()
    assert config["analytics_enabled"] is False and config["stylesheets"] == []


def test_only_finished_videos_are_served(client, served, tmp_path):
    job = served.wait(served.submit("text2video", ASKED).id)
    private = tmp_path / "private.txt"
    private.write_text("private")
    others = [private, served.folder / "jobs.sqlite", served.folder / job.id / "video.mp4", Path(__file__)]
    assert client.get(f"/videos/{job.id}").content == VIDEO
    for path in ["x" * 32, job.id[:-1], f"{job.id}/video.mp4", "..%2fjobs.sqlite", f"..%2f{job.id}%2fvideo.mp4"]:
        assert client.get(f"/videos/{path}").status_code == 404, path
    for file in others:
        assert client.get(f"/en/gradio_api/file={file}").status_code == 403, file
        assert client.get(f"/en/gradio_api/file={served.folder}/uploads/..%2f..{file}").status_code == 403, file


def test_a_page_sees_how_jobs_stand_by_their_ids_alone(client, served, monkeypatch):
    monkeypatch.setattr(video, "read_recipe", lambda path: {"seed": 1})  # no stand-in's video has one
    job = served.wait(served.submit("text2video", ASKED).id)
    answer = client.get(f"/zh/jobs/{job.id}").json()
    assert answer["finished"] and f"../videos/{job.id}" in answer["parts"]["screen"]
    assert set(answer["parts"]) == set(panels.PARTS) and "已完成" in answer["parts"]["status"]
    for path in ("/en/jobs/", "/maps/"):
        assert client.get(f"{path}{'0' * 32}").status_code == 404
    assert client.get(f"/maps/{job.id}").status_code == 404


def test_a_first_visit_and_an_unknown_video_change_nothing(jobs):
    with gradio.Blocks():
        kept = gradio.BrowserState([])
        row = MODES["text2video"]
        tab = Tab(row, ENGLISH, Visits(jobs), lambda path: False, kept)
        shown = Gallery({row.name: tab}, gradio.Tabs(), ENGLISH, Visits(jobs), kept)
    nothing = [tab._follow_last([]), tab.form._restored({}), shown._use(gradio.EventData(None, {"id": "unknown"}))]
    assert all(nothing) and all("value" not in str(update) for updates in nothing for update in updates.values())


def test_only_what_may_be_chosen_is_downloaded(client, monkeypatch):
    started = []
    monkeypatch.setattr(Downloads, "start", lambda self, name: started.append(name))
    for name in ("CompVis/stable-diffusion-v1-4", "embedded", "org/name"):
        assert client.post(f"/en/downloads/{name}").json() == {"parts": {"download": ""}, "finished": True}
    assert started == []


def test_a_clip_of_a_browsers_draft_is_one_that_was_uploaded_or_a_sample(served, tmp_path):
    upload, sample = served.folder / "uploads" / "clips" / "x.mp4", sample_clips() / "panda.mp4"
    upload.parent.mkdir(parents=True, exist_ok=True)
    upload.write_bytes(PANDA)
    folders = [served.folder / "uploads", sample_clips()]
    assert is_clip_of(folders, str(upload)) and is_clip_of(folders, str(sample))
    others = [served.folder / "jobs.sqlite", f"{upload.parent}/../../jobs.sqlite", upload.parent, __file__, "", "a\0b"]
    assert not any(is_clip_of(folders, str(path)) for path in others)


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("prompt", "a fox", 7),
        ("num_inference_steps", 7, "7"),
        ("seed", "7", 7),
        ("solver", "lcm", "steam"),
        ("smooth_bg", True, 1),
        ("eta", 0.5, True),
        ("lora", "a.pt", ["a.pt"]),
    ],
)
def test_a_browsers_draft_is_taken_where_a_component_can_show_it(name, good, bad):
    parameter = next(each for each in MODES["text2video"].parameters if each.name == name)
    assert widgets.fits(parameter, good) and not widgets.fits(parameter, bad) and not widgets.fits(parameter, None)


def test_every_tab_has_a_title_that_a_visitor_understands():
    assert all(ENGLISH(mode) != mode != CHINESE(mode) for mode in MODES)


def test_every_parameter_has_a_group_that_the_page_shows():
    assert {each.group for mode in MODES.values() for each in mode.parameters} == set(GROUPS)


def test_unfinished_videos_are_not_served(client, served):
    served.seats[0].maker.model.go.clear()
    job = served.submit("text2video", ASKED)
    assert client.get(f"/videos/{job.id}").status_code == 404
    served.seats[0].maker.model.go.set()
    served.wait(job.id)
    assert client.get(f"/videos/{job.id}").status_code == 200


def test_only_this_machine_is_answered_without_a_password(client):
    assert client.get("http://127.0.0.1/en/").status_code == 200
    assert client.get("http://elsewhere.example/en/").status_code == 403
    assert client.get("http://127.0.0.1:7860/en/").status_code == 403


def test_pages_of_other_sites_are_refused(client, jobs, another_page):
    file = {"files": ("clip.mp4", (sample_clips() / "panda.mp4").read_bytes())}
    for origin in ("http://elsewhere.example", "null", "http://localhost:7860", "https://localhost"):
        foreign = {"Origin": origin}
        for path in ("/", "/en/", "/en/config", "/videos/x", "/en/gradio_api/file=x"):
            assert client.get(path, headers=foreign).status_code == 403, (path, origin)
        assert client.post("/en/gradio_api/upload", files=file, headers=foreign).status_code == 403
        assert client.options("/en/gradio_api/queue/join", headers=foreign).status_code == 403
    own = client.post("/en/gradio_api/upload", files=file, headers={"Origin": HERE})
    assert own.status_code == 200 and "access-control-allow-origin" not in own.headers
    with TestClient(another_page(jobs, ("ann", "secret:word")), base_url="http://a.name:7860") as named:
        named.auth = ("ann", "secret:word")
        assert named.get("/en/", headers={"Origin": "http://elsewhere.example"}).status_code == 403
        assert named.post("/en/gradio_api/upload", files=file, headers={"Origin": "null"}).status_code == 403
        assert named.get("/en/", headers={"Origin": "http://a.name:7860"}).status_code == 200


def test_with_a_password_nothing_is_answered_without_it(jobs, another_page):
    with TestClient(another_page(jobs, ("ann", "secret:word")), base_url="http://elsewhere.example") as client:
        for path in ("/", "/en/", "/zh/config", "/videos/x", "/en/gradio_api/file=x"):
            assert client.get(path).status_code == 401, path
            assert client.get(path, auth=("ann", "secret")).status_code == 401, path
        assert client.post("/en/gradio_api/upload", files={"files": b"x"}).status_code == 401
        assert client.get("/en/", auth=("ann", "secret:word")).status_code == 200


@pytest.mark.parametrize("address", ["https://example.org/", "http://127.0.0.1:1/", "http:%2F%2Fexample.org"])
def test_the_page_sends_nobody_elsewhere(client, address):
    answer = client.get(f"/en/gradio_api/file={address}", follow_redirects=False)
    assert answer.status_code == 404 and "location" not in answer.headers


def test_a_file_of_the_machine_is_no_clip(client, served, tmp_path):
    before = served.all()
    (tmp_path / "clip.mp4").write_bytes((sample_clips() / "panda.mp4").read_bytes())
    assert '"success":false' in _generate(client, Prompt="a bear", Clip=_clip(tmp_path / "clip.mp4"))
    assert served.all() == before


PANDA = (sample_clips() / "panda.mp4").read_bytes()
REFUSED = {
    "no clip": ({"files": {"files": ("clip.mp4", b"no video")}}, 422, "the file is no video that is taken here"),
    "cut off": ({"files": {"files": ("clip.mp4", PANDA[:3000])}}, 422, "the upload"),
    "no file": ({"data": {"files": "a text"}}, 422, "the body holds no file"),
    "two files": ({"files": [("files", ("a.mp4", PANDA)), ("files", ("b.mp4", PANDA))]}, 400, "Too many files"),
    "too large": ({"files": {"files": ("clip.mp4", PANDA + b"0" * 1_000_000)}}, 413, "the most here is"),
    "large together": ({"files": [("files", (f"{n}.mp4", b"0" * 400_000)) for n in range(3)]}, 413, "the most here is"),
    "half a body": (
        {"content": b"--x\r\nno header at all", "headers": {"Content-Type": "multipart/form-data; boundary=x"}},
        400,
        "",
    ),
}


@pytest.fixture(scope="module")
def narrow_page(tmp_path_factory):
    """A page that takes 1 MB, and will have a temporary folder of its own."""
    folder = tmp_path_factory.mktemp("narrow")
    jobs = Jobs(folder / "out", [Here(StandInModel())], limits=Limits(upload_mb=1))
    (folder / "temporary").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", "to be put back")
        page = application(jobs)
    with TestClient(page, base_url=HERE, raise_server_exceptions=False) as opened:
        opened.folder = folder
        yield opened
    jobs.close()


@pytest.fixture
def narrow(narrow_page, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(narrow_page.folder / "temporary"))
    return narrow_page


def _left(page) -> set[Path]:
    return {file for file in page.folder.rglob("*") if file.is_file() and not file.name.startswith("jobs.sqlite")}


@pytest.mark.parametrize("kind", REFUSED)
def test_an_upload_that_is_refused_says_why_and_leaves_nothing(narrow, kind):
    sent, status, said = REFUSED[kind]
    before = _left(narrow)
    answer = narrow.post("/en/gradio_api/upload", **sent)
    assert (answer.status_code, said in answer.text) == (status, True), answer.text
    assert str(narrow.folder) not in answer.text and _left(narrow) == before


def test_an_upload_onto_a_full_disk_is_refused(narrow, monkeypatch):
    usage = namedtuple("usage", "total used free")
    for full in (narrow.folder / "out", narrow.folder / "temporary"):
        room = lambda folder, full=full: usage(100, 1, 1 if Path(folder) == full else 10**12)  # noqa: E731
        monkeypatch.setattr(jobs_module.shutil, "disk_usage", room)
        answer = narrow.post("/en/gradio_api/upload", files={"files": ("clip.mp4", PANDA)})
        assert answer.status_code == 507 and "full" in answer.text
    monkeypatch.undo()


def test_a_disk_that_fills_up_during_an_upload_is_told(narrow, monkeypatch):
    def fail(self, data):
        raise OSError(errno.ENOSPC, "what the system says")

    monkeypatch.setattr(UploadFile, "write", fail)
    before = _left(narrow)
    answer = narrow.post("/en/gradio_api/upload", files={"files": ("clip.mp4", PANDA)})
    assert answer.status_code == 507 and "full" in answer.text and _left(narrow) == before


def test_an_upload_is_kept_for_a_day(narrow):
    (path,) = narrow.post("/zh/gradio_api/upload", files={"files": ("../../clip.mp4", PANDA)}).json()
    kept = Path(path)
    assert kept.read_bytes() == PANDA and kept.suffix == ".mp4" and narrow.folder in kept.parents
    clips = uploads.Clips(kept.parent, Limits(), keep_days=1)
    clips.delete_old()
    assert kept.exists()
    os.utime(kept, (time.time() - 2 * 24 * 3600,) * 2)
    clips.delete_old()
    assert not kept.exists()


def test_a_full_disk_says_so_and_the_service_goes_on(client, served, monkeypatch):
    clip = _upload(client, (sample_clips() / "panda.mp4").read_bytes())
    with monkeypatch.context() as patch:
        usage = namedtuple("usage", "total used free")(10, 9, 1)
        patch.setattr(jobs_module.shutil, "disk_usage", lambda folder: usage)
        assert "The disk of this service is full" in _generate(client, Prompt="a bear", Clip=clip)
    before = len(served.all())
    _generate(client, Prompt="a bear", Clip=clip)
    (job,) = served.all()[before:]
    assert served.wait(job.id).state == DONE and job.client == "testclient", "visitors take turns"


# The command


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--host", "0.0.0.0"], "others could use this machine: give --auth"),
        (["--share"], "others could use this machine: give --auth"),
        (["--auth", "ann"], "--auth has the form USER:PASSWORD"),
        (["--auth", ":secret"], "--auth has the form USER:PASSWORD"),
        (["--auth", "a:b"], "the password is easily guessed: give one of 16 letters or more"),
        (["--model", "no model"], "unknown model"),
        (["--engine", "steam"], "engine='steam'"),
    ],
)
def test_the_command_refuses_what_is_unsafe_or_impossible(arguments, message, capsys):
    with pytest.raises(SystemExit) as ended:
        app.main(["ui", *arguments])
    assert ended.value.code == 2 and message in capsys.readouterr().err
