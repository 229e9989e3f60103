"""What the settings say, in the words of those who carry it out."""

from obs2seq.aws.access import S3Access
from obs2seq.domain.job import Job
from obs2seq.domain.quality import Known
from obs2seq.domain.rule_sets import require_fit
from obs2seq.settings import Settings
from obs2seq.storage.filesystems import tell_region
from obs2seq.storage.references import references


def s3_access(settings: Settings) -> S3Access:
    """Return how the settings go about S3."""
    return S3Access(settings.s3_kms_key, settings.s3_expected_owner, settings.s3_region)


def job(settings: Settings) -> Job:
    """Return what the settings say about the result; files that rules name are read now."""
    require_fit(settings.rules, settings.pupil, settings.output_format)
    for rule in settings.rules:
        if isinstance(rule, Known) and rule.file:
            tell_region(rule.file, settings.s3_region)
    return Job(
        spec=settings.spec,
        subsets=settings.subsets,
        subset_method=settings.subset_method,
        subset_column=settings.subset_column,
        split_salt=settings.split_salt,
        split_times=settings.split_times,
        split_context=settings.split_context,
        split_assignment=settings.split_assignment,
        folds=settings.folds,
        vocabularies=settings.vocabularies,
        vocabulary_location=settings.vocabulary_location,
        columns=settings.columns,
        row_filter=settings.row_filter,
        duplicates=settings.duplicates,
        rules=settings.rules,
        references=references(settings.rules),
        max_quarantined_share=settings.max_quarantined_share,
        policies={name: getattr(settings, name) for name in ("null_pupil", "null_time", "time_out_of_range")},
        pupil_sample=settings.development_share if settings.stage == "development" else None,
        input_format=settings.input_format,
        text_options={"schema": settings.input_schema, **csv_options(settings)},
        output_format=settings.output_format,
        layout=settings.layout,
        compression=settings.compression,
        keep_runs=settings.keep_runs,
        force=settings.force,
    )


def csv_options(settings: Settings) -> dict[str, str | bool]:
    """Name the settings as Spark does. Headers are checked: Spark would otherwise take columns by their place."""
    return {
        "sep": settings.csv_delimiter,
        "quote": settings.csv_quote,
        "escape": settings.csv_escape,
        "header": settings.csv_header,
        "enforceSchema": False,
        "encoding": settings.csv_encoding,
        "nullValue": settings.csv_null_value,
        **timestamp_option(settings),
    }


def timestamp_option(settings: Settings) -> dict[str, str | bool]:
    """Return the pattern of timestamps, as Spark names it; nothing where none is set."""
    return {"timestampFormat": settings.timestamp_format} if settings.timestamp_format else {}
