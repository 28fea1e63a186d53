"""The spaCy component: answers, batches, and pipelines that are written and read again."""

import pickle

import pytest

from tagger import Tagger
from tagger.errors import DataError
from tagger.model.model import Model

spacy = pytest.importorskip("spacy", reason="needs the extra spacy")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

TEXTS = ["Oil rose 2 percent. The talks may fail.", "", "  ", "It was a shameful deal."]


def pipeline(**config):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("claim_tagger", config=config)
    return nlp


def answers(doc):
    return [(s._.claim, s._.themes, s._.scores, s._.review) for s in doc.sents if s.text.strip()]


@pytest.fixture(scope="module")
def nlp():
    return pipeline()


def test_sentences_get_what_the_tagger_says(nlp, tagger):
    doc = nlp(TEXTS[0])
    for span, tags in zip(
        doc.sents, tagger.tag_sentences([s.text for s in doc.sents]), strict=True
    ):
        assert span._.claim == tags.labels["claim"]
        assert span._.themes == list(tags.labels["theme"])
        assert span._.scores == tags.probabilities
        assert span._.review is tags.review
    assert [s._.claim for s in doc.sents] == ["reported_fact", "speculation"]


def test_batches_give_the_same_and_keep_the_order(nlp):
    docs = list(nlp.pipe(TEXTS * 3, batch_size=5))
    assert [doc.text for doc in docs] == TEXTS * 3
    assert [answers(doc) for doc in docs] == [answers(nlp(text)) for text in TEXTS * 3]
    assert answers(docs[1]) == answers(docs[2]) == []


def test_a_pipeline_is_written_with_its_model(nlp, small_model: Model, tmp_path):
    small_model.save(tmp_path / "model")
    own = pipeline(model=str(tmp_path / "model"))
    expected = answers(own(TEXTS[0]))
    assert expected != answers(nlp(TEXTS[0]))
    own.to_disk(tmp_path / "nlp")
    for file in (tmp_path / "model").iterdir():
        file.unlink()
    assert answers(spacy.load(tmp_path / "nlp")(TEXTS[0])) == expected
    again = pipeline().from_bytes(own.to_bytes())
    assert answers(again(TEXTS[0])) == expected
    assert (
        answers(pickle.loads(pickle.dumps(own.get_pipe("claim_tagger")))(nlp(TEXTS[0]))) == expected
    )


def test_answers_travel_with_documents(nlp):
    doc = nlp(TEXTS[0])
    again = spacy.tokens.Doc(nlp.vocab).from_bytes(doc.to_bytes())
    assert answers(again) == answers(doc)


def test_other_tasks_have_attributes_of_their_names(tmp_path):
    import tagger

    rows = [
        {"text": f"A {word} day {i}.", "tone": tone}
        for i in range(12)
        for word, tone in (("joyful", "glad"), ("bitter", "sad"))
    ]
    tagger.train(rows, jobs=1).save(tmp_path / "m")
    nlp = pipeline(model=str(tmp_path / "m"))
    assert [s._.tone for s in nlp("A joyful song. A bitter song.").sents] == ["glad", "sad"]


def test_a_document_without_sentences_is_refused():
    nlp = spacy.blank("en")
    nlp.add_pipe("claim_tagger")
    with pytest.raises(DataError, match=r'nlp.add_pipe\("sentencizer"\)'):
        nlp(TEXTS[0])


def test_a_second_reader_is_written_too(nlp):
    pytest.importorskip("onnxruntime", reason="needs the extra encoder")
    own = pipeline(second_reader="all")
    again = pipeline().from_bytes(own.to_bytes())
    assert answers(again(TEXTS[0])) == answers(own(TEXTS[0])) != answers(nlp(TEXTS[0]))
    assert (
        again.get_pipe("claim_tagger").tagger.model.id
        == own.get_pipe("claim_tagger").tagger.model.id
    )


def test_the_component_is_spacys_own_kind(nlp):
    analysis = nlp.analyze_pipes()
    assert not any(analysis["problems"]["claim_tagger"])
    assert analysis["summary"]["claim_tagger"]["assigns"][0] == "span._.claim"
    assert isinstance(nlp.get_pipe("claim_tagger").tagger, Tagger)
