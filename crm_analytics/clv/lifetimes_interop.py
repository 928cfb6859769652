"""To and from lifetimes: the same parameters, in its fitter or in our model."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from crm_analytics.clv.beta_geo import BetaGeoModel
from crm_analytics.clv.beta_geo_beta_binom import BetaGeoBetaBinomModel
from crm_analytics.clv.gamma_gamma import GammaGammaModel
from crm_analytics.clv.inference.purchase_model import PurchaseModel
from crm_analytics.clv.mbg_cnbd import MBGCNBDModel
from crm_analytics.clv.modified_beta_geo import ModifiedBetaGeoModel
from crm_analytics.clv.pareto_nbd import ParetoNBDModel

Model = PurchaseModel | GammaGammaModel

# Both name the parameters alike, and mean the same by them: rates in the unit of T, v in currency.
MODELS: dict[str, type[PurchaseModel] | type[GammaGammaModel]] = {
    "BetaGeoFitter": BetaGeoModel,
    "ModifiedBetaGeoFitter": ModifiedBetaGeoModel,
    "ParetoNBDFitter": ParetoNBDModel,
    "BetaGeoBetaBinomFitter": BetaGeoBetaBinomModel,
    "GammaGammaFitter": GammaGammaModel,
}
FITTERS = {model: name for name, model in MODELS.items()} | {MBGCNBDModel: "ModifiedBetaGeoFitter"}


def from_lifetimes(fitter: Any) -> Model:
    """Our model with the parameters of a fitter of lifetimes.

    It predicts what the fitter predicts. How sure the fit was is not taken over, nor is a
    penalty: standard errors are NaN. lifetimes itself is not needed.

    Parameters
    ----------
    fitter : fitter of lifetimes
        BetaGeoFitter, ModifiedBetaGeoFitter, ParetoNBDFitter, BetaGeoBetaBinomFitter or
        GammaGammaFitter; fitted, with or without a penalty. A subclass counts as what it
        derives from.

    Returns
    -------
    BetaGeoModel, ModifiedBetaGeoModel, ParetoNBDModel, BetaGeoBetaBinomModel or GammaGammaModel
        Its time unit is that of the `T` which the fitter was fitted to. P(alive) of
        `BetaGeoBetaBinomModel` is that of lifetimes one opportunity ahead.

    Raises
    ------
    TypeError
        If it is none of these fitters.
    NotFittedError
        If it was not fitted.
    ValueError
        If a parameter is not > 0 and finite, or q of GammaGammaFitter is not > 1.

    Examples
    --------
    >>> class BetaGeoFitter:  # in earnest: from lifetimes import BetaGeoFitter
    ...     params_ = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
    >>> from_lifetimes(BetaGeoFitter()).expected_purchases_new([1, 52]).round(2)
    array([0.05, 1.45])
    """
    names = [base.__name__ for base in type(fitter).__mro__]
    found = next((name for name in names if name in MODELS), None)
    if found is None:
        raise TypeError(f"fitter must be one of {', '.join(MODELS)} of lifetimes. Got {names[0]} instead.")
    if not hasattr(fitter, "params_"):
        raise NotFittedError(f"from_lifetimes: this {names[0]} is not fitted yet. Call its fit first.")
    given: Mapping[str, float] = fitter.params_  # lifetimes has undone the scaling that it fits in
    return MODELS[found].from_parameters({str(name): float(value) for name, value in given.items()})


def to_lifetimes(model: Model, fitter: Any) -> Any:
    """Give a fitter of lifetimes the parameters of our model.

    Its methods that answer for customers given to them work as after a fit. Those that look
    back at the customers of the fit (`data`, `summary`, `generate_new_data`) have nothing to
    look at.

    Parameters
    ----------
    model : purchase model or GammaGammaModel
        Fitted, without covariates, and MBGCNBDModel with k = 1: lifetimes knows neither
        covariates nor regular buyers.
    fitter : fitter of lifetimes
        A new one of the same model, such as `lifetimes.BetaGeoFitter()`. It is filled. That
        it comes from the caller spares everybody else the import of lifetimes.

    Returns
    -------
    The fitter.

    Raises
    ------
    TypeError
        If it is none of these models, or the fitter is of another.
    NotFittedError
        If the model was not fitted.
    ValueError
        If lifetimes has no counterpart.

    Examples
    --------
    >>> published = BetaGeoModel.from_parameters({"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426})
    >>> class BetaGeoFitter:  # in earnest: from lifetimes import BetaGeoFitter
    ...     def conditional_expected_number_of_purchases_up_to_time(self, t, frequency, recency, T):
    ...         ...
    >>> to_lifetimes(published, BetaGeoFitter()).params_.to_dict()
    {'r': 0.243, 'alpha': 4.414, 'a': 0.793, 'b': 2.426}
    """
    kind = next((base for base in type(model).__mro__ if base in FITTERS), None)
    if kind is None:
        known = ", ".join(base.__name__ for base in FITTERS)
        raise TypeError(f"model must be one of {known}. Got {type(model).__name__} instead.")
    check_is_fitted(model)
    _judge(model)
    if FITTERS[kind] not in [base.__name__ for base in type(fitter).__mro__]:
        raise TypeError(
            f"fitter must be a {FITTERS[kind]} of lifetimes for {type(model).__name__}. "
            f"Got {type(fitter).__name__} instead."
        )
    fitter.params_ = pd.Series(_parameters(model))
    if kind not in (BetaGeoBetaBinomModel, GammaGammaModel):  # whose fitters have no `predict`
        fitter.predict = fitter.conditional_expected_number_of_purchases_up_to_time  # as their `fit` does
    return fitter


def _judge(model: Model) -> None:
    """Raise ValueError if the model says what no fitter can say."""
    coefficients = list(getattr(model, "coefficients_", {}))
    if coefficients:
        raise ValueError(
            f"to_lifetimes: lifetimes has no covariates, but this {type(model).__name__} has {len(coefficients)} "
            f"coefficient(s), of {', '.join(coefficients)}. Fit a model without covariates."
        )
    if isinstance(model, MBGCNBDModel) and model.k_ != 1:
        raise ValueError(
            f"to_lifetimes: lifetimes has no buyers more regular than chance, but this MBGCNBDModel has k = "
            f"{model.k_}. Fit ModifiedBetaGeoModel, which is k = 1."
        )


def _parameters(model: Model) -> dict[str, float]:
    return {name: getattr(model, f"{name}_") for name in type(model).PARAMETERS}
