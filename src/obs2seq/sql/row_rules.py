"""The rules that leave a row out, as conditions over the mapped columns; their names, order and meaning are Spark's."""

from obs2seq.domain import rules
from obs2seq.domain.columns import no_time
from obs2seq.domain.spec import SequenceSpec
from obs2seq.domain.splits import ColumnValue, HashRange, Share
from obs2seq.errors import SpecificationError
from obs2seq.sql.column_types import ColumnType
from obs2seq.sql.identifiers import quoted, text_literal
from obs2seq.sql.mapping import MappedColumns

_REPLACEMENT = "\ufffd"
"""What a decoder puts where bytes are no UTF-8."""

_PLAIN_SCALE = 6
"""A decimal with more digits after its point may be written with an exponent."""


def row_rules(
    spec: SequenceSpec, mapped: MappedColumns, keep: str | None, share: Share, *, is_text_input: bool
) -> dict[str, str]:
    """Return a condition by the name of each rule that can leave a row out, in the order in which they are tried.

    Args:
        spec: Names the pupil, the time, and the columns that are read.
        mapped: All columns.
        keep: The rows to keep, as a condition; None: all.
        share: Which rows belong to the subset.
        is_text_input: Whether U+FFFD means bytes that are not UTF-8.

    Raises:
        DataError: The time is neither a timestamp, a date nor a number.
        SpecificationError: Pupils of this type cannot be split by their hash.
    """
    damaged = [f"strpos({quoted(name)}, '{_REPLACEMENT}') > 0" for name in spec.columns if mapped.kind(name) == "text"]
    conditions = {
        rules.FILTER: f"NOT coalesce({keep}, FALSE)" if keep else "",
        rules.NOT_UTF8: " OR ".join(damaged) if is_text_input else "",
        rules.NULL_PUPIL: f"{quoted(spec.pupil)} IS NULL",
        rules.NULL_TIME: f"{quoted(spec.order_by[0])} IS NULL",
        rules.TIME_OUT_OF_RANGE: _is_out_of_range(spec.order_by[0], mapped),
        **_outside(share, spec.pupil, mapped),
    }
    return {rule: condition for rule, condition in conditions.items() if condition}


def _is_out_of_range(time: str, mapped: MappedColumns) -> str:
    kind, column = mapped.kind(time), quoted(time)
    if kind in ("integer", "decimal", "float"):
        return ""
    if kind in ("text", "boolean"):
        raise no_time(time, kind)
    if _has_zone(_type(time, mapped)):
        column = f"{column} AT TIME ZONE 'UTC'"
    return f"year({column}) NOT BETWEEN 1 AND 9999"


def _outside(share: Share, pupil: str, mapped: MappedColumns) -> dict[str, str]:
    """The rules by which a row belongs to no subset, or to another."""
    match share:
        case HashRange():
            return {rules.OTHER_SUBSET: _is_outside(share, pupil, mapped)}
        case ColumnValue():
            subset = f"CAST({quoted(share.column)} AS varchar)"
            known = ", ".join(text_literal(name) for name in share.known)
            return {
                rules.UNKNOWN_SUBSET: f"NOT coalesce({subset} IN ({known}), FALSE)",
                rules.OTHER_SUBSET: f"{subset} <> {text_literal(share.subset)}",
            }
        case _:
            return {}


def _is_outside(share: HashRange, pupil: str, mapped: MappedColumns) -> str:
    _require_one_text(pupil, mapped)
    text = f"{text_literal(f'{share.salt}:')} || CAST({quoted(pupil)} AS varchar)"
    digits = f"substr(lower(to_hex(md5(to_utf8({text})))), 1, {share.digits})"
    below_end = "" if share.end is None else f" AND {digits} < {text_literal(share.end)}"
    return f"NOT ({digits} >= {text_literal(share.first)}{below_end})"


def _require_one_text(pupil: str, mapped: MappedColumns) -> None:
    """Refuse pupils that Spark and Athena write differently: the same pupil would be in two subsets."""
    kind, type_ = mapped.kind(pupil), _type(pupil, mapped)
    is_same = kind in ("integer", "text", "boolean", "date", None) and not (type_ and type_.sql.startswith("char"))
    if kind == "decimal" and type_ is not None:
        is_same = _scale(type_) <= _PLAIN_SCALE
    if not is_same:
        raise SpecificationError(
            "subset_method",
            f"expected pupils that every engine writes as the same text, to split them by its hash, found column "
            f"'{pupil}' of type {type_.sql if type_ else kind}",
            f"map it under columns in the settings to whole numbers or texts, for instance {pupil}: "
            f"CAST({pupil} AS BIGINT), or set subset_method to column or folder",
        )


def _scale(type_: ColumnType) -> int:
    return int(type_.sql.rstrip(")").partition(",")[2])


def _has_zone(type_: ColumnType | None) -> bool:
    return type_ is not None and type_.sql.endswith("with time zone")


def _type(name: str, mapped: MappedColumns) -> ColumnType | None:
    return mapped.types((name,), scalars=(name,)).get(name)
