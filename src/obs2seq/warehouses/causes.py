"""What Spark's words mean to the user whose job failed: Spark 3.5 and 4 say the same things differently."""

from obs2seq.errors import ConfigurationError, DataError, StorageError
from obs2seq.warehouses.cause import Cause
from obs2seq.warehouses.s3a_causes import S3A_CAUSES

_SETTINGS: tuple[Cause, ...] = (
    Cause(
        r"INVALID_PARAMETER_VALUE\.CHARSET",
        ConfigurationError,
        "expected a csv_encoding that Spark reads, found another",
        "set spark: {spark.sql.legacy.javaCharsets: true} to read all that Java knows, or convert the files to UTF-8",
    ),
    Cause(
        r"DATETIME_PATTERN_RECOGNITION|INVALID_DATETIME_PATTERN|Illegal pattern character|Too many pattern letters"
        r"|Unrecognized datetime pattern|Fail to recognize '[^\n]*' pattern",
        ConfigurationError,
        "expected Spark's letters for dates and times in timestamp_format and under columns, found others",
        "write it like dd.MM.yyyy HH:mm",
    ),
)

_TABLES: tuple[Cause, ...] = (
    Cause(
        r"DELTA_[A-Z_]*(?:UNSUPPORTED_FEATURE|PROTOCOL_VERSION)",
        DataError,
        "expected a Delta table of features that this version of Delta knows, found newer ones",
        "drop the features from the table, or run on a newer Spark",
    ),
    Cause(
        r"while reading file \S*/_delta_log/|VersionNotFoundException|Versions .*are not contiguous"
        r"|DELTA_(?:VERSIONS_NOT_CONTIGUOUS|LOG_FILE_NOT_FOUND|TRUNCATED|STATE_RECOVER|MISSING|NO_RECREATABLE)",
        DataError,
        "expected a Delta table whose log is whole, found it damaged or with gaps",
        "restore the files below _delta_log",
    ),
)

# What is said of a record comes before what is said of its file.
_RECORDS: tuple[Cause, ...] = (
    Cause(
        r"MALFORMED_RECORD_IN_PARSING|Malformed records are detected|_CORRUPT_RECORD|CANNOT_PARSE_JSON_FIELD",
        DataError,
        "expected every record to be one line that fits the columns' types, found one that does not",
        "set input_schema to types that all records fit (string fits all), and convert under columns",
    ),
    Cause(
        r"CSV header does not conform|Number of column in CSV header",
        DataError,
        "expected the same header in every CSV file, and the columns of input_schema where it is set, found another",
        "name files of one kind alone, or correct input_schema",
    ),
)

_TYPES: tuple[Cause, ...] = (
    Cause(
        r"TIMESTAMP\(NANOS",
        DataError,
        "expected times in milliseconds or microseconds, found nanoseconds",
        "write them in microseconds (pandas: to_parquet(..., coerce_timestamps='us')), or set spark: "
        "{spark.sql.legacy.parquet.nanosAsLong: true} and map timestamp_micros(<column> div 1000) under columns",
    ),
    Cause(
        r"Illegal Parquet type|PARQUET_TYPE_|UNSUPPORTED_TIME_TYPE|DECIMAL_PRECISION_EXCEEDS_MAX|LogicalType\$_Fields"
        r"|Parquet type not (?:yet )?supported|Unrecognized Parquet type",
        DataError,
        "expected columns of types that Spark reads, found another type",
        "write the column as a number, a boolean, text, a date or a timestamp, or leave it out of the files",
    ),
    Cause(
        r"COLUMN_ALREADY_EXISTS|AMBIGUOUS_REFERENCE|[Dd]uplicate field\(s\)|[Dd]uplicate column",
        DataError,
        "expected column names that differ in more than case, found one twice",
        "rename the column in the files",
    ),
)

FAILED_EXPRESSION = Cause(
    r"CAST_INVALID_INPUT|CAST_OVERFLOW|CANNOT_PARSE_TIMESTAMP|CANNOT_PARSE_DECIMAL|DIVIDE_BY_ZERO|REMAINDER_BY_ZERO"
    r"|ARITHMETIC_OVERFLOW|NUMERIC_VALUE_OUT_OF_RANGE|INVALID_ARRAY_INDEX|INVALID_INDEX_OF_ZERO|MAP_KEY_DOES_NOT_EXIST"
    r"|DATETIME_FIELD_OUT_OF_BOUNDS|DATETIME_OVERFLOW|INTERVAL_.*OVERFLOW|INVALID_PARAMETER_VALUE"
    r"|PARSE_DATETIME_BY_NEW_PARSER|Spark(?:Arithmetic|DateTime|Upgrade|NumberFormat|ArrayIndexOutOfBounds)Exception"
    r"|PatternSyntaxException|USER_RAISED_EXCEPTION|java\.lang\.RuntimeException: [^\t]*\tat org\.apache\.spark\."
    r"sql\.catalyst\.expressions\.",
    DataError,
    "expected every row to have a value under columns, row_filter and rules, found one for which an expression fails",
    "use try_cast, try_divide or try_to_timestamp, which give null instead",
)
"""A row for which an expression of the settings has no value."""

