from .table_encoder import TableEncoder as TableEncoder
