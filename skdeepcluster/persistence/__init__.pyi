from ._model_files import load as load
from ._model_files import save as save
