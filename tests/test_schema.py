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
