"""Opens the store, the model in use and the page, and serves it to this machine alone."""

import secrets
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

import uvicorn

from tagger.errors import DataError, ModelError
from tagger.predictor import Tagger
from tagger.review.desk import Desk
from tagger.review.guard import Guard
from tagger.review.server import Page, in_background
from tagger.review.store import Store
from tagger.review.teach import DONE, Teacher, load_version

HOST = "127.0.0.1"


def open_desk(
    store_path: str | Path, model: str | None, say: Callable[[str], None] = lambda note: None
) -> Desk:
    """Open a store with the version of the model that it says is in use.

    The model that is named is its first version; it is used, and `say` told, where the one in
    use cannot be loaded.

    Raises
    ------
    ConfigError : the file is no store, or one of another schema.
    DataError : the versions of the store come from another model.
    """
    base = Tagger.load(model)
    store = Store(store_path, base.schema)
    first = store.one("SELECT * FROM models ORDER BY id LIMIT 1")
    if first is None:
        number = store.add_model(base.model.id, DONE)
        store.adopt(number, "")
    elif first["hash"] != base.model.id:
        raise DataError(
            f"{store_path}: its versions come from the model {first['hash']}, found "
            f"{base.model.id}: name that one with --model, or another --store"
        )
    try:
        return Desk(store, load_version(store, store.adopted["id"], model))
    except ModelError as error:
        say(f"{error}; until then the model that it was taught from is used, {base.model.id}")
        return Desk(store, base)


def serve(
    desk: Desk,
    paths: Sequence[str],
    model: str | None = None,
    reader: str = "reader",
    port: int = 0,
    ready: Callable[[str], None] = lambda address: None,
    say: Callable[[str], None] = lambda note: None,
) -> None:
    """Serve the page until the process is told to end.

    Parameters
    ----------
    desk : what the page works on.
    paths : files to read in the background.
    model : folder of the model that versions start from, None for the shipped one.
    reader : what a reader is called who has given no name.
    port : 0 for a free one.
    ready : is told the address, which holds the token.
    say : is told what was guessed, skipped or failed.
    """
    listening = socket.socket()
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((HOST, port))
        listening.listen(128)  # before the address is told: who comes early waits
    except OSError as error:
        raise DataError(f"port {port} cannot be used: {error.strerror}") from None
    port, token = listening.getsockname()[1], secrets.token_urlsafe(24)
    page = Page(desk, Teacher(desk, model), reader, say)
    app = Guard(page.app, token, port)
    config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off",
                            server_header=False, timeout_graceful_shutdown=3)  # fmt: skip
    ready(f"http://{HOST}:{port}/?token={token}")
    in_background(lambda: desk.use(desk.tagger), page.say)
    if paths:
        in_background(lambda: page.read_files(paths), page.say)
    uvicorn.Server(config).run(sockets=[listening])
