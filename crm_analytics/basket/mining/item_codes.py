"""Items that a caller names, found among those that were bought."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from crm_analytics.core.errors import SchemaError, nearest


def codes_of(wanted: Sequence[Any], items: pd.Index, where: str) -> np.ndarray:
    """Return the position in `items` of each wanted one.

    Raises SchemaError, beginning with `where`, if one is not there; ValueError if `wanted` is text.

    >>> codes_of(["tea", "milk"], pd.Index(["bread", "milk", "tea"]), "fit: include")
    array([2, 1])
    """
    if isinstance(wanted, str | bytes):
        raise ValueError(f"{where} must be a list of items. Got {wanted!r}; write [{wanted!r}].")
    known = {item: code for code, item in enumerate(items)}
    missing = [item for item in wanted if item not in known]
    if missing:
        near = nearest(str(missing[0]), map(str, items))
        hint = f" Is {near!r} meant?" if near else ""
        raise SchemaError(
            f"{where} has {len(missing):,} of {len(wanted):,} items that are in no basket, such as "
            f"{missing[0]!r}.{hint}"
        )
    return np.array([known[item] for item in wanted], dtype=np.int64)