_VALUES: tuple[Cause, ...] = (
    Cause(
        r"(?:READ|WRITE)_ANCIENT_DATETIME",
        DataError,
        "expected times from 1900 and dates from 1582 on, which every version of Spark understands, found earlier ones",
        "set spark: {spark.sql.parquet.datetimeRebaseModeInWrite: CORRECTED} to write them as they are",
    ),
    FAILED_EXPRESSION,
)

_FILES: tuple[Cause, ...] = (
    Cause(
        r"FILE_NOT_EXIST|SparkFileNotFoundException|PATH_NOT_FOUND|DELTA_FILE_NOT_FOUND|File does not exist",
        DataError,
        "expected the files that were listed at the start, found one gone or changed",
        "run again when nobody writes to the location",
    ),
    Cause(
        r"Relative path in absolute URI",
        DataError,
        "expected file names without a colon, which Hadoop cannot read, found one with it",
        "rename the file",
    ),
    Cause(
        r"is not a Parquet file|FAILED_READ_FILE|CANNOT_READ_FILE|Encountered error while reading file"
        r"|Could not read footer|[Ee]nd of input stream|not a gzip|incorrect header check|EOFException",
        DataError,
        "expected files that are whole, found one that is corrupt or half-written",
        "write the file again, or take it away",
    ),
    Cause(
        r"FileNotFoundException",
        DataError,
        "expected the files that were listed at the start, found one gone or changed",
        "run again when nobody writes to the location",
    ),
)

_MACHINE: tuple[Cause, ...] = (
    Cause(
        r"JAVA_GATEWAY_EXITED",
        ConfigurationError,
        "expected Java to start, found that it refused its options",
        "check driver_memory and spark.driver.extraJavaOptions; Java's own words stand above",
    ),
    Cause(
        r"Answer from Java side is empty|Error while sending or receiving|trying to connect to the Java server",
        StorageError,
        "expected Spark's Java process to answer, found it gone",
        "raise or lower driver_memory to what the machine has, and run again",
    ),
    Cause(
        r"No space left on device",
        StorageError,
        "expected room on the disk, found none left",
        "free some, and run again",
    ),
    Cause(
        r"OutOfMemoryError|GC overhead limit",
        StorageError,
        "expected enough memory, found none left",
        "raise driver_memory (local) or spark.executor.memory, or shuffle_partitions",
    ),
    Cause(
        r"No FileSystem for scheme|ClassNotFoundException: Class org\.apache\.hadoop\.fs\.s3|DATA_SOURCE_NOT_FOUND",
        ConfigurationError,
        "expected Spark to have the libraries for S3 and Delta, found them missing",
        "set MODE=local, which adds them; under spark-submit give them with --packages",
    ),
)

_SERVICE: tuple[Cause, ...] = (
    *S3A_CAUSES,
    Cause(
        r"AccessDenied|AccessControlException|Permission denied|Mkdirs failed|Read-only file system"
        r"|[Ss]tatus [Cc]ode: 403",
        StorageError,
        "expected the right to read and write here, found it denied",
        "check the permissions of the location",
    ),
    Cause(r"NoSuchBucket", StorageError, "expected the bucket to exist, found none of that name", "check the location"),
    Cause(
        r"UnknownHostException|ConnectException|Connection refused|Unable to execute HTTP request|ConnectTimeout",
        StorageError,
        "expected the storage service to answer, found it unreachable",
        "check the network and AWS_ENDPOINT_URL",
    ),
)

# First what keeps Spark from anything, then what only wraps it.
CAUSES: tuple[Cause, ...] = (
    *_SETTINGS,
    *_MACHINE,
    *_SERVICE,
    *_TABLES,
    *_RECORDS,
    *_TYPES,
    *_VALUES,
    *_FILES,
)
"""The first whose pattern is found counts."""
