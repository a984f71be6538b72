"""Save a fitted estimator and load it again."""

import io
import re
import sys
import warnings
from types import FunctionType
from typing import Any
from zipfile import ZipFile

import numpy
import sklearn
from sklearn.base import BaseEstimator
from sklearn.exceptions import InconsistentVersionWarning

from .. import __version__
from ._archive import SCHEMA, check_arrays, open_archive, write_archive
from ._files import open_regular, whole_or_absent
from ._schema import MOST_BYTES, check_schema, in_canonical_order, parse_schema
from ._values import check_values, without_loops

# The protocol of skops that files are written with from 0.16 on.
OLDEST_PROTOCOL = 2


def save(estimator: Any, path: Any, *, trusted: Any = ()) -> Any:
    """Save an estimator, fitted or not, into one file that holds no code.

    The file holds the parameters and the fitted attributes: numbers, texts,
    arrays, the weights of networks, and the names of classes of this package,
    scikit-learn and torch. A whole ``Pipeline`` may be saved, with the usual
    transformers of scikit-learn. It is an archive that skops reads; the same
    estimator gives the same bytes.

    Parameters
    ----------
    estimator : estimator object
        What to save.
    path : str or path-like
        File to write. It is written aside and then renamed: it is the old file
        or the whole new one, whatever happens.
    trusted : iterable of classes and functions, default=()
        Classes of your own that the estimator holds, such as the network in
        ``module=``. They must be defined in a module, since the file has only
        their names; :func:`load` needs them too.

    Raises
    ------
    TypeError
        If the estimator holds something that a file cannot, such as a lambda or
        a class that is neither allowed nor trusted. The message says where.
    ValueError
        If a transformer keeps a cache on the disk (``memory=``), or `path` is a
        device or a pipe.

    See Also
    --------
    load : The way back.

    Examples
    --------
    >>> import tempfile, skdeepcluster
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_iris
    >>> X = load_iris().data
    >>> model = skdeepcluster.TELL(3, random_state=0).fit(X)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     skdeepcluster.save(model, Path(folder, "iris.model"))
    ...     again = skdeepcluster.load(Path(folder, "iris.model"))
    >>> bool((again.predict(X) == model.predict(X)).all())
    True
    """
    if isinstance(estimator, type) or not isinstance(estimator, BaseEstimator):
        raise TypeError(f"estimator must be an estimator object, got {estimator!r}.")
    names, kind = _trusted_names(trusted), type(estimator).__name__
    try:
        check_values(estimator)
        content = io.BytesIO(_skops().dumps(without_loops(estimator)))
        with ZipFile(content) as source:
            schema = parse_schema(source.read(SCHEMA))
            files = in_canonical_order(schema)
            check_schema(schema, names, kind)
            check_arrays(source, files)
            with whole_or_absent(path) as aside:
                write_archive(aside, _versions(), schema, source, files)
    except OSError:
        raise
    except RecursionError as error:
        raise ValueError(f"{kind} is nested too deeply, or in itself.") from error
    except (TypeError, ValueError) as error:
        raise type(error)(f"{kind} cannot be saved: {error}.") from error


def _skops():
    # Late: it imports all of scikit-learn.
    import skops.io

    return skops.io


def _trusted_names(trusted):
    """Full names of what the user trusts.

    Raises
    ------
    TypeError
        If it is no class or function, or no module has it by its name.
    """
    names = set()
    for item in trusted:
        if not isinstance(item, type | FunctionType):
            raise TypeError(f"trusted must hold classes or functions, got {item!r}.")
        module = sys.modules.get(item.__module__)
        if getattr(module, item.__name__, None) is not item:
            raise TypeError(
                f"{item.__module__} has no {item.__name__}: what is trusted must be "
                "defined in a module, where load can find it."
            )
        names.add(f"{item.__module__}.{item.__name__}")
    return names


def load(path: Any, *, trusted: Any = ()) -> Any:
    """Load an estimator that :func:`save` has saved.

    No code of the file is run, no function that it names is called, and
    nothing is imported but classes of this package, scikit-learn, torch and
    skorch out of a fixed list. What was fitted is checked: arrays that an
    estimator could not have are refused. Predictions are the same bit for bit
    as before, on the same machine and versions; arrays that are views of wider
    ones, which no estimator of this package keeps, come back contiguous, and
    the last digits of a product may change by that.

    Parameters
    ----------
    path : str or path-like
        File that :func:`save` wrote.
    trusted : iterable of classes and functions, default=()
        Classes of your own that were trusted when the file was saved. They are
        known by their names.

    Returns
    -------
    estimator : estimator object
        As it was saved. What was trained on a GPU comes back on the CPU where
        there is none.

    Raises
    ------
    ValueError
        If the file is damaged, is no model file, was written by a newer
        version, names a class that is neither allowed nor trusted, or is a
        device or a pipe.

    Warns
    -----
    InconsistentVersionWarning
        If the file was written with another release of scikit-learn.

    See Also
    --------
    save : Write the file; an example is there.
    """
    names = _trusted_names(trusted)
    try:
        with open_regular(path) as file, open_archive(file) as (archive, header):
            _check_versions(header["versions"])
            estimator = _read(file, archive, names)
        if not isinstance(estimator, BaseEstimator):
            raise ValueError("it holds no estimator")
        check_values(estimator)
    except OSError:
        raise
    except RecursionError as error:
        raise ValueError(
            f"{path} cannot be loaded: it is nested too deeply."
        ) from error
    # Whatever a forged tree lacks or has too much, of whatever type.
    except Exception as error:
        reason = str(error) if type(error) in (TypeError, ValueError) else repr(error)
        raise ValueError(f"{path} cannot be loaded: {reason.rstrip('.')}.") from error
    _warn_of_versions(estimator, header["versions"])
    return estimator


def _read(file, archive, trusted):
    if archive.getinfo(SCHEMA).file_size > MOST_BYTES:
        raise ValueError("its tree is too large")
    schema = parse_schema(archive.read(SCHEMA))
    # Nodes of older protocols were less strict.
    if schema["protocol"] < OLDEST_PROTOCOL:
        raise ValueError("it follows a protocol that no model file has")
    names, arrays = check_schema(schema, trusted)
    check_arrays(archive, arrays)
    file.seek(0)
    return _skops().load(file, trusted=sorted(names))


def _versions():
    found = {
        "skdeepcluster": __version__,
        "numpy": numpy.__version__,
        "scikit-learn": sklearn.__version__,
    }
    for library in ("torch", "skorch"):
        if library in sys.modules:
            found[library] = str(sys.modules[library].__version__)
    return found


def _release(version):
    """First two numbers of a version."""
    found = re.match(r"(\d{1,9})\.(\d{1,9})", version)
    if found is None:
        raise ValueError(f"{version!r} is no version")
    return tuple(map(int, found.groups()))


def _check_versions(versions):
    saved = versions["skdeepcluster"]
    if _release(saved) > _release(__version__):
        raise ValueError(
            f"it was written by skdeepcluster {saved}, which is newer than this "
            f"{__version__}: upgrade skdeepcluster"
        )
    _release(versions["scikit-learn"])


def _warn_of_versions(estimator, versions):
    if _release(versions["scikit-learn"]) != _release(sklearn.__version__):
        warnings.warn(
            InconsistentVersionWarning(
                estimator_name=type(estimator).__name__,
                current_sklearn_version=sklearn.__version__,
                original_sklearn_version=versions["scikit-learn"],
            ),
            stacklevel=3,
        )
