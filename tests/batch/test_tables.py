"""Batch files as spreadsheets and people write them."""

import json
import os
import warnings

import pytest
from conftest import ROOT

from ppt2v import InputError
from ppt2v.batch import rows
from ppt2v.request.documents import read_text

HEAD = "prompt,video_length,num_inference_steps,seed"
FOX = {"prompt": "a fox in the snow", "video_length": 2, "num_inference_steps": 2, "seed": 1}


def read(folder, name, content):
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return rows.read(folder / name, folder / "out")


def given(folder, name, content):
    return [row.given for row in read(folder, name, content)]


def refused(folder, name, content):
    with pytest.raises(InputError) as error:
        read(folder, name, content)
    assert name in str(error.value) and "\n" not in str(error.value) and len(str(error.value)) < 400
    return str(error.value)


@pytest.mark.parametrize("content", [
    HEAD + "\r\na fox in the snow,2,2,1\r\n",
    HEAD + "\ra fox in the snow,2,2,1\r",
    HEAD.replace(",", ";") + "\na fox in the snow;2;2;1",
    HEAD.replace(",", "\t") + "\na fox in the snow\t2\t2\t1",
    'sep=,\r\n' + HEAD + "\r\na fox in the snow,2,2,1",
    '"sep=;"\n' + HEAD.replace(",", ";") + "\na fox in the snow;2;2;1",
    "SEP=|\n" + HEAD.replace(",", "|") + "\na fox in the snow|2|2|1",
    "Prompt, VIDEO_LENGTH , num_inference_steps, Seed\na fox in the snow, 2, 2 , 1",
    HEAD + "\na fox in the snow,2.0,2.00,1.0",
    HEAD.replace(",", ";") + "\na fox in the snow;2,0;2;1",
    "\n,,,\n" + HEAD + "\n,,,\n\na fox in the snow,2,2,1\n,,,\n , ,,\n",
    HEAD + ",,\na fox in the snow,2,2,1,,\n",
    HEAD + "\na fox in the snow,2,2,1,,,\n",
    "," + HEAD + "\n,a fox in the snow,2,2,1\n",
    HEAD + '\n"a fox in the snow","2","2","1"',
])  # fmt: skip
def test_csv_of_every_spreadsheet_says_the_same(tmp_path, content):
    assert given(tmp_path, "a.csv", content) == [FOX]


def test_a_table_with_tabs_may_be_named_so(tmp_path):
    content = HEAD.replace(",", "\t") + "\na fox in the snow\t2\t2\t1\n"
    assert given(tmp_path, "a.tsv", content) == [FOX]


def test_cells_keep_their_commas_quotes_and_lines(tmp_path):
    made = read(tmp_path, "a.csv", 'prompt,seed\r\n"a fox, a ""red""\r\none",2\r\na dog,3\r\n')
    assert [row.given["prompt"] for row in made] == ['a fox, a "red"\r\none', "a dog"]
    assert [row.line for row in made] == [2, 4]


def test_lists_and_numbers_with_commas_in_a_sheet_with_semicolons(tmp_path):
    [one] = given(tmp_path, "a.csv", 'prompt;guidance_scale;fps\na fox;7,5;"2,25"\n')
    assert (one["guidance_scale"], one["fps"]) == (7.5, 2.25)


@pytest.mark.parametrize("text", ["TRUE", "true", "Yes", "1", "on"])
def test_truths_of_spreadsheets(tmp_path, text):
    assert given(tmp_path, "a.csv", f"prompt,use_motion_field\na fox,{text}\n")[0]["use_motion_field"] is True


@pytest.mark.parametrize("content, said", [
    ("prompt,seed,seed\na,1,2", "line 1: 'seed' is given twice"),
    ("prompt,Prompt\na,b", "line 1: 'prompt' is given twice"),
    ("prompt,seed\na,1,2", "line 2: the cell '2' is below none of the names"),
    ("prompt,,seed\na,b,1", "line 2: the cell 'b' is below none of the names"),
    ("prompt,seed\na,\"1\nb", "line 2: its quotation marks cannot be read"),
    ("prompt,seed\na,1\na,1.5", "line 3: seed='1.5': the rule is a whole number"),
    ("prompt,seed\na,\"1,000\"", "line 2: seed='1,000': the rule is a whole number"),
    ("prompt,fps\na,\"1,000\"", "line 2: fps='1,000': the rule is a number"),
    ("sep=\n", "asks for nothing"), (",,,\n,,,\n", "asks for nothing"), ("", "asks for nothing"),
    ("prompt,seed\nfoo\0,1", "is no text"),
])  # fmt: skip
def test_sheets_that_cannot_be_followed_are_refused_in_one_line(tmp_path, content, said):
    assert said in refused(tmp_path, "a.csv", content)


