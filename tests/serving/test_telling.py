"""What strangers are told."""

from __future__ import annotations

import pytest

from ppt2v.serving.telling import without_folders


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("/data/models/sd15 is no model: it has no unet/config.json", "sd15 is no model: it has no unet/config.json"),
        ("'/etc/secret/a.mp4' and \"/srv/b/c.mp4\"; ~/x/y.png", "'a.mp4' and \"c.mp4\"; y.png"),
        ("(/tmp/pytest-1/out/clips/00ff is truncated)", "(00ff is truncated)"),
        ("an id has the form [hf:|aistudio:]ORG/NAME, see http://localhost:8000/openapi.json", None),
        ("frames/s, a b/c, 1/2 of /etc", None),
    ],
)
def test_files_are_told_by_their_names(said, told):
    assert without_folders(said) == (said if told is None else told)
