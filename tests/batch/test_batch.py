"""Batches: the file that asks for them, the runners, what is skipped, and what is shown."""

from __future__ import annotations

import json
import logging
import re
import warnings
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import stand_in_worker
from conftest import CLIPS
from stand_in_place import StandInPlace

import ppt2v.model
from ppt2v import InputError, video
from ppt2v.batch import rows, runners
from ppt2v.batch.worker import Task
from ppt2v.cli import app
from ppt2v.environment import threads
from ppt2v.models.sources import catalogue, locate
from ppt2v.request import request
from ppt2v.request.request import Request
from ppt2v.workers.pool import LOST, Pool
from ppt2v.workers.runners import RUNNERS

_MORE = '"extra_controls": ["canny:0.5", "canny:0.2"], "name": "two words"'
ROWS = {
    "jobs.yaml": f"""\
# a comment
- prompt: a panda
  seed: 3
- {{prompt: "a fox, 雪", video_length: 4, use_motion_field: false, fps: 2.5}}
- mode: canny
  video_path: {CLIPS}/panda.mp4
  prompt: a panda
  extra_controls: ["canny:0.5", "canny:0.2"]
  name: two words
""",
    "jobs.jsonl": f"""\
{{"prompt": "a panda", "seed": 3}}

{{"prompt": "a fox, 雪", "video_length": 4, "use_motion_field": false, "fps": 2.5}}
{{"mode": "canny", "video_path": "{CLIPS}/panda.mp4", "prompt": "a panda", {_MORE}}}
""",
    "jobs.csv": f"""\
prompt,mode,seed,video_length,use_motion_field,fps,video_path,extra_controls,name
a panda,,3,,,,,,
"a fox, 雪",text2video,,4,no,2.5,,,
a panda,canny,,,,,{CLIPS}/panda.mp4,canny:0.5; canny:0.2,two words
""",
}
LINES = {"jobs.yaml": [2, 4, 5], "jobs.jsonl": [1, 3, 4], "jobs.csv": [2, 3, 4]}


def written(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize("name", ROWS)
def test_the_three_formats_say_the_same(tmp_path, name):
    first, second, third = rows.read(written(tmp_path, name, ROWS[name]), tmp_path / "out")
    assert [row.line for row in (first, second, third)] == LINES[name]
    assert [row.mode.name for row in (first, second, third)] == ["text2video", "text2video", "canny"]
    assert first.given == {"prompt": "a panda", "seed": 3}
    assert second.given == {"prompt": "a fox, 雪", "seed": 0, "video_length": 4, "use_motion_field": False, "fps": 2.5}
    assert third.given["extra_controls"] == ["canny:0.5", "canny:0.2"]
    names = [row.target.relative_to(tmp_path / "out").as_posix() for row in (first, second, third)]
    assert names == ["a-panda-3.mp4", "a-fox-雪-0.mp4", "two words.mp4"]


def test_a_clip_is_part_of_the_name(tmp_path):
    asked = [
        {"mode": "canny", "video_path": str(CLIPS / clip), "prompt": "x", "save_format": "gif"}
        for clip in ("panda.mp4", "bear.mp4")
    ]
    first, second = rows.read(written(tmp_path, "a.jsonl", "\n".join(map(json.dumps, asked))), tmp_path)
    assert [first.target.name, second.target.name] == ["panda-x-0.gif", "bear-x-0.gif"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.txt", "", "ends in one of .yaml"),
        ("a.yaml", "", "asks for nothing"),
        ("a.jsonl", "\n", "asks for"),
        ("a.csv", "prompt\n", "asks for nothing"),
        ("a.yaml", "prompt: a panda", "is no list"),
        ("a.yaml", "- a: [", "is no YAML"),
        ("a.yaml", "- !!python/object/apply:os.system [ls]", "is no YAML"),
        ("a.yaml", "- prompt: a\n- a panda", "line 2: 'a panda' is no row"),
        ("a.jsonl", '{"prompt": "a"}\n\n{"prompt"}', "line 3: this is no JSON"),
        ("a.jsonl", '{"prompt": "a"}\n{"prompt": " "}', "line 2: the prompt is empty"),
        ("a.jsonl", '{"prompt": "a", "mode": "text2vid"}', "line 1: unknown mode 'text2vid': choose one of text2video"),
        ("a.jsonl", '{"prompt": "a", "sede": 1}', "line 1: unknown parameter 'sede'; did you mean seed"),
        ("a.jsonl", '{"prompt": "a", "seed": -1}', "line 1: seed=-1"),
        ("a.jsonl", '{"prompt": "a", "save_path": "/x.mp4"}', "line 1: save_path"),
        ("a.jsonl", '{"prompt": "a", "name": "../a"}', "line 1: name='../a'"),
        ("a.jsonl", '{"prompt": "a", "save_format": "avi"}', "line 1: unknown save format 'avi'"),
        ("a.jsonl", '{"prompt": "a", "save_format": "gif", "fps": 99}', "line 1: fps"),
        ("a.jsonl", '{"prompt": "a", "model_name": "nowhere"}', "line 1: unknown model 'nowhere'"),
        ("a.jsonl", '{"prompt": "a", "mode": "depth", "video_path": "missing.mp4"}', "line 1: .*missing.mp4 does not"),
        ("a.jsonl", '{"prompt": "a"}\n{"prompt": "b"}\n{"prompt": "a", "eta": 1}', "line 3: line 1 makes a-0.mp4 too"),
        ("a.csv", "prompt,seed\na,1\n\nb,x", "line 4: seed='x': the rule is a whole number"),
        ("a.csv", "prompt,fast\na,maybe", "line 2: fast='maybe': the rule is true or false"),
        ("a.csv", "prompt\na,1", "line 2: the cell '1' is below none"),
        ("a.csv", 'prompt\n"a', "line 2"),
    ],
)
def test_the_whole_file_is_checked_first(tmp_path, name, text, said):
    with pytest.raises(InputError, match=said) as error:
        rows.read(written(tmp_path, name, text), tmp_path / "out")
    assert name in str(error.value) and "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        rows.read(tmp_path / "none.yaml", tmp_path)
    (tmp_path / "latin.csv").write_bytes(b"prompt\n\xff\xfe\xfa")
    with pytest.raises(InputError, match="save it as UTF-8"):
        rows.read(tmp_path / "latin.csv", tmp_path)


