"""The page: who may ask, what it shows, what it stores, for any schema and any text."""

import errno
import io
import json
import re
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.testclient import TestClient

from tagger.predictor import Tagger
from tagger.review import order, views
from tagger.review.desk import Desk
from tagger.review.keys import COMMANDS, keys_of, points_for
from tagger.review.store import ANSWER, Store, Verdict
from tagger.schema import CLAIMS, Schema, Task
from tests.review.conftest import ODD, OTHER, PORT, TOKEN

EVIL = "<script>document.title='pwned'</script>"


def decided(desk: Desk, sentence: int, reader: str = "anna") -> dict[str, object]:
    return desk.store.verdicts().get(sentence, {}).get(reader, Verdict()).answers


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, 200),
        ({"host": "evil.example"}, 421),
        ({"host": f"evil.example:{PORT}"}, 421),
        ({"host": "127.0.0.1:1"}, 421),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": f"https://127.0.0.1:{PORT}"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": f"http://127.0.0.1:{PORT}"}, 200),
        ({"content-length": str(1 << 40)}, 413),
    ],
)
def test_other_hosts_and_origins_are_refused(
    client: TestClient, headers: dict[str, str], code: int
) -> None:
    for path in ("/", "/d/1", "/static/review.js", "/export/csv"):
        assert client.get(path, headers=headers).status_code == code, path


def test_without_the_token_nothing_is_given(browser_of: Callable[..., TestClient]) -> None:
    for token in ("", "the-tokem", "the-token-and-more", "é"):
        stranger = browser_of()
        stranger.cookies.clear()
        cookie = {"cookie": f"tagger-{PORT}={token}".encode()}
        for method, path in (("GET", "/"), ("GET", "/static/review.css"), ("POST", "/s/2")):
            assert stranger.request(method, path, headers=cookie).status_code == 403


def test_the_token_moves_from_the_address_into_a_cookie(
    browser_of: Callable[..., TestClient],
) -> None:
    client = browser_of()
    client.cookies.clear()
    answer = client.get(f"/?token={TOKEN}", follow_redirects=False)
    assert answer.status_code == 303 and answer.headers["location"] == "/"
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "SameSite=strict" in answer.headers["set-cookie"]
    assert client.get("/").status_code == 200
    assert client.get("/?token=wrong").status_code == 403


def test_no_script_in_a_page_may_run(client: TestClient) -> None:
    for path in ("/", "/d/1", "/queue", "/teach", "/s/2"):
        answer = client.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert not re.search(r"<script(?! src=)|\son\w+=|\sstyle=|javascript:", answer.text), path


def test_text_of_strangers_stays_text(client: TestClient, desk: Desk) -> None:
    text = f"{EVIL} said the army. It may {EVIL} fail.\n\n{EVIL}"
    answer = client.post("/documents", data={"text": text, "title": EVIL}, follow_redirects=True)
    assert EVIL not in answer.text and "&lt;script&gt;" in answer.text
    first = desk.store.one("SELECT id FROM sentences WHERE document = 3 ORDER BY n")["id"]
    client.post(f"/s/{first}", data={"note": EVIL})
    client.post("/reader", data={"reader": EVIL})
    for path in ("/", f"/?q={EVIL}", "/d/3", f"/s/{first}", "/queue", "/teach"):
        page = client.get(path).text
        assert EVIL not in page and ("pwned" in page or path == "/queue"), path


def test_a_document_is_an_article_with_its_tags(client: TestClient) -> None:
    page = client.get("/d/1").text
    assert "<h2><span" in page and "Talks stall over grain" in page
    assert re.search(r'<p><span class="s c\d p\d[^>]*data-mark="[RIS] \d\d', page)
    assert page.count("<p><span") == 2  # paragraphs stay paragraphs
    assert "sentences" in page and 'role="img" aria-label="reported fact' in page


def test_the_panel_gives_words_and_runner_up_exactly(client: TestClient, desk: Desk) -> None:
    row = desk.store.one("SELECT * FROM sentences WHERE id = 2")
    panel = client.get("/s/2").text
    claim = json.loads(row["tags"])["labels"]["claim"]
    best = desk.tagger.explain(row["text"]).strongest("claim", claim, 1)[0]
    assert f"+{best.contributions['claim'][claim]:.1f}" in panel
    assert "runner-up" in panel and "<mark>" in panel
    assert CLAIMS["claim"].definitions["speculation"][:30] in panel


