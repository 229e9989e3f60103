"""The two lines of Spark that the package is tested with, and what each asks of the machine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Lane:
    """A line of Spark releases."""

    name: str
    """As in `make SPARK=…` and in the pinned jars: '35' or '41'."""
    series: str
    """The release series, as Spark prints it: '3.5'."""
    newest_java: int
    oldest_java: int = 17
    needs_vector_module: bool = False
    """Whether Spark starts Java with `--add-modules=jdk.incubator.vector`, which trimmed Javas lack."""

    @property
    def java(self) -> str:
        """The range of Java versions, for messages."""
        return f"Java {self.oldest_java} to {self.newest_java}"

    def runs_on(self, java_version: int) -> bool:
        """Whether Spark of this lane works on that Java, Arrow included."""
        return self.oldest_java <= java_version <= self.newest_java


# Spark 3.5 has Arrow 12, which looks for a DirectByteBuffer constructor that Java 21 took away (apache/arrow#40287).
# Hadoop 3.4.2 calls Subject.getSubject, which throws from Java 23 (HADOOP-19212).
LANES = {
    "35": Lane(name="35", series="3.5", newest_java=20),
    "41": Lane(name="41", series="4.1", newest_java=22, needs_vector_module=True),
}


def lane_of(spark_version: str) -> Lane | None:
    """Return the lane that a Spark version such as '3.5.6' belongs to; None where it is in neither."""
    series = ".".join(spark_version.split(".")[:2])
    return next((lane for lane in LANES.values() if lane.series == series), None)


def java_lane_of(spark_version: str) -> Lane:
    """Return the lane whose needs of Java come nearest to a Spark version's, also one in neither lane."""
    return lane_of(spark_version) or LANES["35" if spark_version.startswith("3.") else "41"]
