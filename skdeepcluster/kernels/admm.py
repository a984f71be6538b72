"""Alternating directions for the relaxations, on matrices of all pairs of rows.

One symmetric matrix ``T`` of order n_samples holds both the nonnegative copy
``max(T, 0)`` of the solution and the scaled multiplier ``min(T, 0)``. The other
copy is positive semidefinite and of low rank: it is kept as eigenvectors, in rows.
Arrays are float32 or float64 throughout; small systems are solved in float64.

A kernel that calls kernels compiles them again: only the smallest are nested.
"""

import numpy as np

from ._jit import jit
from .jacobi import small_eigh

DEPTH = 2
"""Blocks of the Krylov space in which leading eigenvectors are looked for."""

SPARE = 2
"""Eigenvectors kept beyond those of positive weight, as a start for the next."""

NEGLIGIBLE = 1e-7
"""Share of a vector's norm below which nothing new is left of it."""


@jit(fastmath={"reassoc", "contract"})
def absolute_product(T, V, out):
    """Write ``V @ abs(T)`` of a symmetric matrix.

    Parameters
    ----------
    T : ndarray of shape (n_samples, n_samples)
        Symmetric matrix.
    V, out : ndarray of shape (n_vectors, n_samples)
        Vectors in rows, and the result.
    """
    n_vectors, n = V.shape
    zero = T.dtype.type(0)
    for i in range(n):
        row = T[i]
        c = 0
        while c + 4 <= n_vectors:
            v0, v1, v2, v3 = V[c], V[c + 1], V[c + 2], V[c + 3]
            t0, t1, t2, t3 = zero, zero, zero, zero
            for j in range(n):
                value = abs(row[j])
                t0 += value * v0[j]
                t1 += value * v1[j]
                t2 += value * v2[j]
                t3 += value * v3[j]
            out[c, i], out[c + 1, i] = t0, t1
            out[c + 2, i], out[c + 3, i] = t2, t3
            c += 4
        while c < n_vectors:
            v0 = V[c]
            t0 = zero
            for j in range(n):
                t0 += abs(row[j]) * v0[j]
            out[c, i] = t0
            c += 1


@jit(fastmath={"reassoc", "contract"})
def positive_product(T, V):
    """Return ``V @ max(T, 0)`` of a symmetric matrix.

    Parameters
    ----------
    T : ndarray of shape (n_samples, n_samples)
        Symmetric matrix.
    V : ndarray of shape (n_vectors, n_samples)
        Vectors in rows.

    Returns
    -------
    ndarray of shape (n_vectors, n_samples)
        The result.
    """
    n_vectors, n = V.shape
    zero = T.dtype.type(0)
    out = np.empty_like(V)
    for i in range(n):
        row = T[i]
        for c in range(n_vectors):
            v = V[c]
            total = zero
            for j in range(n):
                total += max(row[j], zero) * v[j]
            out[c, i] = total
    return out


@jit(fastmath={"reassoc", "contract"})
def _dot(x, y):
    total = x.dtype.type(0)
    for j in range(x.shape[0]):
        total += x[j] * y[j]
    return total


@jit(fastmath={"reassoc", "contract"})
def _total(x):
    total = x.dtype.type(0)
    for j in range(x.shape[0]):
        total += x[j]
    return total


@jit(fastmath={"contract"})
def _add(x, factor, out):
    for j in range(x.shape[0]):
        out[j] += factor * x[j]


@jit()
def _apply(T, F, s, V, out):
    """Write ``V @ (abs(T) + F'F + s 1' + 1 s')``."""
    absolute_product(T, V, out)
    for c in range(V.shape[0]):
        for f in range(F.shape[0]):
            _add(F[f], _dot(F[f], V[c]), out[c])
        _add(s, _total(V[c]), out[c])
        along = _dot(s, V[c])
        for i in range(V.shape[1]):
            out[c, i] += along


@jit()
def _append(candidates, q, basis, n_basis):
    """Append the orthonormal part of candidates; return the new number of rows."""
    for c in range(candidates.shape[0]):
        if n_basis == basis.shape[0]:
            break
        row = basis[n_basis]
        for i in range(row.shape[0]):
            row[i] = candidates[c, i]
        norm = np.sqrt(_dot(row, row))
        # Twice: one sweep leaves rounding errors of the size of the row.
        for _ in range(2):
            _add(q, -_dot(q, row), row)
            for b in range(n_basis):
                _add(basis[b], -_dot(basis[b], row), row)
        rest = np.sqrt(_dot(row, row))
        if rest > NEGLIGIBLE * norm and rest > 0.0:
            for i in range(row.shape[0]):
                row[i] /= rest
            n_basis += 1
    return n_basis


