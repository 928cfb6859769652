"""How strong a claim is, as a probability, and which claims may stand beside each other."""

import numpy as np

from crm_analytics.profiling.evidence.claim import Claim

# Before the lines are seen, one kind in five is expected to have something to tell of a household.
PRIOR_ODDS = 0.25


def bayes_factor_bound(p_value: float) -> float:
    """The most that a p-value can say for a claim against its null: 1 / (-e p ln p), 1 above 1/e.

    No prior on the alternative makes the lines more than this many times likelier than the null
    does (among alternatives under which small p-values are likelier), so p = .05 is at best 2.5 to 1.

    Source: Sellke, Bayarri & Berger (2001), Calibration of p values, The American Statistician 55.

    >>> round(bayes_factor_bound(0.05), 2), round(bayes_factor_bound(0.001), 1)
    (2.46, 53.3)
    >>> bayes_factor_bound(0.5)
    1.0
    """
    if not 0 <= p_value <= 1:
        raise ValueError(f"p_value must be in [0, 1]. Got {p_value!r} instead.")
    p = max(p_value, 1e-300)
    return 1.0 if p >= np.exp(-1) else float(-1 / (np.e * p * np.log(p)))


def strength(claim: Claim) -> float:
    """Probability that the claim is true, given its test and how many questions were asked.

    A p-value is first multiplied by `asked` (Bonferroni), a Bayes factor divided by it; the odds
    before the lines are seen are `PRIOR_ODDS`. A probability is taken as it is.

    >>> lines = np.array([3, 4])
    >>> one = Claim("brand_switch", lines, 1, "same_shares", p_value=1e-5)
    >>> forty = Claim("brand_switch", lines, 40, "same_shares", p_value=1e-5)
    >>> round(strength(one), 3), round(strength(forty), 3)
    (0.999, 0.967)
    """
    if claim.probability is not None:
        return float(claim.probability)
    if claim.p_value is not None:
        factor = bayes_factor_bound(min(1.0, claim.p_value * claim.asked))
    else:
        factor = (claim.bayes_factor or 0.0) / claim.asked  # one of the three is given: Claim sees to it
    odds = PRIOR_ODDS * factor
    return float(odds / (1 + odds)) if np.isfinite(odds) else 1.0


def stands(strengths: np.ndarray, *, false_share: float, least: float) -> np.ndarray:
    """Which claims may be told together: as many as keep the expected share of false ones low.

    Taken strongest first, as long as each has at least `least` and the mean of 1 - strength over
    those taken is at most `false_share`: the Bayesian false discovery rate (Müller, Parmigiani,
    Robert & Rousseau 2004, JASA 99). Returns a boolean array, shape (n_claims,).

    >>> stands(np.array([0.99, 0.5, 0.9, 0.85]), false_share=0.05, least=0.8)
    array([ True, False, False, False])
    >>> stands(np.array([0.99, 0.99, 0.99, 0.85]), false_share=0.05, least=0.8)
    array([ True,  True,  True,  True])
    """
    strengths = np.asarray(strengths, dtype=float)
    order = np.argsort(-strengths, kind="stable")
    error = np.cumsum(1 - strengths[order]) / np.arange(1, strengths.size + 1)
    taken = (error <= false_share) & (strengths[order] >= least)
    told = np.zeros(strengths.size, dtype=bool)
    told[order[np.logical_and.accumulate(taken)]] = True
    return told
