"""Save a fitted estimator and load it again."""

import re
import sys
import warnings
from typing import Any

import numpy
import sklearn
from sklearn.base import BaseEstimator
from sklearn.exceptions import InconsistentVersionWarning

from .. import __version__
from ._container import read_container, whole_or_absent, write_container
from ._tree import Names, Reader, Writer


def save(estimator: Any, path: Any, *, trusted: Any = ()) -> Any:
    """Save an estimator, fitted or not, into one file that holds no code.

    The file holds the parameters and the fitted attributes: numbers, texts,
    arrays, the weights of networks, and the names of classes of this package,
    scikit-learn and torch. A whole ``Pipeline`` may be saved, with the usual
    transformers of scikit-learn. The same estimator gives the same bytes.

    Parameters
    ----------
    estimator : estimator object
        What to save.
    path : str or path-like
        File to write. It is written aside and then renamed: it is the old file
        or the whole new one, whatever happens.
    trusted : iterable of classes and functions, default=()
        Classes of your own that the estimator holds, such as the network in
        ``module=``. The file has only their names; :func:`load` needs them too.

    Raises
    ------
    TypeError
        If the estimator holds something that a file cannot, such as a lambda or
        a class that is neither allowed nor trusted. The message says where.
    ValueError
        If a transformer keeps a cache on the disk (``memory=``).

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
    writer = Writer(Names(trusted))
    try:
        model = writer.write(estimator, type(estimator).__name__)
    except RecursionError as error:
        raise ValueError("The estimator is nested too deeply to be saved.") from error
    header = {"versions": _versions(), "model": model}
    with whole_or_absent(path) as aside:
        write_container(aside, header, writer.arrays)


def load(path: Any, *, trusted: Any = ()) -> Any:
    """Load an estimator that :func:`save` has saved.

    Nothing in the file is run, and nothing is imported but classes of this
    package, scikit-learn, torch and skorch out of a fixed list. Predictions
    are the same bit for bit as before, on the same machine and versions.

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
        As it was saved. What was trained on a GPU comes back on the CPU.

    Raises
    ------
    ValueError
        If the file is damaged, is no model file, was written by a newer
        version, or names a class that is neither allowed nor trusted.

    Warns
    -----
    InconsistentVersionWarning
        If the file was written with another release of scikit-learn.

    See Also
    --------
    save : Write the file; an example is there.
    """
    names = Names(trusted)
    try:
        header, arrays = read_container(path)
        _check_versions(header["versions"])
        estimator = Reader(names, arrays).read(header["model"])
        if not isinstance(estimator, BaseEstimator):
            raise ValueError("it holds no estimator")
    except OSError:
        raise
    except RecursionError as error:
        raise ValueError(
            f"{path} cannot be loaded: it is nested too deeply."
        ) from error
    # Whatever a forged tree lacks or has too much, of whatever type.
    except Exception as error:
        reason = str(error) if type(error) is ValueError else repr(error)
        raise ValueError(f"{path} cannot be loaded: {reason}.") from error
    _warn_of_versions(estimator, header["versions"])
    return estimator


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
