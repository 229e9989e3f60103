"""Pads as values of their columns, whose types may become known only with the first values."""

from collections.abc import Mapping, Sequence
from typing import Any

from obs2seq.domain.derived import derived_type
from obs2seq.domain.spec import SequenceSpec
from obs2seq.online.values import pad_of


class Pads:
    """One pad a feature.

    Args:
        spec: With the features.
        types: The type of a column by Spark's name, where it is known.

    Raises:
        SpecificationError: A pad is no value of its column's type.
    """

    def __init__(self, spec: SequenceSpec, types: Mapping[str, str]) -> None:
        self._types = types
        self.values = [
            pad_of(feature, derived_type(feature) or types.get(feature.column), None) for feature in spec.features
        ]
        read = {i: feature for i, feature in enumerate(spec.features) if feature.derive is None}
        columns = list(dict.fromkeys(feature.column for feature in read.values()))
        self._open = {i: (feature, columns.index(feature.column)) for i, feature in read.items()}

    def told_by(self, elements: Sequence[Sequence[Any]]) -> dict[int, Any]:
        """Return, by feature, the pads whose type the values of an observation's elements tell for the first time.

        Raises:
            SpecificationError: A pad is no value of the type that its column turns out to have.
        """
        told = {}
        for i, (feature, place) in self._open.items():
            known = (values[place] for values in elements if values[place] is not None)
            if (value := next(known, None)) is not None:
                told[i] = pad_of(feature, self._types.get(feature.column), value)
        return told

    def learn(self, pads: Mapping[int, Any]) -> None:
        """Take over what `told_by` gave."""
        for i, pad in pads.items():
            self.values[i] = pad
            del self._open[i]
