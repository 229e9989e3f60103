import hashlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from obs2seq.errors import ConfigurationError, StorageError
from obs2seq.generator import GeneratedData, generate
from obs2seq.generator.answers import Answers, answers
from obs2seq.generator.cohort import Cohort, draw_cohort
from obs2seq.generator.curriculum import SKILLS, load_curriculum
from obs2seq.generator.draws import bits, lookup
from obs2seq.generator.files import SCHEMA, write_files
from obs2seq.generator.model import load_model
from obs2seq.generator.pupils import draw_pupils
from obs2seq.generator.school_year import slots

OBSERVATIONS, PUPILS = 60_000, 480

COLUMNS = {
    "observation_id": "int64",
    "pupilid": "int64",
    "answered_at": "timestamp[us, tz=UTC]",
    "exercise_id": "int32",
    "skill": "string",
    "correct": "int32",
    "duration_s": "double",
    "hints": "int32",
    "difficulty": "float",
    "lesson_id": "int32",
    "device": "string",
    "school_id": "int32",
}


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    return draw_cohort(OBSERVATIONS, PUPILS, seed=1)


@pytest.fixture(scope="module")
def chunks(cohort: Cohort) -> list[Answers]:
    return list(answers(cohort, 7_000))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> GeneratedData:
    location = tmp_path_factory.mktemp("data") / "observations"
    return generate(location, observations=OBSERVATIONS, files=3, seed=1, rows_per_chunk=7_000)


@pytest.fixture(scope="module")
def rows(data: GeneratedData) -> pa.Table:
    return read(data.location)


def read(location: Path) -> pa.Table:
    return pa.concat_tables([pq.read_table(file) for file in sorted(location.glob("part-*.parquet"))])


def column(rows: pa.Table, name: str) -> np.ndarray:
    return rows[name].to_numpy()


def hashes(location: Path) -> list[str]:
    return [hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(location.iterdir())]


def together(chunks: list[Answers], field: str) -> np.ndarray:
    return np.concatenate([getattr(chunk, field) for chunk in chunks])


# What is written


def test_generate_writes_the_number_of_rows_asked_for(data: GeneratedData, rows: pa.Table):
    files = sorted(data.location.iterdir())

    assert rows.num_rows == data.observations == OBSERVATIONS
    assert [file.name for file in files] == ["part-00000.parquet", "part-00001.parquet", "part-00002.parquet"]
    assert [pq.read_metadata(file).num_rows for file in files] == [20_000, 20_000, 20_000]
    assert data.files == 3
    assert data.bytes == sum(file.stat().st_size for file in files)


def test_generate_writes_the_documented_columns(rows: pa.Table):
    assert {field.name: str(field.type) for field in rows.schema} == COLUMNS
    assert rows.column_names == list(COLUMNS)


def test_generate_compresses_with_snappy_and_encodes_texts_as_dictionaries(data: GeneratedData):
    group = pq.read_metadata(data.location / "part-00000.parquet").row_group(0)
    by_name = {group.column(index).path_in_schema: group.column(index) for index in range(group.num_columns)}

    assert {chunk.compression for chunk in by_name.values()} == {"SNAPPY"}
    assert by_name["skill"].has_dictionary_page
    assert by_name["device"].has_dictionary_page


@pytest.mark.parametrize("observations", [1, 2, 7, 126])
def test_generate_writes_tiny_data_sets(tmp_path: Path, observations: int):
    made = generate(tmp_path, observations=observations, rows_per_chunk=2)

    rows = read(tmp_path)
    assert (made.observations, made.pupils, made.files) == (observations, 1, 1)
    assert rows["observation_id"].to_pylist() == list(range(observations))
    assert set(rows["pupilid"].to_pylist()) == {1}


def test_generate_gives_every_pupil_a_row(tmp_path: Path):
    generate(tmp_path, observations=50, pupils=50, files=50)

    rows = read(tmp_path)
    assert sorted(rows["pupilid"].to_pylist()) == list(range(1, 51))
    assert len(list(tmp_path.iterdir())) == 50