# Runners


def tasks(folder: Path, *prompts: str) -> list[Task]:
    return [
        Task(number, "text2video", {"prompt": prompt, "save_path": str(folder / f"{number}.txt")})
        for number, prompt in enumerate(prompts)
    ]


@pytest.fixture(scope="module", autouse=True)
def stand_in_goes_along():
    """Ray's workers do not find the tests' modules."""
    import ray

    ray.cloudpickle.register_pickle_by_value(stand_in_worker)
    yield
    ray.cloudpickle.unregister_pickle_by_value(stand_in_worker)


@pytest.mark.parametrize("runner", RUNNERS)
def test_a_lost_workers_task_is_done_again_and_the_others_are_done(tmp_path, runner, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "6")
    asked = tasks(tmp_path, "a", "die once", "b", "die", "fail", "c", "d")
    results = list(runners.shared_out(runner, asked, 2, {"folder": str(tmp_path)}, stand_in_worker.StandInWorker))
    assert dict(results) == {0: None, 1: None, 2: None, 3: LOST, 4: stand_in_worker.FAILED, 5: None, 6: None}
    assert len(results) == len(asked)
    assert {file.read_text() for file in tmp_path.glob("*.txt")} == {"6"}, "each computes as a single run would"
    assert len(list(tmp_path.glob("*.txt"))) == 5 and (tmp_path / "deaths-3").read_text() == "again"


class Failing:
    """A worker to which every call comes to the same error."""

    def __init__(self, error: Exception):
        self.error = error

    def make(self, task: Task):
        raise self.error


def test_what_the_cluster_has_lost_is_said_and_not_taken_for_memory(tmp_path, monkeypatch):
    lost = InputError("E-RAY-LOST", "lost with a machine")

    opened_with = []

    @contextmanager
    def opened(*arguments):
        opened_with.extend(arguments)
        with Pool(StandInPlace(Failing, (lost,)), 1) as pool:
            yield pool

    monkeypatch.setattr(runners, "opened", opened)
    monkeypatch.setattr(runners, "cards", {"gpu": 2}.__getitem__)
    monkeypatch.setattr(runners, "device_name", {None: "gpu"}.__getitem__)
    (result,) = runners.shared_out("local", tasks(tmp_path, "a"), 2, {})
    assert result.error.code == "E-RAY-LOST"
    assert opened_with[-2:] == ["gpu", 2], "the device by its name, and the GPUs to share out"


