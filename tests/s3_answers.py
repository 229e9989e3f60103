"""Answers of S3 that its stand-in does not give by itself."""

from collections.abc import Callable
from typing import Any

import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.responses import S3Response

OWNER = DEFAULT_ACCOUNT_ID
"""Whose buckets the stand-in's are."""

Answer = tuple[int, dict[str, str], str]


def refusal(status: int, code: str, headers: dict[str, str] | None = None) -> Answer:
    """Return an answer that refuses."""
    return status, dict(headers or {}), f"<Error><Code>{code}</Code><Message>no</Message></Error>"


def answer_instead(monkeypatch: pytest.MonkeyPatch, choose: Callable[[Any], Answer | None]) -> None:
    """Let the stand-in give the answer that is chosen for a request; its own where that is None."""
    for name in ("_bucket_response", "_key_response"):
        respond = getattr(S3Response, name)

        def answer(self: S3Response, request: Any, *rest: Any, respond: Callable[..., Any] = respond) -> Any:
            return choose(request) or respond(self, request, *rest)

        monkeypatch.setattr(S3Response, name, answer)


def let_owners_count(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str | None]]:
    """Deny access to buckets of other owners than expected, as S3 does; return method and owner of each request."""
    said: list[tuple[str, str | None]] = []

    def choose(request: Any) -> Answer | None:
        expected = request.headers.get("x-amz-expected-bucket-owner")
        said.append((request.method, expected))
        return None if expected in (None, OWNER) else refusal(403, "AccessDenied")

    answer_instead(monkeypatch, choose)
    return said
