import pytest

import tagger
from tagger.errors import ConfigError, DataError
from tagger.schema import CLAIM, CLAIMS, THEME, Schema, Task


def test_answers_are_checked():
    assert CLAIM.parse("speculation") == "speculation"
    assert THEME.parse(["economic", "military"]) == ("military", "economic")
    assert THEME.parse("economic|military") == ("military", "economic")
    assert THEME.parse("") == THEME.parse([]) == ()


@pytest.mark.parametrize(
    ("task", "value", "message"),
    [
        (CLAIM, "speculative", "did you mean 'speculation'"),
        (CLAIM, 3, "expected one label"),
        (CLAIM, ["speculation"], "expected one label"),
        (THEME, ["militarry"], "did you mean 'military'"),
        (THEME, {"military": 1}, "expected a list"),
    ],
)
def test_wrong_answers_are_named(task, value, message):
    with pytest.raises(DataError, match=message):
        task.parse(value)


@pytest.mark.parametrize(
    "raw",
    [
        {"name": "a", "labels": ["x"]},
        {"name": "a", "labels": ["x", "x"]},
        {"name": "a", "labels": ["x", "a|b"]},
        {"name": "", "labels": ["x", "y"]},
        {"name": "a", "labels": "xy"},
        {"name": "a", "labels": ["x", "y"], "multilabel": "yes"},
        {"name": "a", "labels": ["x", "y"], "definition": {}},
        {"name": "a", "labels": ["x", "y"], "definitions": {"z": "what"}},
    ],
)
def test_wrong_tasks_are_refused(raw):
    with pytest.raises(ConfigError):
        Task.from_dict(raw)


def test_a_schema_survives_its_dict():
    assert Schema.from_dict(CLAIMS.to_dict()) == CLAIMS


def test_the_front_door_is_small_sorted_and_open():
    assert sorted(tagger.__all__) == tagger.__all__
    assert all(getattr(tagger, name) is not None for name in tagger.__all__)
    with pytest.raises(AttributeError):
        tagger.nothing  # noqa: B018


def test_tasks_that_share_a_label_have_columns_of_their_own():
    one, other = Task("angry", ("yes", "no")), Task("sad", ("yes", "no", "both"))
    schema = Schema((one, other))
    assert schema.answer_columns == [
        *("angry", "p_angry_yes", "p_angry_no"),
        *("sad", "p_sad_yes", "p_sad_no", "p_both"),
    ]
    assert CLAIMS.answer_columns[:2] == ["claim", "p_reported_fact"]


@pytest.mark.parametrize(
    ("tasks", "column"),
    [
        ((Task("text", ("a", "b")),), "text"),
        ((Task("review", ("a", "b")),), "review"),
        ((Task("n", ("a", "b")),), "n"),
        ((Task("p_a", ("a", "b")),), "p_a"),
        ((Task("p_b", ("x", "y")), Task("z", ("a", "b"))), "p_b"),
    ],
)
def test_a_task_may_not_take_a_column_that_is_taken(tasks, column):
    with pytest.raises(ConfigError, match=f"need a column '{column}'"):
        Schema(tasks)
