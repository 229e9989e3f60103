"""How a run's Parquet output becomes what readers find.

A dataset's location holds one folder a run and one pointer:

    run_id=<fingerprint>[-<n>]/_STARTED.json      whose folder it is, until the run is finished
    run_id=<fingerprint>[-<n>]/part-….parquet     the data of one run
    run_id=<fingerprint>[-<n>]/_MANIFEST.json     written once the data is complete: the run is finished
    _CURRENT.json                                 which finished run readers get

(`EmptyFolderDataset` has its claims beside the folders, as `_STARTED/run_id=<fingerprint>[-<n>].json`.)
A run is `run_for`, `clear_leftovers`, then, unless it `is_finished`, `start`, the data and `seal`; then `make_current`
and `remove_old_runs`. Nothing that readers can reach is ever overwritten: a forced rerun of the same fingerprint gets
the next number, from 2, so that what is current stays readable until the new run replaces it. A process that dies at
any step leaves the former output current, and the next run clears up; a run that fails takes back its own. One run at
a time may write a dataset: of two, the one that is overtaken fails, and publishes nothing. As it may go on writing
until it notices, no run ever writes into a folder that another has begun: also what a crash left is removed, not
written anew.
"""

import json
import uuid
from contextlib import suppress

from obs2seq.domain.locations import join
from obs2seq.domain.manifest import CurrentRun, Manifest, published_meanwhile
from obs2seq.domain.runs import (
    CURRENT,
    MANIFEST,
    choose_run,
    claims,
    difference,
    is_of_run,
    run_folder,
    run_number,
    runs_among,
)
from obs2seq.errors import ConfigurationError, ConflictError, DataNotFoundError, StorageError
from obs2seq.ports import Storage, VersionedText

_DELTA_LOG = "_delta_log/"
_HINT = "one run at a time may publish here; run again, and with force if the files are damaged"


