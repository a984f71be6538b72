"""Public names that load their modules when they are first used.

The names of a package stand once, in the ``__init__.pyi`` beside its
``__init__.py``: editors and type checkers read them there, and so does this
module, so the two cannot differ.
"""

import ast
from importlib import import_module
from pathlib import Path

# The extra that brings what the base does not need.
_EXTRAS = {
    "torch": "deep",
    "skorch": "deep",
    "cvxpy": "sdp",
    "pandas": "cli",
    "pyarrow": "cli",
}


def remedy(name, error):
    """Say which extra brings the module that a name could not import, if one does."""
    extra = _EXTRAS.get(error.name)
    return extra and (
        f"{name} needs {error.name}, which is not installed: "
        f'pip install "skdeepcluster[{extra}]".'
    )


def _unavailable(name, message):
    """Stand in for a class whose packages are not installed.

    A script that only imports the name runs; what constructs it is told which
    extra is missing.
    """

    def __init__(self, *args, **params):
        raise ImportError(message)

    return type(name, (), {"__init__": __init__, "__doc__": message})


def attach(package, file):
    """Read the stub of a package; return its ``__getattr__``, ``__dir__``, ``__all__``.

    Parameters
    ----------
    package : str
        ``__name__`` of the package.
    file : str
        ``__file__`` of the package.
    """
    stub = ast.parse(Path(file).with_suffix(".pyi").read_text("utf-8"))
    homes = {
        alias.asname or alias.name: (node.module, alias.name)
        for node in stub.body
        if isinstance(node, ast.ImportFrom) and node.level == 1
        for alias in node.names
    }

    def __getattr__(name):
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, attribute = homes[name]
        if module is None:
            return import_module(f"{package}.{attribute}")
        try:
            return getattr(import_module(f"{package}.{module}"), attribute)
        except ModuleNotFoundError as error:
            message = remedy(name, error)
            if message is None:
                raise
            return _unavailable(name, message)

    def __dir__():
        return sorted(homes)

    return __getattr__, __dir__, sorted(homes)
