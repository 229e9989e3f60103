"""How a run becomes the current version of a Delta table.

The table lies at the dataset's location, so that its readers have one path and its history. A run is first written as
Parquet into a folder of its own, as for Parquet output, and checked; then one transaction puts it into the table, with
the manifest in the commit, and the folder goes. A run that fails before that leaves the table as it was.
"""

import json
import re

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from obs2seq.domain.locations import join
from obs2seq.domain.manifest import CurrentRun, Manifest
from obs2seq.domain.runs import CURRENT, runs_among
from obs2seq.domain.spark_sql import quoted
from obs2seq.errors import ConfigurationError, ConflictError
from obs2seq.ports import SequenceWriter, Storage
from obs2seq.publishing import PublishedDataset
from obs2seq.warehouses.failures import explained

_COMMIT = re.compile(r"_delta_log/(\d+)\.json")
_NEEDS_MAPPING = re.compile(r"[ ,;{}()\n\t=]")
"""Letters that Delta takes in column names only where it maps them."""
_MAPPING = "delta.columnMapping.mode"
_PROPERTIES = f"('{_MAPPING}' = 'name', 'delta.minReaderVersion' = '2', 'delta.minWriterVersion' = '5')"


class DeltaDataset(PublishedDataset):
    """The runs of one dataset that is a Delta table; older ones are the table's history, which VACUUM ends.

    Args:
        storage: Where the log and the small files are read.
        location: The table's folder.
        writer: Reads a finished run's files.
    """

    def __init__(self, storage: Storage, location: str, writer: SequenceWriter) -> None:
        super().__init__(storage, location)
        self._writer = writer

    def current(self) -> CurrentRun | None:
        """Return the run in the newest commit that holds one, or None where there is no table yet."""
        commits = sorted((path for path in self._paths() if _COMMIT.fullmatch(path)), reverse=True)
        return next((run for path in commits if (run := self._run_in(path))), None)

    def manifest(self, run_id: str) -> Manifest | None:
        """Return the manifest of a finished run: staged, or current in the table."""
        staged = super().manifest(run_id)
        if staged:
            return staged
        current = self.current()
        return self._committed(current.manifest) if current and current.run_id == run_id else None

    def is_finished(self, run_id: str) -> bool:
        """Whether the run's data is complete, be it current or not."""
        return self.manifest(run_id) is not None

    def make_current(self, run_id: str, expected_current: CurrentRun | None) -> None:
        """Put a finished run into the table in one transaction; nothing happens where it is there already."""
        found = self.current()
        manifest = self._publishable(run_id, expected_current, found)
        if found and found.run_id == run_id:
            return
        with explained(self.location):
            self._commit(self._writer.read_back(self.run_location(run_id), manifest.files), manifest)
        found = self.current()
        if found is None or found.run_id != run_id:
            # On S3, Delta itself does not tell two drivers apart that commit the same version at the same time.
            raise ConflictError(
                self.location, "expected this run in the table, found another in its place", "run again"
            )

    def withdraw(self, run_id: str, former: CurrentRun | None) -> None:
        """Take back what `make_current` did: put the former run into the table again, or end a table just begun."""
        found = self.current()
        if found is None or found.run_id != run_id or found == former:
            return
        version = _version(found.manifest)
        if former and (manifest := self._committed(former.manifest)):
            with explained(self.location):
                before = SparkSession.active().read.format("delta").option("versionAsOf", version - 1)
                self._commit(before.load(self.location), manifest)
        elif version == 0:
            self._storage.remove(self.location)

    def remove_old_runs(self, keep_runs: int) -> None:  # noqa: ARG002
        """Remove what was staged; leave the table's history to VACUUM."""
        for run_id in runs_among(self._paths()):
            self._remove(run_id)

    def _runs(self) -> dict[str, bool]:
        current = self.current()
        return super()._runs() | ({current.run_id: True} if current else {})

    def _paths(self) -> list[str]:
        paths = [file.path for file in self._storage.list_files(self.location)]
        if CURRENT in paths:
            hint = "name another output_s3_location, or set output_format: parquet"
            raise ConfigurationError(self.location, "expected a Delta table or nothing, found published Parquet", hint)
        return paths

    def require_files(self, manifest: Manifest) -> None:
        """Check what is staged; for what is in the table, Delta answers, and the manifest names no files."""
        if manifest.files:
            super().require_files(manifest)

    def _commit(self, frame: DataFrame, manifest: Manifest) -> None:
        essence = manifest.model_copy(update={"files": ()})
        transaction = frame.write.format("delta").mode("overwrite").option("overwriteSchema", True)
        if any(_NEEDS_MAPPING.search(name) for name in frame.columns):
            self._map_names(frame.sparkSession)
            transaction = transaction.option(_MAPPING, "name")
        transaction.option("userMetadata", essence.to_text()).save(self.location)

    def _map_names(self, session: SparkSession) -> None:
        """Let a table that has mapped no names so far do so from now on, which no overwrite can bring about."""
        if not any(_COMMIT.fullmatch(path) for path in self._paths()):
            return
        table = "delta." + quoted(self.location)
        if session.sql(f"SHOW TBLPROPERTIES {table}").where(F.col("key") == _MAPPING).isEmpty():
            session.sql(f"ALTER TABLE {table} SET TBLPROPERTIES {_PROPERTIES}")

    def _run_in(self, commit: str) -> CurrentRun | None:
        manifest = self._committed(commit)
        if manifest is None:
            return None
        return CurrentRun(
            run_id=manifest.run_id, manifest=commit, previous_run_id=None, published_at=manifest.published_at
        )

    def _committed(self, commit: str) -> Manifest | None:
        """Read the manifest in a commit of the table's log; others' commits hold none."""
        location = join(self.location, commit)
        stored = self._storage.read_text(location)
        for line in stored.text.splitlines() if stored else ():
            text = json.loads(line).get("commitInfo", {}).get("userMetadata")
            if text and '"manifest_version"' in text:
                return Manifest.from_text(text, location)
        return None


def _version(commit: str) -> int:
    return int(commit.removeprefix("_delta_log/").removesuffix(".json"))
