"""The frame: distinct rows, scaling, chunks, numbering, and the encoder."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import BaseEstimator
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomTreesEmbedding
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skdeepcluster import AutoEncoder
from skdeepcluster._rows import (
    canonical_order,
    distinct_rows,
    in_chunks,
    lexicographic_order,
)
from skdeepcluster._scaling import TableScaling
from skdeepcluster._validation import check_table, check_weights, draw_seed
from skdeepcluster.base import (
    BaseClusterer,
    WeightedClusterer,
    takes_partial_labels,
    unchanged_on_error,
)

# Few values, so that ties are many.
small_tables = hnp.arrays(
    np.float64,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=12),
    elements=st.sampled_from([-1.0, 0.0, 0.5, 2.0]),
)


class TestDistinctRows:
    @given(small_tables)
    def test_order_is_that_of_sorted_tuples(self, X):
        order, is_first = lexicographic_order(X)
        rows = [tuple(row) for row in X[order]]
        assert rows == sorted(map(tuple, X))
        expected = [i == 0 or rows[i] != rows[i - 1] for i in range(len(rows))]
        assert is_first.tolist() == expected

    @given(small_tables, st.data())
    def test_agrees_with_a_dictionary(self, X, data):
        weights = data.draw(
            hnp.arrays(np.float64, len(X), elements=st.sampled_from([0.0, 0.25, 3.0]))
        )
        total = {}
        for row, weight in zip(map(tuple, X), weights, strict=True):
            if weight > 0:
                total[row] = total.get(row, 0.0) + weight
        if total:
            rows, merged = distinct_rows(X, weights)
            assert [tuple(row) for row in rows] == sorted(total)
            assert_allclose(merged, [total[row] for row in sorted(total)])

    @settings(max_examples=30)
    @given(small_tables, st.integers(0, 2**32 - 1))
    def test_does_not_see_the_order_of_rows(self, X, seed):
        rng = np.random.default_rng(seed)
        weights = rng.random(len(X)) + 0.1
        shuffled = rng.permutation(len(X))
        one, other = (
            distinct_rows(X, weights),
            distinct_rows(X[shuffled], weights[shuffled]),
        )
        assert_array_equal(one[0], other[0])
        assert_array_equal(one[1], other[1])


@given(st.integers(1, 40), st.integers(1, 9))
def test_chunks_have_one_shape_and_change_nothing(n_samples, n_rows):
    X = np.arange(2.0 * n_samples).reshape(n_samples, 2)
    shapes = set()

    def double(chunk):
        shapes.add(chunk.shape)
        return 2 * chunk

    assert_array_equal(in_chunks(double, X, n_rows), 2 * X)
    assert shapes == {(n_rows, 2)}


def test_canonical_order():
    sizes = [3, 5, 3, 3]
    centers = np.array([[1.0, 2.0], [9.0, 9.0], [1.0, 1.0], [0.0, 7.0]])
    assert canonical_order(sizes, centers).tolist() == [1, 3, 2, 0]


class TestSeed:
    def test_int_is_itself(self):
        assert draw_seed(7) == 7

    def test_none_is_fresh(self):
        assert len({draw_seed(None) for _ in range(5)}) == 5

    def test_random_state_moves_on(self):
        random_state = np.random.RandomState(0)
        assert draw_seed(random_state) != draw_seed(random_state)
        assert draw_seed(np.random.RandomState(0)) == draw_seed(
            np.random.RandomState(0)
        )


def test_unchanged_on_error():
    estimator = KMeans(2)
    estimator.kept_ = 1

    def fail_half_way():
        with unchanged_on_error(estimator):
            estimator.kept_, estimator.new_ = 2, 3
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail_half_way()
    assert estimator.kept_ == 1
    assert not hasattr(estimator, "new_")


class Nearest(BaseClusterer):
    """The smallest clusterer with an encoder."""

    _parameter_constraints = {}

    def __init__(self, n_clusters=2, *, encoder=None):
        self.n_clusters = n_clusters
        self.encoder = encoder

    def _fit_clusters(self, Z, sample_weight):
        self.kmeans_ = KMeans(self.n_clusters, n_init=3, random_state=0).fit(Z)
        self.labels_ = self.kmeans_.labels_.astype(np.int64)

    def _predict_labels(self, Z):
        return self.kmeans_.predict(Z).astype(np.int64)


class WeightedNearest(WeightedClusterer, Nearest):
    """The same, with weights at the door."""


class TestEncoder:
    X = make_blobs(90, 5, centers=3, random_state=0)[0]

    @pytest.mark.parametrize(
        "encoder",
        [
            PCA(2),
            make_pipeline(StandardScaler(), PCA(2)),
            AutoEncoder(2, max_epochs=5, n_iter_no_change=None, random_state=0),
        ],
        ids=["PCA", "Pipeline", "AutoEncoder"],
    )
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_rows_are_clustered_behind_the_encoder(self, encoder, dtype):
        X = self.X.astype(dtype)
        model = Nearest(3, encoder=encoder).fit(X)
        embedded = model.encoder_.transform(X)
        assert model.kmeans_.n_features_in_ == 2
        assert embedded.dtype == dtype
        assert_array_equal(model.predict(X), model.kmeans_.predict(embedded))
        assert_array_equal(model.predict(X), model.labels_)
        assert model.n_features_in_ == 5
        assert not hasattr(model, "transform")

    @pytest.mark.parametrize("steps", [[], [StandardScaler()]])
    def test_labels_go_to_an_encoder_that_takes_them(self, steps):
        class Marked(FunctionTransformer):
            takes_partial_labels = True

            def fit(self, X, y=None):
                self.seen_ = y
                return super().fit(X)

        codes = np.repeat([0, -1, 1], 30)
        for kind, seen in ((Marked, codes), (FunctionTransformer, None)):
            encoder = make_pipeline(*steps, kind()) if steps else kind()
            assert takes_partial_labels(encoder) == (seen is not None)
            model = Nearest(3, encoder=encoder)
            model._fit_encoder(self.X, codes)
            last = model.encoder_[-1] if steps else model.encoder_
            assert getattr(last, "seen_", None) is seen

    @pytest.mark.parametrize("wanted", [True, False])
    def test_weights_go_to_an_encoder_that_requested_them(self, wanted):
        weights = np.arange(90.0)
        with config_context(enable_metadata_routing=True):
            encoder = StandardScaler().set_fit_request(sample_weight=wanted)
        for kind in (encoder, make_pipeline(encoder, PCA(2))):
            model = WeightedNearest(3, encoder=kind)
            with config_context(enable_metadata_routing=True):
                model.fit(self.X, sample_weight=weights)
            scaler = model.encoder_[0] if kind is not encoder else model.encoder_
            mean = np.average(self.X, axis=0, weights=weights if wanted else None)
            assert_allclose(scaler.mean_, mean)
        # Without routing nobody asked.
        model.fit(self.X, sample_weight=weights)
        assert_allclose(model.encoder_[0].mean_, self.X.mean(axis=0))

    def test_unset_requests_are_asked_for(self):
        model = WeightedNearest(3, encoder=StandardScaler())
        with (
            config_context(enable_metadata_routing=True),
            pytest.raises(UnsetMetadataPassedError, match="sample_weight"),
        ):
            model.fit(self.X, sample_weight=np.ones(90))
        assert not hasattr(model, "encoder_")

    def test_centers_are_decoded_where_the_encoder_can(self):
        model = Nearest(3, encoder=PCA(2)).fit(self.X)
        model._set_cluster_centers(model.kmeans_.cluster_centers_)
        assert model.cluster_centers_.shape == (3, 5)
        model.encoder_ = RandomTreesEmbedding()
        model._set_cluster_centers(model.kmeans_.cluster_centers_)
        assert not hasattr(model, "cluster_centers_")

    def test_the_users_encoder_is_not_fitted(self):
        encoder = PCA(2)
        Nearest(3, encoder=encoder).fit(self.X)
        assert not hasattr(encoder, "components_")

    def test_embedding_that_is_not_finite_is_refused(self):
        broken = FunctionTransformer(lambda X: X * np.inf)
        model = Nearest(3, encoder=broken)
        with pytest.raises(ValueError, match="encoder returned values that are not"):
            model.fit(self.X)
        assert not hasattr(model, "encoder_")


class TestWhatNumpyWouldBend:
    """Input that numpy converts without a word, and wrongly."""

    class Table(BaseEstimator):
        """Validates a table."""

    @pytest.mark.parametrize(
        ("X", "message"),
        [
            (np.ma.masked_array(np.ones((2, 1)), [[True], [False]]), "masked entries"),
            (np.array([["2024-01-01"]], dtype="M8[D]"), "dates or times: turn"),
            (np.array([[1]], dtype="m8[s]"), "dates or times: turn"),
            (
                pd.DataFrame({"a": [1.0], "when": pd.to_datetime(["2024-01-01"])}),
                "dates or times in the column 'when'",
            ),
            (
                pl.DataFrame({"when": [datetime.date(2024, 1, 1)]}),
                "dates or times in the column 'when'",
            ),
            (pd.Series([1.0, 2.0]), "Expected (a 2-dimensional container|2D array)"),
            (pl.Series([1.0, 2.0]), "Expected 2D array, got 1D array"),
            (pd.Series(pd.to_datetime(["2024-01-01"])), "dates or times: turn"),
            (np.array([[10**400]], dtype=object), "beyond float64"),
            (np.array([[1.7e308, 0.0]]), r"X holds 1\.7e\+308"),
            (np.array([[-3e38, 0.0]], dtype=np.float32), r"X holds 3e\+38"),
        ],
    )
    def test_is_refused(self, X, message):
        with pytest.raises((ValueError, TypeError), match=message):
            check_table(self.Table(), X, reset=True)

    def test_finite_rows_are_not_checked_again(self):
        rows = np.array([[np.nan, 1.0]])
        with config_context(assume_finite=True):
            assert check_table(self.Table(), rows, reset=True) is rows
            table = self.Table()
            check_table(table, rows, reset=True)
            with pytest.raises(ValueError, match="expecting 2 features"):
                check_table(table, rows[:, :1].copy(), reset=False)
            with pytest.raises(ValueError, match="Expected 2D array"):
                check_table(table, rows[0], reset=True)
            assert check_table(table, [[1, 2]], reset=True).dtype == np.float64

    def test_what_is_right_passes(self):
        unmasked = np.ma.masked_array(np.ones((2, 1)), False)
        for X in (unmasked, np.array([[True]]), np.array([[1e300, -1e300]])):
            found = check_table(self.Table(), X, reset=True)
            np.testing.assert_array_equal(found, np.asarray(X))

    @pytest.mark.parametrize("largest", [1e60, 1e-60, 1e308])
    def test_weights_that_are_no_counts_are_refused(self, largest):
        with pytest.raises(ValueError, match="divide sample_weight by it"):
            check_weights([largest, 0, largest], np.ones((3, 1)))

    def test_weights_that_no_sum_feels_are_zero(self):
        weights = check_weights([1.0, 1e-13, 1e-11], np.ones((3, 1)))
        np.testing.assert_array_equal(weights, [1.0, 0.0, 1e-11])

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_rows_restored_beyond_the_range_are_finite(self, dtype):
        largest = np.finfo(dtype).max
        scaling = TableScaling(np.array([[largest, 0.0]]) / 2**14)
        rows = scaling.inverse_transform(np.array([[1e30, -1e30]]), dtype)
        np.testing.assert_array_equal(rows, [[largest, -largest]])
        assert rows.dtype == dtype
