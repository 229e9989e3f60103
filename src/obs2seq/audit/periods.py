"""The time that each subset was made of, as its manifest says."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from obs2seq.audit.checks import Period
from obs2seq.audit.facts import time_feature
from obs2seq.domain.padding import DATE_TYPES
from obs2seq.domain.split_times import Instant, limit_of, time_range
from obs2seq.loading.data import SequenceData


def periods_of(data: SequenceData) -> Mapping[str, Period] | None:
    """Return when each subset begins and ends, as values of the time's type; None where time tells no subset."""
    settings = data.manifest.settings
    if settings.get("subset_method") != "time":
        return None
    subsets = [name for name, _ in settings["subsets"]]
    ranges = {name: time_range(settings["split_times"], subsets, name, data.spec.order_by[0]) for name in subsets}
    return {name: (_value(each.first, data), _value(each.end, data)) for name, each in ranges.items()}


def _value(instant: Instant | None, data: SequenceData) -> Any:
    """Return an instant as the time's own values are in Python; as it is where no feature holds them."""
    time = time_feature(data.spec)
    if instant is None or time is None or not isinstance(instant, str):
        return instant
    type_name = data.manifest.columns[time.output].removeprefix("array<").removesuffix(">")
    if type_name in DATE_TYPES:
        return datetime.date(1970, 1, 1) + datetime.timedelta(days=int(limit_of(instant, type_name, time.column)))
    moment = datetime.datetime.fromisoformat(instant)
    return moment.replace(tzinfo=None) if type_name == "timestamp_ntz" else moment
