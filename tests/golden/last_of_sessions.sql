WITH
observations AS (
    SELECT
        "pupilid" AS pupil,
        "answered_at" AS key_0,
        "Skill name" AS key_1,
        "day" AS key_2,
        "duration_s" AS key_3
    FROM "awsdatacatalog"."my.school"."the ""answers"""
),
histories AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY pupil ORDER BY key_0 <> key_0 NULLS FIRST, key_0 NULLS FIRST, key_1 NULLS FIRST, key_2 NULLS FIRST, key_3 <> key_3 NULLS FIRST, key_3 NULLS FIRST, CAST(key_0 AS varchar) NOT LIKE '-0%', CAST(key_3 AS varchar) NOT LIKE '-0%') AS place_in_history,
        lag(key_0) OVER (PARTITION BY pupil ORDER BY key_0 <> key_0 NULLS FIRST, key_0 NULLS FIRST, key_1 NULLS FIRST, key_2 NULLS FIRST, key_3 <> key_3 NULLS FIRST, key_3 NULLS FIRST, CAST(key_0 AS varchar) NOT LIKE '-0%', CAST(key_3 AS varchar) NOT LIKE '-0%') AS previous_time
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
        key_1 AS value_0,
        key_3 AS value_1,
        key_2 AS value_2
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
        final_window AS last_kept
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
        value_0,
        value_1,
        value_2
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
        array_agg(value_0 ORDER BY position) AS value_0,
        array_agg(value_1 ORDER BY position) AS value_1,
        array_agg(value_2 ORDER BY position) AS value_2
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
    transform(sequence(1, 4), i -> coalesce(CASE WHEN i <= n_observations THEN element_at(value_0, i) END, CAST('the pupil''s "own"' AS varchar))) AS "skill_sequence",
    transform(sequence(1, 4), i -> coalesce(CASE WHEN i <= n_observations THEN element_at(value_1, i) END, CAST('0.5' AS decimal(1,1)))) AS "duration_sequence",
    transform(sequence(1, 4), i -> coalesce(CASE WHEN i <= n_observations THEN element_at(value_2, i) END, CAST('1970-01-01' AS date))) AS "day_sequence"
FROM sequences
