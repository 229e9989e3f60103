"""Texts as codes of a dictionary: what is compared, gathered and padded is numbers."""

import pyarrow as pa
import pyarrow.compute as pc

from obs2seq.kernel.schema import is_text, is_text_view


def encoded(chunks: pa.ChunkedArray) -> tuple[pa.ChunkedArray, pa.Array]:
    """Return a column's codes (int32, null where a text is) and its texts, each once; it may be in dictionaries."""
    if is_text_view(chunks.type):
        chunks = chunks.cast(pa.large_string())
    if is_text(chunks.type):
        return _split(pc.dictionary_encode(chunks), chunks.type)
    value_type = chunks.type.value_type
    if any(chunk.dictionary.null_count for chunk in chunks.chunks):  # Arrow cannot unify those
        return _split(pc.dictionary_encode(chunks.cast(value_type)), value_type)
    codes, texts = _split(chunks.unify_dictionaries(), value_type)
    return _sorted(codes, texts)


def with_text(texts: pa.Array, text: str) -> tuple[pa.Array, int]:
    """Return texts that hold a text, and its code among them."""
    code = pc.index(texts, pa.scalar(text, texts.type)).as_py()
    if code >= 0:
        return texts, code
    return pa.concat_arrays([texts, pa.array([text], texts.type)]), len(texts)


def longest(texts: pa.Array) -> int:
    """Return the bytes of the longest text."""
    return pc.max(pc.binary_length(texts)).as_py() or 0


def _split(chunks: pa.ChunkedArray, type_: pa.DataType) -> tuple[pa.ChunkedArray, pa.Array]:
    unified = chunks.unify_dictionaries()
    texts = unified.chunk(0).dictionary if unified.num_chunks else pa.array([], type_)
    return pa.chunked_array([chunk.indices.cast(pa.int32()) for chunk in unified.chunks], pa.int32()), texts


def _sorted(codes: pa.ChunkedArray, texts: pa.Array) -> tuple[pa.ChunkedArray, pa.Array]:
    """Order a dictionary that will be seen in the output, each text once, whatever order its chunks came in."""
    unique = pc.unique(texts)
    unique = unique.take(pc.sort_indices(unique))
    places = pc.index_in(texts, unique)
    return pa.chunked_array([places.take(chunk) for chunk in codes.chunks], pa.int32()), unique
