"""The page in a real browser: by keyboard, in two tabs, through kill -9, for everybody."""

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.review.conftest import ARTICLE, ODD, OTHER, Served

httpx = pytest.importorskip("httpx")
EVIL = "<script>document.title='pwned'</script><img src=x onerror=\"document.title='pwned'\">"


def until(found: Callable[[], Any], what: str, seconds: float = 60) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if value := found():
                return value
        except Exception:  # what is looked for is being replaced
            pass
        time.sleep(0.05)
    raise AssertionError(f"{what} was not there after {seconds} s")


class Tab:
    """What a person does on a page, and sees."""

    def __init__(self, chrome: Any, served: Served) -> None:
        self.chrome, self.served = chrome, served
        chrome.get(served.address)

    def go(self, path: str) -> None:
        self.chrome.get(self.served.base + path)

    def css(self, selector: str) -> Any:
        return until(lambda: self.chrome.find_elements("css selector", selector), selector)[0]

    def text(self, selector: str) -> str:
        return str(self.css(selector).text)

    def press(self, keys: str) -> None:
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.chrome).send_keys(keys).perform()

    def mark(self, begins: str) -> str:
        """Return the mark of the sentence that begins so."""
        script = (
            "const s = [...document.querySelectorAll('article .s')].find("
            "s => s.textContent.startsWith(arguments[0])); return s ? s.dataset.mark : null"
        )
        return str(self.chrome.execute_script(script, begins))

    def read(self, number: int) -> None:
        self.go(f"/d/{number}")
        self.css("#panel [data-sentence]")

    def run(self, script: str) -> Any:
        return self.chrome.execute_script(script)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("review") / "store.sqlite"


@pytest.fixture(scope="module")
def served(chrome: Any, store: Path, model_folder: Path) -> Iterator[Served]:
    found = Served(store, "--model", model_folder, "--reader", "anna")
    yield found
    found.end()


@pytest.fixture(scope="module")
def tab(chrome: Any, served: Served) -> Tab:
    return Tab(chrome, served)


def rows(store: Path, sql: str) -> list[Any]:
    with sqlite3.connect(store) as db:
        found = db.execute(sql).fetchall()
    db.close()
    return found


