"""Which columns a reader asks for, by the names that people use."""

from collections.abc import Iterable, Sequence

from obs2seq.domain.spec import IS_NEW, IS_PAD, SequenceSpec
from obs2seq.domain.validation import nearest
from obs2seq.errors import ConfigurationError

_SUFFIX = "_sequence"


def asked_columns(spec: SequenceSpec, asked: Sequence[str] | None, others: Sequence[str] = ()) -> dict[str, str]:
    """Return the output column for each name asked for.

    Args:
        spec: Of the sequences.
        asked: Output columns, or their names without `_sequence` where that is no output column itself, such as
            `correct` and `is_pad`. None: every feature and both masks.
        others: Output columns beside the contract's, such as `fold`.

    Raises:
        ConfigurationError: There is no such column, or nothing is asked for.
    """
    if isinstance(asked, str):
        raise ConfigurationError("columns", f"expected a list of names, found '{asked}'", f"write ['{asked}']")
    if asked is not None and not asked:
        raise ConfigurationError("columns", "expected at least one name, found none")
    names = _all_arrays(spec) if asked is None else asked
    return {name: _output(name, (*spec.outputs, *others)) for name in names}


def is_mask(output: str) -> bool:
    """Whether an output column is one of the masks."""
    return output in (IS_PAD, IS_NEW)


def _all_arrays(spec: SequenceSpec) -> Iterable[str]:
    for output in (*(feature.output for feature in spec.features), IS_PAD, IS_NEW):
        short = output.removesuffix(_SUFFIX)
        yield output if short in spec.outputs else short


def _output(name: str, outputs: Sequence[str]) -> str:
    for output in (name, f"{name}{_SUFFIX}"):
        if output in outputs:
            return output
    known = {output.removesuffix(_SUFFIX) for output in outputs}
    raise ConfigurationError("columns", f"expected columns of the sequences, found '{name}'", nearest(name, known))
