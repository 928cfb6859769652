"""What every test shares: names in docstring examples, and how hypothesis runs."""

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
