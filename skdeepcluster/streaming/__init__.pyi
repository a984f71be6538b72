from .batches import fit_batches as fit_batches
from .batches import merge_all as merge_all
from .batches import predict_batches as predict_batches
from .row_summary import RowSummary as RowSummary
