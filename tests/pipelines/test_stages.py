"""What decides whether a stage runs again."""

import hypothesis.strategies as st
from hypothesis import given

from bot.core.stages import covers, not_configured, reproduce, stage_key, tree_digest

WORDS = st.text('ab/ "\n', max_size=4)
INPUTS = st.dictionaries(WORDS, WORDS, max_size=3)


@given(INPUTS, INPUTS)
def test_a_key_is_equal_exactly_when_all_inputs_are(one: dict[str, str], other: dict[str, str]) -> None:
    keys = [
        stage_key("train", command=("python",), inputs=inputs) for inputs in (one, dict(reversed(one.items())), other)
    ]
    assert keys[0] == keys[1]
    assert (keys[0] == keys[2]) == (one == other)


def test_a_key_depends_on_the_stage_and_on_each_word_of_the_command() -> None:
    keys = {
        stage_key("train", command=("python", "-m", "a"), inputs={}),
        stage_key("train", command=("python", "-m a"), inputs={}),
        stage_key("evaluate", command=("python", "-m", "a"), inputs={}),
    }
    assert len(keys) == 3


@given(INPUTS, INPUTS)
def test_two_trees_have_one_digest_only_when_names_and_contents_agree(
    one: dict[str, str], other: dict[str, str]
) -> None:
    assert (tree_digest(one) == tree_digest(other)) == (one == other)


def test_an_input_covers_itself_and_what_lies_below() -> None:
    assert covers(("training",), "training/data/x")
    assert covers(("./training/",), "training")
    assert covers((), "anything")
    assert covers((".",), "anything")
    assert not covers(("training",), "training2/x")
    assert not covers(("training", "app"), "docs/training")


def test_a_command_to_reproduce_is_safe_to_paste() -> None:
    line = reproduce("abc", ("python", "-c", "print(1); $(x)"), {"DATA_DIR": "a b"})
    assert line == "git checkout abc && DATA_DIR='a b' python -c 'print(1); $(x)'"


def test_a_stage_without_a_command_says_so() -> None:
    assert not_configured("gate") == "The configuration has no `training.gate`, so nothing is run here."