def test_paste_read_correct_undo_reload_teach_and_export(tab: Tab, store: Path) -> None:
    for text, title in ((ARTICLE, ""), (OTHER, "The minister")):
        tab.go("/")
        if not tab.css("details.add").get_attribute("open"):
            tab.css("details.add summary").click()
        tab.css("#text").send_keys(text)
        tab.css("#title").send_keys(title)
        tab.css("#add button.main").click()
        tab.css("article .s")
    assert tab.text("h1") == "The minister"
    tab.read(1)
    assert tab.text("article h2").startswith("Talks stall over grain")
    # The first sentence has the focus, so that keys work at once.
    begins = "Two soldiers"
    assert tab.text("#panel .quote").startswith(begins)
    assert "%" in tab.text("#panel .task") and tab.text("#panel .why-words")
    model = tab.mark(begins)
    tab.press("3")
    until(lambda: tab.mark(begins) == "S ✓", "the correction")
    tab.press("1")
    until(lambda: tab.mark(begins) == "R ✓", "the second correction")
    tab.press("u")
    until(lambda: tab.mark(begins) == "S ✓", "the undoing")
    tab.press("u")
    until(lambda: tab.mark(begins) == model, "what the model said")
    tab.press("3")
    until(lambda: tab.mark(begins) == "S ✓", "the correction")
    tab.run("location.reload()")
    until(lambda: tab.mark(begins) == "S ✓", "the correction after reloading")
    # Agree with the next two, skip one with a reason, note something.
    tab.css("#panel [data-sentence]")
    tab.press("j")
    until(lambda: tab.text("#panel .quote").startswith("The talks may"), "the next sentence")
    from selenium.webdriver.common.keys import Keys

    tab.press(Keys.ENTER)
    until(lambda: tab.mark("The talks may").endswith("✓"), "the agreement")
    until(lambda: tab.text("#panel .quote").startswith("It was a shameful"), "the one after it")
    tab.press("n")
    tab.css("#note-text").send_keys("a harsh word")
    tab.css("#note button.main").click()
    until(lambda: "a harsh word" in tab.text("#panel .noted"), "the note")
    tab.press("x")
    tab.css("#skip button[value='unclear']").click()
    until(lambda: rows(store, "SELECT * FROM standing WHERE action = 'skip'"), "the skip")
    # The queue, and a few more answers in the other document.
    tab.go("/queue")
    assert "call" in tab.text(".reason") or "clear" in tab.text(".reason")
    for _ in range(2):
        before = tab.css(".reading").get_attribute("data-current")
        tab.css("#panel [data-sentence]")
        tab.press(Keys.ENTER)
        until(lambda b=before: tab.css(".reading").get_attribute("data-current") != b, "the next")
    tab.read(2)
    for key in "12":
        tab.press(key)
        tab.press("j")
    until(lambda: "✓" in tab.mark("Prices could"), "answers in the second document")
    # A new version, in the background, with what it gains; then it is used, and gone back from.
    tab.go("/teach")
    assert "anna" in tab.text("main table")
    tab.css("main form button.main").click()
    until(lambda: "Version 2" in tab.text("#status") and tab.chrome.find_elements(
        "css selector", "form[action='/models/2']"), "version 2", 60)  # fmt: skip
    assert "claim (5 sentences)" in tab.text("#status table")
    assert rows(store, "SELECT model FROM adoptions ORDER BY id") == [(1,)]
    tab.css("form[action='/models/2'] button").click()
    until(lambda: "in use" in tab.text(".versions li:first-child"), "version 2 in use")
    hashes = dict(rows(store, "SELECT id, hash FROM models"))
    until(lambda: rows(store, "SELECT DISTINCT model FROM documents") == [(hashes[2],)], "its tags")
    tab.css("form[action='/models/1'] button").click()
    until(lambda: rows(store, "SELECT DISTINCT model FROM documents") == [(hashes[1],)], "the old")
    assert (Path(f"{store}.models") / "2" / "manifest.json").is_file()
    # What was decided leaves as training data.
    tab.go("/")
    exported = tab.run(
        "const x = new XMLHttpRequest(); x.open('GET', '/export/training.jsonl', false);"
        "x.send(); return x.responseText"
    )
    lines = [json.loads(line) for line in exported.splitlines()]
    first = next(line for line in lines if line["text"].startswith(begins))
    assert first["claim"] == "speculation" and first["reader"] == "anna"


def test_filters_dim_the_rest_and_keys_pass_it_over(tab: Tab) -> None:
    tab.read(1)
    tab.press("f")
    tab.css(".filters input[data-filter='2']").click()  # speculation
    shown = tab.run("return [...document.querySelectorAll('article .s:not(.dim)')].map("
                    "s => s.dataset.is.split(' ')[0])")  # fmt: skip
    assert shown and set(shown) == {"2"}
    assert tab.run("return document.querySelectorAll('article .s.dim').length") > 0


def test_two_tabs_at_once_lose_nothing(tab: Tab, store: Path) -> None:
    chrome = tab.chrome
    tab.read(2)
    one = chrome.current_window_handle
    chrome.switch_to.new_window("tab")
    two = chrome.current_window_handle
    tab.read(2)
    tab.press("3")
    until(lambda: tab.mark("The minister") == "S ✓", "the decision in the second tab")
    chrome.switch_to.window(one)
    tab.run("document.dispatchEvent(new Event('visibilitychange'))")
    until(lambda: tab.mark("The minister") == "S ✓", "what the other tab decided")
    tab.press("j")
    until(lambda: tab.text("#panel .quote").startswith("Prices"), "the next sentence")
    tab.press("2")
    until(lambda: tab.mark("Prices") == "I ✓", "the decision in the first tab")
    chrome.switch_to.window(two)
    chrome.close()
    chrome.switch_to.window(one)
    tab.read(2)
    assert (tab.mark("The minister"), tab.mark("Prices")) == ("S ✓", "I ✓")


