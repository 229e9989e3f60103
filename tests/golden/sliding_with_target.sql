WITH
observations AS (
    SELECT
        "pupil" AS pupil,
        "answered_at" AS key_0,
        "observation_id" AS key_1,
        "correct" AS key_2
    FROM "school"."answers"
),
histories AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY pupil ORDER BY key_0 <> key_0 NULLS FIRST, key_0 NULLS FIRST, key_1 <> key_1 NULLS FIRST, key_1 NULLS FIRST, key_2 NULLS FIRST, CAST(key_0 AS varchar) NOT LIKE '-0%', CAST(key_1 AS varchar) NOT LIKE '-0%') AS place_in_history
    FROM observations
),
positions AS (
    SELECT
        pupil,
        0 AS session,
        place_in_history - 1 AS position,
        count(*) OVER (PARTITION BY pupil) AS length,
        key_2 AS value_0,
        lead(key_2, 1) OVER (PARTITION BY pupil ORDER BY place_in_history) AS value_1
    FROM histories
),
places AS (
    SELECT
        *,
        position AS place,
        greatest((length - 1) - 6, 0) - greatest((length - 1) - 6, 0) % 4 AS final_window
    FROM positions
),
covers AS (
    SELECT
        *,
        greatest(place - 6, 0) - greatest(place - 6, 0) % 4 AS first_window,
        least(place - place % 4, final_window) AS last_window,
        CASE WHEN length - final_window < 3 THEN final_window - 4 ELSE final_window END AS last_kept
    FROM places
),
spans AS (
    SELECT
        *,
        first_window AS first_span,
        least(last_window, last_kept) AS last_span
    FROM covers
),
windows AS (
    SELECT
        pupil,
        session,
        CAST(window_start / 4 AS bigint) AS sequence_index,
        position,
        CAST(CASE WHEN window_start = first_window THEN 1 ELSE 0 END AS tinyint) AS is_new,
        value_0,
        value_1
    FROM spans
    CROSS JOIN UNNEST(CASE WHEN first_span <= last_span THEN sequence(first_span, last_span, 4) END) AS covering (window_start)
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
        array_agg(value_1 ORDER BY position) AS value_1
    FROM windows
    GROUP BY pupil, session, sequence_index
)
SELECT
    pupil AS "pupil",
    CAST(session AS integer) AS "session_index",
    CAST(sequence_index AS integer) AS "sequence_index",
    CAST(first_position AS integer) AS "first_position",
    CAST(n_observations AS integer) AS "n_observations",
    transform(sequence(1, 10), i -> CASE WHEN i > 10 - n_observations THEN CAST(0 AS tinyint) ELSE CAST(1 AS tinyint) END) AS "is_pad_sequence",
    transform(sequence(1, 10), i -> coalesce(CASE WHEN i > 10 - n_observations THEN element_at(is_new, i - 10 + n_observations) END, CAST(0 AS tinyint))) AS "is_new_sequence",
    transform(sequence(1, 10), i -> coalesce(CASE WHEN i > 10 - n_observations THEN element_at(value_0, i - 10 + n_observations) END, CAST(0 AS tinyint))) AS "correct_sequence",
    transform(sequence(1, 10), i -> coalesce(CASE WHEN i > 10 - n_observations THEN element_at(value_1, i - 10 + n_observations) END, CAST(-1 AS tinyint))) AS "next_correct_sequence"
FROM sequences
