"""What the tests of clv share: CDNOW as published, and the peers."""

import warnings

import numpy as np
import pandas as pd
import pytest

from crm_analytics.datasets import load_cdnow
from crm_analytics.features import calibration_holdout


def in_weeks(table):
    """The literature counts days and divides by 7, so that recency and T are not whole."""
    return table.assign(recency=table["recency"] / 7, T=table["T"] / 7)


@pytest.fixture(scope="session")
def cdnow():
    """The sample of 2,357 customers, 39 weeks of calibration and 39 of holdout."""
    return in_weeks(calibration_holdout(load_cdnow(), "1997-10-01"))


@pytest.fixture(scope="session")
def cdnow_full():
    """All 23,570 customers, likewise."""
    return in_weeks(calibration_holdout(load_cdnow(full=True), "1997-10-01"))


@pytest.fixture(scope="session")
def lifetimes():
    """The peer; importing it sets a pandas option, which is put back."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = pd.options.mode.chained_assignment
        import lifetimes

        pd.options.mode.chained_assignment = before
    return lifetimes


@pytest.fixture(scope="session")
def derivatives():
    """Numerical gradient and Hessian of a function that returns (value, gradient, Hessian)."""

    def numerical(function, at, step=1e-5):
        steps = step * np.eye(at.size)
        gradient = [(function(at + h)[0] - function(at - h)[0]) / (2 * step) for h in steps]
        hessian = [(function(at + h)[1] - function(at - h)[1]) / (2 * step) for h in steps]
        return np.array(gradient), np.array(hessian)

    return numerical
