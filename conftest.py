"""What every test shares: names in docstring examples, and how hypothesis runs."""

import os

# Workers are as many as cores, so that each computes on one; read when the libraries are loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import hypothesis
import numpy as np
import pandas as pd
import pytest

# Time says nothing of correctness on a busy machine.
hypothesis.settings.register_profile("crm_analytics", deadline=None)
hypothesis.settings.load_profile("crm_analytics")


@pytest.fixture(autouse=True)
def _names_in_examples(doctest_namespace):
    import crm_analytics

    doctest_namespace.update(np=np, pd=pd, read_log=crm_analytics.read_log)