def test_script_in_text_title_name_and_labels_never_runs(
    chrome: Any, tmp_path: Path, odd: Any
) -> None:
    odd.model.save(tmp_path / "m")
    source = tmp_path / "a.jsonl"
    record = {"doc": EVIL, "title": EVIL, "text": f"A joyful day {EVIL}.\n\nA bitter song."}
    source.write_text(json.dumps(record) + "\n")
    served = Served(tmp_path / "s.sqlite", source, "--model", tmp_path / "m", "--reader", EVIL)
    try:
        tab = Tab(chrome, served)
        listed = "tbody a[href='/d/1']"
        until(lambda: (tab.go("/"), tab.chrome.find_elements("css selector", listed))[1], "it")
        for path in ("/", "/d/1", "/queue", "/teach"):
            tab.go(path)
            if path == "/d/1":
                tab.css("#panel .label")
                assert ODD in tab.text("#panel .task").replace("\n", "")
                tab.press("1")
                until(lambda: "✓" in tab.mark("A joyful"), "the correction")
                assert EVIL in tab.text("article").replace("\n", "")
            time.sleep(0.2)
            assert tab.chrome.title != "pwned" and "alert" not in tab.chrome.title
        assert not tab.run("return document.querySelectorAll('main img').length")
    finally:
        served.end()


# An answer of which the beginning comes and then no more, as where the server is killed meanwhile.
CUT = """
const whole = window.fetch;
window.fetch = async () => {
  window.fetch = whole;
  const cut = { start(body) { body.error(new TypeError("Failed to fetch")); } };
  return new Response(new ReadableStream(cut));
};
"""
ODD_ANSWER = CUT.replace("new ReadableStream(cut)", "'no header says what was decided'")
COME_BACK = "document.dispatchEvent(new Event('visibilitychange'))"
HOVER = """
const s = [...document.querySelectorAll('article .s')].find(
  s => s.textContent.startsWith(arguments[0]));
s.dispatchEvent(new MouseEvent('mouseover', { bubbles: true }));
"""
SOON = 30  # seconds; half of what the page waits for an answer


def shown_by_hovering(tab: Tab, begin: str) -> bool:
    # A page that is still being drawn anew shows its own sentence last: hovered over again.
    tab.chrome.execute_script(HOVER, begin)
    time.sleep(1)
    return tab.text("#panel .quote").startswith(begin)


def test_an_answer_that_is_cut_off_is_told_and_holds_up_nothing(
    store: Path, model_folder: Path, tmp_path: Path, chrome: Any
) -> None:
    served = Served(tmp_path / "cut.sqlite", "--model", model_folder)
    tab = Tab(chrome, served)
    try:
        tab.css("#text").send_keys(ARTICLE)
        tab.css("#add button.main").click()
        tab.css("#panel [data-sentence]")
        tab.run(CUT)
        tab.press("3")
        until(lambda: "no longer answers" in tab.text("#say"), "word of the answer", SOON)
        tab.press("j")
        until(lambda: tab.text("#panel .quote").startswith("The talks"), "the next sentence", SOON)
        assert "no longer answers" in tab.text("#say")
        tab.press("k1")
        until(lambda: tab.mark("Two soldiers").endswith("✓"), "the next decision", SOON)
        assert tab.text("#say") == ""
        tab.run(ODD_ANSWER)
        tab.press("3")
        until(lambda: "Load the page again" in tab.text("#say"), "word of the odd answer", SOON)
        tab.press("2")
        until(lambda: tab.mark("Two soldiers") == "I ✓", "the decision after it", SOON)
        tab.run(CUT)
        tab.run(COME_BACK)
        until(lambda: "no longer answers" in tab.text("#say"), "word of the page", SOON)
        tab.run("document.querySelector('article .s').dataset.mark = 'old'")
        tab.run(COME_BACK)
        until(lambda: tab.mark("Two soldiers") == "I ✓", "the page as it is now", SOON)
        until(lambda: shown_by_hovering(tab, "The talks"), "what is hovered over", SOON)
        tab.go("/")
        tab.css("#q")
    finally:
        served.end()
    tab.css("#q").send_keys("grain")
    until(lambda: "no longer answers" in tab.text("#say"), "word of the search", SOON)


