import re

import numpy as np
import pytest

from ppt2v.errors import InputError
from ppt2v.pipelines.planning.prompts import EMPTY, Piece, Window, parse, windows

ROOM = 6


def letters(text):
    """A tokenizer for which each character but blanks is a token."""
    return [ord(letter) for letter in text if letter != " "]


def shown(prompt, **settings):
    """The windows of a prompt as texts."""
    made = windows(prompt, letters, ROOM, ord(","), **settings)
    return ["".join(map(chr, window.tokens)) for window in made]


def random_prompt(rng, depth=0):
    """Words, escapes, commas, and brackets that are all closed."""
    parts = []
    for _ in range(rng.integers(1, 4)):
        kind = rng.integers(6) if depth < 4 else rng.integers(3)
        inner = random_prompt(rng, depth + 1) if kind > 2 else ""
        parts.append(
            [
                f" {rng.choice(['a fox', 'snow', 'on the hill', 'red'])} ",
                rng.choice([r"\(", r"\)", r"\[", r"\]", r"\\"]),
                rng.choice([", ", ": ", " 3:4x "]),
                f"({inner})",
                f"[{inner}]",
                f"({inner}:{rng.choice(['1.3', '.5', '0', '-1.2', '+2', '2.'])})",
            ][kind]
        )
    return "".join(parts)


def test_weights_are_those_of_the_parser_that_ppdiffusers_has_from_the_web_ui():
    from ppdiffusers.pipelines.paddleinfer_utils import parse_prompt_attention

    rng, compared = np.random.default_rng(0), 0
    while compared < 500:
        prompt = random_prompt(rng)
        expected = [Piece(text, weight) for text, weight in parse_prompt_attention(prompt) if text]
        if max(abs(piece.weight) for piece in expected) < 10:
            assert parse(prompt) == [expected], prompt
            compared += 1


@pytest.mark.parametrize(
    "prompt, expected",
    [
        ("a (word)", [("a ", 1.0), ("word", 1.1)]),
        ("((word))", [("word", 1.1 * 1.1)]),
        ("[word]", [("word", 1 / 1.1)]),
        ("(word:1.3) here", [("word", 1.3), (" here", 1.0)]),
        ("(word : 0.9 )", [("word ", 0.9)]),
        ("(a [b) c]", [("a ", 1.1), ("b", 1.1 / 1.1), (" c", 1 / 1.1)]),
        (r"\(word\) \[x\] \\", [("(word) [x] \\", 1.0)]),
    ],
)
def test_brackets_change_how_much_words_count(prompt, expected):
    [pieces] = parse(prompt)
    assert [piece.text for piece in pieces] == [text for text, _ in expected]
    np.testing.assert_allclose([piece.weight for piece in pieces], [weight for _, weight in expected], rtol=1e-15)


@pytest.mark.parametrize(
    "prompt",
    [
        "a fox in the snow",
        "1) a fox",
        "a fox :(",
        "a [fox",
        "a fox:1.3)",
        "a: b",
        r"C:\foxes",
        "",
        "daBREAKfast",
        "a fox]",
    ],
)
def test_what_belongs_to_nothing_is_an_ordinary_letter(prompt):
    assert parse(prompt) == [[Piece(prompt)] if prompt else []]


def test_of_brackets_that_do_not_fit_the_outer_ones_are_letters():
    assert parse("((a)") == [[Piece("("), Piece("a", 1.1)]]
    assert parse("(a))") == [[Piece("a", 1.1), Piece(")")]]


def test_a_weight_of_which_several_points_are_no_number_is_text():
    assert parse("(a:1.2.3)") == [[Piece("a:1.2.3", 1.1)]]


@pytest.mark.parametrize("prompt", ["(a:11)", "(a:-11)", "(" * 30 + "a" + ")" * 30, "(a:" + "9" * 400 + ")"])
def test_a_weight_beyond_all_use_is_refused(prompt):
    with pytest.raises(InputError, match=re.escape("the rule is -10 to 10")):
        parse(prompt)


def test_break_begins_another_window_within_brackets_too():
    assert parse("a BREAK b\nBREAK") == [[Piece("a")], [Piece("b")], []]
    assert parse("(a BREAK b:1.2)") == [[Piece("a", 1.2)], [Piece("b", 1.2)]]
    assert shown("ab BREAK cd") == ["ab", "cd"]
    assert shown("BREAK cd BREAK BREAK e BREAK") == ["", "cd", "", "e"]


def test_a_prompt_goes_on_in_the_next_window():
    assert shown("") == [""]
    assert shown("abcdef") == ["abcdef"]
    assert shown("abcdefg") == ["abcdef", "g"]
    assert shown("abcdefghijklmn") == ["abcdef", "ghijkl", "mn"]


def test_a_full_window_ends_behind_a_comma_that_is_near():
    assert shown("ab,cdef") == ["ab,", "cdef"]
    assert shown("ab,cd,ef") == ["ab,cd,", "ef"]
    assert shown("abcdef,gh") == ["abcdef", ",gh"]
    assert shown("ab,cd,") == ["ab,cd,"]
    long = "," + "a" * 40
    cut = windows(long, letters, 30, ord(","))
    assert [len(window.tokens) for window in cut] == [30, 11]


def test_weights_stay_with_their_tokens_over_the_windows():
    made = windows("ab,(cdef:2)g", letters, ROOM, ord(","))
    assert made == [Window([*b"ab,"], [1.0] * 3), Window([*b"cdefg"], [2.0] * 4 + [1.0])]


def test_the_vectors_of_a_word_stay_together():
    assert shown("abcdexyz", continued=[*b"yz"]) == ["abcde", "xyz"]
    assert shown("xyyyyyyyb", continued=[*b"y"]) == ["xyyyyy", "yyb"]


def test_a_prompt_without_tokens_has_one_empty_window():
    assert windows("", letters, ROOM) == [EMPTY]


def test_brackets_may_be_within_each_other_to_a_limit():
    """Each takes the time of all that is in it: thousands would keep a service busy."""
    assert parse("([" * 50 + "a" + "])" * 50)[0][0].weight == pytest.approx(1)
    with pytest.raises(InputError, match="has 10002 brackets within each other: the most is 100"):
        parse("([" * 5001 + "a" + "])" * 5001)
    assert parse("(" * 10000 + "a") == [[Piece("(" * 10000 + "a")]]