def test_generate_takes_a_pupil_for_every_125_observations(data: GeneratedData, rows: pa.Table):
    assert data.pupils == PUPILS
    assert np.unique(column(rows, "pupilid")).tolist() == list(range(1, PUPILS + 1))


# The same again


def test_generate_writes_the_same_bytes_for_the_same_arguments(data: GeneratedData, tmp_path: Path):
    generate(tmp_path, observations=OBSERVATIONS, files=3, seed=1, rows_per_chunk=7_000)

    assert hashes(tmp_path) == hashes(data.location)


def test_generate_writes_the_same_bytes_whatever_the_chunks(data: GeneratedData, tmp_path: Path):
    generate(tmp_path, observations=OBSERVATIONS, files=3, seed=1, rows_per_chunk=50_001)

    assert hashes(tmp_path) == hashes(data.location)


def test_generate_writes_the_same_rows_whatever_the_files(rows: pa.Table, tmp_path: Path):
    generate(tmp_path, observations=OBSERVATIONS, files=7, seed=1)

    assert read(tmp_path).equals(rows)


def test_generate_writes_other_rows_for_another_seed(rows: pa.Table, tmp_path: Path):
    generate(tmp_path, observations=OBSERVATIONS, seed=2)

    other = read(tmp_path)
    same = [name for name in COLUMNS if other[name].equals(rows[name])]
    assert same == ["observation_id"]


def test_generate_writes_the_rows_it_has_always_written(tmp_path: Path):
    generate(tmp_path, observations=1_000, seed=42)

    rows = read(tmp_path)
    columns = [rows[name].cast("int64") if name == "answered_at" else rows[name] for name in COLUMNS]
    text = str([column.to_pylist() for column in columns])
    assert (
        hashlib.sha256(text.encode()).hexdigest() == "87370a4627e5a11d17d16947346c76f8eb4d06e74bd14b251f52a051b6d598b0"
    )


# Chunks


def test_answers_come_in_chunks_of_bounded_size(chunks: list[Answers]):
    sizes = [len(chunk) for chunk in chunks]

    assert sum(sizes) == OBSERVATIONS
    assert max(sizes) <= 7_000
    assert min(sizes) >= 1
    assert len(sizes) <= 12


def test_answers_are_drawn_only_as_they_are_asked_for(cohort: Cohort):
    first = next(answers(cohort, 1_000))

    assert 1 <= len(first) <= 1_000
    assert first.second[-1] < together(list(answers(cohort, 100_000)), "second")[2_000]


def test_answers_do_not_depend_on_the_chunks(cohort: Cohort, chunks: list[Answers]):
    at_once = list(answers(cohort, OBSERVATIONS))
    a_few = list(answers(cohort, 31))

    assert max(len(chunk) for chunk in a_few) <= 31
    for field in ("pupil", "second", "exercise", "is_correct", "duration_ms", "hints"):
        assert np.array_equal(together(at_once, field), together(chunks, field))
        assert np.array_equal(together(a_few, field), together(chunks, field))


# Time


def test_rows_are_numbered_and_in_order_of_time_over_all_files(rows: pa.Table):
    moments = column(rows, "answered_at")

    assert (np.diff(moments) >= np.timedelta64(0)).all()
    assert np.array_equal(column(rows, "observation_id"), np.arange(OBSERVATIONS))


def test_rows_lie_in_one_school_year_and_whole_seconds(rows: pa.Table):
    moments = column(rows, "answered_at")

    assert moments.min() >= np.datetime64("2024-09-02T07:00")
    assert moments.max() < np.datetime64("2025-07-05")
    assert (moments == moments.astype("datetime64[s]")).all()


def test_slots_leave_out_nights_and_holidays():
    starts = np.datetime64("2024-09-02T00:00:00") + slots().astype("timedelta64[s]")

    days = np.unique(starts.astype("datetime64[D]"))
    assert starts[0] == np.datetime64("2024-09-02T07:00:00")
    assert (np.diff(slots()) >= 1800).all()
    assert np.datetime64("2024-12-25") not in days
    assert np.count_nonzero(starts.astype("datetime64[D]") == np.datetime64("2024-09-03")) == 16
    assert np.count_nonzero(starts.astype("datetime64[D]") == np.datetime64("2024-09-07")) == 2


