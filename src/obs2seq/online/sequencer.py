"""The sequencer for one pupil, as it serves a model: all sequences at once, or the newest after each observation."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from obs2seq.domain.exploding import require_cuts_allowed
from obs2seq.domain.spec import SequenceSpec
from obs2seq.errors import ConfigurationError
from obs2seq.online.batch import Duplicates, sequences_of
from obs2seq.online.derived import Deriver
from obs2seq.online.encoding import Encoder, Vocabularies
from obs2seq.online.exploding import element_types
from obs2seq.online.history import Element, History
from obs2seq.online.keys import Key, gap_test, is_twin
from obs2seq.online.observations import Observation, ObservationReader
from obs2seq.online.pads import Pads
from obs2seq.online.refusals import late, late_for_derived, not_comparable, require_same_pupil, too_late, twin
from obs2seq.online.sequences import Row, SequenceMaker
from obs2seq.online.windows import kept_windows, window_of

if TYPE_CHECKING:
    from obs2seq.online.observations import Rows


class Sequencer:
    """One pupil's sequences, the same as the batch makes of the same observations.

    It knows one pupil: hold one for each pupil that is served. It may move between threads, but not be shared by them.

    Args:
        spec: What to make; see `SequenceSpec`.
        types: The types of columns by Spark's names, as far as they are known, such as `{"correct": "int"}`. Values
            and pads are then exactly those of the batch, and other values are refused; without, values come out as
            they came in, and pads take the type of the first value of their column. Of the column that is exploded,
            an array's or a text's type, or that of the elements.
        late: What becomes of an observation that is pushed after one that it comes before in the order. `insert`: it
            takes its place, as in the batch, or is refused where that lies before all that is kept, and where features
            are derived, whose later values it would change. `refuse`: it is refused.
        duplicates: What becomes of observations that are alike in every column that is read. `keep` and `drop` are
            those of the batch's settings; `refuse` raises. When pushing, a twin is known as long as it is kept.
        keep_at_least: How many observations to keep for late ones to find their place, where windows need fewer; of
            those that are exploded, each element counts.
        vocabularies: By column, for features with `encode`: each value at the place that is its id, as
            `obs2seq.vocabulary` returns it.

    Raises:
        ConfigurationError: An argument is none of those, or a vocabulary is missing.
        SpecificationError: A pad is no value of its column's type, or sessions cannot be measured by the time's type.

    Example:
        >>> spec = SequenceSpec(order_by=["at"], sequence_length=3, features=[{"name": "c", "column": "c", "pad": -1}])
        >>> sequencer = Sequencer(spec)
        >>> sequencer.push({"pupilid": 7, "at": 1, "c": 0})
        >>> sequencer.push({"pupilid": 7, "at": 2, "c": 1})
        >>> sequencer.latest()["c_sequence"]
        [0, 1, -1]
    """

    def __init__(
        self,
        spec: SequenceSpec,
        *,
        types: Mapping[str, str] | None = None,
        late: Literal["insert", "refuse"] = "insert",
        duplicates: Duplicates = "keep",
        keep_at_least: int = 0,
        vocabularies: Vocabularies | None = None,
    ) -> None:
        _require("late", late, ("insert", "refuse"))
        _require("duplicates", duplicates, ("keep", "drop", "refuse"))
        self._spec = SequenceSpec.model_validate(spec)
        self._types = element_types(self._spec, types or {})
        self._takes_late, self._duplicates = late == "insert", duplicates
        self._encoder = Encoder(self._spec, vocabularies or {})
        self._reader = ObservationReader(self._spec, self._types, self._encoder)
        self._pads = Pads(self._spec, self._types)
        self._deriver = Deriver(self._spec, self._types)
        is_gap = gap_test(self._spec, self._types.get(self._spec.order_by[0]))
        self._history = History(self._spec, is_gap, keep_at_least)
        self._pupil: Any = None
        self._maker = self._new_maker()

    def sequences(self, observations: "Rows") -> list[Row]:
        """Return all sequences of one pupil's observations; what was pushed plays no part in it.

        Args:
            observations: Dictionaries, or an Arrow table, in any order; an empty one gives no sequences.

        Returns:
            One dictionary a sequence in the order of `sequence_index`, with `spec.outputs` as keys: the pupil, numbers,
            and lists of `spec.sequence_length` of Python's own values, without None.

        Raises:
            DataError: A column is missing, a value is none of its column's, there is more than one pupil, or there are
                twins where these are refused.
            SpecificationError: A pad is no value of its column's type.
        """
        return sequences_of(observations, self._spec, self._types, self._duplicates, self._encoder)

    def push(self, observation: Mapping[str, Any]) -> None:
        """Take one more observation of the pupil. Where it is refused, nothing has changed.

        Memory holds what the newest window is made of, or `keep_at_least` observations, a few times over at most.

        Raises:
            ConfigurationError: Windows are to keep exploded observations together; `sequences` does.
            DataError: A column is missing, a value is none of its column's, it is another pupil's, or it is refused as
                late or as a twin.
            SpecificationError: A pad is no value of its column's type, as the column's first value tells it.
        """
        require_cuts_allowed(self._spec, "observations are pushed one by one", "make all sequences of them at once")
        read = self._reader.read(observation)
        last = self._history.last_key
        if last is not None:
            require_same_pupil(self._pupil, read.pupil)
        try:
            if self._is_taken(read, last):
                self._take(read, last)
        except TypeError as error:
            raise not_comparable(self._spec) from error

    def latest(self) -> Row | None:
        """Return the last of the sequences that the batch would make of all that was pushed, or None where it has none.

        It is a view of now: with `align: end`, a positive shift or `max_sequences_per_pupil`, later observations change
        what the window of this `sequence_index` holds.
        """
        newest = self._history.newest()
        if newest is None:
            return None
        index, session, total = newest
        most = self._spec.max_sequences_per_pupil or total
        window = window_of(kept_windows(session.length, self._spec) - 1, session.length, self._spec)
        return self._maker.make(self._pupil, session, index, window, min(total, most) - 1)

    def _is_taken(self, read: Observation, last: Key | None) -> bool:
        """Whether an observation is to be placed; raise `DataError` where it is refused."""
        if last is None:
            return True
        is_late = read.key[0] < last[0]
        if self._duplicates != "keep" and any(is_twin(key, read.key) for key in self._around(read.key, last)):
            if self._duplicates == "refuse":
                raise twin()
            return False
        if is_late and not self._takes_late:
            raise late()
        return True

    def _around(self, key: Key, last: Key) -> list[Key]:
        return [last] if key >= last else self._history.neighbours(key)

    def _take(self, read: Observation, last: Key | None) -> None:
        pads, derived = self._pads.told_by(read.values), self._deriver.told_by(read.inputs)
        self._place(read.elements(derived.values), last)
        self._deriver.note(derived)
        self._pupil = read.pupil
        if pads:
            self._pads.learn(pads)
            self._maker = self._new_maker()

    def _place(self, elements: list[Element], last: Key | None) -> None:
        if last is None or elements[0].key >= last:
            self._history.append(elements)
        elif self._deriver.inputs:
            raise late_for_derived()
        elif not self._history.insert(elements):
            raise too_late(self._history.n_kept)

    def _new_maker(self) -> SequenceMaker:
        return SequenceMaker(self._spec, tuple(self._pads.values), self._reader.feature_columns)


def _require(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ConfigurationError(name, f"expected {' or '.join(allowed)}, found {value!r}")
