"""Parts of e-mails that are not their message, and quotations in any text."""

import time
from itertools import pairwise

import pytest

from tagger.schema import OTHER, SENTENCE
from tagger.text.mail import parts, quotations
from tagger.text.structure import pieces

FIRST = "The talks on the grain corridor ended on Monday without a date for a new round."
SECOND = "Prices could rise, the ministry said, if no ship leaves the port this month."
THIRD = "It was a clumsy attempt to win back voters, and both sides know it."
INTRO = "On Mon, 18 Mar 2024 at 10:00, Anna Ostrova <anna@b.example> wrote:"
OUTLOOK = (
    "From: Anna Ostrova <anna@b.example>\nSent: Monday, March 18, 2024 10:00 AM\n"
    "To: Mark Delling\nSubject: RE: Talks\n"
)


def told(text):
    """Return the sentences of an e-mail, and what its other pieces are."""
    found = pieces(text, headings=parts(text))
    assert not any(a.end > b.start for a, b in pairwise(found))
    covered = {i for piece in found for i in range(piece.start, piece.end)}
    assert all(i in covered or c.isspace() for i, c in enumerate(text))
    sentences = [text[p.start : p.end] for p in found if p.kind == SENTENCE]
    return sentences, [p.what for p in found if p.kind == OTHER]


@pytest.mark.parametrize(
    ("text", "sentences", "others"),
    [
        (f"Dear Mark,\n\n{FIRST}\n\nBest regards,\nAnna Ostrova\n+49 30 1234567", [FIRST],
         ["greeting", "signature"]),
        (f"Hi all\n{FIRST} {SECOND}\n-- \nAnna Ostrova, desk editor for everything that is far off "
         "and may be called so.", [FIRST, SECOND], ["greeting", "signature"]),
        (f"{FIRST}\n\nThanks,\nAnna\n\nPS: {SECOND}", [FIRST, f"PS: {SECOND}"], ["signature"]),
        (f"{FIRST}\n\n> {SECOND}\n> {THIRD}", [FIRST], ["quotation"]),
        (f"{FIRST}\n\n{INTRO}\n\n> {SECOND}\n\n{THIRD}", [FIRST, THIRD], ["quotation"]),
        (f"{FIRST}\n\n{INTRO[:50]}\n{INTRO[51:]}\n> {SECOND}", [FIRST], ["quotation"]),
        (f"{FIRST}\n\n{INTRO}\n\n{SECOND} {THIRD}", [FIRST], ["quotation"]),
        (f"{FIRST}\n\n-----Original Message-----\n{OUTLOOK}\n{SECOND}", [FIRST], ["quotation"]),
        (f"{FIRST}\n\n________________________________\n{OUTLOOK}\n{SECOND}", [FIRST],
         ["separator", "quotation"]),
        (f"Dear Mark,\n---------- Forwarded message ---------\n{OUTLOOK}\nHello Anna,\n{SECOND}\n"
         f"Kind regards\nPeter\n\n-----Original Message-----\n{OUTLOOK}\n{THIRD}", [SECOND],
         ["greeting", "mail header", "greeting", "signature", "quotation"]),
        (f"{FIRST}\n\nSent from my iPhone", [FIRST], ["signature"]),
        (f"{FIRST}\n{'_' * 47}\nGrain mailing list\nGrain@lists.example\n"
         "https://lists.example/listinfo/grain\n", [FIRST], ["signature"]),
        (f"{FIRST}\n\n{'_' * 47}\r\nGrain -- grain@lists.example\r\nTo unsubscribe send a mail "
         "to x@lists.example", [FIRST], ["signature"]),
        (f"{FIRST}\n\n--\nYou received this message because you are subscribed to \"Grain\".\n"
         "To stop receiving its mails, write to x@lists.example.", [FIRST], ["signature"]),
        (f"{FIRST}\n\nThis e-mail is confidential and intended for its recipient only.", [FIRST],
         ["notice"]),
        (f"{FIRST}\n\nThanks.\nWill you be there on Monday?",
         [FIRST, "Will you be there on Monday?"], ["signature"]),
    ],
)  # fmt: skip
def test_only_the_message_of_a_mail_is_sentences(text, sentences, others):
    assert told(text) == (sentences, others)


@pytest.mark.parametrize(
    "text",
    [
        f"{FIRST}\n\nOn Monday, the minister wrote:\n\n{SECOND}",
        f"{FIRST}\n\n--\n\n{SECOND}\n\n{THIRD}",
        f"{FIRST}\n\nFrom: the desk\n\n{SECOND}",
        f"{FIRST}\n\n{'_' * 47}\n\n{SECOND}",
        f"You received this message because you are subscribed to it.\n\n{FIRST} {SECOND}",
        f"The daily brief\n{'_' * 32}\nView in browser | Unsubscribe\n\n{FIRST}\n\n{SECOND}",
        f"{FIRST}\n{'_' * 32}\nThey could unsubscribe from the scheme.\n{SECOND}",
    ],
)
def test_what_only_looks_so_is_the_message(text):
    assert FIRST in told(text)[0] and SECOND in told(text)[0]


def test_blanks_behind_a_line_are_gone_over_once():
    begun = time.monotonic()
    told(f"{FIRST}\n{'_' * 30}{' ' * 1_000_000}x")
    assert time.monotonic() - begun < 20


def test_quotations_are_told_in_any_text_and_greater_is_no_quotation():
    def kinds(text):
        return [(text[p.start : p.end], p.what) for p in pieces(text)]

    assert kinds(f"{FIRST}\n> {SECOND}\n> {THIRD}") == [
        (FIRST, ""),
        (f"> {SECOND}\n> {THIRD}", "quotation"),
    ]
    assert [what for _, what in kinds(f"{FIRST}\n> 5 ships left the port, he said.")] == ["", ""]
    assert quotations(f"{FIRST} > {SECOND}") == []
    # Greetings and closing phrases mean nothing outside mail.
    assert "signature" not in [what for _, what in kinds(f"{FIRST}\n\nBest regards,\nAnna")]


def test_time_is_linear():
    def seconds(n):
        text = f"{FIRST}\n> {SECOND}\n> {THIRD}\nOn 1:00 a\nThanks,\n" * n
        begun = time.perf_counter()
        parts(text)
        return time.perf_counter() - begun

    seconds(10)
    assert seconds(4000) < 24 * max(seconds(500), 0.01)
