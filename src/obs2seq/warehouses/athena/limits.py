"""What Athena does not read or write, refused by what the settings say."""

from obs2seq.domain.job import Job
from obs2seq.domain.locations import bucket_and_key, is_s3
from obs2seq.errors import ConfigurationError


def require_parquet(job: Job) -> None:
    """Raise `ConfigurationError` where output of another format is wanted."""
    if job.output_format != "parquet":
        raise ConfigurationError(
            "output_format",
            f"expected parquet, which is what Athena unloads, found {job.output_format}",
            "set output_format: parquet, or make the Delta table with MODE=emr or MODE=local",
        )


def require_production(job: Job) -> None:
    """Raise `ConfigurationError` where only a sample of the pupils is wanted: Athena would scan them all."""
    if job.pupil_sample is not None:
        raise ConfigurationError(
            "stage",
            "expected production where Athena computes, found development",
            "set stage: production, or develop with MODE=local and engine: arrow or spark",
        )


def require_split(job: Job) -> None:
    """Raise `ConfigurationError` for a split that is not written in SQL."""
    hint = "leave it out, or set MODE=emr or MODE=local"
    if job.subset_method in ("time", "stratified"):
        problem = f"expected auto, folder, column or hash where Athena computes, found {job.subset_method}"
        raise ConfigurationError("subset_method", problem, hint)
    if job.folds is not None:
        raise ConfigurationError("folds", f"expected none where Athena computes, found {job.folds}", hint)


def require_no_rules(job: Job) -> None:
    """Raise `ConfigurationError` where the settings have quality rules."""
    if job.rules:
        names = ", ".join(rule.name for rule in job.rules)
        problem = f"expected none where Athena computes, which tries no quality rules, found {names}"
        raise ConfigurationError(
            "rules", problem, "leave out with row_filter what has to go, or set MODE=emr or MODE=local"
        )


def s3_location(location: str) -> str:
    """Return an S3 location without a slash at its end; raise `ConfigurationError` for any other."""
    if not is_s3(location):
        raise ConfigurationError(
            location,
            "expected s3://<bucket>/<folder>, which Athena reads and writes, found a local path",
            "set MODE=local to run on this machine",
        )
    bucket_and_key(location)
    return location.rstrip("/")


def require_one_table(location: str, *, has_own_folder: bool) -> None:
    """Raise `ConfigurationError` where a table is named, and each subset lies in a folder of its own."""
    if has_own_folder:
        raise ConfigurationError(
            "athena_table",
            f"expected subsets that a column or a hash tells apart, found a folder for each at {location}",
            "set subset_method to column or hash, or leave athena_table out",
        )