class PublishedDataset:
    """The runs of one dataset.

    Args:
        storage: Where its small files are read and written.
        location: The dataset's folder, such as `<output>/train_sequenced_100`.
    """

    def __init__(self, storage: Storage, location: str) -> None:
        self.location = location
        self._storage = storage
        self._pointer = join(location, CURRENT)

    def run_location(self, run_id: str) -> str:
        """Return where the run's data lies, or is to be written."""
        return join(self.location, run_folder(run_id))

    def current(self) -> CurrentRun | None:
        """Return which run readers get, or None where nothing is published yet."""
        return self._parsed(self._storage.read_text(self._pointer))

    def manifest(self, run_id: str) -> Manifest | None:
        """Return the manifest of a finished run, or None of any other."""
        location = self._manifest_location(run_id)
        stored = self._storage.read_text(location)
        return Manifest.from_text(stored.text, location) if stored else None

    def finished_manifest(self, run_id: str) -> Manifest:
        """Return the manifest of a finished run; raise `StorageError` for any other."""
        manifest = self.manifest(run_id)
        if manifest is None:
            problem = "expected the manifest of a finished run, found none"
            raise StorageError(self._manifest_location(run_id), problem, _HINT)
        return manifest

    def is_finished(self, run_id: str) -> bool:
        """Whether the run's data is complete, be it current or not."""
        return self._storage.read_text(self._manifest_location(run_id)) is not None

    def run_for(self, fingerprint: str, *, force: bool = False) -> str:
        """Return the run to make current: the last finished one of this fingerprint, or a new one.

        Args:
            fingerprint: Of all that shapes the result.
            force: Always take a new run.

        Raises:
            ConfigurationError: Output of another format lies here.
        """
        finished = self._finished_runs()
        chosen = choose_run(fingerprint, finished, force=force)
        return chosen if chosen in finished else choose_run(fingerprint, self._runs(), force=True)

    def clear_leftovers(self, run_id: str) -> None:
        """Remove what other runs left that did not finish; if one still goes on, it will fail."""
        for other, is_finished in self._runs().items():
            if not is_finished and other != run_id:
                self.remove_unfinished(other)

    def remove_unfinished(self, run_id: str) -> None:
        """Remove what there is of a run, its claim last: as long as that is there, somebody clears up."""
        self._storage.remove(self.run_location(run_id))
        self._storage.remove(join(self.location, claims(run_id)[1]))

    def start(self, run_id: str) -> str:
        """Claim the folder of a new run; return the claim, or raise `ConflictError` where another has just done so."""
        # Two processes never write the same text, so that `_replace` can tell whose it is.
        claim = json.dumps({"by": uuid.uuid4().hex})
        self._replace(self._claim(run_id), claim, None)
        return claim

    def take_back(self, run_id: str, claim: str) -> None:
        """Remove what there is of a run that failed, unless it is finished, or the claim is no longer there."""
        # Where another process has cleared up, a third may have the folder by now.
        stored = self._storage.read_text(self._claim(run_id))
        if stored is not None and stored.text == claim and not self.is_finished(run_id):
            self.remove_unfinished(run_id)

    def seal(self, manifest: Manifest) -> None:
        """Finish a run, whose data is complete, by writing its manifest.

        Raises:
            LedgerError: The rows do not balance.
            StorageError: The run's folder does not hold exactly the manifest's files; `ConflictError` where another
                process finished this run.
        """
        manifest.ledger.check(manifest.dataset)
        self.require_files(manifest)
        self._replace(self._manifest_location(manifest.run_id), manifest.to_text(), None)
        self._storage.remove(self._claim(manifest.run_id))

    def require_publishable(self, run_id: str, expected_current: CurrentRun | None) -> None:
        """Raise what `make_current` would raise now."""
        self._publishable(run_id, expected_current, self.current())

    def make_current(self, run_id: str, expected_current: CurrentRun | None) -> None:
        """Let readers find this run from now on; nothing happens where they do already.

        Args:
            run_id: A finished run, whose files are checked once more.
            expected_current: What `current` gave when this run began.

        Raises:
            ConflictError: Another run was published meanwhile.
            StorageError: The run is not finished, or its files are damaged.
        """
        stored = self._storage.read_text(self._pointer)
        found = self._parsed(stored)
        manifest = self._publishable(run_id, expected_current, found)
        if not _is(run_id, found):
            self._replace(self._pointer, CurrentRun.of(manifest, found).to_text(), stored)

    def withdraw(self, run_id: str, former: CurrentRun | None) -> None:
        """Take back what `make_current` did, if readers still get this run; what `former` names must still be there."""
        stored = self._storage.read_text(self._pointer)
        if stored is None or not _is(run_id, self._parsed(stored)):
            return
        if former is None:
            self._storage.remove(self._pointer)
        else:
            self._replace(self._pointer, former.to_text(), stored)

    def remove_old_runs(self, keep_runs: int) -> None:
        """Remove the oldest finished runs, so that `keep_runs` stay: the current one, the one before it, the newest.

        Runs whose manifest cannot be understood stay: this version cannot judge them.

        Raises:
            ConfigurationError: `keep_runs` is below 1.
        """
        if keep_runs < 1:
            raise ConfigurationError("keep_runs", f"expected 1 or more, found {keep_runs}")
        current = self.current()
        for run_id in self._others_by_worth(current)[keep_runs - 1 :] if current else ():
            self._remove(run_id)

    def _publishable(self, run_id: str, expected_current: CurrentRun | None, found: CurrentRun | None) -> Manifest:
        if found != expected_current and not _is(run_id, found):
            raise ConflictError(self.location, published_meanwhile(expected_current, found), _HINT)
        manifest = self.finished_manifest(run_id)
        self.require_files(manifest)
        return manifest

    def _others_by_worth(self, current: CurrentRun) -> list[str]:
        """Return the run that readers had before, then the others from the newest: some may never have been current."""
        others = (run_id for run_id in self._finished_runs() if run_id != current.run_id)
        readable = [manifest for run_id in others if (manifest := self._readable_manifest(run_id))]
        before = current.previous_run_id
        readable.sort(key=lambda each: (each.run_id == before, each.instant, run_number(each.run_id)), reverse=True)
        return [manifest.run_id for manifest in readable]

    def _readable_manifest(self, run_id: str) -> Manifest | None:
        with suppress(StorageError):
            return self.manifest(run_id)
        return None

    def _remove(self, run_id: str) -> None:
        # Without its manifest, what a crash leaves of the run is a leftover to clear.
        self._storage.remove(self._manifest_location(run_id))
        self._storage.remove(self.run_location(run_id))

    def require_files(self, manifest: Manifest) -> None:
        """Raise `StorageError` unless exactly the manifest's files, of the sizes it says, lie in the run's folder."""
        location = self.run_location(manifest.run_id)
        aside = manifest.quarantine.files if manifest.quarantine else ()
        expected = {file.path: file.size for file in (*manifest.files, *aside)}
        found = {file.path: file.size for file in self._storage.list_files(location) if is_of_run(file.path)}
        if found != expected:
            raise StorageError(location, difference(expected, found), _HINT)

    def _replace(self, location: str, text: str, expected: VersionedText | None) -> None:
        """Replace the file; a request sent twice meets its own first attempt, which is no conflict."""
        try:
            self._storage.replace_text(location, text, expected)
        except ConflictError:
            found = self._storage.read_text(location)
            if found is None or found.text != text:
                raise

    def _runs(self) -> dict[str, bool]:
        """Return every run here, and whether it is finished."""
        return runs_among(self._paths())

    def _paths(self) -> list[str]:
        """Return all files here; raise `ConfigurationError` where they are output of another format."""
        paths = [file.path for file in self._storage.list_files(self.location)]
        if any(path.startswith(_DELTA_LOG) for path in paths):
            hint = "name another output_s3_location, or set output_format: delta"
            raise ConfigurationError(self.location, "expected published Parquet or nothing, found a Delta table", hint)
        return paths

    def _finished_runs(self) -> list[str]:
        return [run_id for run_id, is_finished in self._runs().items() if is_finished]

    def _claim(self, run_id: str) -> str:
        return join(self.location, claims(run_id)[0])

    def _manifest_location(self, run_id: str) -> str:
        return join(self.run_location(run_id), MANIFEST)

    def _parsed(self, stored: VersionedText | None) -> CurrentRun | None:
        return CurrentRun.from_text(stored.text, self._pointer) if stored else None


def resolve(storage: Storage, location: str) -> tuple[Manifest, str]:
    """Return the manifest of a dataset's current run, and where its data lies.

    Raises:
        DataNotFoundError: Nothing is published at the location.
        StorageError: What is published cannot be read.
    """
    dataset = PublishedDataset(storage, location)
    current = dataset.current()
    if current is None:
        hint = "name the folder of one dataset, such as <output>/train_sequenced_100, and run the job first"
        raise DataNotFoundError(location, f"expected a published dataset, found no {CURRENT}", hint)
    return dataset.finished_manifest(current.run_id), dataset.run_location(current.run_id)


def _is(run_id: str, current: CurrentRun | None) -> bool:
    return current is not None and current.run_id == run_id
