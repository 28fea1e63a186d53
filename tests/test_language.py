"""Languages other than English: nothing English is used on them."""

import pytest

import tagger
from tagger.errors import ConfigError, DataError
from tagger.features.featurizer import Featurizer
from tagger.features.settings import FeatureSettings
from tagger.text.judge import judge_language
from tagger.text.language import ENGLISH, LANGUAGES, Language, language_of
from tagger.text.segment import sentence_spans
from tagger.text.tokens import mask, surface_tokens, tokenize

GERMAN = [
    "Die Regierung will den Haushalt im kommenden Jahr deutlich kürzen.",
    "Der Minister sprach am Montag mit seinem Kollegen aus Wien.",
    "Das war eine kluge und längst überfällige Entscheidung.",
    "Die Preise könnten im Winter noch einmal steigen.",
]
SPANISH = [
    "El gobierno quiere recortar el presupuesto del próximo año.",
    "La ministra habló el lunes con su colega de Lisboa.",
    "Fue una decisión sensata que llegó demasiado tarde.",
]


@pytest.mark.parametrize(
    ("texts", "code"),
    [
        (GERMAN * 5, "de"),
        (SPANISH * 5, "es"),
        (["The government wants to cut the budget next year, the minister said."] * 5, "en"),
        (["12 34 56 78 90"] * 40, "und"),
        (["Kurz."], "und"),
        ([], "und"),
    ],
)
def test_the_language_of_sentences_is_judged(texts, code):
    assert judge_language(texts) == code


def test_a_language_nobody_described_has_nothing_english():
    german = language_of("de")
    assert german not in LANGUAGES
    assert (german.suffixes, german.lexicons, german.vectors) == ((), (), "")
    assert mask("warning", german) == "x"
    assert mask("warning", ENGLISH) == "-ing"
    assert tokenize("Max's", german) == ["max's"]
    assert tokenize("Max's", ENGLISH) == ["max", "'s"]
    assert surface_tokens("z.B.", german) == ["z.B."]


def test_features_of_another_language_are_words_and_characters():
    featurizer = Featurizer(FeatureSettings(language="de", word_min_df=1)).fit(GERMAN)
    sizes = {block.name: block.n_features for block in featurizer.blocks}
    assert sizes["vectors"] == 0
    assert sizes["word"] > 0
    assert "überfällige" in featurizer.block("word").names()


def test_the_splitter_of_a_language_knows_its_abbreviations():
    text = "Das gilt z.B. für Wien. Der Rest ist offen."
    assert len(sentence_spans(text, language_of("de"))) == 2
    assert len(sentence_spans("Es claro. ¿Y ahora? No.", language_of("es"))) == 3


@pytest.mark.parametrize("code", ["", "EN", "english", "e", "de-DE"])
def test_what_is_no_code_of_a_language_is_refused(code):
    with pytest.raises(ConfigError, match="expected an ISO 639 code"):
        FeatureSettings(language=code)


def test_another_language_is_one_value(monkeypatch, tmp_path):
    """How to add a language: one value, here with suffixes of its own."""
    danish = Language("da", suffixes=("else", "ning", "ede"))
    monkeypatch.setattr("tagger.text.language.LANGUAGES", (ENGLISH, danish))
    texts = ["Mødet sluttede mandag med en advarelse.", "Regeringen ventede på en forklaring."]
    settings = FeatureSettings(language="da", word_min_df=1, masked_keep=0, masked_min_df=1)
    featurizer = Featurizer(settings).fit(texts)
    assert "-ede" in featurizer.block("masked").names()
    assert "-else" in featurizer.block("masked").names()


def german_rows():
    """Three hundred sentences of two tones, made of parts."""
    glad = ("kluge", "erfreuliche", "gelungene", "mutige", "gerechte")
    sad = ("törichte", "traurige", "misslungene", "feige", "ungerechte")
    things = ("Entscheidung", "Reform", "Rede", "Lösung", "Antwort", "Wahl")
    ends = ("des Ministers", "der Regierung", "aus Wien", "am Montag", "im Winter")
    return [
        {"doc": f"d{i // 3}", "text": f"Das war eine {w} {t} {e}, sagte man.", "ton": tone}
        for i, (tone, w, t, e) in enumerate(
            (tone, w, t, e)
            for tone, words in (("froh", glad), ("trüb", sad))
            for w in words
            for t in things
            for e in ends
        )
    ]


def test_training_on_german_uses_nothing_english_and_says_so():
    rows = german_rows()
    assert len(rows) == 300
    training = tagger.train(rows, jobs=1)
    settings = training.model.featurizer.settings
    assert (settings.language, settings.lexicons, settings.vectors) == ("de", (), "")
    assert "taken to be 'de': words and characters only" in training.notes[-1]
    assert training.evaluation.tasks[0].macro_f1 > 0.9
    assert "cue lexicon" not in training.evaluation.tasks[0].baselines
    answers = training.tagger.predict(["Das war eine kluge Wahl.", "Das war eine feige Antwort."])
    assert answers["ton"].tolist() == ["froh", "trüb"]


def test_a_language_that_is_named_is_not_judged():
    training = tagger.train(german_rows(), language="und", jobs=1)
    assert training.model.featurizer.settings.language == "und"
    assert not training.notes
    (note,) = tagger.train(german_rows(), language="xx", jobs=1).notes
    assert note == "there are no lexicons or word vectors of 'xx': words and characters only"
    with pytest.raises(ConfigError, match="expected an ISO 639 code"):
        tagger.train(german_rows(), language="German", jobs=1)


def test_two_languages_for_one_training_are_refused():
    with pytest.raises(ConfigError, match="name one of them"):
        tagger.train(german_rows(), language="de", settings={"features.language": "en"}, jobs=1)


def test_no_room_for_what_judges_the_language_is_told(monkeypatch):
    def full(text):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("py3langid.classify", full)
    with pytest.raises(DataError, match=r"No space left.*make room in TMPDIR, or give --language"):
        judge_language(["The talks may fail on Monday, and the ministers will go home."] * 3)
