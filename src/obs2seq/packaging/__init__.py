"""What a cluster is sent to run the job: the code, its dependencies, the script and the settings, as files."""

from obs2seq.packaging.cluster import DEPENDENCIES_FOLDER, spark_settings
from obs2seq.packaging.contents import Package, PackageFile, Role
from obs2seq.packaging.making import make_package
from obs2seq.packaging.targets import Target, target_for

__all__ = [
    "DEPENDENCIES_FOLDER",
    "Package",
    "PackageFile",
    "Role",
    "Target",
    "make_package",
    "spark_settings",
    "target_for",
]
