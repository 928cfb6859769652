"""A fitted composition as one JSON file, and the one that comes with the library."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from crm_analytics.core.errors import ModelFileError
from crm_analytics.core.files import whole_file
from crm_analytics.profiling.composition.household_composition import HouseholdComposition

FORMAT = "crm_analytics household composition"
FORMAT_VERSION = 1
_DIGITS = 8  # of each number: probabilities stay the same to about 1e-8
_SHIPPED = "composition_model.json"
_ARRAYS = ("mean_", "scale_", "low_", "high_", "coef_", "intercept_", "slope_", "shift_", "base_rate_")


def write_composition(model: HouseholdComposition, path: str | Path) -> Path:
    """Write a fitted model as one JSON file of numbers and words, whole or not at all."""
    check_is_fitted(model, "coef_")
    content: dict[str, Any] = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "params": {
            "strengths": [float(s) for s in model.strengths],
            "n_folds": model.n_folds,
            "random_state": model.random_state,
        },
        "traits_": model.traits_,
        "features_": model.features_,
        "strength_": model.strength_.tolist(),
        "clues_": {k: [_short(v, 4) for v in values] for k, values in model.clues_.items()},
    }
    for name in _ARRAYS:
        array = getattr(model, name)
        rows = array.tolist() if array.ndim == 1 else [row.tolist() for row in array]
        content[name] = (
            [_short(v) for v in rows] if array.ndim == 1 else [[_short(v) for v in row] for row in rows]
        )
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(content, separators=(",", ":"), ensure_ascii=False) + "\n", "utf-8")
    return Path(path)


def load_composition(path: str | Path | None = None) -> HouseholdComposition:
    """Read a model of `write_composition`; by default the one that comes with the library.

    That one is learnt from the 801 labelled households of Complete Journey (United States,
    2017): elsewhere it is a first guess, and `outside` says how far it has to reach.

    Raises
    ------
    ModelFileError
        If the file holds no such model, or one of a newer version.

    >>> load_composition().traits_
    ['children', 'over_65', 'under_35', 'single', 'three_or_more', 'owner']
    """
    file = files("crm_analytics.profiling.composition") / _SHIPPED if path is None else Path(path)
    try:
        content = json.loads(file.read_text("utf-8"))
        if content["format"] != FORMAT or content["format_version"] not in range(1, FORMAT_VERSION + 1):
            raise ModelFileError(f"{file} is no household composition that this version reads. Fit again.")
        model = HouseholdComposition(**content["params"])
        model.traits_, model.features_ = list(content["traits_"]), list(content["features_"])
        model.clues_ = content["clues_"]
        model.strength_ = np.array(content["strength_"], dtype=float)
        for name in _ARRAYS:
            setattr(model, name, np.array(content[name], dtype=float))
    except (KeyError, TypeError, ValueError, OSError) as error:
        if isinstance(error, ModelFileError):
            raise
        raise ModelFileError(
            f"{file} holds no household composition ({error!r}). Fit and write again."
        ) from error
    if model.coef_.shape != (len(model.traits_), len(model.features_)):
        raise ModelFileError(f"{file}: coefficients and names do not match. Fit and write again.")
    return model


def _short(value: Any, digits: int = _DIGITS) -> Any:
    return float(f"{value:.{digits}g}") if isinstance(value, float) else value
