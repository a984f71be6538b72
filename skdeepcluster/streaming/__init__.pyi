from .parts import fit_batches as fit_batches
from .parts import merge_all as merge_all
from .parts import predict_batches as predict_batches
from .row_summary import RowSummary as RowSummary
