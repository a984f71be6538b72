"""Ctrl-C at any moment: the best so far, or the estimator from before."""

import sys
import threading
import warnings

import numpy as np
import pytest
import torch
from estimators import estimators
from sklearn.exceptions import ConvergenceWarning
from test_bad_input import quick
from test_common import results, table

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
        getattr(estimator, method)(table(seed=1))
    return counter.n_calls


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("estimator", estimators(), ids=repr)
def test_ctrl_c_at_any_moment(estimator, method):
    if not hasattr(estimator, method):
        return
    X = table()
    model = quick(estimator).fit(X)
    n_threads, state = torch.get_num_threads(), torch.get_rng_state()
    total = n_calls(quick(estimator).fit(X), method)
    assert total > MOMENTS
    for at in np.linspace(1, total, MOMENTS).astype(int).tolist():
        before, said = dict(vars(model)), results(model, X)
        try:
            with Interrupt(at), warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                getattr(model, method)(table(seed=1))
        except KeyboardInterrupt:
            assert vars(model).keys() == before.keys()
            assert all(vars(model)[name] is value for name, value in before.items())
            for name, values in results(model, X).items():
                np.testing.assert_array_equal(values, said[name])
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
    thread = threading.Thread(target=quick(estimator).fit, args=(X,), daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
