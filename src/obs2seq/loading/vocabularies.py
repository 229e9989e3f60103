"""The texts of a feature, each once."""

from collections.abc import Iterable

import pyarrow as pa

from obs2seq.domain.spec import SequenceSpec
from obs2seq.errors import ConfigurationError


def vocabulary_of(spec: SequenceSpec, output: str, tables: Iterable[pa.Table]) -> list[str]:
    """Return a feature's texts, its pad first, the others by code point.

    Args:
        spec: With the feature.
        output: The feature's output column.
        tables: Hold it, texts in dictionaries.

    Raises:
        ConfigurationError: The column is no feature of texts.
    """
    feature = next((feature for feature in spec.features if feature.output == output), None)
    if feature is None or not isinstance(feature.pad, str):
        raise ConfigurationError("vocabulary", f"expected a feature of texts, found '{output}'")
    words: set[str] = set()
    for table in tables:
        for chunk in table.column(output).chunks:
            words.update(chunk.flatten().unique().to_pylist())
    return [feature.pad, *sorted(words - {feature.pad})]
