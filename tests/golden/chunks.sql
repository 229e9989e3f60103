WITH
observations AS (
    SELECT
        "pupilid" AS pupil,
        "answered_at" AS key_0,
        "correct" AS key_1
    FROM "answers"
),
histories AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY pupil ORDER BY key_0 <> key_0 NULLS FIRST, key_0 NULLS FIRST, key_1 <> key_1 NULLS FIRST, key_1 NULLS FIRST, CAST(key_0 AS varchar) NOT LIKE '-0%', CAST(key_1 AS varchar) NOT LIKE '-0%') AS place_in_history
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
    transform(sequence(1, 5), i -> coalesce(CASE WHEN i <= n_observations THEN element_at(value_0, i) END, CAST(0 AS tinyint))) AS "correct_sequence"
FROM sequences
