"""The two inner steps of `nearest_centers`, in explicit vectors.

LLVM alone would transpose with scattered stores, keep running sums in memory, and
use half of an AVX-512 register. It splits vectors longer than the machine's, so
the same code runs everywhere.

numba's cache notices no change of this file: after an edit, clear it.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

ROW_BYTES = 64
"""Bytes of a vector, of one number per row: an AVX-512 register, or two of AVX2."""

TILE_CENTERS = 6
"""Running sums kept in registers at once: with AVX2 they fill 12 of 16."""

_INT32 = ir.IntType(32)


@intrinsic
def transpose_block(typing_context, source, stride, origin, target):
    """Write a square block of rows, less the origin, into columns.

    ``target[j, i] = source[i * stride + j] - origin[j]`` for i and j below the
    number of lanes.

    Parameters
    ----------
    source : array of shape (n,)
        Rows one after the other.
    stride : intp
        Step from row to row.
    origin : array of shape (n_lanes,)
        Number to take off in each column.
    target : array of shape (n_lanes, n_lanes)
        Columns, contiguous.
    """
    signature = types.void(source, stride, origin, target)

    def generate(context, builder, signature, arguments):
        index = context.get_value_type(types.intp)
        number, n_lanes = _vector_of(context, signature.args[0].dtype)
        source, origin, target = (
            _data(context, builder, signature, arguments, i) for i in (0, 2, 3)
        )
        offset = _load(builder, origin, index(0), number, n_lanes)
        vectors = []
        for i in range(n_lanes):
            start = builder.mul(arguments[1], index(i))
            row = _load(builder, source, start, number, n_lanes)
            vectors.append(builder.fsub(row, offset))
        # Swap the off-diagonal quarters of the block, then of each quarter, ...
        width = n_lanes // 2
        while width:
            lanes = range(n_lanes)
            upper = [n_lanes + lane - width if lane & width else lane for lane in lanes]
            lower = [n_lanes + lane if lane & width else lane + width for lane in lanes]
            swapped = list(vectors)
            for i in lanes:
                if not i & width:
                    pair = vectors[i], vectors[i + width]
                    swapped[i] = _shuffle(builder, *pair, upper)
                    swapped[i + width] = _shuffle(builder, *pair, lower)
            vectors, width = swapped, width // 2
        for j, vector in enumerate(vectors):
            _store(builder, vector, target, index(j * n_lanes))

    return signature, generate


@intrinsic
def keep_best_centers(typing_context, rows, tile, half_norms, scores, labels, first):
    """Score a vector of rows against a tile of centers, and keep the best.

    The score ``row @ center - center @ center / 2`` is largest for the nearest
    center. Every lane is one row and meets the same operations, so no result
    depends on the lane or on the other rows.

    Parameters
    ----------
    rows : array of shape (n_features, n_lanes)
        Rows in columns.
    tile : array of shape (n_features, TILE_CENTERS)
        Centers in columns.
    half_norms : array of shape (TILE_CENTERS,)
        Half of the squared norms of the centers.
    scores : array of shape (n_lanes,)
        Best score so far, updated. A tie keeps the earlier center.
    labels : array of shape (n_lanes,), dtype int32
        Center of the best score, updated.
    first : int32
        Number of the tile's first center.
    """
    signature = types.void(rows, tile, half_norms, scores, labels, first)

    def generate(context, builder, signature, arguments):
        index = context.get_value_type(types.intp)
        number, n_lanes = _vector_of(context, signature.args[0].dtype)
        rows, tile, half_norms, scores, labels = (
            _data(context, builder, signature, arguments, i) for i in range(5)
        )
        shape = context.make_array(signature.args[1])(context, builder, arguments[1])
        n_features = cgutils.unpack_tuple(builder, shape.shape)[0]

        def repeat(value):
            one = ir.Constant(ir.VectorType(value.type, n_lanes), ir.Undefined)
            one = builder.insert_element(one, value, _INT32(0))
            return _shuffle(builder, one, one, [0] * n_lanes)

        sums = []
        for c in range(TILE_CENTERS):
            half_norm = builder.load(builder.gep(half_norms, [index(c)]))
            start = repeat(builder.fneg(half_norm))
            sums.append(cgutils.alloca_once_value(builder, start))
        with cgutils.for_range(builder, n_features) as loop:
            x_start = builder.mul(loop.index, index(n_lanes))
            x = _load(builder, rows, x_start, number, n_lanes)
            column = builder.mul(loop.index, index(TILE_CENTERS))
            for c in range(TILE_CENTERS):
                place = builder.add(column, index(c))
                center = repeat(builder.load(builder.gep(tile, [place])))
                # "contract": one fused operation where the machine has it.
                product = builder.fmul(x, center, flags=("contract",))
                total = builder.load(sums[c])
                total = builder.fadd(total, product, flags=("contract",))
                builder.store(total, sums[c])

        best = _load(builder, scores, index(0), number, n_lanes)
        label = _load(builder, labels, index(0), _INT32, n_lanes)
        for c in range(TILE_CENTERS):
            score = builder.load(sums[c])
            better = builder.fcmp_ordered(">", score, best)
            best = builder.select(better, score, best)
            center = repeat(builder.add(arguments[5], _INT32(c)))
            label = builder.select(better, center, label)
        _store(builder, best, scores, index(0))
        _store(builder, label, labels, index(0))

    return signature, generate


def _vector_of(context, dtype):
    """LLVM type of a number, and how many of them a vector of rows has."""
    return context.get_data_type(dtype), 8 * ROW_BYTES // dtype.bitwidth


def _data(context, builder, signature, arguments, i):
    """Pointer to the numbers of an array argument."""
    make = context.make_array(signature.args[i])
    return make(context, builder, arguments[i]).data


def _load(builder, pointer, offset, number, n_lanes):
    vector = ir.VectorType(number, n_lanes).as_pointer()
    place = builder.bitcast(builder.gep(pointer, [offset]), vector)
    return builder.load(place, align=4)


def _store(builder, vector, pointer, offset):
    place = builder.gep(pointer, [offset])
    builder.store(vector, builder.bitcast(place, vector.type.as_pointer()), align=4)


def _shuffle(builder, first, second, lanes):
    mask = ir.Constant(ir.VectorType(_INT32, len(lanes)), lanes)
    return builder.shuffle_vector(first, second, mask)
