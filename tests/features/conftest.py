"""What the tests of features share."""

import warnings

import pandas as pd
import pytest


@pytest.fixture
def lifetimes_utils():
    """The module lifetimes.utils; importing it sets a pandas option, which is put back."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that option is deprecated, and setting it warns
        before = pd.options.mode.chained_assignment
        import lifetimes.utils

        pd.options.mode.chained_assignment = before
    return lifetimes.utils
