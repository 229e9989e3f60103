"""Where vocabularies are kept: for each column a Parquet file for each that was made, and which one counts.

<column>/<vocabulary>.parquet     columns id and value, by id; named by a hash of what it holds
<column>/_VOCABULARY.json         which one counts, and what it was fitted on; replaced by one atomic write, and there
                                  before the first vocabulary is (see `markers`)
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from obs2seq.domain.locations import join
from obs2seq.domain.manifest import CurrentVocabulary
from obs2seq.domain.vocabularies import FIRST, Vocabulary
from obs2seq.errors import StorageError
from obs2seq.ports import Storage, VersionedText
from obs2seq.storage.filesystems import opened
from obs2seq.storage.markers import begin, kept_names, listed

if TYPE_CHECKING:
    import pyarrow as pa

VOCABULARIES = "_vocabularies"
"""Below the output, unless the settings name another place."""
_CURRENT = "_VOCABULARY.json"
_COLUMN = b"obs2seq.column"
_HINT = "restore the file; without it, no id means what it meant"


class VocabularyFiles:
    """The vocabularies of one column.

    Args:
        storage: The small files.
        location: Where vocabularies are kept.
        column: The column, as settings name it.
    """

    def __init__(self, storage: Storage, location: str, column: str) -> None:
        self._storage, self._location, self._column = storage, location, column
        self._pointer = join(_folder(location, column), _CURRENT)

    def has(self, name: str) -> bool:
        """Whether there is a vocabulary of a name."""
        return bool(self._storage.list_files(vocabulary_path(self._location, self._column, name)))

    def current(self) -> tuple[CurrentVocabulary | None, VersionedText | None]:
        """Return which one counts, and the text that says so; None where none counts, None where there is no text."""
        text = self._storage.read_text(self._pointer)
        if text is None:
            return None, None
        current = CurrentVocabulary.from_text(text.text, self._pointer)
        _require_own(self._column, current.column, self._pointer)
        return None if current.is_begun else current, text

    def require_marker(self) -> None:
        """Raise `StorageError` where there are vocabularies, and nothing says which one counts."""
        if self.current()[1] is not None:
            return
        folder = _folder(self._location, self._column)
        if names := kept_names(self._storage, folder):
            problem = f"expected the file that says which vocabulary of '{self._column}' counts, found none beside "
            hint = (
                "put it back, or pin the vocabulary that manifests of earlier runs name, such as "
                f"vocabularies: {{{self._column}: {names[0]}}}, or remove {folder} to begin with new ids"
            )
            raise StorageError(self._pointer, problem + listed(names), hint)

    def begin(self) -> VersionedText:
        """Say that none counts yet, before the first is written; return the text that says so."""
        return begin(self._storage, self._pointer, self._counts(Vocabulary(self._column), ()))

    def read(self, name: str) -> Vocabulary:
        """Return the vocabulary of a name; see `read_vocabulary`."""
        return read_vocabulary(self._location, self._column, name)

    def write(self, vocabulary: Vocabulary) -> None:
        """Write a vocabulary; one of its name that is there already is the same."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = vocabulary_path(self._location, self._column, vocabulary.digest)
        filesystem, place = opened(path)
        try:
            filesystem.create_dir(opened(_folder(self._location, self._column))[1], recursive=True)
            pq.write_table(_as_table(vocabulary), place, filesystem=filesystem)
        except (OSError, pa.ArrowException) as error:
            raise StorageError(path, "expected to write a vocabulary, found it refused") from error

    def publish(self, vocabulary: Vocabulary, fitted_on: tuple[str, ...], former: VersionedText | None) -> None:
        """Let a vocabulary count that is written; raise `ConflictError` where another does meanwhile."""
        self._storage.replace_text(self._pointer, self._counts(vocabulary, fitted_on), former)

    def _counts(self, vocabulary: Vocabulary, fitted_on: tuple[str, ...]) -> str:
        size = len(vocabulary.values)
        return CurrentVocabulary(
            vocabulary=vocabulary.digest, column=self._column, size=size, fitted_on=fitted_on
        ).to_text()


def vocabulary_path(location: str, column: str, name: str) -> str:
    """Return where a column's vocabulary of a name lies."""
    return join(_folder(location, column), f"{name}.parquet")


def read_vocabulary(location: str, column: str, name: str) -> Vocabulary:
    """Return a column's vocabulary of a name.

    Raises:
        StorageError: It cannot be read, is another column's, or is not what its name says.
    """
    path = vocabulary_path(location, column, name)
    table = _table(path)
    _require_own(column, (table.schema.metadata or {}).get(_COLUMN, b"").decode(), path)
    vocabulary = Vocabulary(column, tuple(_words(table, path)))
    if vocabulary.digest != name:
        raise StorageError(path, f"expected vocabulary {name}, found {vocabulary.digest}", _HINT)
    return vocabulary


def _folder(location: str, column: str) -> str:
    return join(location, quote(column, safe="").replace(".", "%2E"))


def _require_own(column: str, found: str, where: str) -> None:
    if found != column:
        whose = f"that of '{found}'" if found else "one of no column"
        raise StorageError(where, f"expected the vocabulary of column '{column}', found {whose}", _HINT)


def _table(path: str) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    filesystem, place = opened(path)
    try:
        return pq.read_table(place, columns=["id", "value"], filesystem=filesystem, partitioning=None)
    except (OSError, pa.ArrowException) as error:
        raise StorageError(path, "expected a vocabulary that can be read, found otherwise", _HINT) from error


def _words(table: pa.Table, path: str) -> list[str | int]:
    if table.column_names != ["id", "value"] or table.column("id").to_pylist() != _ids(len(table)):
        raise StorageError(path, f"expected ids from {FIRST} on, each once and in order, found others", _HINT)
    words: list[str | int] = table.column("value").to_pylist()
    return words


def _as_table(vocabulary: Vocabulary) -> pa.Table:
    import pyarrow as pa

    type_ = pa.int64() if vocabulary.type == "bigint" else pa.string()
    columns = {
        "id": pa.array(_ids(len(vocabulary.values)), pa.int32()),
        "value": pa.array(vocabulary.values, type_),
    }
    return pa.table(columns).replace_schema_metadata({_COLUMN: vocabulary.column.encode()})


def _ids(count: int) -> list[int]:
    return list(range(FIRST, FIRST + count))
