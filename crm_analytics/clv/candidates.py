"""The purchase models one would try, the most trusted first."""

from crm_analytics.clv.beta_geo import BetaGeoModel
from crm_analytics.clv.inference.purchase_model import PurchaseModel
from crm_analytics.clv.mbg_cnbd import MBGCNBDModel
from crm_analytics.clv.modified_beta_geo import ModifiedBetaGeoModel
from crm_analytics.clv.pareto_nbd import ParetoNBDModel


def purchase_models() -> dict[str, PurchaseModel]:
    """Unfitted models by the name the literature gives them, to be compared.

    Pareto/NBD comes first: of models that tell as much as each other it assumes least about
    when a customer may leave.

    >>> list(purchase_models())
    ['Pareto/NBD', 'MBG/NBD', 'BG/NBD', 'MBG/CNBD-k']
    """
    return {
        "Pareto/NBD": ParetoNBDModel(),
        "MBG/NBD": ModifiedBetaGeoModel(),
        "BG/NBD": BetaGeoModel(),
        "MBG/CNBD-k": MBGCNBDModel(),
    }
