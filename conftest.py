"""What every docstring's example may use without importing it."""

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(autouse=True)
def _names_in_examples(doctest_namespace):
    import crm_analytics

    doctest_namespace.update(np=np, pd=pd, read_log=crm_analytics.read_log)
