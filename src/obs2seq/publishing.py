"""How a run's Parquet output becomes what readers find.

A dataset's location holds one folder a run and one pointer:

    run_id=<fingerprint>[-<n>]/part-….parquet     the data of one run
    run_id=<fingerprint>[-<n>]/_MANIFEST.json     written once the data is complete: the run is finished
    _CURRENT.json                                 which finished run readers get

A run is `run_for`, `clear_leftovers`, then, unless it `is_finished`, the data and `seal`; then `make_current` and
`remove_old_runs`. Nothing that readers can reach is ever overwritten: a forced rerun of the same fingerprint gets the
next number, from 2, so that what is current stays readable until the new run replaces it. A process that dies at any
step leaves the former output current, and the next run clears up. One run at a time may write a dataset: of two, the
one that is overtaken fails, and publishes nothing.
"""

from contextlib import suppress

from obs2seq.domain.files import is_hidden
from obs2seq.domain.locations import join
from obs2seq.domain.manifest import CurrentRun, Manifest
from obs2seq.domain.runs import CURRENT, MANIFEST, choose_run, difference, run_folder, run_number, runs_among
from obs2seq.errors import ConfigurationError, ConflictError, DataNotFoundError, StorageError
from obs2seq.ports import Storage, VersionedText

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
        """
        return choose_run(fingerprint, self._finished_runs(), force=force)

    def clear_leftovers(self, run_id: str) -> None:
        """Remove what runs left that did not finish, and so the folder of this run unless it is finished."""
        runs = {run_id: False} | self._runs()
        for leftover in [run for run, is_finished in runs.items() if not is_finished]:
            self._storage.remove(self.run_location(leftover))

    def seal(self, manifest: Manifest) -> None:
        """Finish a run, whose data is complete, by writing its manifest.

        Raises:
            LedgerError: The rows do not balance.
            StorageError: The run's folder does not hold exactly the manifest's files; `ConflictError` where another
                process finished this run.
        """
        manifest.ledger.check(manifest.dataset)
        self._check_files(manifest)
        self._replace(self._manifest_location(manifest.run_id), manifest.to_text(), None)

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
        is_current = found is not None and found.run_id == run_id
        if found != expected_current and not is_current:
            raise ConflictError(self._pointer, _published_meanwhile(expected_current, found), _HINT)
        manifest = self.finished_manifest(run_id)
        self._check_files(manifest)
        if not is_current:
            self._replace(self._pointer, _pointer_to(manifest, found).to_text(), stored)

    def remove_old_runs(self, keep_runs: int) -> None:
        """Remove the oldest finished runs, so that `keep_runs` stay, the current one among them.

        Runs whose manifest cannot be understood stay: this version cannot judge them.

        Raises:
            ConfigurationError: `keep_runs` is below 1.
        """
        if keep_runs < 1:
            raise ConfigurationError("keep_runs", f"expected 1 or more, found {keep_runs}")
        current = self.current()
        if current is None:
            return
        for run_id in self._others_from_newest(current.run_id)[keep_runs - 1 :]:
            # Without its manifest, what a crash leaves of the run is a leftover to clear.
            self._storage.remove(self._manifest_location(run_id))
            self._storage.remove(self.run_location(run_id))

    def _others_from_newest(self, current: str) -> list[str]:
        manifests = [self._readable_manifest(run_id) for run_id in self._finished_runs() if run_id != current]
        readable = [manifest for manifest in manifests if manifest]
        readable.sort(key=lambda manifest: (manifest.instant, run_number(manifest.run_id)), reverse=True)
        return [manifest.run_id for manifest in readable]

    def _readable_manifest(self, run_id: str) -> Manifest | None:
        location = self._manifest_location(run_id)
        stored = self._storage.read_text(location)
        if stored:
            with suppress(StorageError):
                return Manifest.from_text(stored.text, location)
        return None

    def _check_files(self, manifest: Manifest) -> None:
        """Raise `StorageError` unless exactly the manifest's files lie in the run's folder."""
        location = self.run_location(manifest.run_id)
        expected = {file.path: file.size for file in manifest.files}
        found = {file.path: file.size for file in self._storage.list_files(location) if not is_hidden(file.path)}
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
        return runs_among(file.path for file in self._storage.list_files(self.location))

    def _finished_runs(self) -> list[str]:
        return [run_id for run_id, is_finished in self._runs().items() if is_finished]

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


def _pointer_to(manifest: Manifest, previous: CurrentRun | None) -> CurrentRun:
    return CurrentRun(
        run_id=manifest.run_id,
        manifest=join(run_folder(manifest.run_id), MANIFEST),
        previous_run_id=previous.run_id if previous else None,
        published_at=manifest.published_at,
    )


def _published_meanwhile(expected: CurrentRun | None, found: CurrentRun | None) -> str:
    before, now = (f"run {current.run_id}" if current else "no run" for current in (expected, found))
    return f"expected {before} to be current still, found {now}: another run published meanwhile"
