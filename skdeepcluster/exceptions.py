"""Warnings of this package."""

from sklearn.exceptions import ConvergenceWarning


class FitInterruptedWarning(ConvergenceWarning):
    """Ctrl-C ended the work early; what was found until then is kept.

    Searches turn it into an error, so that Ctrl-C during a candidate ends the
    search and not that candidate alone.

    Examples
    --------
    >>> from sklearn.exceptions import ConvergenceWarning
    >>> from skdeepcluster.exceptions import FitInterruptedWarning
    >>> issubclass(FitInterruptedWarning, ConvergenceWarning)
    True
    """
