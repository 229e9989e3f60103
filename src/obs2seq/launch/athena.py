"""Athena: queries, which a run asks one after another and publishes the results of itself."""

from __future__ import annotations

from typing import Any

from obs2seq.aws.refusals import refusals
from obs2seq.aws.states import Status, state_of
from obs2seq.launch.logs import LogFile
from obs2seq.launch.target import Runs

_STATISTICS = {
    "DataScannedInBytes": "{:,} bytes read",
    "QueryQueueTimeInMillis": "{:,} ms in the queue",
    "EngineExecutionTimeInMillis": "{:,} ms of work",
    "TotalExecutionTimeInMillis": "{:,} ms in all",
}


class AthenaRuns(Runs):
    """Queries of Athena; a run's id is the query execution's."""

    def status(self, run_id: str) -> Status:
        execution = self._execution(run_id)
        word = execution["Status"]["State"]
        return Status(state_of(word), word, _reason(execution))

    def cancel(self, run_id: str) -> None:
        with refusals(run_id, "Athena", quoted=True):
            self.clients("athena").stop_query_execution(QueryExecutionId=run_id)

    def log_files(self, run_id: str) -> list[LogFile]:
        """Return what Athena says of the query: it has no driver."""
        execution = self._execution(run_id)
        found = execution.get("Statistics", {})
        told = [form.format(found[name]) for name, form in _STATISTICS.items() if name in found]
        lines = [execution["Status"]["State"], *told, *filter(None, [_reason(execution)])]
        return [LogFile("query", execution.get("WorkGroup", ""), lambda: iter(lines))]

    def _execution(self, run_id: str) -> Any:
        with refusals(run_id, "Athena", quoted=True):
            return self.clients("athena").get_query_execution(QueryExecutionId=run_id)["QueryExecution"]


def _reason(execution: Any) -> str:
    return str(execution["Status"].get("StateChangeReason", ""))
