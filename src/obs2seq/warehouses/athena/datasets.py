"""Published datasets whose runs are written by an engine that takes empty folders alone."""

from obs2seq.domain.locations import join
from obs2seq.domain.runs import claims
from obs2seq.publishing import PublishedDataset


class EmptyFolderDataset(PublishedDataset):
    """The runs of one dataset, each folder empty until its data comes: what claims it lies beside it.

    Readers, manifests and pointers are those of any dataset, and other engines may publish here too: they know the
    claims, and clear up after them.
    """

    def _claim(self, run_id: str) -> str:
        return join(self.location, claims(run_id)[1])
