"""Passes over the rows of a nonnegative low-rank factor, one after the other.

Rows lie in columns: ``X`` is (n_features, n_samples) and a factor ``U`` is
(rank, n_samples), so that every inner loop runs along contiguous samples. All
arrays over samples have one dtype, float32 or float64; sums over a block of
samples are taken in it and added up in float64. Sums are taken in an order that
the shapes alone decide, so their bits depend on no thread count.
"""

import numpy as np

from ._jit import jit

BLOCK = 512
"""Samples whose rows of X and U stay in the nearest cache."""


@jit(fastmath={"reassoc", "contract"})
def add_products(A, B, start, stop, out):
    """Add ``A[:, start:stop] @ B[:, start:stop].T`` to `out`.

    Parameters
    ----------
    A : ndarray of shape (n, n_samples)
        Rows.
    B : ndarray of shape (m, n_samples)
        Rows.
    start, stop : int
        Samples to sum over.
    out : ndarray of shape (n, m), dtype=float64
        Changed in place.
    """
    m, n = B.shape[0], stop - start
    zero = A.dtype.type(0)
    for i in range(A.shape[0]):
        # Loops over views from 0 on: an index that might be negative would keep
        # them from being vectorised.
        x = A[i, start:stop]
        j = 0
        while j + 4 <= m:
            b0, b1 = B[j, start:stop], B[j + 1, start:stop]
            b2, b3 = B[j + 2, start:stop], B[j + 3, start:stop]
            t0, t1, t2, t3 = zero, zero, zero, zero
            for s in range(n):
                t0 += x[s] * b0[s]
                t1 += x[s] * b1[s]
                t2 += x[s] * b2[s]
                t3 += x[s] * b3[s]
            out[i, j] += t0
            out[i, j + 1] += t1
            out[i, j + 2] += t2
            out[i, j + 3] += t3
            j += 4
        while j < m:
            b0 = B[j, start:stop]
            t0 = zero
            for s in range(n):
                t0 += x[s] * b0[s]
            out[i, j] += t0
            j += 1


@jit(fastmath={"contract"})
def products(A, B):
    """Return ``A @ B.T`` of two arrays with samples in columns.

    Parameters
    ----------
    A : ndarray of shape (n, n_samples)
        Rows.
    B : ndarray of shape (m, n_samples)
        Rows.

    Returns
    -------
    ndarray of shape (n, m), dtype=float64
        Products, summed over blocks of `BLOCK` samples.
    """
    out = np.zeros((A.shape[0], B.shape[0]))
    for start in range(0, A.shape[1], BLOCK):
        add_products(A, B, start, min(start + BLOCK, A.shape[1]), out)
    return out


@jit(fastmath={"reassoc", "contract"})
def step(X, q, U, gradient, length, V):
    """Step down the gradient and clip at zero.

    Parameters
    ----------
    X : ndarray of shape (n_features, n_samples)
        Centred rows times the square roots of their weights.
    q : ndarray of shape (n_samples,)
        Square roots of the shares of the weights.
    U, gradient : ndarray of shape (rank, n_samples)
        Factor and gradient.
    length : float
        Length of the step.
    V : ndarray of shape (rank, n_samples)
        Receives ``max(U - length * gradient, 0)``.

    Returns
    -------
    M : ndarray of shape (n_features, rank)
        ``X @ V.T``.
    a : ndarray of shape (rank,)
        ``V @ q``.
    squared_norm : float
        Squared Frobenius norm of V.
    """
    rank, n_samples = U.shape
    zero, length = U.dtype.type(0), U.dtype.type(length)
    M = np.zeros((X.shape[0], rank))
    a = np.zeros(rank)
    squared_norm = 0.0
    for start in range(0, n_samples, BLOCK):
        stop = min(start + BLOCK, n_samples)
        for r in range(rank):
            u, g = U[r, start:stop], gradient[r, start:stop]
            v, shares = V[r, start:stop], q[start:stop]
            along_q, squares = zero, zero
            for s in range(stop - start):
                value = max(u[s] - length * g[s], zero)
                v[s] = value
                along_q += value * shares[s]
                squares += value * value
            a[r] += along_q
            squared_norm += squares
        add_products(X, V, start, stop, M)
    return M, a, squared_norm


