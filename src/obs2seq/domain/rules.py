"""The rules that leave an observation out of a subset's output, by the names that the ledger gives them."""

NOT_SAMPLED = "not_sampled"
FILTER = "filter"
NOT_UTF8 = "not_utf8"
NULL_PUPIL = "null_pupil"
NULL_TIME = "null_time"
TIME_OUT_OF_RANGE = "time_out_of_range"
UNKNOWN_SUBSET = "unknown_subset"
OTHER_SUBSET = "other_subset"
CONTEXT = "context"
"""Counts as `other_subset`, where the observation is new, and yet the observation goes into sequences."""
DUPLICATE = "duplicate"
MIN_LENGTH = "min_length"
MAX_SEQUENCES = "max_sequences_per_pupil"

MEANINGS = {
    NOT_SAMPLED: "the pupil is not in the sample of stage development",
    FILTER: "row_filter is not true",
    NOT_UTF8: "a text column holds bytes that are not UTF-8",
    NULL_PUPIL: "the pupil is null",
    NULL_TIME: "the time is null",
    TIME_OUT_OF_RANGE: "the time lies outside the years 1 to 9999",
    UNKNOWN_SUBSET: "the subset column holds none of the configured subsets",
    OTHER_SUBSET: "it belongs to another subset",
    DUPLICATE: "the same pupil, order keys and values stand in another row",
    MIN_LENGTH: "its sequence has fewer observations than min_length",
    MAX_SEQUENCES: "its sequence is not among the pupil's last max_sequences_per_pupil",
}

BEFORE_SETTINGS = (
    NOT_SAMPLED,
    FILTER,
    NOT_UTF8,
    NULL_PUPIL,
    NULL_TIME,
    TIME_OUT_OF_RANGE,
    UNKNOWN_SUBSET,
    OTHER_SUBSET,
)
"""The rules that leave a row out before those of the settings are tried on it."""

HINTS = {
    NOT_UTF8: "set csv_encoding to the file's own encoding, or convert the file",
    NULL_PUPIL: "set null_pupil: leave_out to leave such rows out and count them",
    NULL_TIME: "set null_time: leave_out to leave such rows out and count them",
    TIME_OUT_OF_RANGE: "set time_out_of_range: leave_out to leave such rows out and count them",
}
"""What a user can do where a rule stops the run."""


def meaning(rule: str) -> str:
    """Say what a rule found: one that is built in, or one of the settings, by its name."""
    return MEANINGS.get(rule, f"the rule '{rule}' is broken")


def noted_as(rule: str) -> str:
    """Say what became of rows that a rule noticed: it kept them, and yet a later one may have left some out."""
    return "kept, but noted" if rule in MEANINGS else "noted"
