"""The warehouse on Amazon Athena: no cluster, one statement a run."""