def test_nothing_that_was_answered_is_lost_by_kill_9(
    store: Path, model_folder: Path, tmp_path: Path, chrome: Any
) -> None:
    own = tmp_path / "killed.sqlite"
    served = Served(own, "--model", model_folder)
    tab = Tab(chrome, served)
    tab.css("#text").send_keys(ARTICLE)
    tab.css("#add button.main").click()
    tab.css("#panel [data-sentence]")
    stored: list[tuple[int, str]] = []

    def correct() -> None:
        with httpx.Client(base_url=served.base) as client:
            client.get(served.address)
            for i in range(10_000):
                sentence, key = 2 + i % 4, str(1 + i % 3)
                try:
                    if client.post(f"/s/{sentence}", data={"key": key}).status_code == 200:
                        stored.append((sentence, key))
                except httpx.HTTPError:
                    return

    thread = threading.Thread(target=correct)
    thread.start()
    until(lambda: len(stored) > 20, "some decisions")
    tab.press("3")
    served.end(kill=True)
    thread.join()
    assert served.process.returncode == -9
    labels = {"1": "reported_fact", "2": "interpretation", "3": "speculation"}
    kept = rows(own, "SELECT sentence, answer FROM decisions WHERE task = 'claim' ORDER BY id")
    wanted = [(number, json.dumps(labels[key])) for number, key in stored]
    assert len(kept) >= len(wanted)
    left = iter(kept)
    assert all(decision in left for decision in wanted)  # all of them, in their order
    tab.press("1")
    until(lambda: "no longer answers" in tab.text("#say"), "word that the page is gone")
    again = Served(own, "--model", model_folder)
    try:
        tab = Tab(chrome, again)
        tab.read(1)
        assert "✓" in tab.mark("Two soldiers")
    finally:
        assert again.end() == 128 + 15


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_problem(tab: Tab, scheme: str, tmp_path: Path, tiny: Any) -> None:
    axe = pytest.importorskip("axe_core_python", reason="axe is not installed")
    script = next(Path(axe.__path__[0]).rglob("axe.min.js")).read_text(encoding="utf-8")
    feature = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    tab.chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", feature)
    from tagger.files.pages import pages, to_drafts

    table = tiny.tag_table([ARTICLE], ["grain"])
    for name, content in pages(to_drafts(table, [ARTICLE]).splitlines(), tiny.schema, "m"):
        (tmp_path / name).write_bytes(content)
    for width in (1280, 400) if scheme == "light" else (400,):
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        tab.chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        for path in ("/", "/d/1", "/queue", "/teach", "grain.html", "index.html"):
            if path[0] == "/":
                tab.go(path)
            else:
                tab.chrome.get((tmp_path / path).as_uri())
            if path in ("/d/1", "/queue"):
                tab.css("#panel [data-sentence]")
            tab.run(script)
            found = tab.chrome.execute_async_script(
                "axe.run(document).then(r => arguments[0](r.violations), e => arguments[0]([e]))"
            )
            serious = [
                (v["id"], [n["html"][:200] for n in v["nodes"][:3]])
                for v in found
                if v.get("impact") in ("serious", "critical")
            ]
            assert not serious, (path, width, serious)
            wide = tab.run("return document.documentElement.scrollWidth")
            assert wide <= width, (path, width, wide)
            if path == "index.html" and width == 1280:
                table = "const x = document.querySelector('.wide');"
                assert tab.run(f"{table} return x.scrollWidth <= x.clientWidth"), "it is cut off"
    tab.chrome.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    tab.chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_the_browser_had_nothing_to_complain_of(tab: Tab) -> None:
    tab.go("/d/1")
    tab.css("#panel [data-sentence]")
    refused = [
        entry["message"]
        for entry in tab.chrome.get_log("browser")
        if "Content Security Policy" in entry["message"] or "Uncaught" in entry["message"]
    ]
    assert refused == []
