"""What customers will buy and what they are worth: purchase models, Gamma-Gamma, lifetime value."""

from crm_analytics.clv.beta_geo import BetaGeoModel
from crm_analytics.clv.beta_geo_beta_binom import BetaGeoBetaBinomModel
from crm_analytics.clv.candidates import purchase_models
from crm_analytics.clv.gamma_gamma import GammaGammaModel
from crm_analytics.clv.lifetime_value import LifetimeValueModel
from crm_analytics.clv.lifetimes_interop import from_lifetimes, to_lifetimes
from crm_analytics.clv.mbg_cnbd import MBGCNBDModel
from crm_analytics.clv.modified_beta_geo import ModifiedBetaGeoModel
from crm_analytics.clv.pareto_nbd import ParetoNBDModel
from crm_analytics.clv.purchase_outlook import purchase_outlook
from crm_analytics.clv.value_regressor import ValueRegressor
from crm_analytics.clv.value_training import fit_value_regressor, value_features

__all__ = [
    "BetaGeoBetaBinomModel",
    "BetaGeoModel",
    "GammaGammaModel",
    "LifetimeValueModel",
    "MBGCNBDModel",
    "ModifiedBetaGeoModel",
    "ParetoNBDModel",
    "ValueRegressor",
    "fit_value_regressor",
    "from_lifetimes",
    "purchase_models",
    "purchase_outlook",
    "to_lifetimes",
    "value_features",
]
