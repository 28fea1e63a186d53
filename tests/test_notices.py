"""Notices are told apart from news about the same things."""

import json
import time

import pytest
from conftest import shared

from tagger.text.notices import _BY_STEM, notice_of, words_of_notices

NOTICES = {
    "paywall notice": (
        "You've read all your free articles for this month.",
        "This content is reserved for our subscribers.",
        "To continue, please log in or subscribe.",
        "Get unlimited access to all our journalism for $1 a week.",
        "This story is available exclusively to members.",
        "Subscribers can read the rest of this story.",
        "Already have an account? Log in.",
        "Your free trial has ended.",
        "Sign in or create an account to read on.",
        "Choose your subscription to continue.",
        "You must be logged in to view this content.",
        "The rest of this article is behind a paywall.",
        "Support independent reporting. Subscribe today and read without limits.",
    ),
    "cookie notice": (
        "Cookies help us deliver our services.",
        "We and our partners store information on your device, such as cookies, and process data.",
        "Strictly necessary cookies are always active.",
        "To see this post you must accept marketing cookies.",
        "We care about your privacy. We and our 214 partners process data such as IP addresses.",
        "Manage my preferences",
        "Accept all",
        "We store cookies on your computer to remember you.",
        "By using our site you agree to our cookie policy.",
        "We use cookies on this site. You can change your mind at any time in your profile.",
    ),
    "script notice": (
        "You need to enable JavaScript to run this app.",
        "JavaScript must be turned on to see comments.",
        "Your browser is out of date.",
        "Enable JavaScript and cookies to continue",
        "Please turn off your ad blocker to read this page.",
        "Verify you are human by completing the action below.",
        "Sorry, you need JavaScript to see this page.",
    ),
}
NEWS = (
    "The regulator fined the company 40 million euros for placing cookies without consent.",
    "Google will limit the use of cookies in its browser from next year.",
    "Most news websites use cookies to follow readers across the web, the study found.",
    "Readers must subscribe to read the paper's investigations.",
    "Subscribers to the service rose by 2 million in the third quarter.",
    "The bakery sold 4,000 cookies on the first day of the fair.",
    "JavaScript is the most used language on the platform.",
    "You can register to vote at the town hall until Friday.",
    "We need to read more carefully what the treaty says.",
    "Inspectors demanded unlimited access to the site.",
    "To continue the war, the government needs to sign up more soldiers.",
    "We and our partners in Europe will not accept this.",
    "The rest of the story is well known to members of the committee.",
    "The minister said: please subscribe now to continue reading the bill.",
    "“We use cookies to improve your visit,” the firm told the court.",
    "Accept all of it, the commander told them.",
)


@pytest.mark.parametrize(
    ("text", "name"), [(text, name) for name, texts in NOTICES.items() for text in texts]
)
def test_a_notice_is_named_and_has_a_word_of_notices(text: str, name: str) -> None:
    assert notice_of(text) == name
    assert any(words_of_notices(text))


@pytest.mark.parametrize("text", NEWS)
def test_news_about_the_same_things_is_no_notice(text: str) -> None:
    assert notice_of(text) == ""


def test_news_with_a_notice_at_its_end_is_news() -> None:
    notice = "Subscribe now to continue reading."
    news = "The talks on the grain deal stalled on Monday after the envoys left the city."
    assert notice_of(notice) and not notice_of(f"{news} {notice}")
    assert notice_of(f"{notice} {notice}") == "paywall notice"


def test_no_sentence_of_real_articles_is_a_notice() -> None:
    lines = shared("news", "articles.jsonl").read_text(encoding="utf-8").splitlines()
    paragraphs = [p for line in lines for p in json.loads(line)["text"].split("\n\n")]
    assert len(paragraphs) > 10_000
    assert not [p for p in paragraphs if notice_of(p)]


@pytest.mark.parametrize(
    "part",
    ["subscribe ", "cookies. ", "read this ", "we use a a a cookies\n", "to read the ", "“we "],
)
def test_long_texts_take_no_time(part: str) -> None:
    start = time.process_time()
    notice_of(part * 20_000)
    assert time.process_time() - start < 10


def test_each_stretch_of_a_notice_has_its_stem():
    assert all(stem in word for stem, words in _BY_STEM.items() for word in words)
    assert list(words_of_notices("Register to read on; the register is read on.")) == [
        "egister to",
        "read on",
    ]