UNICODE = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
FILES = {
    "a.csv": "prompt,seed\r\n雪地里的狐狸,1\r\n",
    "a.yaml": "- prompt: 雪地里的狐狸\n  seed: 1\n",
    "a.jsonl": '{"prompt": "雪地里的狐狸", "seed": 1}\n',
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("encoding", [*UNICODE, "gb18030", "gbk"])
def test_the_encodings_of_spreadsheets_and_editors_are_read(tmp_path, name, encoding):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert given(tmp_path, name, FILES[name].encode(encoding)) == [{"prompt": "雪地里的狐狸", "seed": 1}]
    said = [str(each.message) for each in caught]
    assert any("is not in UTF-8: read as GB18030" in line for line in said) == (encoding not in UNICODE)


@pytest.mark.parametrize("content", [
    "prompt\nein grüner Fuchs über dem Fluß\n".encode("cp1252"), "prompt\nun café crème, naïf\n".encode("latin-1"),
    "prompt\nзелёная лиса\n".encode("cp1251"), b"prompt\n\xff\xfe\xfa\n", b"prompt\n\x80\n",
    "prompt\nгора".encode("utf-16-le")[:-1],
])  # fmt: skip
def test_another_encoding_is_refused_with_the_cure(tmp_path, content):
    assert "save it as UTF-8" in refused(tmp_path, "a.csv", content)


def test_punctuation_of_chinese_texts_is_of_gb18030_too(tmp_path):
    (tmp_path / "a.txt").write_bytes("“雪地”里的狐狸，很红——（真的）……".encode("gb18030"))
    with pytest.warns(UserWarning, match="read as GB18030"):
        assert read_text(tmp_path / "a.txt") == "“雪地”里的狐狸，很红——（真的）……"


@pytest.mark.parametrize("name, content, said", [
    ("a.jsonl", '{"prompt": "a", "seed": 1, "seed": 2}', "line 1: 'seed' is given twice"),
    ("a.yaml", "- prompt: a\n- prompt: b\n  seed: 1\n  seed: 2\n", "line 2: 'seed' is given twice"),
    ("a.jsonl", "[" * 100_000, "line 1: this is no JSON"),
    ("a.yaml", "[" * 5000, "is no YAML"),
    ("a.yaml", "- prompt: " + "{a: " * 3000, "is no YAML"),
    ("a.yaml", "- prompt: a\n  seed: 2024-13-45\n", "is no YAML"),
    ("a.yaml", "- prompt: a\n  seed: " + "1" * 5000 + "\n", "is no YAML"),
    ("a.yaml", "- prompt: a\0b\n", "is no text"),
    ("a.yaml", "- {prompt: a, mode: canny, video_path: \"a\\0b\"}\n", "b' has a character that is none"),
    ("a.jsonl", '{"prompt": "a \\ud83d fox"}', "line 1: prompt='a \\ud83d fox' has a character that is none"),
    ("a.yaml", "- &a [*a, *a]\n", "line 1: [[[...], [...]], [[...], [...]]] is no row"),
    ("a.yaml", "- prompt: a\n  ? [b]\n  : c\n", "is no YAML"),
])  # fmt: skip
def test_documents_that_cannot_be_followed_are_refused_in_one_line(tmp_path, name, content, said):
    assert said in refused(tmp_path, name, content)


def test_nested_aliases_do_not_fill_the_message(tmp_path):
    lines = ["- &a0 [x, x]"] + [f"- &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60)]
    assert "line 1: ['x', 'x'] is no row" in refused(tmp_path, "a.yaml", "\n".join(lines))
    nested = "a: &a0 [x]\n" + "\n".join(f"    b{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60))
    assert "is no row" in refused(tmp_path, "a.yaml", f"- - {nested}\n")


def test_merged_keys_are_not_given_twice(tmp_path):
    text = "- &all {prompt: a, seed: 1}\n- <<: *all\n  seed: 2\n"
    assert given(tmp_path, "a.yaml", text) == [{"prompt": "a", "seed": 1}, {"prompt": "a", "seed": 2}]


def test_json_lines_end_where_lines_end_and_nowhere_else(tmp_path):
    made = read(tmp_path, "a.jsonl", '{"prompt": "a\u2028fox"}\r\n\r\n{"prompt": "a\x85dog"}\r{"prompt": "b"}')
    assert [(row.line, row.given["prompt"]) for row in made] == [(1, "a\u2028fox"), (3, "a\x85dog"), (4, "b")]


def test_what_prompts_will_not_do_is_said_once_with_all_lines(tmp_path):
    content = "prompt\n雪地里的狐狸\na fox\n雪地里的熊猫\na corgi\n"
    with pytest.warns(UserWarning) as caught:
        read(tmp_path, "a.csv", content)
    said = [str(each.message) for each in caught]
    assert len(said) == 2 and "a.csv, line 2, 4: the model was trained on English" in said[0]
    assert "a.csv, line 5: the model that ships with ppt2v knows no: corgi" in said[1]


# Names


@pytest.mark.parametrize("prompt", ["雪地里的狐狸" * 20, "𠀀" * 80, "a" * 300])
def test_names_are_cut_by_bytes_at_whole_characters(tmp_path, prompt):
    asked = [{"prompt": prompt, "seed": 7}, {"prompt": "b", "name": prompt[:100]}]
    for row in read(tmp_path, "a.jsonl", "\n".join(map(json.dumps, asked))):
        name = row.target.name
        assert len(name.encode()) <= 204 and name.removesuffix(".mp4").removesuffix("-7").strip("-") in prompt
        assert row.target.with_name(f"{name}.resume.part").parent == tmp_path / "out"


def test_a_clip_with_a_long_name_leaves_room_for_the_seed(tmp_path):
    clip = tmp_path / f"{'熊猫' * 40}.mp4"
    clip.write_bytes((ROOT / "__assets__" / "clips" / "panda.mp4").read_bytes())
    [row] = read(tmp_path, "a.jsonl", json.dumps({"mode": "canny", "video_path": str(clip), "prompt": "a bear"}))
    assert row.target.name.startswith("熊猫") and row.target.name.endswith("-0.mp4")
    assert len(row.target.name.encode()) <= 204


@pytest.mark.parametrize("kind", ["large", "folder", "pipe", "device"])
def test_what_no_text_file_is_is_not_read(tmp_path, kind):
    file = tmp_path / "rows.csv"
    if kind == "large":
        with open(file, "wb") as sparse:
            sparse.truncate(10**10)
    elif kind == "folder":
        file.mkdir()
    elif kind == "pipe":
        os.mkfifo(file)
    else:
        file.symlink_to("/dev/zero")
    with pytest.raises(InputError, match="is larger than 64 MiB|is no file but"):
        read_text(file)