def test_a_key_corrects_and_undo_takes_it_back(client: TestClient, desk: Desk) -> None:
    answer = client.post("/s/3", data={"key": "1"})
    assert decided(desk, 3) == {"claim": "reported_fact"}
    assert '<p class="quote">' in answer.text and "&lt;p" not in answer.text
    assert 'hx-swap-oob="true"' in answer.text and 'data-mark="R ✓"' in answer.text
    client.post("/s/3", data={"key": "m"})
    client.post("/s/3", data={"key": "m"})
    before = json.loads(desk.store.one("SELECT tags FROM sentences WHERE id = 3")["tags"])
    assert decided(desk, 3)["theme"] == before["labels"]["theme"]  # on and off again
    for _ in range(3):
        assert client.post("/undo", data={"document": "1"}).status_code == 200
    assert decided(desk, 3) == {}
    assert client.post("/undo", data={}).text == "there is nothing to undo\n"


def test_labels_of_several_browsers_at_once_are_all_kept(
    browser_of: Callable[..., TestClient], desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = CLAIMS["theme"].labels
    desk.store.decide("anna", 3, ANSWER, "theme", [])
    read = desk.store.verdicts

    def slowly(*asked: Any) -> Any:
        found = read(*asked)
        time.sleep(0.05)
        return found

    monkeypatch.setattr(desk.store, "verdicts", slowly)
    with ThreadPoolExecutor(len(labels)) as threads:
        send = lambda label: browser_of().post("/s/3", data={"task": "theme", "label": label})  # noqa: E731
        assert {answer.status_code for answer in threads.map(send, labels)} == {200}
    assert decided(desk, 3) == {"theme": list(labels)}


def test_enter_agrees_with_what_is_shown(client: TestClient, desk: Desk) -> None:
    client.post("/s/3", data={"key": "2"})
    client.post("/s/3", data={"key": "Enter"})
    model = json.loads(desk.store.one("SELECT tags FROM sentences WHERE id = 3")["tags"])["labels"]
    assert decided(desk, 3) == {"claim": "interpretation", "theme": model["theme"]}


def test_what_cannot_be_is_refused_with_a_reason(client: TestClient, desk: Desk) -> None:
    for path, data in (
        ("/s/99", {"key": "1"}),
        ("/s/2", {"key": "z"}),
        ("/s/2", {"task": "claim", "label": "lie"}),
        ("/s/1", {"key": "1"}),  # a heading claims nothing
    ):
        answer = client.post(path, data=data)
        assert answer.status_code == 400 and len(answer.text) > 10
    assert client.get("/d/99").status_code == client.get("/export/nonsense").status_code == 400
    assert desk.store.one("SELECT count(*) FROM decisions")[0] == 0


@pytest.mark.parametrize("number", ["9" * 20, "9" * 5000, "-" + "9" * 20])
def test_numbers_beyond_what_a_store_holds_are_refused(client: TestClient, number: str) -> None:
    paths = (f"/d/{number}", f"/s/{number}", f"/export/jsonl?document={number}")
    answers = [client.get(path) for path in (*paths, f"/?page={number.lstrip('-')}")]
    posted = ((f"/s/{number}", {"key": "1"}), ("/undo", {"document": number}))
    answers += [client.post(path, data=data) for path, data in (*posted, (f"/models/{number}", {}))]
    assert {a.status_code for a in answers} <= {400, 404}
    assert all(0 < len(a.text) < 200 for a in answers)


def test_a_full_disk_is_said_and_what_is_stored_stays(
    client: TestClient, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = desk.store.one("PRAGMA page_count")[0]
    desk.store.one(f"PRAGMA max_page_count = {pages}")
    answers = [client.post("/s/2", data={"note": f"{i} " * 900}) for i in range(20)]
    full = [a for a in answers if a.status_code != 200]
    assert full and {a.status_code for a in full} == {507}
    assert "disk is full; nothing of this was stored" in full[0].text
    notes = desk.store.one("SELECT count(*) FROM decisions")[0]
    assert notes == len(answers) - len(full)
    assert client.get("/d/1").status_code == 200
    answer = client.post("/documents", data={"text": "Oil rose. " * 500})
    assert answer.status_code == 507 and "disk is full" in answer.text
    desk.store.one(f"PRAGMA max_page_count = {pages + 1000}")  # room was made
    assert client.post("/s/2", data={"note": "short"}).status_code == 200
    assert desk.store.one("SELECT count(*) FROM decisions")[0] == notes + 1

    def no_room(**_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.mkdtemp", no_room)
    answer = client.get("/export/csv")
    assert answer.status_code == 507 and "No space left" in answer.text


def test_readers_are_blind_until_both_have_decided(
    browser_of: Callable[..., TestClient], desk: Desk
) -> None:
    anna, ben = browser_of("anna"), browser_of("ben")
    anna.post("/s/2", data={"key": "3"})
    assert "Other readers" not in ben.get("/s/2").text
    assert "✓" not in ben.get("/d/1").text
    assert order.remaining(desk.store, "ben")["second"] == 1
    assert "a second, blind reading" in ben.get("/queue?second=1").text
    ben.post("/s/2", data={"key": "1"})
    assert "<b>anna</b>: speculation" in ben.get("/s/2").text
    assert "<b>ben</b>: reported fact" in anna.get("/s/2").text
    for sentence, key in ((3, "3"), (4, "2"), (5, "1")):
        for reader in (anna, ben):
            reader.post(f"/s/{sentence}", data={"key": key})
    teach = anna.get("/teach").text
    assert "anna and ben" in teach and re.search(r"<td>4</td><td>0\.\d\d</td>", teach)


def test_words_that_speak_twice_are_shown_once_and_what_is_nothing_is_not() -> None:
    said = (("It will", 0.06), ("rise", 0.11), ("It will", 0.07), ("prices", 0.04))
    parts = [
        SimpleNamespace(text=t, start=0, end=1, contributions={"claim": dict.fromkeys("ab", adds)})
        for t, adds in said
    ]
    tagger: Any = SimpleNamespace(
        schema=Schema((Task("claim", ("a", "b")),)),
        explain=lambda text: SimpleNamespace(evidence=parts),
    )
    tags = {"p": {"claim": [0.9, 0.1]}, "labels": {"claim": "a"}}
    (first, _), _ = views._why({"text": "It will rise."}, tags, tagger)
    assert [(t, round(a, 2)) for t, a in first["words"]] == [("It will", 0.13), ("rise", 0.11)]


def test_the_queue_asks_what_is_least_clear_and_says_why(client: TestClient, desk: Desk) -> None:
    least = desk.store.one(
        "SELECT id FROM sentences WHERE kind = 'sentence' ORDER BY closeness LIMIT 1"
    )["id"]
    page = client.get("/queue").text
    assert f'data-current="{least}"' in page
    assert re.search("too close to call|among the least clear", page)
    assert "of 7 not judged" in page
    for shown in (page, client.get("/d/1").text):  # beside it stands at once what it is about
        current = re.search(r'data-current="(\d+)"', shown)
        assert current and f'data-sentence="{current[1]}"' in shown and "press <kbd>" not in shown
    client.post(f"/s/{least}", data={"skip": "unclear"})
    after = client.get("/queue").text
    assert f'data-current="{least}"' not in after and "of 6 not judged" in after


def test_the_queue_prefers_what_differs_from_what_was_asked(desk: Desk) -> None:
    copies = [f"The talks may fail next week, {x}." for x in ("he said", "she said", "they said")]
    desk.add_texts([*copies, "Wheat."], list("abcd"), [""] * 4, [()] * 4)
    asked = order.most_teaching(desk.store, desk.tagger, "anna")
    assert len({item.sentence for item in asked}) == len(asked)
    texts = [
        desk.store.one("SELECT text FROM sentences WHERE id = ?", item.sentence)["text"]
        for item in asked
    ]
    alike = [i for i, text in enumerate(texts) if text in copies]
    assert alike[1] - alike[0] > 1  # another one stands between two that are nearly the same
    assert all("likeness" in item.reason for item in asked[1:])


def test_exports_hold_what_the_reader_decided(client: TestClient, desk: Desk) -> None:
    client.post("/s/3", data={"key": "2"})
    rows = [json.loads(line) for line in client.get("/export/jsonl").text.splitlines()]
    assert len(rows) == desk.store.one("SELECT count(*) FROM sentences")[0]
    corrected = next(row for row in rows if row["text"].startswith("The talks may"))
    assert (corrected["claim"], corrected["reader"]) == ("interpretation", "anna")
    assert corrected["review"] is False
    assert {row["reader"] for row in rows if row is not corrected} == {""}
    csv = client.get("/export/csv?document=2")
    assert csv.text.count("\n") == 4 and OTHER[:10] in csv.text
    pages = zipfile.ZipFile(io.BytesIO(client.get("/export/html").content))
    assert "index.html" in pages.namelist() and len(pages.namelist()) == 3
    for name in ("xlsx", "label-studio", "doccano", "prodigy", "argilla", "json"):
        assert client.get(f"/export/{name}").status_code == 200, name
    training = client.get("/export/training.jsonl").text
    assert json.loads(training)["reader"] == "anna"


def test_files_of_any_kind_are_read_and_what_is_refused_is_said(client: TestClient) -> None:
    files = [
        ("files", ("a.html", b"<article><h1>Zebra</h1><p>Oil rose by 2 percent on Monday in "
                   b"the city, the ministry said in a statement.</p></article>")),
        ("files", ("b.csv", "text,title\nThe talks may fail.,Quokka\n".encode("utf-16"))),
        ("files", ("c.bin", bytes(range(256)) * 20)),
    ]  # fmt: skip
    page = client.post("/documents", files=files, follow_redirects=True).text
    assert "Quokka" in page and "c.bin" in page
    assert "/tmp" not in page


def test_the_list_is_sorted_searched_and_quick_at_5000_documents(
    client: TestClient, desk: Desk
) -> None:
    with desk.store.write() as db:
        db.executemany(
            "INSERT INTO documents (key, name, title, text, headings, added, model, n, doubtful,"
            " shares) VALUES (?, ?, '', ?, '[]', '', ?, ?, 0, ?)",
            [
                (str(i), f"wire-{i:04}", "The talks may fail. " * 150, desk.tagger.model.id, i,
                 json.dumps([i / 5000, 0, 0, 0, 0, 0]))
                for i in range(5000)
            ],
        )  # fmt: skip
    start = time.monotonic()
    found = client.get("/?q=wire-49&sort=share-0&down=1").text
    took = time.monotonic() - start
    assert re.findall(r">(wire-\d+)<", found)[:2] == ["wire-4999", "wire-4998"]
    assert "100 documents" in found and "page 1 of 2" in found
    assert client.get("/?sort=name&page=101").text.count('<th scope="row"><a') == 2
    assert took < 1.0
    rows = client.get("/?q=minister", headers={"HX-Target": "list"}).text
    assert "<html" not in rows and "The minister" in rows


def test_keys_come_from_any_schema() -> None:
    assert {k: v[1] for k, v in keys_of(CLAIMS).items()} == {
        "1": "reported_fact", "2": "interpretation", "3": "speculation",
        "m": "military", "d": "diplomatic", "e": "economic",
    }  # fmt: skip
    many = Task("tone", tuple(f"nuj{i}" for i in range(30)), multilabel=True)
    keys = keys_of(Schema((many,)))
    assert len(keys) == 20 and not keys.keys() & COMMANDS.keys()  # all letters but the commands


def test_the_finer_point_that_fits_stands_beside_the_sentence() -> None:
    titles = [p.title for p in points_for(CLAIMS, "If they leave, NATO could fall, he warned.")]
    assert titles == ["Warned, called, described", "Can, should, must", "Conditions", "Alliances"]
    assert points_for(Schema((Task("tone", ("glad", "sad")),)), "If so.") == []


def test_other_schemas_are_read_and_corrected(tmp_path: Path, odd: Tagger) -> None:
    store = Store(tmp_path / "s.sqlite", odd.schema)
    desk = Desk(store, odd)
    desk.add_texts(["A joyful day. A bitter song."], ["x"], [""], [()])
    row = store.one("SELECT * FROM sentences WHERE n = 0")
    panel = views.panel(row, Verdict(), {}, odd)
    assert ODD not in panel and "&lt;img src=x" in panel and 'data-key="1"' in panel
    store.decide("anna", row["id"], ANSWER, "tone", "sad")
    assert next(iter(desk.training_rows()))["tone"] == "sad"
    store.close()
