"""How a run becomes the current version of a Delta table.

The table lies at the dataset's location, so that its readers have one path and its history. A run is first written as
Parquet into a folder of its own, as for Parquet output, and checked; then one transaction puts it into the table, with
the manifest in the commit, and the folder goes. A run that fails before that leaves the table as it was.
"""

import json
import re

from obs2seq.domain.locations import join
from obs2seq.domain.manifest import CurrentRun, Manifest
from obs2seq.domain.runs import CURRENT
from obs2seq.errors import ConfigurationError, ConflictError
from obs2seq.ports import SequenceWriter, Storage
from obs2seq.publishing import PublishedDataset
from obs2seq.warehouses.failures import explained

_COMMIT = re.compile(r"_delta_log/(\d+)\.json")
_NEEDS_MAPPING = re.compile(r"[ ,;{}()\n\t=]")
"""Letters that Delta takes in column names only where it maps them."""


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
        files = [file.path for file in self._storage.list_files(self.location)]
        if CURRENT in files:
            raise ConfigurationError(
                self.location,
                "expected a Delta table or nothing, found published Parquet",
                "name another output_s3_location, or set output_format: parquet",
            )
        commits = sorted((path for path in files if _COMMIT.fullmatch(path)), reverse=True)
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
        if found is None or found.run_id != run_id:
            if found != expected_current:
                raise ConflictError(self.location, "expected the table unchanged, found another run in it", "run again")
            self._commit(self.finished_manifest(run_id))
        self._storage.remove(self.run_location(run_id))

    def remove_old_runs(self, keep_runs: int) -> None:
        """Leave the table's history to VACUUM."""

    def _finished_runs(self) -> list[str]:
        current = self.current()
        return [*super()._finished_runs(), *([current.run_id] if current else [])]

    def _commit(self, manifest: Manifest) -> None:
        self._check_files(manifest)
        essence = manifest.model_copy(update={"files": ()})
        staged = self._writer.read_back(self.run_location(manifest.run_id), manifest.files)
        transaction = staged.write.format("delta").mode("overwrite").option("overwriteSchema", True)
        if any(_NEEDS_MAPPING.search(name) for name in staged.columns):
            transaction = transaction.option("delta.columnMapping.mode", "name")
        with explained(self.location):
            transaction.option("userMetadata", essence.to_text()).save(self.location)

    def _run_in(self, commit: str) -> CurrentRun | None:
        manifest = self._committed(commit)
        return manifest and CurrentRun(
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
