UNLOAD (
WITH
mapped AS (
    SELECT
        "pupilid" AS "pupilid",
        "answered_at" AS "answered_at",
        CAST(("score" >= 0.5 OR is_nan("score")) AS integer) AS "correct",
        "skill" AS "skill"
    FROM "school"."answers"
),
judged AS (
    SELECT
        "pupilid" AS pupil,
        "answered_at" AS key_0,
        "correct" AS key_1,
        CASE WHEN NOT coalesce(("skill" <> 'warming up'), FALSE) THEN 'filter' WHEN "pupilid" IS NULL THEN 'null_pupil' WHEN "answered_at" IS NULL THEN 'null_time' WHEN year("answered_at") NOT BETWEEN 1 AND 9999 THEN 'time_out_of_range' WHEN NOT (substr(lower(to_hex(md5(to_utf8('salt:' || CAST("pupilid" AS varchar))))), 1, 8) >= 'cccccccd' AND substr(lower(to_hex(md5(to_utf8('salt:' || CAST("pupilid" AS varchar))))), 1, 8) < 'e6666666') THEN 'other_subset' END AS left_out_by
    FROM mapped
),
observations AS (
    SELECT
        pupil,
        key_0,
        key_1
    FROM judged
    WHERE left_out_by IS NULL
),
histories AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY pupil ORDER BY key_0 NULLS FIRST, key_1 NULLS FIRST) AS place_in_history
    FROM observations
),
positions AS (
    SELECT
        pupil,
        0 AS session,
        place_in_history - 1 AS position,
        count(*) OVER (PARTITION BY pupil) AS length,
        key_1 AS value_0
    FROM histories
),
places AS (
    SELECT
        *,
        position AS place,
        (length - 1) - (length - 1) % 5 AS final_window
    FROM positions
),
covers AS (
    SELECT
        *,
        place - place % 5 AS first_window,
        least(place - place % 5, final_window) AS last_window,
        final_window AS last_kept
    FROM places
),
windows AS (
    SELECT
        pupil,
        session,
        CAST(first_window / 5 AS bigint) AS sequence_index,
        position,
        CAST(1 AS tinyint) AS is_new,
        value_0
    FROM covers
),
sequences AS (
    SELECT
        pupil,
        session,
        sequence_index,
        min(position) AS first_position,
        count(*) AS n_observations,
        array_agg(is_new ORDER BY position) AS is_new,
        array_agg(value_0 ORDER BY position) AS value_0
    FROM windows
    GROUP BY pupil, session, sequence_index
)
SELECT
    pupil AS "pupilid",
    CAST(session AS integer) AS "session_index",
    CAST(sequence_index AS integer) AS "sequence_index",
    CAST(first_position AS integer) AS "first_position",
    CAST(n_observations AS integer) AS "n_observations",
    transform(sequence(1, 5), i -> CASE WHEN i <= n_observations THEN CAST(0 AS tinyint) ELSE CAST(1 AS tinyint) END) AS "is_pad_sequence",
    transform(sequence(1, 5), i -> coalesce(CASE WHEN i <= n_observations THEN element_at(is_new, i) END, CAST(0 AS tinyint))) AS "is_new_sequence",
    transform(sequence(1, 5), i -> coalesce(CASE WHEN i <= n_observations THEN element_at(value_0, i) END, CAST(0 AS integer))) AS "correct_sequence"
FROM sequences
)
TO 's3://bucket/output/train_sequenced_5/run_id=00112233aabbccdd/'
WITH (format = 'PARQUET', compression = 'SNAPPY')

