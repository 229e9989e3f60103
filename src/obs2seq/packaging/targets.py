"""The machines that dependencies can be made for."""

from dataclasses import dataclass

from obs2seq.errors import ConfigurationError

PYTHONS = ("3.11", "3.12", "3.13")
"""EMR 7 and Glue 5 offer the first, Glue 6 the last, EMR Spark 8 all of them."""
ARCHITECTURES = {"x86_64": "x86_64", "arm64": "aarch64"}
"""By AWS's names, with Linux's; arm64 is Graviton."""
# Amazon Linux 2023, on which all of them run, has glibc 2.34; most wheels are made for 2.17 or 2.28.
_NEWEST_GLIBC_MINOR, _OLDEST_GLIBC_MINOR = 28, 17


@dataclass(frozen=True)
class Target:
    """A Python on a kind of processor, under Linux."""

    python: str
    """Such as 3.11."""
    architecture: str
    """By AWS's name: x86_64 or arm64."""

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platform tags of wheels that run there, best first."""
        machine = ARCHITECTURES[self.architecture]
        minors = range(_NEWEST_GLIBC_MINOR, _OLDEST_GLIBC_MINOR - 1, -1)
        # 2014 is 2.17 under the name that older wheels carry alone.
        return (*(f"manylinux_2_{minor}_{machine}" for minor in minors), f"manylinux2014_{machine}")

    def __str__(self) -> str:
        return f"Python {self.python} on {self.architecture}"


def target_for(python: str, architecture: str) -> Target:
    """Return the target of these names.

    Raises:
        ConfigurationError: No cluster offers that Python or that architecture.
    """
    if python not in PYTHONS:
        hint = "take that of the cluster: 3.11 for EMR 7 and Glue 5, 3.13 for Glue 6"
        raise ConfigurationError("option --python", f"expected {' or '.join(PYTHONS)}, found '{python}'", hint)
    if architecture not in ARCHITECTURES:
        hint = "arm64 is for Graviton (instance types such as m7g), x86_64 for all others"
        problem = f"expected {' or '.join(ARCHITECTURES)}, found '{architecture}'"
        raise ConfigurationError("option --architecture", problem, hint)
    return Target(python, architecture)
