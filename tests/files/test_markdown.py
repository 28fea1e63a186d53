"""Markdown: plain text, and where its headings stand."""

import io

import pytest

from tagger.files.text import read, without_markup


def headings(markdown):
    (row,) = read(io.BytesIO(markdown.encode()), "a.md", clean=without_markup)
    return [row.record["text"][start:end] for start, end in row.headings]


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("# Oil rises ##\nOil *rose*.", ["Oil rises"]),
        ("The [deal](http://a.b)\n---\nIt failed.\n---\nSo.", ["The deal"]),
        ("**What comes next**\n\n**It failed.** So.", ["What comes next"]),
        ("```\n# a comment\n```\n- # of items", []),
        ("## Learn C#", ["Learn C#"]),
    ],
)
def test_headings(markdown, expected):
    assert headings(markdown) == expected


def test_what_is_struck_out_is_not_read():
    assert (
        without_markup("The talks ~~went on~~ ended ~ at *noon*.")[0]
        == "The talks ended ~ at noon."
    )


@pytest.mark.parametrize(
    "odd", ["~~a" * 70_000, "# " + "#" * 200_000 + "x", "**a" * 70_000, "a\n" * 100_000]
)
def test_odd_markup_is_read_in_linear_time(odd):
    assert without_markup(odd)[0]
