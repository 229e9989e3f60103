UNLOAD (
WITH
mapped AS (
    SELECT
        "pupilid" AS "pupilid",
        "answered_at" AS "answered_at",
        "skill" AS "skill",
        "subset" AS "subset"
    FROM "school"."answers"
),
judged AS (
    SELECT
        "pupilid" AS pupil,
        "answered_at" AS key_0,
        "skill" AS key_1,
        CASE WHEN "pupilid" IS NULL THEN 'null_pupil' WHEN "answered_at" IS NULL THEN 'null_time' WHEN year("answered_at") NOT BETWEEN 1 AND 9999 THEN 'time_out_of_range' WHEN NOT coalesce(CAST("subset" AS varchar) IN ('train', 'test'), FALSE) THEN 'unknown_subset' WHEN CAST("subset" AS varchar) <> 'train' THEN 'other_subset' END AS left_out_by
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
observations AS (
    SELECT
        pupil,
        key_0,
        key_1
    FROM marked
    WHERE left_out_by IS NULL AND is_duplicate = 0
),
histories AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY pupil ORDER BY key_0 NULLS FIRST, key_1 NULLS FIRST) AS place_in_history,
        lag(key_0) OVER (PARTITION BY pupil ORDER BY key_0 NULLS FIRST, key_1 NULLS FIRST) AS previous_time
    FROM observations
),
sessions AS (
    SELECT
        *,
        sum(CASE WHEN key_0 > date_add('second', 1800, previous_time) THEN 1 ELSE 0 END) OVER (PARTITION BY pupil ORDER BY place_in_history ROWS UNBOUNDED PRECEDING) AS session
    FROM histories
),
positions AS (
    SELECT
        pupil,
        session,
        row_number() OVER (PARTITION BY pupil, session ORDER BY place_in_history) - 1 AS position,
        count(*) OVER (PARTITION BY pupil, session) AS length,
        key_1 AS value_0
    FROM sessions
),
places AS (
    SELECT
        *,
        length - 1 - position AS place,
        greatest((length - 1) - 2, 0) - greatest((length - 1) - 2, 0) % 2 AS final_window
    FROM positions
),
covers AS (
    SELECT
        *,
        greatest(place - 2, 0) - greatest(place - 2, 0) % 2 AS first_window,
        least(place - place % 2, final_window) AS last_window,
        CASE WHEN length - final_window < 2 THEN final_window - 2 ELSE final_window END AS last_kept
    FROM places
),
counts AS (
    SELECT
        *,
        CAST(sum(CASE WHEN position = 0 THEN CAST(last_kept / 2 AS bigint) + 1 ELSE 0 END) OVER (PARTITION BY pupil ORDER BY session, position ROWS UNBOUNDED PRECEDING) AS bigint) - (CAST(last_kept / 2 AS bigint) + 1) AS n_earlier,
        greatest(CAST(sum(CASE WHEN position = 0 THEN CAST(last_kept / 2 AS bigint) + 1 ELSE 0 END) OVER (PARTITION BY pupil) AS bigint) - 3, 0) AS n_too_many
    FROM covers
),
spans AS (
    SELECT
        *,
        first_window AS first_span,
        least(last_window, last_kept - greatest(n_too_many - n_earlier, 0) * 2) AS last_span
    FROM counts
),
windows AS (
    SELECT
        pupil,
        session,
        n_earlier - n_too_many + CAST((last_kept - window_start) / 2 AS bigint) AS sequence_index,
        position,
        CAST(CASE WHEN window_start = last_window THEN 1 ELSE 0 END AS tinyint) AS is_new,
        value_0
    FROM spans
    CROSS JOIN UNNEST(CASE WHEN first_span <= last_span THEN sequence(first_span, last_span, 2) END) AS covering (window_start)
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
    transform(sequence(1, 4), i -> CASE WHEN i <= n_observations THEN CAST(0 AS tinyint) ELSE CAST(1 AS tinyint) END) AS "is_pad_sequence",
    transform(sequence(1, 4), i -> coalesce(CASE WHEN i <= n_observations THEN element_at(is_new, i) END, CAST(0 AS tinyint))) AS "is_new_sequence",
    transform(sequence(1, 4), i -> coalesce(CASE WHEN i <= n_observations THEN element_at(value_0, i) END, CAST('<pad>' AS varchar))) AS "skill_sequence"
FROM sequences
)
TO 's3://bucket/output/train_sequenced_5/run_id=00112233aabbccdd/'
WITH (format = 'PARQUET', compression = 'SNAPPY')

