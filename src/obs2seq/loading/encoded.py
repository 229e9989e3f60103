"""The vocabularies that features are encoded by, read back."""

import os
from urllib.parse import unquote

from obs2seq.domain.locations import join
from obs2seq.domain.validation import nearest
from obs2seq.domain.vocabularies import Word
from obs2seq.errors import DataNotFoundError
from obs2seq.storage.routing import RoutedStorage
from obs2seq.storage.vocabularies import VOCABULARIES, VocabularyFiles


def vocabulary(location: str | os.PathLike[str], column: str, *, name: str | None = None) -> list[Word | None]:
    """Return what ids of an encoded feature stand for: each value at the place that is its id.

    The last one holds those before it: ids of earlier runs mean the same in it.

    Args:
        location: The folder of a job's output, or its `vocabulary_location`. A local path or an `s3://` URI.
        column: The column that the feature encodes.
        name: Of a vocabulary, as `manifest.settings["vocabularies"]` has it. None: the last one.

    Returns:
        Texts or whole numbers from place 3 on; None for padding, null and unknown, at 0, 1 and 2.

    Raises:
        DataNotFoundError: There is none of the column.
        StorageError: It cannot be read, is another column's, or is not what its name says.

    Example:
        >>> vocabulary("out/", "skill")  # doctest: +SKIP
        [None, None, None, 'addition', 'fractions']
    """
    storage, place = RoutedStorage(), os.fspath(location)
    inner = join(place, VOCABULARIES)
    place = inner if storage.list_files(inner) else place
    files = VocabularyFiles(storage, place, column)
    if name is None or not files.has(name):
        current, _ = files.current()
        if current is None:
            known = {unquote(file.path.split("/")[0]) for file in storage.list_files(place) if "/" in file.path}
            hint = nearest(column, known) if known and place == inner else "name the folder of an output, and a column"
            raise DataNotFoundError(place, f"expected a vocabulary of column '{column}', found none", hint)
        name = name or current.vocabulary
    return files.read(name).by_id