@jit(fastmath={"reassoc", "contract"})
def constrain(V, scale, a, U, q, y, penalty, z):
    """Scale a factor and evaluate the constraint ``V'(V q) = q``.

    Parameters
    ----------
    V : ndarray of shape (rank, n_samples)
        Factor; multiplied by `scale` in place.
    scale : float
        Factor that brings V to its norm.
    a : ndarray of shape (rank,)
        ``V @ q`` after scaling.
    U : ndarray of shape (rank, n_samples)
        The factor that the step began at.
    q, y : ndarray of shape (n_samples,)
        Right-hand side and multipliers of the constraint.
    penalty : float
        Weight of the squared residual.
    z : ndarray of shape (n_samples,)
        Receives ``y + penalty * residual``.

    Returns
    -------
    squares : float
        Squared norm of the residual.
    along_y : float
        Its inner product with `y`.
    b : ndarray of shape (rank,)
        ``V @ z``.
    moved : float
        Squared norm of ``V - U``.
    """
    rank, n_samples = V.shape
    zero, scale = V.dtype.type(0), V.dtype.type(scale)
    penalty = V.dtype.type(penalty)
    b = np.zeros(rank)
    squares, along_y, moved = 0.0, 0.0, 0.0
    residual = np.empty(BLOCK, V.dtype)
    for start in range(0, n_samples, BLOCK):
        n = min(BLOCK, n_samples - start)
        for s in range(n):
            residual[s] = -q[start + s]
        for r in range(rank):
            v, u = V[r, start : start + n], U[r, start : start + n]
            along_q, total = V.dtype.type(a[r]), zero
            for s in range(n):
                value = v[s] * scale
                v[s] = value
                residual[s] += value * along_q
                total += (value - u[s]) * (value - u[s])
            moved += total
        multipliers, weighted = y[start : start + n], z[start : start + n]
        total, other = zero, zero
        for s in range(n):
            total += residual[s] * residual[s]
            other += residual[s] * multipliers[s]
            weighted[s] = multipliers[s] + penalty * residual[s]
        squares += total
        along_y += other
        for r in range(rank):
            v = V[r, start : start + n]
            total = zero
            for s in range(n):
                total += v[s] * weighted[s]
            b[r] += total
    return squares, along_y, b, moved


@jit(fastmath={"reassoc", "contract"})
def next_gradient(X, q, z, a, b, M, V, U, gradient, level):
    """Gradient at a new factor, and what the next step needs to know.

    Parameters
    ----------
    X : ndarray of shape (n_features, n_samples)
        See :func:`step`.
    q, z : ndarray of shape (n_samples,)
        See :func:`constrain`.
    a, b : ndarray of shape (rank,)
        ``V @ q`` and ``V @ z``.
    M : ndarray of shape (n_features, rank)
        ``X @ V.T`` times -2 over the scale of the objective.
    V, U : ndarray of shape (rank, n_samples)
        New factor and the one before.
    gradient : ndarray of shape (rank, n_samples)
        The gradient at U; replaced by the one at V.
    level : float
        What the gradient is about a multiple of V by: with ``rest = gradient -
        level * V`` small, nothing is lost in differences of sums.

    Returns
    -------
    curved : float
        Inner product of ``V - U`` with the change of the gradient.
    free, pushing, along : float
        Squares of the rest where V is positive; of its negative part elsewhere;
        its inner product with V.
    """
    rank, n_samples = V.shape
    curved, free, pushing, along = 0.0, 0.0, 0.0, 0.0
    number = V.dtype.type
    zero, level = number(0), number(level)
    new = np.empty(BLOCK, V.dtype)
    n_quads = X.shape[0] // 4
    for start in range(0, n_samples, BLOCK):
        n = min(BLOCK, n_samples - start)
        shares, weighted = q[start : start + n], z[start : start + n]
        for r in range(rank):
            along_q, along_z = number(a[r]), number(b[r])
            for s in range(n):
                new[s] = weighted[s] * along_q + shares[s] * along_z
            for d in range(0, 4 * n_quads, 4):
                x0, x1 = X[d, start : start + n], X[d + 1, start : start + n]
                x2, x3 = X[d + 2, start : start + n], X[d + 3, start : start + n]
                m0, m1 = number(M[d, r]), number(M[d + 1, r])
                m2, m3 = number(M[d + 2, r]), number(M[d + 3, r])
                for s in range(n):
                    new[s] += m0 * x0[s] + m1 * x1[s] + m2 * x2[s] + m3 * x3[s]
            for d in range(4 * n_quads, X.shape[0]):
                x0, m0 = X[d, start : start + n], number(M[d, r])
                for s in range(n):
                    new[s] += m0 * x0[s]
            v, u = V[r, start : start + n], U[r, start : start + n]
            g = gradient[r, start : start + n]
            t0, t1, t2, t3 = zero, zero, zero, zero
            for s in range(n):
                t0 += (v[s] - u[s]) * (new[s] - g[s])
                g[s] = new[s]
                rest = new[s] - level * v[s]
                t1 += rest * rest if v[s] > zero else zero
                t2 += rest * rest if v[s] == zero and rest < zero else zero
                t3 += v[s] * rest
            curved += t0
            free += t1
            pushing += t2
            along += t3
    return curved, free, pushing, along
