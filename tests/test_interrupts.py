"""Ctrl-C at any moment: the best so far, or the estimator from before."""

import sys
import threading
import warnings

import numpy as np
import pytest
import torch
from estimators import Rotation, classifiers, estimators, fitted
from sklearn.exceptions import ConvergenceWarning
from test_bad_input import quick
from test_common import results, table

from skdeepcluster import PPP, save

MOMENTS = 9


class Interrupt:
    """Raise KeyboardInterrupt when the package calls its n-th function."""

    def __init__(self, at):
        self.at = at
        self.n_calls = 0

    def __call__(self, frame, event, argument):
        if event == "call" and "/skdeepcluster/" in frame.f_code.co_filename:
            self.n_calls += 1
            if self.n_calls == self.at:
                raise KeyboardInterrupt

    def __enter__(self):
        sys.setprofile(self)
        return self

    def __exit__(self, *error):
        sys.setprofile(None)


def n_calls(estimator, method):
    with Interrupt(at=None) as counter:
        fitted(estimator, table(seed=1), method)
    return counter.n_calls


def content_of(estimator, folder):
    """Bytes that are the same if and only if an estimator is."""
    save(estimator, folder / "model", trusted=[Rotation])
    return (folder / "model").read_bytes()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:.* of the unlabeled rows are rejected")
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("estimator", [*estimators(), *classifiers()], ids=repr)
def test_ctrl_c_at_any_moment(estimator, method, tmp_path):
    if not hasattr(estimator, method):
        return
    assert "Ctrl-C" in type(estimator).__doc__
    X = table()
    model = fitted(quick(estimator), X)
    n_threads, state = torch.get_num_threads(), torch.get_rng_state()
    counted = fitted(quick(estimator), X)
    # To save settles what a summary has put off, and takes these calls away.
    content_of(counted, tmp_path)
    total = n_calls(counted, method)
    assert total > MOMENTS
    for at in np.linspace(1, total, MOMENTS).astype(int).tolist():
        before, said = dict(vars(model)), results(model, X)
        content = content_of(model, tmp_path)
        try:
            with Interrupt(at), warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                fitted(model, table(seed=1), method)
        except KeyboardInterrupt:
            assert vars(model).keys() == before.keys()
            assert all(vars(model)[name] is value for name, value in before.items())
            for name, values in results(model, X).items():
                np.testing.assert_array_equal(values, said[name])
            # Nor was anything that the attributes hold.
            assert content_of(model, tmp_path) == content
        else:
            # The best so far, and it says so; the next moment starts from it.
            messages = [
                str(warning.message)
                for warning in caught
                if issubclass(warning.category, ConvergenceWarning)
            ]
            assert any("interrupted" in message for message in messages)
            for values in results(model, X).values():
                assert len(values) == len(X)
                assert np.isfinite(values).all()
    assert torch.get_num_threads() == n_threads
    assert torch.equal(torch.get_rng_state(), state)
    # No lock was left behind: another thread can train.
    thread = threading.Thread(target=fitted, args=(quick(estimator), X), daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_ctrl_c_while_the_clusters_of_a_stream_are_found():
    X = table(seed=1)
    right = PPP().fit_predict(X)
    settled = vars(PPP().partial_fit(X).partial_fit()).keys()
    total = n_calls(PPP().partial_fit(X), "predict")
    assert total > 30
    n_settled = 0
    for at in range(1, total, total // 30):
        model = PPP().partial_fit(X[:30]).partial_fit(X[30:])
        before = dict(vars(model))
        with pytest.raises(KeyboardInterrupt), Interrupt(at):
            model.predict(X)
        n_settled += model._is_current
        assert not model._is_current or vars(model).keys() == settled
        assert model._is_current or vars(model) == before
        np.testing.assert_array_equal(model.predict(X), right)
    assert 0 < n_settled < 30
