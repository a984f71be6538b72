"""TELL against the equations of the paper, and against k-means."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import cdist
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.datasets import load_breast_cancer, load_digits, load_wine, make_blobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback
from torch.nn.functional import normalize

from skdeepcluster import TELL
from skdeepcluster.deep._tell_layer import TELLModule
from skdeepcluster.nn.modules import AutoencoderModule

DIGITS = load_digits().data / 16


def layer(n_clusters=5, n_features=7, spherical=False, seed=0):
    """A clustering layer in float64 on random centres, and rows to try it on."""
    generator = torch.Generator().manual_seed(seed)
    module = TELLModule(None, n_clusters, n_features, spherical).double()
    centers = torch.randn(n_clusters, n_features, generator=generator).double()
    module.centers.copy_(normalize(centers) if spherical else centers)
    rows = torch.randn(200, n_features, generator=generator).double()
    return module, normalize(rows) if spherical else rows


def small_network(**params):
    settings = {
        "n_components": 4,
        "hidden_layer_sizes": (16,),
        "pretrain_epochs": 15,
        "max_epochs": 8,
        "n_iter_no_change": None,
        "random_state": 0,
    }
    return TELL(3, **(settings | params))


@pytest.fixture(scope="module")
def blobs():
    X, y = make_blobs(240, 6, centers=3, random_state=0)
    return X, y


class TestLayer:
    def test_logits_are_square_norms_minus_square_distances(self):
        module, rows = layer()
        distances = torch.cdist(rows, module.centers).square()
        expected = rows.square().sum(dim=1, keepdim=True) - distances
        assert_allclose(module(rows), expected, atol=1e-12)
        assert_array_equal(module(rows).argmax(dim=1), distances.argmin(dim=1))

    def test_cold_softmax_is_the_hard_assignment(self):
        module, rows = layer()
        rows = rows / 4
        soft = torch.softmax(module(rows) / 1e-4, dim=1)
        assert_allclose(soft.max(dim=1).values, 1, atol=1e-3)
        nearest, winners = module.nearest_distances(rows)
        assert_array_equal(soft.argmax(dim=1), winners)
        distances = torch.cdist(rows, module.centers).square()
        assert_allclose((soft * distances).sum(dim=1), nearest, atol=1e-4)

    def test_gradient_is_that_of_kmeans(self):
        module, rows = layer()
        centers = module.centers.clone().requires_grad_()
        distances, winners = (rows[:, None] - centers).square().sum(dim=2).min(dim=1)
        distances.mean().backward()
        counts = torch.bincount(winners, minlength=5).double()
        sums = torch.zeros(5, 7).double().index_add_(0, winners, rows)
        expected = 2 / len(rows) * (counts[:, None] * centers.detach() - sums)
        assert_allclose(centers.grad, expected, atol=1e-12)

    def test_full_step_is_lloyds_update(self):
        module, rows = layer()
        _, winners = module.nearest_distances(rows)
        module.move_centers(rows, torch.ones(len(rows)).double(), winners, 1.0)
        for cluster in range(5):
            mean = rows[winners == cluster].mean(dim=0)
            assert_allclose(module.centers[cluster], mean, atol=1e-12)

    def test_row_by_row_is_macqueens_kmeans(self):
        module, rows = layer()
        centers, counts = module.centers.clone(), np.zeros(5)
        one = torch.ones(1).double()
        for row in rows:
            _, winner = module.nearest_distances(row[None])
            module.move_centers(row[None], one, winner)
            nearest = (row - centers).square().sum(dim=1).argmin()
            counts[nearest] += 1
            centers[nearest] += (row - centers[nearest]) / counts[nearest]
        assert_allclose(module.centers, centers, atol=1e-12)

    def test_on_the_sphere_logits_are_cosines(self):
        module, rows = layer(spherical=True)
        distances = torch.cdist(rows, module.centers).square()
        assert_allclose(2 - distances, module(rows) + 1, atol=1e-12)

    def test_spherical_step_is_the_normalised_gradient_step(self):
        # The authors store 2·alpha·centre, rescale each row's gradient to a
        # tenth of its length, step, and set the length back.
        module, rows = layer(spherical=True)
        alpha = 0.001
        weight = (2 * alpha * module.centers).clone().requires_grad_()
        (-(rows @ weight.T).max(dim=1).values.sum()).backward()
        step = 0.2 * alpha * normalize(weight.grad)
        expected = normalize(weight.detach() - step)
        _, winners = module.nearest_distances(rows)
        module.move_centers(rows, torch.ones(len(rows)).double(), winners, 0.1)
        assert_allclose(module.centers, expected, atol=1e-10)

    def test_scale_of_the_authors_loss(self):
        module, rows = layer(spherical=True)
        alpha, n_clusters = 0.001, 5
        scores = rows @ (2 * alpha * module.centers).T
        one_hot = torch.nn.functional.one_hot(scores.argmax(dim=1), n_clusters)
        theirs = 0.01 / alpha * (2 * alpha - one_hot * scores).mean()
        cosine = (rows @ module.centers.T).max(dim=1).values.mean()
        assert_allclose(theirs, 0.02 * (1 - cosine / n_clusters), atol=1e-12)

    def test_step_turns_a_centre_towards_its_members_by_at_most_a_tenth(self):
        module, rows = layer(spherical=True)
        before = module.centers.clone()
        _, winners = module.nearest_distances(rows)
        module.move_centers(rows, torch.ones(len(rows)).double(), winners, 0.1)
        bound = 2 * np.sin(np.arcsin(0.1) / 2)
        assert (module.centers - before).norm(dim=1).max() <= bound + 1e-12
        for cluster in range(5):
            mean = normalize(rows[winners == cluster].sum(dim=0), dim=0)
            assert mean @ module.centers[cluster] >= mean @ before[cluster]

    @pytest.mark.parametrize("spherical", [False, True])
    def test_absent_cluster_stays_bit_for_bit(self, spherical):
        module, rows = layer(spherical=spherical)
        _, winners = module.nearest_distances(rows)
        rows, before = rows[winners != 2], module.centers[2].clone()
        weights = torch.ones(len(rows)).double()
        module.move_centers(rows, weights, winners[winners != 2], 0.3)
        assert torch.equal(module.centers[2], before)

    def test_dead_centre_moves_to_the_farthest_row(self):
        module, rows = layer()
        module.centers[3] = 1e6
        _, winners = module.nearest_distances(rows)
        module.move_centers(rows, torch.ones(len(rows)).double(), winners, 1.0)
        distances, _ = module.nearest_distances(rows)
        assert module.revive(rows) == 1
        assert torch.equal(module.centers[3], rows[distances.argmax()])


class TestAlone:
    @pytest.mark.parametrize(
        ("X", "n_clusters"),
        [
            (DIGITS, 10),
            (StandardScaler().fit_transform(load_wine().data), 3),
            (StandardScaler().fit_transform(load_breast_cancer().data), 2),
        ],
        ids=["digits", "wine", "breast cancer"],
    )
    def test_reaches_the_inertia_of_kmeans(self, X, n_clusters):
        best = KMeans(n_clusters, n_init=10, random_state=0).fit(X).inertia_
        found = [TELL(n_clusters, random_state=seed).fit(X) for seed in range(5)]
        assert np.mean([model.inertia_ for model in found]) <= 1.01 * best
        model = found[0]
        polished = KMeans(n_clusters, init=model.cluster_centers_, n_init=1).fit(X)
        assert model.inertia_ <= 1.001 * polished.inertia_

    def test_fitted_attributes_fit_together(self):
        model = TELL(10, random_state=0).fit(DIGITS)
        offsets = DIGITS - model.cluster_centers_[model.labels_]
        assert_allclose(model.inertia_, np.square(offsets).sum(), rtol=1e-9)
        assert_allclose(model.score(DIGITS), -model.inertia_, rtol=1e-9)
        for cluster in range(10):
            mean = DIGITS[model.labels_ == cluster].mean(axis=0)
            assert_allclose(model.cluster_centers_[cluster], mean, atol=1e-6)
        scaled = model.scaling_.transform(DIGITS)
        offsets = (
            scaled - model.scaling_.transform(model.cluster_centers_)[model.labels_]
        )
        spread = np.square(offsets).sum(axis=1).mean()
        assert_allclose(model.temperature_, spread, rtol=1e-9)
        assert model.n_iter_ == len(model.history_) >= 1
        assert model.converged_
        distances = cdist(DIGITS, model.cluster_centers_)
        assert_allclose(model.transform(DIGITS), distances, rtol=1e-6)
        assert not hasattr(model, "inverse_transform")

    def test_budget_is_not_convergence(self):
        with pytest.warns(ConvergenceWarning, match="after max_epochs=1 epochs"):
            model = TELL(3, max_epochs=1, random_state=0).fit(DIGITS)
        assert not model.converged_

    def test_rotation_and_shift_change_nothing(self):
        X, _ = make_blobs(300, 5, centers=4, random_state=1)
        rotation, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(5, 5)))
        plain = TELL(4, random_state=0).fit_predict(X)
        turned = TELL(4, random_state=0).fit_predict(X @ rotation + 100)
        assert adjusted_rand_score(plain, turned) == 1

    def test_sphere_clusters_directions(self):
        rng = np.random.default_rng(0)
        angles = rng.choice([0.0, 2.1, 4.2], 300) + rng.normal(0, 0.1, 300)
        lengths = rng.uniform(1, 20, 300)
        X = lengths[:, None] * np.column_stack([np.cos(angles), np.sin(angles)])
        truth = np.digitize(angles, [1, 3])
        found = TELL(3, geometry="sphere", random_state=0).fit(X - X.mean(axis=0))
        assert adjusted_rand_score(truth, found.labels_) > 0.9
        assert_allclose(np.linalg.norm(found.latent_centers_, axis=1), 1, atol=1e-6)

    def test_one_cluster_is_the_mean(self):
        model = TELL(1, random_state=0).fit(DIGITS)
        assert_allclose(model.cluster_centers_[0], DIGITS.mean(axis=0), atol=1e-9)

    def test_weights_pull_centres(self):
        X = np.array([[0.0], [1.0], [10.0]])
        model = TELL(2, random_state=0).fit(X, sample_weight=[3, 1, 1])
        assert_allclose(np.sort(model.cluster_centers_[:, 0]), [0.25, 10.0])


class TestWithNetwork:
    def test_finds_blobs(self, blobs):
        X, y = blobs
        model = small_network().fit(X)
        assert adjusted_rand_score(y, model.labels_) > 0.95
        assert model.transform(X).shape == (len(X), 4)
        assert_allclose(np.linalg.norm(model.transform(X), axis=1), 1, atol=1e-6)
        assert_allclose(np.linalg.norm(model.latent_centers_, axis=1), 1, atol=1e-6)

    def test_centres_are_decoded(self, blobs):
        X, _ = blobs
        model = small_network().fit(X)
        decoded = model.inverse_transform(model.latent_centers_)
        assert_allclose(model.cluster_centers_, decoded)
        for cluster, center in enumerate(model.cluster_centers_):
            mean = X[model.labels_ == cluster].mean(axis=0)
            assert np.corrcoef(center, mean)[0, 1] > 0.95

    def test_stages_alternate(self, blobs):
        """Codes are not pulled while centres move, and the other way round."""
        seen = []

        class Watch(Callback):
            def on_batch_begin(self, net, batch, training, **kwargs):
                self.before = net.module_.centers.clone()

            def on_batch_end(self, net, batch, training, **kwargs):
                if training:
                    module = net.module_
                    moved = not torch.equal(self.before, module.centers)
                    seen.append((module.stage, moved))

        small_network(callbacks=[Watch()]).fit(blobs[0])
        assert {stage for stage, _ in seen} == {"reconstruct", "centers", "encoder"}
        assert not any(moved for stage, moved in seen if stage != "centers")
        assert all(moved for stage, moved in seen if stage == "centers")

    @pytest.mark.parametrize(
        ("stage", "pulls"), [("centers", False), ("encoder", True)]
    )
    def test_gradient_of_the_clustering_loss(self, stage, pulls):
        torch_state = torch.get_rng_state()
        rows, weights = torch.linspace(-1, 1, 60).view(10, 6), torch.ones(10)
        gradients = []
        for pull in (0.0, 5.0):
            torch.set_rng_state(torch_state)
            module = TELLModule(AutoencoderModule(6, (8,), 3), 2, 3, True)
            module.pull = pull
            module.centers.copy_(normalize(torch.eye(2, 3) + 0.1))
            module.stage = stage
            module.loss(rows, weights).backward()
            gradients.append(module.autoencoder.shortcut_in.weight.grad)
        assert torch.equal(*gradients) != pulls

    def test_users_own_module(self, blobs):
        class Linear(torch.nn.Module):
            def __init__(self, n_features):
                super().__init__()
                self.inward = torch.nn.Linear(n_features, 3)
                self.outward = torch.nn.Linear(3, n_features)

            def encode(self, rows):
                return self.inward(rows)

            def decode(self, codes):
                return self.outward(codes)

        X, y = blobs
        model = TELL(3, module=Linear, random_state=0, n_iter_no_change=None).fit(X)
        assert model.transform(X).shape == (len(X), 3)
        assert adjusted_rand_score(y, model.labels_) > 0.9
        instance = Linear(6)
        before = instance.inward.weight.clone()
        TELL(3, module=instance, random_state=0, n_iter_no_change=None).fit(X)
        assert torch.equal(before, instance.inward.weight)

    def test_module_without_decode_is_refused(self, blobs):
        with pytest.raises(ValueError, match="module must have the methods encode"):
            TELL(3, module=torch.nn.Linear(6, 2)).fit(blobs[0])

    @pytest.mark.parametrize(
        ("encode", "decode", "message"),
        [
            (lambda rows: rows[:, 0], lambda codes: codes, "2-D tensor"),
            (lambda rows: rows[:, :2], lambda codes: codes, "rows of 6 features"),
            (lambda rows: (rows, rows), lambda codes: codes[0], "does not work"),
        ],
    )
    def test_module_that_does_not_fit_the_table(self, blobs, encode, decode, message):
        class Odd(torch.nn.Module):
            def __init__(self, n_features):
                super().__init__()
                self.weight = torch.nn.Parameter(torch.ones(1))

            def encode(self, rows):
                return encode(rows)

            def decode(self, codes):
                return decode(codes) * self.weight

        model = TELL(3, module=Odd)
        with pytest.raises(ValueError, match=message):
            model.fit(blobs[0])
        assert vars(model) == vars(TELL(3, module=Odd))

    def test_callbacks_of_another_kind_are_refused(self, blobs):
        with pytest.raises(ValueError, match="callbacks must be skorch callbacks"):
            small_network(callbacks=[3]).fit(blobs[0])

    def test_divergence_is_said_and_leaves_a_usable_model(self, blobs):
        with pytest.warns(ConvergenceWarning, match="lower learning_rate_init"):
            model = small_network(learning_rate_init=1e12, validation_fraction=0.0).fit(
                blobs[0]
            )
        assert np.isfinite(model.transform(blobs[0])).all()

    def test_line_is_no_sphere(self, blobs):
        with pytest.raises(ValueError, match="n_components=1 leaves only two points"):
            TELL(3, n_components=1).fit(blobs[0])

    def test_paper_preset_runs(self, blobs):
        model = TELL.paper(3, n_init=1, max_epochs=5, random_state=0).fit(blobs[0])
        assert model.net_.module_.autoencoder.shortcut_in is None
        assert [epoch["stage"] for epoch in model.history_[:2]] == [
            "centers",
            "encoder",
        ]

    def test_budget_is_said(self):
        model = small_network(pretrain_epochs=11, n_iter_no_change=10)
        with pytest.warns(ConvergenceWarning) as said:
            model.fit(DIGITS[:400])
        assert "after pretrain_epochs=11 epochs" in str(said[0].message)


class TestExplain:
    @pytest.mark.parametrize("geometry", ["euclidean", "sphere"])
    def test_shares_sum_to_the_margin(self, geometry):
        model = TELL(10, geometry=geometry, random_state=0).fit(DIGITS)
        ranked = np.sort(model.decision_function(DIGITS), axis=1)
        shares = model.explain(DIGITS)
        assert shares.shape == DIGITS.shape
        assert_allclose(shares.sum(axis=1), ranked[:, -1] - ranked[:, -2], atol=1e-10)

    def test_latent_shares(self, blobs):
        model = small_network().fit(blobs[0])
        ranked = np.sort(model.decision_function(blobs[0]), axis=1)
        shares = model.explain(blobs[0])
        assert_allclose(shares.sum(axis=1), ranked[:, -1] - ranked[:, -2], atol=1e-10)

    def test_integrated_gradients_are_complete(self, blobs):
        X, _ = blobs
        model = small_network().fit(X)
        logits = model.decision_function(X)
        ranks = np.argsort(-logits, axis=1, kind="stable")
        rivals = model.cluster_centers_[ranks[:, 1]]
        at_rival = model.decision_function(rivals)
        rows = np.arange(len(X))
        margins = [
            scores[rows, ranks[:, 0]] - scores[rows, ranks[:, 1]]
            for scores in (logits, at_rival)
        ]
        shares = model.explain(X, space="input", n_steps=256)
        assert shares.shape == X.shape
        error = np.abs(shares.sum(axis=1) - (margins[0] - margins[1]))
        assert error.mean() < 0.02

    def test_unsound_steps(self):
        with pytest.raises(ValueError, match="n_steps must be a positive integer"):
            TELL(2, random_state=0).fit(DIGITS).explain(DIGITS, n_steps=0)

    def test_one_cluster_has_no_rival(self):
        with pytest.raises(ValueError, match="only one cluster"):
            TELL(1, random_state=0).fit(DIGITS).explain(DIGITS)

    def test_unknown_space(self):
        with pytest.raises(ValueError, match="space must be"):
            TELL(2, random_state=0).fit(DIGITS).explain(DIGITS, space="pixels")


class TestPartialFit:
    def test_first_call_is_fit(self):
        followed = TELL(3, random_state=0).partial_fit(DIGITS[:300])
        fitted = TELL(3, random_state=0).fit(DIGITS[:300])
        assert_array_equal(followed.cluster_centers_, fitted.cluster_centers_)

    def test_centres_are_running_means(self):
        X = np.array([[0.0], [1.0], [10.0], [11.0]])
        model = TELL(2, random_state=0).fit(X)
        low, high = np.argsort(model.cluster_centers_[:, 0])
        model.partial_fit([[2.0], [3.0]])
        assert_allclose(model.cluster_centers_[low], 6 / 4)
        assert_allclose(model.cluster_centers_[high], 10.5)
        assert_array_equal(model.labels_, [low, low])

    @pytest.mark.parametrize("n_components", [None, 4])
    def test_stream_helps(self, n_components):
        model = TELL(10, geometry="sphere", n_components=n_components, random_state=0)
        model.fit(DIGITS[:300])
        before = model.score(DIGITS[300:])
        for chunk in np.array_split(DIGITS[300:], 20):
            model.partial_fit(chunk)
        assert model.score(DIGITS[300:]) > before
        assert_allclose(np.linalg.norm(model.latent_centers_, axis=1), 1, atol=1e-6)

    def test_weight_of_two_is_two_rows(self):
        models = [TELL(3, random_state=0).fit(DIGITS[:100]) for _ in range(2)]
        rows = DIGITS[100:130]
        models[0].partial_fit(rows, sample_weight=np.full(30, 2.0))
        models[1].partial_fit(np.repeat(rows, 2, axis=0))
        assert_array_equal(models[0].cluster_centers_, models[1].cluster_centers_)

    @pytest.mark.parametrize("geometry", ["euclidean", "sphere"])
    def test_chunk_of_another_scale(self, geometry):
        model = TELL(2, geometry=geometry, random_state=0)
        model.partial_fit([[0.0], [1e-320]])
        for X in ([[1.0]], [[-1e15]], [[1e300]]):
            model.partial_fit(X)
            assert np.isfinite(model.cluster_centers_).all()
            assert np.isfinite(model.decision_function(X)).all()

    def test_error_leaves_the_estimator_as_it_was(self, blobs, monkeypatch):
        X, _ = blobs
        model = small_network().fit(X)
        before = model.explain(X, space="input"), model.decision_function(X)

        def interrupt(self, Z):
            raise KeyboardInterrupt

        monkeypatch.setattr(TELL, "_predict_labels", interrupt)
        with pytest.raises(KeyboardInterrupt):
            model.partial_fit(X + 1)
        assert_array_equal(model.explain(X, space="input"), before[0])
        assert_array_equal(model.decision_function(X), before[1])


def test_threads_train_one_after_the_other(blobs):
    X, _ = blobs
    state = torch.get_rng_state()
    models = [small_network(random_state=seed) for seed in (0, 1, 2)]
    alone = [clone(model).fit(X).transform(X) for model in models]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda model: model.fit(X).transform(X), models))
    for one, other in zip(alone, together, strict=True):
        assert_array_equal(one, other)
    assert torch.equal(torch.get_rng_state(), state)


def test_rows_without_direction_are_said():
    X = [[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0], [0.0, 0.0]]
    with pytest.warns(ConvergenceWarning, match="1 distinct rows have a code of"):
        TELL(2, geometry="sphere", random_state=0).fit(X)


class TestInterrupt:
    class Stop(Callback):
        """Press Ctrl-C in the middle of an epoch."""

        def __init__(self, epoch):
            self.epoch = epoch

        def on_batch_begin(self, net, **kwargs):
            if len(net.history) == self.epoch:
                raise KeyboardInterrupt

    @pytest.mark.parametrize("epoch", [1, 5, 18])
    def test_best_state_is_kept_and_usable(self, blobs, epoch):
        model = small_network(callbacks=[self.Stop(epoch)])
        with pytest.warns(ConvergenceWarning, match="interrupted after"):
            model.fit(blobs[0])
        assert model.n_iter_ <= epoch
        assert adjusted_rand_score(blobs[1], model.predict(blobs[0])) > 0.9
