"""The one check that kernels cannot make for themselves at no cost."""


def check_same_width(*tables):
    """Refuse tables of different numbers of columns.

    Compiled code follows the columns of one table through the rows of another,
    beyond their ends where these are shorter.

    Parameters
    ----------
    *tables : ndarrays of shape (..., n_features)
        Tables that a kernel takes together.

    Raises
    ------
    ValueError
        If one has more columns than another.
    """
    widths = {table.shape[-1] for table in tables}
    if len(widths) > 1:
        raise ValueError(
            f"Rows of {' and '.join(map(str, sorted(widths)))} columns do not fit "
            "together: the estimator was not fitted to such rows."
        )