# The command


class Writer:
    """Stands in for ``Model``: writes a grey video with a true recipe."""

    made: list[str] = []

    def __init__(self, **machine):
        pass

    def run(self, mode: str, **given) -> str:
        row = request.mode(mode)
        path, folder = Path(given.pop("save_path")), locate.locate(catalogue.EMBEDDED)
        if given["prompt"] == "fail":
            raise ZeroDivisionError("by zero")
        values = Request.of(row, given).with_defaults_of(folder).values
        left_out = "save_path", "save_format", "checkpoint_dir", "fast", "memory"
        recipe = {"mode": mode, "parameters": {name: value for name, value in values.items() if name not in left_out}}
        self.made.append(path.name)
        return str(video.write([np.full((16, 24, 3), 99, np.uint8)] * 6, path, 4, recipe))


@pytest.fixture
def batch(capsys, tmp_path, monkeypatch):
    """Runs the command on rows, in an empty folder; returns exit code, standard output and standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ppt2v.model, "Model", Writer)
    monkeypatch.setattr(Writer, "made", [])

    def call(rows: list[dict], *arguments: str) -> tuple[int, str, str]:
        file = written(tmp_path, "jobs.jsonl", "\n".join(map(json.dumps, rows)))
        with warnings.catch_warnings(), pytest.raises(SystemExit) as end:
            app.main(["batch", str(file), *arguments])
        logging.disable(logging.NOTSET)
        return (end.value.code or 0, *capsys.readouterr())

    return call


@pytest.fixture
def clips(batch, tmp_path):
    """Runs the command on clips, two of which lie in a folder of this name."""
    for name in ("b", "a"):
        video.write([np.zeros((64, 64, 3), np.uint8)] * 4, tmp_path / f"{name}.gif", 4, {})
    (tmp_path / "clips").mkdir()
    for name in ("b.gif", "a.gif"):
        (tmp_path / name).rename(tmp_path / "clips" / name)
    (tmp_path / "setting.yaml").write_text("num_inference_steps: 4\nprompt: a fox\n")
    return batch


def test_clips_are_treated_alike(clips, capsys):
    for arguments, out in ((["clips/*.gif"], "one"), (["clips/b.gif", "clips/a.gif"], "two")):
        given = ["batch", *arguments, "--mode", "canny", "--config", "setting.yaml", "--out", out]
        with warnings.catch_warnings(), pytest.raises(SystemExit) as end:
            app.main(given)
        logging.disable(logging.NOTSET)
        assert (end.value.code or 0, "2 done, 0 skipped, 0 failed" in capsys.readouterr().out) == (0, True)
        made = video.read_recipe(Path(out) / "a-a-fox-0.mp4")
        assert (made["mode"], made["parameters"]["num_inference_steps"]) == ("canny", 4)
    assert Writer.made == ["a-a-fox-0.mp4", "b-a-fox-0.mp4", "b-a-fox-0.mp4", "a-a-fox-0.mp4"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["clips/*.mp4", "--mode", "canny", "--prompt", "a fox"], "clips/*.mp4 fits no file"),
        (["clips/*.gif", "--mode", "text2video", "--prompt", "a fox"], "text2video takes no clip"),
        (["clips/*.gif", "--mode", "canny"], "the prompt is empty"),
        (["clips/a.gif", "clips/b.gif"], "say with --mode what to do"),
        (["jobs.jsonl", "--prompt", "a fox"], "say with --mode what to do"),
        (["clips/*.gif", "--mode", "opera", "--prompt", "a fox"], "unknown mode 'opera'"),
    ],
)
def test_clips_that_cannot_be_treated(clips, capsys, arguments, said):
    with pytest.raises(SystemExit) as end:
        app.main(["batch", *arguments])
    assert end.value.code == 2 and said in capsys.readouterr().err and not Writer.made


def test_what_is_done_is_skipped_and_what_differs_is_said(batch, tmp_path):
    rows = [{"prompt": "a fox"}, {"prompt": "a fox", "seed": 1, "fast": True}, {"prompt": "a dog", "chunk_size": 4}]
    code, out, _ = batch(rows)
    assert code == 0 and "3 done, 0 skipped, 0 failed" in out
    assert Writer.made == ["a-fox-0.mp4", "a-fox-1.mp4", "a-dog-0.mp4"]
    rows[0]["guidance_scale"], rows[2]["chunk_size"] = 3.5, 8
    code, out, _ = batch([*rows, {"prompt": "new"}])
    assert code == 1 and "1 done, 2 skipped, 1 failed" in out
    assert "another video (guidance_scale 4.0 instead of 3.5)" in " ".join(re.sub("[│\n]", " ", out).split())
    assert Writer.made[3:] == ["new-0.mp4"]
    (tmp_path / "videos" / "new-0.mp4").write_bytes(b"no video")
    code, out, _ = batch([{"prompt": "new"}])
    assert code == 1 and "holds no recipe" in " ".join(re.sub("[│\n]", " ", out).split())


def test_one_failure_does_not_stop_the_rest(batch):
    code, out, _ = batch([{"prompt": "fail"}, {"prompt": "a fox"}], "--out", "made")
    assert code == 1 and "1 done, 0 skipped, 1 failed" in out and "ZeroDivisionError: by zero" in out
    assert out.rstrip().endswith("made/index.html")


def test_numbered_pictures_are_skipped_too(batch, tmp_path):
    row = {"prompt": "a fox", "save_format": "png"}
    assert batch([row])[0] == 0
    assert (tmp_path / "videos" / "a-fox-0.png" / "00000.png").exists()
    code, out, _ = batch([row])
    assert code == 0 and "1 skipped" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--runner", "slurm"], "--runner='slurm': the rule is one of local, ray"),
        (["--engine", "fast"], "engine"),
        (["--out", "jobs.jsonl"], "cannot be made"),
    ],
)
def test_wrong_options(batch, arguments, said):
    code, _, err = batch([{"prompt": "a fox"}], *arguments)
    assert code == 2 and said in err and not Writer.made


class Page(HTMLParser):
    """The tags of a page and its text."""

    def __init__(self, page: str):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, text):
        self.texts.append(text)


def test_the_sheet_is_whole_in_itself_and_escaped(batch, tmp_path):
    odd = '<script>alert(1)</script> $title & "quotes"'
    rows = [{"prompt": odd, "name": "a b"}, {"prompt": "fail"}, {"prompt": "x", "save_format": "png"}]
    batch(rows)
    page = Page((tmp_path / "videos" / "index.html").read_text(encoding="utf-8"))
    tags = [tag for tag, _ in page.tags]
    assert "script" not in tags and odd in page.texts
    sources = [attributes["src"] for tag, attributes in page.tags if tag == "img"]
    assert len(sources) == 2 and all(source.startswith("data:image/jpeg;base64,") for source in sources)
    assert [attributes["href"] for tag, attributes in page.tags if tag == "a"] == ["a%20b.mp4", "x-0.png"]
    assert any("failed: ZeroDivisionError" in text for text in page.texts)


# With real networks


@pytest.mark.parametrize("runner", ["local", "ray"])
def test_several_workers_make_the_same_videos_as_one(tiny_folder, tmp_path, runner):
    machine = {"device": "cpu", "dtype": None, "engine": "eager"}
    short = {"model_name": str(tiny_folder), "video_length": 2, "num_inference_steps": 2, "seed": 1}

    def made(name: str, workers: int) -> list[bytes]:
        (tmp_path / name).mkdir()
        files = [tmp_path / name / f"{number}.mp4" for number in range(2)]
        asked = [
            Task(number, "text2video", {**short, "prompt": prompt, "save_path": str(files[number])})
            for number, prompt in enumerate(["a fox", "a panda"])
        ]
        assert {
            result.error
            for result in runners.run(runner if workers > 1 else "local", asked, workers, machine, show_progress=False)
        } == {None}
        return [file.read_bytes() for file in files]

    threads.import_paddle()
    assert made("several", 2) == made("one", 1)
