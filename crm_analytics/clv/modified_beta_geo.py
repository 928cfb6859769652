"""MBG/NBD: as BG/NBD, and a customer may leave after the first purchase, too."""

from typing import ClassVar

from crm_analytics.clv.beta_geo import BetaGeoModel


class ModifiedBetaGeoModel(BetaGeoModel):
    """Modified Beta-Geometric / negative binomial model of repeat buying (MBG/NBD).

    As `BetaGeoModel`, which it answers like, except that the first purchase may be the last:
    one-time buyers have a P(alive) below 1 that falls with their silence.

    Parameters
    ----------
    covariates, prior_precision, covariance
        See `BetaGeoModel`.

    Attributes
    ----------
    r_, alpha_, a_, b_, and others
        See `BetaGeoModel`.

    References
    ----------
    Batislam, Denizel & Filiztekin (2007), Empirical validation and comparison of models for
    customer base analysis, International Journal of Research in Marketing 24(3).

    Examples
    --------
    >>> summary = pd.DataFrame({"frequency": [0, 0, 0, 1, 2, 6, 1, 0, 3, 9],
    ...     "recency": [0, 0, 0, 20, 5, 36, 3, 0, 30, 35], "T": [38, 38, 37, 36, 38, 38, 30, 28, 33, 39]})
    >>> ModifiedBetaGeoModel(prior_precision=0.25).fit(summary).probability_alive(summary).round(2)
    array([0.24, 0.24, 0.24, 0.62, 0.12, 0.91, 0.25, 0.3 , 0.86, 0.89])
    """

    SHIFT: ClassVar = 1
