"""What a server is told: where it listens, with what it tags, and what it takes on."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ServeSettings:
    """How a server runs. Plain values, so that they travel to its workers.

    Parameters
    ----------
    model, second_reader : as `tagger.predictor.Tagger.load` takes them.
    host, port : where it listens; port 0 is any that is free.
    workers : how many processes answer.
    max_body_bytes : the longest body of a request.
    max_characters : the longest text in one.
    max_rows : the most sentences or documents in one.
    timeout : the most seconds from a request to its answer.
    queue : the most requests that wait, in each worker, while one is worked on.
    """

    model: str | None = None
    second_reader: str | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    max_body_bytes: int = 8_000_000
    max_characters: int = 200_000
    max_rows: int = 10_000
    timeout: float = 30.0
    queue: int = 64