@jit()
def capped_simplex(values, total):
    """Weights in [0, 1] of a given sum, nearest to some values.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Numbers in descending order.
    total : int
        Sum of the weights, at most n.

    Returns
    -------
    ndarray of shape (n,)
        ``clip(values - theta, 0, 1)`` with the theta that gives the sum.
    """
    low, high = values[-1] - 1.0, values[0]
    for _ in range(100):
        theta = 0.5 * (low + high)
        sum_of_weights = 0.0
        for value in values:
            sum_of_weights += min(max(value - theta, 0.0), 1.0)
        if sum_of_weights > total:
            low = theta
        else:
            high = theta
    weights = np.empty(values.shape[0])
    for i in range(values.shape[0]):
        weights[i] = min(max(values[i] - high, 0.0), 1.0)
    return weights


@jit()
def krylov_space(T, F, s, q, V, n_vectors):
    """Orthonormal rows near the leading eigenvectors, and the matrix on them.

    The matrix is ``abs(T) + F'F + s 1' + 1 s'``, with the direction q taken out.

    Parameters
    ----------
    T : ndarray of shape (n_samples, n_samples)
        Symmetric matrix.
    F : ndarray of shape (n_factors, n_samples)
        Low-rank part.
    s, q : ndarray of shape (n_samples,)
        Rank-two part; unit vector, or zeros for none.
    V : ndarray of shape (max_vectors, n_samples)
        Vectors to start from, in rows.
    n_vectors : int
        Number of them in use.

    Returns
    -------
    basis : ndarray of shape (n_basis, n_samples)
        Orthonormal rows: the vectors, and their `DEPTH` - 1 next images.
    matrix : ndarray of shape (n_basis, n_basis), dtype=float64
        The matrix in this basis.
    """
    n = T.shape[0]
    room = min(DEPTH * n_vectors, n)
    basis = np.empty((room, n), dtype=T.dtype)
    images = np.empty((room, n), dtype=T.dtype)
    # One place for each call, and no literal: else the callee is compiled twice.
    candidates, n_basis = V[:n_vectors], np.intp(0)
    for _ in range(DEPTH):
        done, n_basis = n_basis, _append(candidates, q, basis, n_basis)
        candidates = images[done:n_basis]
        _apply(T, F, s, basis[done:n_basis], candidates)
    matrix = np.empty((n_basis, n_basis))
    for a in range(n_basis):
        for b in range(a + 1):
            matrix[a, b] = _dot(basis[b], images[a])
            matrix[b, a] = matrix[a, b]
    return basis[:n_basis], matrix


@jit(fastmath={"contract"})
def combine(coefficients, basis, out):
    """Write ``coefficients @ basis`` into the first rows of an array.

    Parameters
    ----------
    coefficients : ndarray of shape (n_vectors, n_basis), dtype=float64
        Coefficients.
    basis : ndarray of shape (n_basis, n_samples)
        Rows.
    out : ndarray of shape (>= n_vectors, n_samples)
        Receives the sums.
    """
    for a in range(coefficients.shape[0]):
        row = out[a]
        for i in range(row.shape[0]):
            row[i] = 0
        for b in range(basis.shape[0]):
            _add(basis[b], basis.dtype.type(coefficients[a, b]), row)


def leading_pairs(T, F, s, q, V, n_vectors, total):
    """Project onto the spectral simplex: few eigenvectors, and their weights.

    Parameters
    ----------
    T, F, s, q, V, n_vectors
        See :func:`krylov_space`; V receives the eigenvectors found.
    total : int
        Sum of the weights, each at most 1.

    Returns
    -------
    weights : ndarray of shape (n_vectors,)
        Weights of the first rows of V, in descending order; the last are 0
        unless there are as many as V has rows. By Rayleigh-Ritz in the space.
    """
    basis, matrix = krylov_space(T, F, s, q, V, n_vectors)
    values, vectors = small_eigh(matrix)
    weights = capped_simplex(values, min(total, len(values)))
    n_kept = min(np.count_nonzero(weights) + SPARE, len(V), len(values))
    combine(vectors[:n_kept], basis, V)
    return weights[:n_kept]


