"""The server does what its OpenAPI description says, whatever it is asked."""

import hypothesis
import pytest

from .conftest import Server

pytest.importorskip("prometheus_client", reason="needs the extra serve")
schemathesis = pytest.importorskip("schemathesis", reason="needs the extra dev")
checks = pytest.importorskip("schemathesis.specs.openapi.checks")


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=lambda m: m.name.lower())
def test_every_answer_is_as_described(server: Server, mode: "schemathesis.GenerationMode") -> None:
    description = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
    n = 0
    for found in description.get_all_operations():
        operation = found.ok()
        negative = mode == schemathesis.GenerationMode.NEGATIVE
        if negative and operation.method == "get":
            continue  # takes nothing that could be wrong

        @hypothesis.settings(
            max_examples=8 if operation.method == "post" else 2,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
        def asked(case: "schemathesis.Case") -> None:
            answer = case.call()
            # What is too long is refused by its size, which schemathesis takes for no refusal.
            known = [checks.negative_data_rejection] if answer.status_code == 413 else []
            case.validate_response(answer, excluded_checks=known)

        asked()
        n += 1
    assert n == (3 if negative else 6)  # but the description itself