def test_a_few_percent_of_consecutive_answers_share_their_second(rows: pa.Table):
    order = np.lexsort((column(rows, "observation_id"), column(rows, "pupilid")))
    pupil, moment = column(rows, "pupilid")[order], column(rows, "answered_at")[order]

    consecutive = pupil[1:] == pupil[:-1]
    ties = np.mean(np.diff(moment)[consecutive] == np.timedelta64(0))
    assert 0.02 < ties < 0.05


def test_pupils_answer_in_sessions_of_one_lesson_at_a_time(cohort: Cohort):
    sessions = cohort.sessions
    lengths = sessions.lengths(0, len(sessions))
    order = np.lexsort((sessions.start, sessions.pupil))
    apart = np.diff(sessions.start[order])[np.diff(sessions.pupil[order]) == 0]

    assert lengths.sum() == OBSERVATIONS
    assert lengths.min() >= 1
    assert lengths.max() <= 60
    assert 12 < lengths.mean() < 18
    assert apart.min() > 0


# Pupils and their activity


def test_activity_has_a_heavy_tail(rows: pa.Table):
    counts = np.sort(np.bincount(column(rows, "pupilid"))[1:])[::-1]

    assert counts[: PUPILS // 100].sum() > 0.05 * OBSERVATIONS
    assert np.median(counts) < 0.6 * counts.mean()
    assert counts.min() >= 1


@pytest.mark.parametrize("share", [0.3, 0.85])
def test_generate_gives_one_pupil_the_heaviest_share(tmp_path: Path, share: float):
    generate(tmp_path, observations=20_000, pupils=100, heaviest_share=share)

    counts = np.sort(np.bincount(column(read(tmp_path), "pupilid"))[1:])
    assert counts[-1] == share * 20_000
    assert counts.sum() == 20_000
    assert counts[0] >= 1


def test_generate_gives_all_rows_to_the_only_pupil(tmp_path: Path):
    made = generate(tmp_path, observations=500, pupils=1, heaviest_share=1.0)

    assert made.pupils == 1
    assert set(read(tmp_path)["pupilid"].to_pylist()) == {1}


def test_every_pupil_has_one_school(rows: pa.Table):
    pairs = set(zip(rows["pupilid"].to_pylist(), rows["school_id"].to_pylist(), strict=True))

    assert len(pairs) == PUPILS
    assert {school for _, school in pairs} == {1, 2}


def test_pupils_differ_in_ability_and_all_grow():
    pupils = draw_pupils(2_000, 100_000, seed=3)

    assert 80 < pupils.ability.std() < 120
    assert pupils.growth.min() >= 10
    assert pupils.observations.sum() == 100_000


# Exercises and answers


def test_every_exercise_has_one_skill_and_one_difficulty(rows: pa.Table):
    triples = {
        (row["exercise_id"], row["skill"], row["difficulty"])
        for row in rows.select(["exercise_id", "skill", "difficulty"]).to_pylist()
    }

    assert len(triples) == len({exercise for exercise, _, _ in triples})
    assert {skill for _, skill, _ in triples} == set(SKILLS)
    assert len(set(SKILLS)) == 40
    assert {min(triples)[0], max(triples)[0]} <= set(range(1, 2_001))


def test_every_lesson_has_one_skill(rows: pa.Table):
    pairs = set(zip(rows["lesson_id"].to_pylist(), rows["skill"].to_pylist(), strict=True))

    assert len(pairs) == len({lesson for lesson, _ in pairs})
    assert all(SKILLS[(lesson - 1) // 8] == skill for lesson, skill in pairs)


def test_exercises_differ_in_popularity(rows: pa.Table):
    counts = np.sort(np.bincount(column(rows, "exercise_id"), minlength=2_001)[1:])[::-1]

    assert counts[:100].sum() > 4 * OBSERVATIONS * 100 / 2_000


def test_later_skills_are_harder():
    difficulty = load_curriculum().difficulty.reshape(40, 50)

    assert difficulty[:10].mean() < difficulty[10:30].mean() < difficulty[30:].mean()


def test_chance_of_success_follows_the_logistic_model():
    chance = load_model().chance

    # 1 / (1 + e^-x) at x = -8, -1, 0, 1, 8, in 1/65536
    assert chance[[0, 700, 800, 900, 1600]].tolist() == [22, 17625, 32768, 47911, 65514]


def test_answers_are_correct_as_often_as_the_model_says(chunks: list[Answers]):
    advantage, is_correct = together(chunks, "advantage") / 100, together(chunks, "is_correct")

    for low in (-2.0, -1.0, 0.0, 1.0, 2.0, 3.0):
        near = (advantage >= low - 0.25) & (advantage < low + 0.25)
        assert abs(is_correct[near].mean() - 1 / (1 + np.exp(-low))) < 0.04


def test_advantage_is_the_ability_at_the_time_minus_the_difficulty(cohort: Cohort, chunks: list[Answers]):
    pupil, second = together(chunks, "pupil"), together(chunks, "second")
    difficulty = cohort.curriculum.difficulty[together(chunks, "exercise")]

    elapsed = second / (306 * 86_400)
    ability = cohort.pupils.ability[pupil] + cohort.pupils.growth[pupil] * elapsed
    assert np.abs(together(chunks, "advantage") + difficulty - ability).max() < 2


def test_pupils_become_better_over_the_year(rows: pa.Table):
    correct = column(rows, "correct")

    first, last = correct[: OBSERVATIONS // 4].mean(), correct[-OBSERVATIONS // 4 :].mean()
    assert last > first + 0.05
    assert set(np.unique(correct)) == {0, 1}


def test_weak_pupils_take_more_hints(chunks: list[Answers]):
    advantage, hints = together(chunks, "advantage"), together(chunks, "hints")

    assert set(np.unique(hints)) == {0, 1, 2, 3}
    assert hints[advantage < -100].mean() > 2 * hints[advantage > 100].mean()


def test_durations_are_in_milliseconds_and_longer_on_hard_exercises(rows: pa.Table):
    duration, difficulty = column(rows, "duration_s"), column(rows, "difficulty")
    known = ~np.isnan(duration)

    assert duration[known].min() > 0
    assert np.array_equal(duration[known], np.round(duration[known], 3))
    assert np.median(duration[known & (difficulty > 1)]) > 1.5 * np.median(duration[known & (difficulty < -1)])


def test_about_one_percent_of_the_durations_and_nothing_else_is_null(rows: pa.Table):
    nulls = {name: rows[name].null_count for name in COLUMNS}

    assert 0.005 < nulls.pop("duration_s") / OBSERVATIONS < 0.015
    assert set(nulls.values()) == {0}


def test_devices_are_known(rows: pa.Table):
    assert set(rows["device"].to_pylist()) == {"tablet", "laptop", "phone"}


def test_lookup_shares_out_by_weight():
    assert lookup([1, 2, 1], 8).tolist() == [0, 0, 1, 1, 1, 1, 2, 2]


def test_bits_are_counted_from_the_lowest():
    assert bits(np.array([0b1101_0110], dtype=np.uint64), 1, 3).tolist() == [0b011]


# What is refused


@pytest.mark.parametrize(
    ("arguments", "name", "words"),
    [
        ({"observations": 0}, "observations", "1 to 10000000000, found 0"),
        ({"observations": True}, "observations", "found True"),
        ({"observations": 1.5}, "observations", "found 1.5"),
        ({"observations": 5, "pupils": 6}, "pupils", "1 to 5, found 6"),
        ({"observations": 5, "pupils": 0}, "pupils", "1 to 5, found 0"),
        ({"observations": 5, "seed": -1}, "seed", "0 or more, found -1"),
        ({"observations": 5, "files": 6}, "files", "1 to 5, found 6"),
        ({"observations": 5, "rows_per_chunk": 0}, "rows_per_chunk", "1 or more, found 0"),
        ({"observations": 5, "heaviest_share": 1.1}, "heaviest_share", "above 0, up to 1, found 1.1"),
        ({"observations": 5, "heaviest_share": 0}, "heaviest_share", "above 0, up to 1, found 0"),
        ({"observations": 5, "heaviest_share": float("nan")}, "heaviest_share", "found nan"),
        ({"observations": 5, "heaviest_share": "0.5"}, "heaviest_share", "found '0.5'"),
        ({"observations": 10, "pupils": 5, "heaviest_share": 0.7}, "heaviest_share", "1 to 6 of 10"),
        ({"observations": 10, "pupils": 5, "heaviest_share": 0.01}, "heaviest_share", "1 to 6 of 10"),
        ({"observations": 10, "pupils": 1, "heaviest_share": 0.5}, "heaviest_share", "10 to 10 of 10"),
    ],
)
def test_generate_refuses_arguments_and_says_what_is_allowed(tmp_path: Path, arguments, name: str, words: str):
    with pytest.raises(ConfigurationError) as refused:
        generate(tmp_path / "new", **arguments)

    assert refused.value.where == name
    assert words in str(refused.value)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ["part-00000.parquet", "notes.txt", ".hidden"])
def test_generate_refuses_a_folder_that_holds_files(tmp_path: Path, name: str):
    (tmp_path / name).write_text("kept")

    with pytest.raises(ConfigurationError, match=r"expected an empty folder, found 1 entries .* Hint: .*force"):
        generate(tmp_path, observations=10)

    assert (tmp_path / name).read_text() == "kept"


def test_generate_with_force_replaces_what_was_generated(tmp_path: Path):
    generate(tmp_path, observations=100, files=4)
    (tmp_path / ".part-00007.parquet.partial").write_text("left by a crash")

    generate(tmp_path, observations=10, files=2, force=True)

    assert sorted(file.name for file in tmp_path.iterdir()) == ["part-00000.parquet", "part-00001.parquet"]
    assert read(tmp_path).num_rows == 10


@pytest.mark.parametrize("name", ["notes.txt", "part-00000-c1.snappy.parquet", "old-part-00000.parquet"])
def test_generate_with_force_refuses_files_of_others(tmp_path: Path, name: str):
    generate(tmp_path, observations=100)
    (tmp_path / name).write_text("kept")
    before = hashes(tmp_path)

    with pytest.raises(ConfigurationError, match="found 1 entries"):
        generate(tmp_path, observations=10, force=True)

    assert hashes(tmp_path) == before


def test_generate_refuses_a_location_that_is_no_local_folder(tmp_path: Path):
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigurationError, match="local folder"):
        generate(Path("s3://bucket/observations"), observations=10)
    with pytest.raises(ConfigurationError, match="expected a folder, found the file"):
        generate(tmp_path / "file", observations=10)
    with pytest.raises(StorageError, match="expected a folder with room"):
        generate(tmp_path / "file" / "below", observations=10)


def test_write_files_leaves_what_was_there_when_it_fails(tmp_path: Path):
    generate(tmp_path, observations=100)
    before = hashes(tmp_path)
    columns = [pa.array([], field.type) for field in SCHEMA]

    def failing() -> Iterator[pa.RecordBatch]:
        yield pa.RecordBatch.from_arrays(columns, schema=SCHEMA)
        raise OSError(28, "No space left on device")

    with pytest.raises(StorageError, match="No space left on device"):
        write_files(failing(), tmp_path, [5, 5])

    assert [file.name for file in tmp_path.iterdir()] == ["part-00000.parquet"]
    assert hashes(tmp_path) == before


def test_package_does_not_import_numpy_before_the_generator():
    code = "import sys, obs2seq; sys.exit('numpy' in sys.modules or 'pyarrow' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