@jit(fastmath={"reassoc", "contract"})
def update_copy(T, weights, V, q, relaxation):
    """Replace T by the relaxed new point plus the multiplier.

    Parameters
    ----------
    T : ndarray of shape (n_samples, n_samples)
        State; becomes ``r Z + (1 - r) max(T, 0) + min(T, 0)`` with
        ``Z = q q' + V' diag(weights) V``.
    weights : ndarray of shape (n_vectors,)
        Weights of the eigenvectors.
    V : ndarray of shape (>= n_vectors, n_samples)
        Eigenvectors in rows.
    q : ndarray of shape (n_samples,)
        Unit vector, or zeros.
    relaxation : float
        The factor r, between 1 and 2.

    Returns
    -------
    primal, dual : float
        Squared distances of Z to the copy before, and of the copies before and
        after.
    """
    n = T.shape[0]
    zero, one = T.dtype.type(0), T.dtype.type(1)
    r = T.dtype.type(relaxation)
    z = np.empty(n, dtype=T.dtype)
    primal, dual = 0.0, 0.0
    for i in range(n):
        row, own = T[i], q[i]
        for j in range(n):
            z[j] = own * q[j]
        for c in range(weights.shape[0]):
            if weights[c] > 0.0:
                factor, v = T.dtype.type(weights[c]) * V[c, i], V[c]
                for j in range(n):
                    z[j] += factor * v[j]
        to_copy, moved = zero, zero
        for j in range(n):
            copy = max(row[j], zero)
            value = r * z[j] + (one - r) * copy + min(row[j], zero)
            to_copy += (z[j] - copy) * (z[j] - copy)
            change = max(value, zero) - copy
            moved += change * change
            row[j] = value
        primal += to_copy
        dual += moved
    return primal, dual


def scale_multiplier(T, factor):
    """Multiply the negative entries of T by a factor, in place."""
    np.multiply(T, T.dtype.type(factor), out=T, where=T < 0)


@jit(fastmath={"reassoc", "contract"})
def _row_excess(states, shift, excess, counts):
    """Row sums of the copies less 1 after a shift, and the positive entries."""
    n = states.shape[1]
    zero, one, half = states.dtype.type(0), states.dtype.type(1), states.dtype.type(0.5)
    for i in range(n):
        count = counts[i]
        for j in range(n):
            count[j] = zero
        total = zero
        for c in range(states.shape[0]):
            row = states[c, i]
            for j in range(n):
                value = row[j] + half * (shift[i] + shift[j])
                total += max(value, zero)
                count[j] += one if value > zero else zero
        excess[i] = total - one


@jit(fastmath={"reassoc", "contract"})
def _newton_step(counts, excess, n_steps):
    """Solve ``(H + diag(H 1)) / 2 step = -excess`` by conjugate gradients."""
    n = excess.shape[0]
    half = excess.dtype.type(0.5)
    diagonal = np.empty_like(excess)
    for i in range(n):
        diagonal[i] = half * _total(counts[i])
        if diagonal[i] == 0.0:
            diagonal[i] = half
    step = np.zeros_like(excess)
    residual = np.empty_like(excess)
    scaled = np.empty_like(excess)
    for i in range(n):
        residual[i] = -excess[i]
        scaled[i] = residual[i] / (diagonal[i] + half * counts[i, i])
    direction = np.empty_like(excess)
    image = np.empty_like(excess)
    for i in range(n):
        direction[i] = scaled[i]
    norm = _dot(residual, scaled)
    goal = norm * excess.dtype.type(1e-8)
    for _ in range(n_steps):
        if not norm > goal:
            break
        for i in range(n):
            image[i] = half * _dot(counts[i], direction) + diagonal[i] * direction[i]
        curvature = _dot(direction, image)
        if not curvature > 0.0:
            break
        length = norm / curvature
        _add(direction, length, step)
        _add(image, -length, residual)
        for i in range(n):
            scaled[i] = residual[i] / (diagonal[i] + half * counts[i, i])
        before, norm = norm, _dot(residual, scaled)
        for i in range(n):
            direction[i] = scaled[i] + norm / before * direction[i]
    return step


@jit(fastmath={"contract"})
def _shift_state(T, shift):
    half = T.dtype.type(0.5)
    for i in range(T.shape[0]):
        row = T[i]
        for j in range(T.shape[1]):
            row[j] += half * (shift[i] + shift[j])


def balance_rows(states, n_newton, n_steps, tol):
    """Shift all states so that the rows of their copies sum to 1 together.

    Semismooth Newton steps on ``sum_c max(T_c + (d 1' + 1 d') / 2, 0) 1 = 1``.

    Parameters
    ----------
    states : ndarray of shape (n_groups, n_samples, n_samples)
        Symmetric matrices; shifted in place.
    n_newton, n_steps : int
        Largest number of Newton steps, and of conjugate gradients in each.
    tol : float
        Largest excess of a row that is left as it is.

    Returns
    -------
    shift : ndarray of shape (n_samples,)
        The vector d.
    """
    n = states.shape[1]
    shift = np.zeros(n, dtype=states.dtype)
    excess = np.empty(n, dtype=states.dtype)
    counts = np.empty((n, n), dtype=states.dtype)
    for _ in range(n_newton):
        _row_excess(states, shift, excess, counts)
        if np.abs(excess).max() <= tol:
            break
        shift += _newton_step(counts, excess, n_steps)
    for state in states:
        _shift_state(state, shift)
    return shift
