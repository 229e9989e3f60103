"""All sequences of one pupil at once."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from obs2seq.domain.exploding import too_many_elements
from obs2seq.domain.spec import SequenceSpec
from obs2seq.online.derived import Deriver
from obs2seq.online.encoding import Encoder
from obs2seq.online.history import Element, Session, sessions_of
from obs2seq.online.keys import gap_test, is_twin
from obs2seq.online.observations import Observation, ObservationReader, rows_of
from obs2seq.online.pads import Pads
from obs2seq.online.refusals import not_comparable, require_same_pupil, twin
from obs2seq.online.sequences import Row, SequenceMaker
from obs2seq.online.windows import Window, kept_windows, whole_windows, window_of

if TYPE_CHECKING:
    from obs2seq.online.observations import Rows

Duplicates = Literal["keep", "drop", "refuse"]


def sequences_of(
    observations: "Rows", spec: SequenceSpec, types: Mapping[str, str], duplicates: Duplicates, encoder: Encoder
) -> list[Row]:
    """Return one pupil's sequences in order; see `Sequencer.sequences`."""
    rows, arrow_types = rows_of(observations, spec)
    types = arrow_types | dict(types)
    reader, pads = ObservationReader(spec, types, encoder), Pads(spec, types)
    is_gap = gap_test(spec, types.get(spec.order_by[0]))
    read = [reader.read(row) for row in rows]
    for observation in read:
        require_same_pupil(read[0].pupil, observation.pupil)
        pads.learn(pads.told_by(observation.values))
    ordered = _distinct(_in_order(read, spec), duplicates)
    sessions = sessions_of(_with_derived(ordered, Deriver(spec, types)), is_gap)
    _require_room(sessions, spec)
    maker = SequenceMaker(spec, pads.values, reader.feature_columns)
    return [
        maker.make(read[0].pupil, sessions[session], session, window, index)
        for index, (session, window) in enumerate(_kept(sessions, spec))
    ]


def _in_order(observations: list[Observation], spec: SequenceSpec) -> list[Observation]:
    try:
        return sorted(observations, key=lambda observation: observation.key)
    except TypeError as error:
        raise not_comparable(spec) from error


def _distinct(ordered: Sequence[Observation], duplicates: Duplicates) -> Sequence[Observation]:
    """Of twins, which stand side by side, leave the first."""
    if duplicates == "keep":
        return ordered
    distinct = [*ordered[:1], *(later for before, later in pairwise(ordered) if not is_twin(before.key, later.key))]
    if duplicates == "refuse" and len(distinct) < len(ordered):
        raise twin()
    return distinct


def _with_derived(ordered: Sequence[Observation], deriver: Deriver) -> list[Element]:
    elements: list[Element] = []
    for each in ordered:
        derived = deriver.told_by(each.inputs)
        deriver.note(derived)
        elements += each.elements(derived.values)
    return elements


def _kept(sessions: Sequence[Session], spec: SequenceSpec) -> list[tuple[int, Window]]:
    """Return session and window of all sequences that are kept."""
    kept = [(number, window) for number, session in enumerate(sessions) for window in _windows(session, spec)]
    most = spec.max_sequences_per_pupil
    return kept if most is None else kept[-most:]


def _require_room(sessions: Sequence[Session], spec: SequenceSpec) -> None:
    """Raise `DataError` where observations have more elements than a window that is to keep them together."""
    if spec.keeps_together:
        too_many = sum(size > spec.sequence_length for session in sessions for size in session.sizes)
        if too_many:
            raise too_many_elements(too_many, spec)


def _windows(session: Session, spec: SequenceSpec) -> list[Window]:
    if spec.keeps_together:
        return whole_windows(session.sizes, spec)
    return [window_of(i, session.length, spec) for i in range(kept_windows(session.length, spec))]
