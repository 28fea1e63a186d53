"""tagger serve: the HTTP API."""

from typing import Any

import click

from tagger.cli import options
from tagger.cli.terminal import say
from tagger.errors import ConfigError
from tagger.serve.settings import ServeSettings

_DEFAULT = ServeSettings()


@click.command()
@options.model()
@options.second_reader()
@click.option("--host", default=_DEFAULT.host, help=f"Address to listen on. [{_DEFAULT.host}]")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=_DEFAULT.port,
    metavar="N",
    help=f"0 is any that is free. [{_DEFAULT.port}]",
)
@click.option(
    "--workers", type=click.IntRange(1), default=1, metavar="N", help="Processes that answer. [1]"
)
@options.n_bytes("--max-body-bytes", _DEFAULT.max_body_bytes, "Longest body of a request.")
@click.option(
    "--max-characters",
    type=click.IntRange(1),
    default=_DEFAULT.max_characters,
    metavar="N",
    help=f"Of one text. [{_DEFAULT.max_characters}]",
)
@click.option(
    "--max-rows",
    type=click.IntRange(1),
    default=_DEFAULT.max_rows,
    metavar="N",
    help=f"Of one request. [{_DEFAULT.max_rows}]",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    default=_DEFAULT.timeout,
    metavar="SECONDS",
    help=f"From a request to its answer. [{_DEFAULT.timeout:g}]",
)
@click.option(
    "--queue",
    type=click.IntRange(0),
    default=_DEFAULT.queue,
    metavar="N",
    help=f"Requests that may wait in each worker; others get 429. [{_DEFAULT.queue}]",
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
    try:
        from tagger.serve.server import serve
    except ImportError as error:
        if (error.name or "").partition(".")[0] == "tagger":
            raise
        raise ConfigError(
            f"tagger serve needs {error.name}: pip install 'claim-tagger[serve]'"
        ) from None
    serve(ServeSettings(**how), say)
