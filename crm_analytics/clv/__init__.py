"""What customers will buy and what they are worth: BG/NBD, Gamma-Gamma, lifetime value."""

from crm_analytics.clv.beta_geo import BetaGeoModel
from crm_analytics.clv.gamma_gamma import GammaGammaModel
from crm_analytics.clv.lifetime_value import LifetimeValueModel

__all__ = ["BetaGeoModel", "GammaGammaModel", "LifetimeValueModel"]