WITH
mapped AS (
    SELECT
        "pupilid" AS "pupilid",
        "answered_at" AS "answered_at",
        "skill" AS "skill",
        "subset" AS "subset"
    FROM "school"."answers"
),
judged AS (
    SELECT
        "pupilid" AS pupil,
        "answered_at" AS key_0,
        "skill" AS key_1,
        CASE WHEN "pupilid" IS NULL THEN 'null_pupil' WHEN "answered_at" IS NULL THEN 'null_time' WHEN year("answered_at") NOT BETWEEN 1 AND 9999 THEN 'time_out_of_range' WHEN NOT coalesce(CAST("subset" AS varchar) IN ('train', 'test'), FALSE) THEN 'unknown_subset' WHEN CAST("subset" AS varchar) <> 'train' THEN 'other_subset' END AS left_out_by
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
        CASE WHEN is_duplicate = 1 THEN 'duplicate' ELSE left_out_by END AS left_out_by,
        is_duplicate
    FROM marked
),
histories AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY left_out_by, pupil ORDER BY key_0 NULLS FIRST, key_1 NULLS FIRST) AS place_in_history,
        lag(key_0) OVER (PARTITION BY left_out_by, pupil ORDER BY key_0 NULLS FIRST, key_1 NULLS FIRST) AS previous_time
    FROM verdicts
),
sessions AS (
    SELECT
        *,
        sum(CASE WHEN key_0 > date_add('second', 1800, previous_time) THEN 1 ELSE 0 END) OVER (PARTITION BY left_out_by, pupil ORDER BY place_in_history ROWS UNBOUNDED PRECEDING) AS session
    FROM histories
),
sessions_counted AS (
    SELECT
        left_out_by,
        pupil,
        session AS session,
        count(*) AS n,
        sum(is_duplicate) AS n_alike
    FROM sessions
    GROUP BY left_out_by, pupil, session
),
windows_counted AS (
    SELECT
        *,
        1 + CAST(((greatest(n - 4, 0) + 1) - (greatest(n - 4, 0) + 1) % 2) / 2 AS bigint) AS n_windows
    FROM sessions_counted
),
final_windows AS (
    SELECT
        *,
        n - (n_windows - 1) * 2 AS n_final
    FROM windows_counted
),
short_windows AS (
    SELECT
        *,
        CASE WHEN n_final < 2 THEN 1 ELSE 0 END AS n_short
    FROM final_windows
),
sequences_counted AS (
    SELECT
        *,
        CAST(least(greatest(sum(n_windows - n_short) OVER (PARTITION BY left_out_by, pupil) - 3 - (sum(n_windows - n_short) OVER (PARTITION BY left_out_by, pupil ORDER BY session ROWS UNBOUNDED PRECEDING) - (n_windows - n_short)), 0), n_windows - n_short) AS bigint) AS n_too_many
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
    CAST(coalesce(sum(CASE WHEN left_out_by IS NULL AND n_too_many > 0 THEN CASE WHEN n_short = 1 THEN n_too_many * 2 ELSE n_final + (n_too_many - 1) * 2 END ELSE 0 END), 0) AS bigint) AS max_sequences_per_pupil,
    CAST(coalesce(sum(CASE WHEN left_out_by IS NULL THEN n ELSE 0 END - (CASE WHEN left_out_by IS NULL AND n_short = 1 THEN n_final ELSE 0 END) - (CASE WHEN left_out_by IS NULL AND n_too_many > 0 THEN CASE WHEN n_short = 1 THEN n_too_many * 2 ELSE n_final + (n_too_many - 1) * 2 END ELSE 0 END)), 0) AS bigint) AS sequenced,
    CAST(coalesce(sum(CASE WHEN left_out_by IS NULL THEN n_windows - n_short - n_too_many ELSE 0 END), 0) AS bigint) AS rows_out
FROM sequences_counted
