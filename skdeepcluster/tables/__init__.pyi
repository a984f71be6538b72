from .reading import TableFile as TableFile
from .reading import read_table as read_table
from .table_encoder import TableEncoder as TableEncoder
