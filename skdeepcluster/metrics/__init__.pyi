from ._density import dbcv_score as dbcv_score
from ._link_accuracy import link_accuracy as link_accuracy
from ._matching import (
    clustering_accuracy as clustering_accuracy,
)
from ._matching import (
    discovery_accuracy as discovery_accuracy,
)
from ._matching import (
    match_labels as match_labels,
)
from ._partitions import align_labels as align_labels
from ._partitions import rater_agreement as rater_agreement
from ._representations import (
    representation_agreement as representation_agreement,
)
from ._separability import class_separability as class_separability
