"""Runs statements on Athena: started once, waited for, stopped where nobody waits any longer."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError

from obs2seq.aws.access import ANY_ACCESS, S3Access
from obs2seq.aws.refusals import refusals
from obs2seq.aws.states import RunState, Status, state_of
from obs2seq.aws.waiting import Patience, wait
from obs2seq.errors import StorageError
from obs2seq.warehouses.athena.reasons import failure

logger = logging.getLogger(__name__)

_SERVICE = "Athena"
_STOPPING = Patience(first=1, longest=5, deadline=60)
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 15.0
_ATTEMPTS = 3
"""How often a query is asked that fails for reasons of Athena's own."""


@dataclass(frozen=True)
class QueryPlace:
    """Where queries run."""

    workgroup: str
    database: str
    query_location: str | None = None
    """Where Athena leaves results and its own notes; None: where the workgroup says."""
    deadline_s: float = 3600.0
    access: S3Access = ANY_ACCESS
    """How what queries write is encrypted, and whose the bucket of their results must be."""

    def results(self) -> dict[str, object]:
        """Return how results and data are written, by boto3's names."""
        location = {"OutputLocation": self.query_location} if self.query_location else {}
        owner = {"ExpectedBucketOwner": self.access.expected_owner} if self.access.expected_owner else {}
        key = self.access.kms_key
        encryption = {"EncryptionConfiguration": {"EncryptionOption": "SSE_KMS", "KmsKey": key}} if key else {}
        return {**location, **owner, **encryption}


@dataclass(frozen=True)
class Finished:
    """A query that succeeded."""

    id: str
    engine: str
    """The version of Athena's engine, in Athena's words."""


class AthenaQueries:
    """Runs one statement at a time.

    Args:
        place: Where.
        make_client: Called once, when the first request is made.
        clock: Gives seconds.
        sleep: Lets seconds pass.
    """

    def __init__(
        self,
        place: QueryPlace,
        make_client: Callable[[], Any],
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._place, self._make_client = place, make_client
        self._clock, self._sleep = clock, sleep

    @cached_property
    def _client(self) -> Any:
        return self._make_client()

    def run(
        self, statement: str, run: str, where: str, *, before_another_attempt: Callable[[], None] = lambda: None
    ) -> Finished:
        """Run a statement to its end.

        A request that is sent twice starts one query: the attempt has a token, which names the run.
        Where as many queries run as the account may have, the start waits. A query that fails for a reason that Athena
        itself calls passing is asked again, three times in all.

        Args:
            statement: One statement.
            run: The name of the run that it belongs to.
            where: What it makes, for messages.
            before_another_attempt: Clears what the one before it may have left.

        Raises:
            StorageError: The query could not be started, failed, was cancelled by somebody else, or did not end before
                the deadline; it is stopped then, as it is on Ctrl-C.
            DataError: Some row cannot be computed with.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            query = _Query(self._client, self._place, statement, _token(run), where)
            execution = self._ended(query)
            if execution["Status"]["State"] == "SUCCEEDED":
                return Finished(query.id, execution.get("EngineVersion", {}).get("EffectiveEngineVersion", ""))
            if attempt == _ATTEMPTS or not execution["Status"].get("AthenaError", {}).get("Retryable"):
                break
            logger.warning("%s: query %s failed for a passing reason, asked again", where, query.id)
            before_another_attempt()
        raise failure(where, execution, statement)

    def one_row(self, query: Finished, where: str) -> dict[str, int]:
        """Return the one row of whole numbers that a query gave, by their names."""
        with refusals(where, _SERVICE, quoted=True):
            found = self._client.get_query_results(QueryExecutionId=query.id)["ResultSet"]["Rows"]
        try:
            names, numbers = ([cell["VarCharValue"] for cell in row["Data"]] for row in found)
            return {name: int(number) for name, number in zip(names, numbers, strict=True)}
        except (ValueError, KeyError) as error:
            problem = f"expected one row of counts from query {query.id}, found {max(len(found) - 1, 0)} rows or others"
            raise StorageError(where, problem, "run again") from error

    def _ended(self, query: _Query) -> Any:
        """Wait for the end; stop the query where nobody waits for it any longer."""
        patience = Patience(_FIRST_PAUSE_S, _LONGEST_PAUSE_S, self._place.deadline_s)
        try:
            status = self._wait(query, patience)
        except BaseException:
            query.stop()
            raise
        if status.state is RunState.TIMED_OUT:
            query.stop()
            if query.id:
                self._wait(query, _STOPPING)
            raise StorageError(
                query.where,
                f"expected Athena to finish {query.name} within {self._place.deadline_s / 60:g} minutes, found it "
                f"{status.word}; it was stopped",
                "raise athena_deadline_minutes, or make these sequences with Spark",
            )
        if status.state is RunState.CANCELLED:
            raise StorageError(
                query.where, f"expected Athena to finish {query.name}, found that somebody cancelled it", "run again"
            )
        return query.execution

    def _wait(self, query: _Query, patience: Patience) -> Status:
        def tell(status: Status) -> None:
            logger.info("%s: %s: %s", query.where, query.name, status.word)

        return wait(query.poll, patience, changed=tell, clock=self._clock, sleep=self._sleep)


def _token(run: str) -> str:
    """Name a run, for who reads the account's log, and this attempt alone.

    A token made of the run and its statement would give back the query of an earlier run, whose output has been removed
    since: Athena would run nothing.
    """
    return f"obs2seq-{run}-{uuid.uuid4().hex}"


class _Query:
    """One query: started by the first poll that Athena has room for, looked at by those that follow."""

    def __init__(self, client: Any, place: QueryPlace, statement: str, token: str, where: str) -> None:
        self._client, self._place, self._statement, self._token = client, place, statement, token
        self.where = where
        self.id = ""
        self.execution: Any = {}

    @property
    def name(self) -> str:
        return f"query {self.id}" if self.id else "a query that waits for room"

    def poll(self) -> Status:
        if not self.id:
            self.id = self._started()
            if not self.id:
                return Status(RunState.WAITING, "THROTTLED")
        with refusals(self.where, _SERVICE, quoted=True):
            self.execution = self._client.get_query_execution(QueryExecutionId=self.id)["QueryExecution"]
        word = self.execution["Status"]["State"]
        return Status(state_of(word), word)

    def stop(self) -> None:
        """Stop the query, if Athena still answers; it costs as long as it runs."""
        if not self.id:
            return
        with suppress(StorageError), refusals(self.where, _SERVICE):
            self._client.stop_query_execution(QueryExecutionId=self.id)

    def _started(self) -> str:
        with refusals(self.where, _SERVICE, quoted=True):
            try:
                return str(self._client.start_query_execution(**self._request())["QueryExecutionId"])
            except ClientError as error:
                if error.response["Error"]["Code"] in ("TooManyRequestsException", "ThrottlingException"):
                    return ""
                raise

    def _request(self) -> dict[str, object]:
        place, results = self._place, self._place.results()
        return {
            "QueryString": self._statement,
            "ClientRequestToken": self._token,
            "QueryExecutionContext": {"Database": place.database},
            "WorkGroup": place.workgroup,
            **({"ResultConfiguration": results} if results else {}),
        }
