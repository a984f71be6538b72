"""How much better rows would be covered if one more of them were chosen."""

import numpy as np

from ._jit import jit


@jit()
def cover_gains(squares, nearest, weights):
    """Weighted decrease of the squared distances to the nearest chosen row.

    Parameters
    ----------
    squares : ndarray of shape (n_rows, n_rows), dtype=float64
        Squared distances between rows, symmetric.
    nearest : ndarray of shape (n_rows,), dtype=float64
        Squared distance of each row to the nearest row chosen so far.
    weights : ndarray of shape (n_rows,), dtype=float64
        Weight of each row's decrease.

    Returns
    -------
    ndarray of shape (n_rows,)
        What the choice of each row would gain.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeepcluster.kernels.cover import cover_gains
    >>> squares = np.array([[0.0, 1.0, 9.0], [1.0, 0.0, 4.0], [9.0, 4.0, 0.0]])
    >>> cover_gains(squares, squares[0], np.ones(3))
    array([0., 6., 9.])
    """
    gains = np.zeros(len(squares))
    for candidate in range(len(squares)):
        total = 0.0
        for row in range(len(nearest)):
            saved = nearest[row] - squares[candidate, row]
            if saved > 0.0:
                total += weights[row] * saved
        gains[candidate] = total
    return gains
