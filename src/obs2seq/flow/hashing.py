"""The pupil's hash, which subsets and folds are told by."""

from pyspark.sql import Column
from pyspark.sql import functions as F

from obs2seq.domain.splits import DIGITS


def leading_digits(salt: str, pupil: Column) -> Column:
    """Return the leading hexadecimal digits of MD5 over `<salt>:<pupil as text>`."""
    text = F.concat(F.lit(f"{salt}:"), pupil.cast("string"))
    return F.substring(F.md5(text.cast("binary")), 1, DIGITS)
