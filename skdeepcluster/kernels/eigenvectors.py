"""Leading eigenvectors of a symmetric matrix, the same bits on any threads.

LAPACK and ARPACK call BLAS, whose sums depend on the number of its threads. This
is block Lanczos with full orthogonalisation, in loops that depend on nothing but
the matrix.
"""

import numpy as np

from ._jit import jit

LEAST_BLOCK = 16
"""Vectors that are multiplied at once: the matrix is read once for all of them."""

DENSE_BLOCKS = 6
"""With no more rows than in so many blocks, the whole matrix is made diagonal."""


def leading_eigenvectors(multiply, n_samples, n_vectors, *, tol=1e-7, max_blocks=60):
    """Find the eigenvectors of the largest eigenvalues of a symmetric matrix.

    Parameters
    ----------
    multiply : callable
        Returns the product of the matrix with an array of shape (n_samples,
        width).
    n_samples : int
        Rows of the matrix.
    n_vectors : int
        How many, at most `n_samples`.
    tol : float, default=1e-7
        Largest norm of ``matrix @ vector - value * vector``.
    max_blocks : int, default=60
        Most products of the matrix with a block of vectors.

    Returns
    -------
    values : ndarray of shape (n_vectors,), dtype float64
        Eigenvalues, descending.
    vectors : ndarray of shape (n_samples, n_vectors), dtype float64
        Unit eigenvectors in columns.
    residual : float
        Largest norm as in `tol`; above it where `max_blocks` were too few.

    Notes
    -----
    A block is as wide as the number of vectors, at least 16: so an eigenvalue may
    be as often there. Beside the products, O(n_samples · basis²) time and
    O(n_samples · basis) memory, for a basis of a few blocks.

    References
    ----------
    Golub, G. H. and Underwood, R. (1977). "The block Lanczos method for computing
    eigenvalues." Mathematical Software III.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeepcluster.kernels.eigenvectors import leading_eigenvectors
    >>> matrix = np.array([[2.0, 1.0], [1.0, 2.0]])
    >>> leading_eigenvectors(matrix.__matmul__, 2, 1)[0]
    array([3.])
    """
    width = max(LEAST_BLOCK, -(-n_vectors // 8) * 8)
    if n_samples <= DENSE_BLOCKS * width:
        values, vectors = symmetric_eigen(multiply(np.eye(n_samples)))
        return values[:n_vectors], vectors[:, :n_vectors], 0.0
    rng = np.random.default_rng(0)
    most = min(max_blocks, n_samples // width)
    look_at = min(most, 3)
    blocks = [_orthonormal(rng.standard_normal((n_samples, width)), [], rng)[0]]
    projected = np.zeros((most * width, most * width))
    for size in range(1, most + 1):
        last = slice((size - 1) * width, size * width)
        image = multiply(blocks[-1])
        projected[last, last] = inner_product(blocks[-1], image)
        new, factor = _orthonormal(image, blocks, rng)
        if size == look_at:
            held = slice(0, size * width)
            values, rotation = symmetric_eigen(projected[held, held])
            rotation = np.ascontiguousarray(rotation[:, :n_vectors])
            rest = inner_product(factor.T.copy(), rotation[last])
            residual = float(np.sqrt((rest**2).sum(axis=0)).max())
            if residual <= tol or size == most:
                break
            look_at = min(most, size + 1 + size // 4)
        after = slice(size * width, (size + 1) * width)
        projected[after, last] = factor
        projected[last, after] = factor.T
        blocks.append(new)
    vectors = np.zeros((n_samples, n_vectors))
    for number, block in enumerate(blocks):
        part = rotation[number * width : (number + 1) * width]
        add_product(vectors, block, part, 1.0)
    return values[:n_vectors], vectors, residual


def _orthonormal(image, blocks, rng):
    """Make a block orthonormal, to itself and to all others.

    Returns the block and its triangular factor. A column that depends on the
    others is replaced by a random one, with 0 in the factor.
    """
    block, factor = image, None
    for turn in range(2):
        for other in blocks:
            add_product(block, other, inner_product(other, block), -1.0)
        scale = _orthonormalize_columns(block)
        factor = scale if turn == 0 else inner_product(scale.T.copy(), factor)
        dependent = np.flatnonzero(np.diag(scale) == 0)
        if turn == 0 and dependent.size:
            block[:, dependent] = rng.standard_normal((len(block), dependent.size))
    return block, factor


@jit(fastmath={"contract"})
def matrix_product(matrix, block):
    """Product of a matrix with a block of vectors, four columns at a time.

    Parameters
    ----------
    matrix : ndarray of shape (n_rows, n_inner), dtype float64
        Left.
    block : ndarray of shape (n_inner, width), dtype float64
        Right.

    Returns
    -------
    ndarray of shape (n_rows, width), dtype float64
        The same bits, whatever the number of threads.
    """
    n_rows, n_inner = matrix.shape
    width = block.shape[1]
    product = np.zeros((n_rows, width))
    whole = n_inner - n_inner % 4
    for i in range(n_rows):
        row = product[i]
        for j in range(0, whole, 4):
            a, b = matrix[i, j], matrix[i, j + 1]
            c, d = matrix[i, j + 2], matrix[i, j + 3]
            for k in range(width):
                row[k] += (
                    a * block[j, k]
                    + b * block[j + 1, k]
                    + c * block[j + 2, k]
                    + d * block[j + 3, k]
                )
        for j in range(whole, n_inner):
            for k in range(width):
                row[k] += matrix[i, j] * block[j, k]
    return product


@jit(fastmath={"contract"})
def sparse_product(starts, places, entries, block):
    """Product of a sparse matrix with a block of vectors.

    Parameters
    ----------
    starts, places, entries : ndarray
        Compressed rows: row i has ``entries[starts[i]:starts[i + 1]]`` in the
        columns ``places[starts[i]:starts[i + 1]]``.
    block : ndarray of shape (n_inner, width), dtype float64
        Right.

    Returns
    -------
    ndarray of shape (n_rows, width), dtype float64
        The product.
    """
    n_rows, width = len(starts) - 1, block.shape[1]
    product = np.zeros((n_rows, width))
    for i in range(n_rows):
        for place in range(starts[i], starts[i + 1]):
            for k in range(width):
                product[i, k] += entries[place] * block[places[place], k]
    return product


@jit(fastmath={"contract"})
def inner_product(left, right):
    """Product of a transposed block with another."""
    n_rows, height = left.shape
    width = right.shape[1]
    product = np.zeros((height, width))
    for i in range(n_rows):
        for p in range(height):
            for q in range(width):
                product[p, q] += left[i, p] * right[i, q]
    return product


@jit(fastmath={"contract"})
def add_product(target, block, coefficients, sign):
    """Add the product of a block with coefficients, or take it off."""
    n_rows, height = block.shape
    width = coefficients.shape[1]
    for i in range(n_rows):
        for p in range(height):
            factor = sign * block[i, p]
            for q in range(width):
                target[i, q] += factor * coefficients[p, q]


@jit(fastmath={"reassoc", "contract"})
def _dot(x, y):
    total = 0.0
    for d in range(len(x)):
        total += x[d] * y[d]
    return total


@jit(fastmath={"contract"})
def _add(target, factor, x):
    for d in range(len(x)):
        target[d] += factor * x[d]


@jit()
def _orthonormalize_columns(block):
    """Gram and Schmidt in place; return the triangular factor."""
    width = block.shape[1]
    factor = np.zeros((width, width))
    columns = block.T.copy()
    for q in range(width):
        column = columns[q]
        before = _dot(column, column)
        for p in range(q):
            factor[p, q] = _dot(columns[p], column)
            _add(column, -factor[p, q], columns[p])
        norm = _dot(column, column)
        # What is left of a dependent column is rounding.
        if norm <= 1e-24 * before or before <= 1e-28:
            column[:] = 0.0
            continue
        factor[q, q] = np.sqrt(norm)
        column /= factor[q, q]
    block[:] = columns.T
    return factor


@jit()
def symmetric_eigen(matrix):
    """All eigenvectors of a small symmetric matrix.

    Parameters
    ----------
    matrix : ndarray of shape (n, n), dtype float64
        Symmetric.

    Returns
    -------
    values : ndarray of shape (n,), dtype float64
        Eigenvalues, descending.
    vectors : ndarray of shape (n, n), dtype float64
        Unit eigenvectors in columns.

    Notes
    -----
    Reflections make the matrix tridiagonal, and rotations then diagonal: O(n³)
    time. Errors are of the order of the rounding of the largest eigenvalue.

    References
    ----------
    Golub, G. H. and Van Loan, C. F. (2013). "Matrix Computations", 4th edition,
    section 8.3.
    """
    basis, diagonal, beside = _tridiagonal(matrix.copy())
    _diagonalize(basis, diagonal, beside)
    order = np.argsort(-diagonal)
    vectors = np.empty(matrix.shape)
    for place in range(len(order)):
        vectors[:, place] = basis[order[place]]
    return diagonal[order], vectors


@jit()
def _tridiagonal(matrix):
    """Reflect a matrix to three diagonals; the rows of the first array do that."""
    n = len(matrix)
    basis, mirrors = np.eye(n), np.zeros((n, n))
    image = np.empty(n)
    for k in range(n - 2):
        # The mirror brings the rest of the row onto its first entry.
        mirror = mirrors[k]
        mirror[k + 1 :] = matrix[k, k + 1 :]
        length = np.sqrt(_dot(mirror, mirror))
        mirror[k + 1] += length if mirror[k + 1] >= 0.0 else -length
        square = _dot(mirror, mirror)
        if square == 0.0:
            continue
        mirror *= np.sqrt(2.0 / square)
        rest = mirror[k:]
        for i in range(k, n):
            image[i] = _dot(matrix[i, k:], rest)
        _add(image[k:], -0.5 * _dot(image[k:], rest), rest)
        for i in range(k, n):
            _add(matrix[i, k:], -mirror[i], image[k:])
            _add(matrix[i, k:], -image[i], rest)
    for k in range(n - 3, -1, -1):
        rest = mirrors[k, k + 1 :]
        for i in range(k + 1, n):
            row = basis[i, k + 1 :]
            _add(row, -_dot(row, rest), rest)
    beside = np.zeros(n)
    for k in range(n - 1):
        beside[k] = matrix[k, k + 1]
    return basis, np.diag(matrix).copy(), beside


@jit()
def _diagonalize(basis, diagonal, beside):
    """Rotate three diagonals into one, and the rows of the basis with them.

    This is the implicit QL step, with shifts that make it converge cubically.
    """
    n = len(diagonal)
    negligible = np.finfo(np.float64).eps * (
        np.abs(diagonal).max() + np.abs(beside).max()
    )
    for first in range(n):
        for _ in range(50):
            last = first
            while last < n - 1 and abs(beside[last]) > negligible:
                last += 1
            if last == first:
                break
            g = (diagonal[first + 1] - diagonal[first]) / (2.0 * beside[first])
            g += np.copysign(np.hypot(g, 1.0), g)
            g = diagonal[last] - diagonal[first] + beside[first] / g
            sine, cosine, taken = 1.0, 1.0, 0.0
            for i in range(last - 1, first - 1, -1):
                f, b = sine * beside[i], cosine * beside[i]
                length = np.hypot(f, g)
                beside[i + 1] = length
                if length == 0.0:
                    diagonal[i + 1] -= taken
                    beside[last] = 0.0
                    break
                sine, cosine = f / length, g / length
                g = diagonal[i + 1] - taken
                turned = (diagonal[i] - g) * sine + 2.0 * cosine * b
                taken = sine * turned
                diagonal[i + 1] = g + taken
                g = cosine * turned - b
                _rotate(basis[i], basis[i + 1], cosine, sine)
            else:
                diagonal[first] -= taken
                beside[first] = g
                beside[last] = 0.0


@jit(fastmath={"contract"})
def _rotate(x, y, cosine, sine):
    for d in range(len(x)):
        a, b = x[d], y[d]
        x[d] = cosine * a - sine * b
        y[d] = sine * a + cosine * b