WITH
mapped AS (
    SELECT
        "pupilid" AS "pupilid",
        "answered_at" AS "answered_at",
        CAST(("score" >= 0.5 OR is_nan("score")) AS integer) AS "correct",
        "skill" AS "skill"
    FROM "school"."answers"
),
judged AS (
    SELECT
        "pupilid" AS pupil,
        "answered_at" AS key_0,
        "correct" AS key_1,
        CASE WHEN NOT coalesce(("skill" <> 'warming up'), FALSE) THEN 'filter' WHEN "pupilid" IS NULL THEN 'null_pupil' WHEN "answered_at" IS NULL THEN 'null_time' WHEN year("answered_at") NOT BETWEEN 1 AND 9999 THEN 'time_out_of_range' WHEN NOT (substr(lower(to_hex(md5(to_utf8('salt:' || CAST("pupilid" AS varchar))))), 1, 8) >= 'cccccccd' AND substr(lower(to_hex(md5(to_utf8('salt:' || CAST("pupilid" AS varchar))))), 1, 8) < 'e6666666') THEN 'other_subset' END AS left_out_by
    FROM mapped
),
placed AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY left_out_by, pupil ORDER BY key_0 NULLS FIRST, key_1 NULLS FIRST) AS place
    FROM judged
),
marked AS (
    SELECT
        *,
        CASE WHEN left_out_by IS NULL AND place > 1 AND key_0 IS NOT DISTINCT FROM lag(key_0) OVER (PARTITION BY left_out_by, pupil ORDER BY place) AND key_1 IS NOT DISTINCT FROM lag(key_1) OVER (PARTITION BY left_out_by, pupil ORDER BY place) THEN 1 ELSE 0 END AS is_duplicate
    FROM placed
),
verdicts AS (
    SELECT
        pupil,
        key_0,
        key_1,
        left_out_by AS left_out_by,
        is_duplicate
    FROM marked
),
sessions_counted AS (
    SELECT
        left_out_by,
        pupil,
        0 AS session,
        count(*) AS n,
        sum(is_duplicate) AS n_alike
    FROM verdicts
    GROUP BY left_out_by, pupil
),
windows_counted AS (
    SELECT
        *,
        1 + CAST(((greatest(n - 5, 0) + 4) - (greatest(n - 5, 0) + 4) % 5) / 5 AS bigint) AS n_windows
    FROM sessions_counted
),
final_windows AS (
    SELECT
        *,
        n - (n_windows - 1) * 5 AS n_final
    FROM windows_counted
),
short_windows AS (
    SELECT
        *,
        0 AS n_short
    FROM final_windows
),
sequences_counted AS (
    SELECT
        *,
        0 AS n_too_many
    FROM short_windows
)
SELECT
    CAST(coalesce(sum(n), 0) AS bigint) AS rows_in,
    CAST(coalesce(sum(CASE WHEN left_out_by = 'filter' THEN n ELSE 0 END), 0) AS bigint) AS filter,
    CAST(coalesce(sum(CASE WHEN left_out_by = 'not_utf8' THEN n ELSE 0 END), 0) AS bigint) AS not_utf8,
    CAST(coalesce(sum(CASE WHEN left_out_by = 'null_pupil' THEN n ELSE 0 END), 0) AS bigint) AS null_pupil,
    CAST(coalesce(sum(CASE WHEN left_out_by = 'null_time' THEN n ELSE 0 END), 0) AS bigint) AS null_time,
    CAST(coalesce(sum(CASE WHEN left_out_by = 'time_out_of_range' THEN n ELSE 0 END), 0) AS bigint) AS time_out_of_range,
    CAST(coalesce(sum(CASE WHEN left_out_by = 'unknown_subset' THEN n ELSE 0 END), 0) AS bigint) AS unknown_subset,
    CAST(coalesce(sum(CASE WHEN left_out_by = 'other_subset' THEN n ELSE 0 END), 0) AS bigint) AS other_subset,
    CAST(coalesce(sum(n_alike), 0) AS bigint) AS duplicate,
    CAST(coalesce(sum(CASE WHEN left_out_by IS NULL AND n_short = 1 THEN n_final ELSE 0 END), 0) AS bigint) AS min_length,
    CAST(coalesce(sum(CASE WHEN left_out_by IS NULL AND n_too_many > 0 THEN least(n, (n_too_many - 1) * 5 + 5) ELSE 0 END), 0) AS bigint) AS max_sequences_per_pupil,
    CAST(coalesce(sum(CASE WHEN left_out_by IS NULL THEN n ELSE 0 END - (CASE WHEN left_out_by IS NULL AND n_short = 1 THEN n_final ELSE 0 END) - (CASE WHEN left_out_by IS NULL AND n_too_many > 0 THEN least(n, (n_too_many - 1) * 5 + 5) ELSE 0 END)), 0) AS bigint) AS sequenced,
    CAST(coalesce(sum(CASE WHEN left_out_by IS NULL THEN n_windows - n_short - n_too_many ELSE 0 END), 0) AS bigint) AS rows_out
FROM sequences_counted
