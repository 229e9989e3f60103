"""What looks at a run before it is published."""

from collections.abc import Sequence

from obs2seq.domain.audit import leaked, look_aheads, require_targets
from obs2seq.ports import FinishedRun, Inspection, Storage
from obs2seq.settings import Settings


def inspections(settings: Settings, storage: Storage) -> Sequence[Inspection]:
    """Return what the settings ask for; raise for a leak that the settings alone show."""
    require_targets(settings.spec, settings.targets)
    if settings.audit == "off":
        return ()
    if settings.audit == "fail" and (leaks := list(look_aheads(settings.spec, settings.targets))):
        raise leaked(leaks)

    def audited(runs: Sequence[FinishedRun]) -> None:
        from obs2seq.audit.inspection import AuditInspection

        AuditInspection(storage, settings.targets, is_strict=settings.audit == "fail")(runs)

    return (audited,)
