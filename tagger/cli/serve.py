"""tagger serve: the HTTP API."""

from typing import Any

import click

from tagger.cli import options
from tagger.cli.terminal import say
from tagger.serve.settings import ServeSettings

_DEFAULT = ServeSettings()


@click.command()
@options.model()
@options.second_reader()
@click.option("--host", default=_DEFAULT.host, help=f"Address to listen on. [{_DEFAULT.host}]")
@options.number("--port", _DEFAULT.port, "0 is any that is free.", 0, 65535)
@options.number("--workers", _DEFAULT.workers, "Processes that answer.")
@options.number("--max-body-bytes", _DEFAULT.max_body_bytes, "Longest body of a request.")
@options.number("--max-characters", _DEFAULT.max_characters, "Of one text.")
@options.number("--max-rows", _DEFAULT.max_rows, "Of one request.")
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    default=_DEFAULT.timeout,
    metavar="SECONDS",
    help=f"From a request to its answer. [{_DEFAULT.timeout:g}]",
)
@options.number(
    "--queue", _DEFAULT.queue, "Requests that may wait in each worker; others get 429.", 0
)
def command(**how: Any) -> None:
    """Answer requests of other programs over HTTP (extra serve).

    POST /v1/tag takes an article, /v1/predict many sentences or documents, /v1/explain a
    sentence. GET /health, /metrics, /openapi.json; /docs describes it all. SIGTERM and Ctrl-C
    end it once every open request is answered, with exit code 0.

    \b
    tagger serve
    tagger serve --model models/mine --port 9000 --workers 4
    curl --json '{"text": "Oil rose. It may fall."}' http://127.0.0.1:8000/v1/tag
    """
    with options.needing("serve"):
        from tagger.serve.server import serve
    serve(ServeSettings(**how), say)
