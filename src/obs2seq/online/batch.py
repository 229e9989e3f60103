"""All sequences of one pupil at once."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

from obs2seq.domain.spec import SequenceSpec
from obs2seq.online.derived import Deriver
from obs2seq.online.encoding import Encoder
from obs2seq.online.history import Session, sessions_of
from obs2seq.online.keys import Key, gap_test, is_twin
from obs2seq.online.observations import Observation, ObservationReader, rows_of
from obs2seq.online.pads import Pads
from obs2seq.online.refusals import not_comparable, require_same_pupil, twin
from obs2seq.online.sequences import Row, SequenceMaker
from obs2seq.online.windows import kept_windows

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


def _with_derived(ordered: Sequence[Observation], deriver: Deriver) -> list[tuple[Key, tuple[Any, ...]]]:
    told: list[tuple[Key, tuple[Any, ...]]] = []
    for each in ordered:
        derived = deriver.told_by(each.inputs)
        deriver.note(derived)
        told.append((each.key, each.values + derived.values))
    return told


def _kept(sessions: Sequence[Session], spec: SequenceSpec) -> list[tuple[int, int]]:
    """Return session and window of all sequences that are kept."""
    counts = [kept_windows(session.length, spec) for session in sessions]
    kept = [(session, window) for session, count in enumerate(counts) for window in range(count)]
    most = spec.max_sequences_per_pupil
    return kept if most is None else kept[-most:]
