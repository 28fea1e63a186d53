"""A store with two documents, the page in this process, and the page as the command serves it."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tagger.corpus.corpus import read_corpus
from tagger.predictor import Tagger
from tagger.schema import Schema, Task
from tagger.training.crossfit import cross_fit
from tagger.training.settings import TrainingSettings

pytest.importorskip("starlette", reason="the extra review is not installed")
pytest.importorskip("uvicorn", reason="the extra review is not installed")

from starlette.testclient import TestClient

from tagger.review.desk import Desk
from tagger.review.guard import Guard
from tagger.review.server import Page
from tagger.review.store import Store
from tagger.review.teach import Teacher

PORT, TOKEN = 8123, "the-token"
ODD = "<img src=x onerror=document.title='pwned'>"
ARTICLE = (
    "Talks stall over grain\n\nTwo soldiers were killed on Monday, the army said. The talks may "
    "fail next week. It was a shameful deal, and everybody knows it.\n\nOil rose 2 percent."
)
OTHER = "The minister resigned on Friday. Prices could fall. Nobody was surprised."


@pytest.fixture
def desk(tiny: Tagger, tmp_path: Path) -> Iterator[Desk]:
    store = Store(tmp_path / "store.sqlite", tiny.schema)
    store.adopt(store.add_model(tiny.model.id, "done"), "")
    desk = Desk(store, tiny)
    desk.add_texts([ARTICLE, OTHER], ["grain", "minister"], ["", "The minister"], [(), ()])
    yield desk
    store.close()


@pytest.fixture
def page(desk: Desk, model_folder: Path) -> Page:
    return Page(desk, Teacher(desk, str(model_folder)), "anna", lambda note: None)


@pytest.fixture
def browser_of(page: Page) -> Callable[..., TestClient]:
    """Return what gives a client, with the token and the name of a reader."""

    def client(reader: str = "", token: str = TOKEN) -> TestClient:
        cookies = {f"tagger-{PORT}": token} | ({"reader": reader} if reader else {})
        base = f"http://127.0.0.1:{PORT}"
        return TestClient(Guard(page.app, TOKEN, PORT), base, cookies=cookies)

    return client


@pytest.fixture
def client(browser_of: Callable[..., TestClient]) -> TestClient:
    return browser_of()


@pytest.fixture(scope="session")
def model_folder(tiny: Tagger, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "tiny"
    tiny.model.save(folder)
    return folder


@pytest.fixture(scope="session")
def tiny(small_model: Any) -> Tagger:
    return Tagger(small_model)


@pytest.fixture(scope="session")
def odd() -> Tagger:
    """A model of a schema that is not ours, one of whose labels is markup."""
    tone = Task("tone", ("sad", ODD))
    rows = [
        {"text": f"{'A joyful' if i % 2 else 'A bitter'} {x}.", "doc": str(i % 6),
         "tone": ODD if i % 2 else "sad"}
        for i in range(24) for x in ("day", "song")
    ]  # fmt: skip
    return Tagger(cross_fit(read_corpus(rows, Schema((tone,))), TrainingSettings(folds=2)).model)


class Served:
    """The page as `tagger review` serves it, in a process that can be killed."""

    def __init__(self, store: Path, *arguments: str | Path) -> None:
        command = [sys.executable, "-m", "tagger", "review", "--store", store, *arguments]
        self.process = subprocess.Popen(
            [str(part) for part in command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=\S{32}", self.address), self.address
        self.base = self.address.partition("/?")[0]

    def end(self, kill: bool = False) -> int:
        (self.process.kill if kill else self.process.terminate)()
        code = self.process.wait(20)
        for stream in (self.process.stdout, self.process.stderr):
            if stream:
                stream.close()
        return code


@pytest.fixture(scope="module")
def chrome() -> Iterator[Any]:
    """A real browser without a window."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("no chromium with its chromedriver to look with")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for switch in (
        "headless=new",
        "no-sandbox",
        "disable-gpu",
        "disable-quic",
        "no-first-run",
        "disable-background-networking",
        "disable-component-update",
        "disable-sync",
        "disable-dev-shm-usage",
        "window-size=1280,900",
    ):
        options.add_argument(f"--{switch}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    found = webdriver.Chrome(options, webdriver.ChromeService(driver))
    yield found
    found.quit()
