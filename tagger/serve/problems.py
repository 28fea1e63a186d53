"""Errors as problem details (RFC 9457): what was found, what was expected, what to do."""

import json
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """A request that is not answered as it stands.

    Parameters
    ----------
    status : of the answer.
    found, expected, remedy : parts of a sentence: "found F, expected E: R".
    headers : further ones of the answer.
    """

    def __init__(self, status: int, found: str, expected: str, remedy: str, **headers: str) -> None:
        super().__init__(f"found {found}, expected {expected}: {remedy}")
        self.status = status
        self.parts = {"found": found, "expected": expected, "remedy": remedy}
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def response(self) -> Response:
        """Return the answer."""
        about = {"type": "about:blank", "title": HTTPStatus(self.status).phrase}
        body = {**about, "status": self.status, "detail": str(self), **self.parts}
        # What was found may hold lone surrogates, which only an escape can carry.
        return Response(json.dumps(body), self.status, dict(self.headers), MEDIA_TYPE)


def of_library(request: Request, error: Exception) -> Response:
    """Answer a text that the library refuses."""
    return Problem(422, "what cannot be tagged", "a text", str(error)).response()


def of_framework(request: Request, error: Exception) -> Response:
    """Answer a path or a method that is not there."""
    assert isinstance(error, HTTPException)
    found, paths = f"{request.method} {request.url.path}", "a path and method of /openapi.json"
    problem = Problem(error.status_code, found, paths, "see /docs")
    problem.headers.update(error.headers or {})
    return problem.response()


def of_fault(request: Request, error: Exception) -> Response:
    """Answer what should not happen; the server writes the traceback to its log."""
    remedy = "see the server's log, and report it"
    return Problem(500, "a fault of the server", "none", remedy).response()


def of_problem(request: Request, error: Exception) -> Response:
    """Answer a problem."""
    assert isinstance(error, Problem)
    return error.response()
