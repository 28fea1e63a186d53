import pytest

from tagger.errors import ConfigError
from tagger.text.lexicon import Lexicon, builtin_lexicon


def test_cases_prefixes_and_phrases():
    lexicon = Lexicon("# c\n[a] First.\nmay\nMay\nat least\n[b] Second.\nsanction*\nmay\n")
    assert lexicon.classes == ("a", "b")
    assert lexicon.definitions == {"a": "First.", "b": "Second."}
    assert lexicon.class_numbers("may") == [0, 1]
    assert lexicon.class_numbers("May") == [0, 1]
    assert lexicon.class_numbers("Sanctioned") == [1]
    assert lexicon.class_numbers("sanctio") == []
    assert lexicon.phrases == {("at", "least"): ["a"]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("word\n", "x:1: 'word' comes before any class"),
        ("[a] A.\n[a] B.\n", "x:2: the class 'a' stands twice"),
        ("[a] A.\ntwo words*\n", "x:2: .* single word only"),
    ],
)
def test_wrong_lines_are_named(text, message):
    with pytest.raises(ConfigError, match=message):
        Lexicon(text, "x")


@pytest.mark.parametrize("name", ["claims", "themes"])
def test_the_shipped_lexicons_are_clean(name):
    lexicon = builtin_lexicon(name)
    assert all("Source" in sentence for sentence in lexicon.definitions.values())
    seen = set()
    current = ""
    for line in lexicon.text.splitlines():
        if line.startswith("["):
            current = line.split("]")[0]
        elif line and not line.startswith("#"):
            assert (current, line) not in seen, f"{line!r} stands twice in {current}]"
            seen.add((current, line))


def test_an_unknown_lexicon_is_named():
    with pytest.raises(ConfigError, match="did you mean 'claims'"):
        builtin_lexicon("klaims")
