"""The small file that says which of the files beside it counts, where these are named by a hash of what they hold.

It is there before the first of them is, and says that none counts yet. So a run that dies at any step stops no other,
and files without it mean that it was lost.
"""

import re
from contextlib import suppress

from obs2seq.domain.runs import RUN_ID_PATTERN
from obs2seq.errors import ConflictError
from obs2seq.ports import Storage, VersionedText
from obs2seq.storage.texts import changed_meanwhile

_NAME = re.compile(rf"({RUN_ID_PATTERN})\.parquet")


def begin(storage: Storage, marker: str, text: str) -> VersionedText:
    """Write the marker that no file counts yet, before the first is written; return it as what is to be replaced.

    Raises:
        ConflictError: Another run has one count meanwhile.
    """
    # Who else begins writes the same text; of two, the one that replaces it second meets a conflict.
    with suppress(ConflictError):
        storage.replace_text(marker, text, None)
    begun = storage.read_text(marker)
    if begun is None or begun.text != text:
        raise changed_meanwhile(marker)
    return begun


def kept_names(storage: Storage, folder: str) -> list[str]:
    """Return the hashes that files of a folder are named by, that of the largest first: the last, as they only grow."""
    found = [(file.size, match[1]) for file in storage.list_files(folder) if (match := _NAME.fullmatch(file.path))]
    return [name for _, name in sorted(found, reverse=True)]


def listed(names: list[str]) -> str:
    """Return the names of files, the first and how many more there are."""
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{names[0]}.parquet{more}"
