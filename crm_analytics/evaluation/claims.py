"""Claims about households against what is true of them: who found what, and who said too much."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from crm_analytics.core.tables import require_columns

_CLAIM = ["household_id", "kind", "subject"]


def match_claims(claims: pd.DataFrame, truth: pd.DataFrame, *, least_shared: float = 0.5) -> np.ndarray:
    """Which truths each claim meets; boolean, shape (n_claims, n_truths).

    A claim meets a truth of the same household, kind and subject (in any case; a truth without a
    subject takes any; an association "A -> B" is met from either side, as its lines are the same).
    Where both have `start` and `end`, the periods must overlap; where both have `lines`,
    `least_shared` of the shorter list must be in the other, so that it is the same evidence and not
    a lucky word.

    Parameters
    ----------
    claims, truth : DataFrame
        One row a claim: `household_id`, `kind`, `subject`, and where known `start`, `end` (half open)
        and `lines` (a sequence of line numbers).
    least_shared : float in [0, 1], default=0.5

    Examples
    --------
    >>> truth = pd.DataFrame({"household_id": [1, 1], "kind": ["loyalty", "stay"], "subject": ["tea", "Bodrum"],
    ...                       "lines": [(1, 2, 3), (7, 8)]})
    >>> claims = pd.DataFrame({"household_id": [1, 1], "kind": ["loyalty", "loyalty"], "subject": ["tea", "rice"],
    ...                        "lines": [(2, 3, 9), (4, 5)]})
    >>> match_claims(claims, truth)
    array([[ True, False],
           [False, False]])
    """
    if not 0 <= least_shared <= 1:
        raise ValueError(f"least_shared must be in [0, 1]. Got {least_shared!r} instead.")
    require_columns(claims, _CLAIM, caller="match_claims: claims")
    require_columns(truth, _CLAIM, caller="match_claims: truth")
    met = np.zeros((len(claims), len(truth)), dtype=bool)
    told = truth.to_dict("records")
    places: dict[tuple[str, str], list[int]] = {}
    for j, row in enumerate(told):
        places.setdefault((str(row["household_id"]), row["kind"]), []).append(j)
    for i, claim in enumerate(claims.to_dict("records")):
        for j in places.get((str(claim["household_id"]), claim["kind"]), []):
            met[i, j] = _meets(claim, told[j], least_shared)
    return met


def score_claims(claims: pd.DataFrame, truth: pd.DataFrame, *, least_shared: float = 0.5) -> pd.DataFrame:
    """How many of the truths were found and how many of the claims are true, by kind.

    Parameters
    ----------
    claims, truth, least_shared
        As in `match_claims`. If `truth` has a boolean column `planted`, only those rows must be
        found; all rows make a claim true.

    Returns
    -------
    DataFrame indexed by kind, last row 'all': `truths` (to be found), `found`, `recall`, `claims`, `true`,
    `precision`. A share of nothing is nan.

    Examples
    --------
    >>> truth = pd.DataFrame({"household_id": [1, 1], "kind": ["loyalty", "stay"], "subject": ["tea", "Bodrum"]})
    >>> claims = pd.DataFrame({"household_id": [1, 1], "kind": ["loyalty", "loyalty"], "subject": ["tea", "rice"]})
    >>> score_claims(claims, truth)[["recall", "precision"]]
             recall  precision
    kind
    loyalty     1.0        0.5
    stay        0.0        NaN
    all         0.5        0.5
    """
    met = match_claims(claims, truth, least_shared=least_shared)
    planted = truth["planted"].to_numpy(bool) if "planted" in truth else np.ones(len(truth), dtype=bool)
    found, true = np.asarray(met.any(axis=0)), np.asarray(met.any(axis=1))
    kinds = sorted({*truth.loc[planted, "kind"], *claims["kind"]})
    rows = []
    for kind in [*kinds, "all"]:
        sought = planted & np.isin(truth["kind"], kinds if kind == "all" else [kind])
        said = np.isin(claims["kind"], kinds if kind == "all" else [kind])
        rows.append([sought.sum(), found[sought].sum(), said.sum(), true[said].sum()])
    n, hit, made, right = np.array(rows, dtype=float).reshape(-1, 4).T
    table = pd.DataFrame(
        {
            "truths": n.astype(int),
            "found": hit.astype(int),
            "recall": _share(hit, n),
            "claims": made.astype(int),
            "true": right.astype(int),
            "precision": _share(right, made),
        },
        index=pd.Index([*kinds, "all"], name="kind"),
    )
    return table


def check_claims(claims: pd.DataFrame, truth: pd.DataFrame, *, least_shared: float = 0.5) -> pd.DataFrame:
    """Mark each claim: which facts it meets, or what of it does not fit, without telling the truth.

    Parameters
    ----------
    claims, truth, least_shared
        As in `match_claims`. The numbers or names of facts stand in `truth`'s column `fact`; a truth
        with '' there makes a claim true all the same.

    Returns
    -------
    DataFrame with the index of `claims`: their `kind` and `subject`, `facts` (names of the facts met,
    sorted, joined by ', ') and `verdict`: 'true', or 'other lines', 'other period', 'other subject',
    'other kind': the least that would have to change for the claim to be true. 'no lines' is said of a
    claim that is true but shows none: without evidence it is a guess.

    Examples
    --------
    >>> truth = pd.DataFrame({"household_id": [1, 1], "kind": ["loyalty", "stay"], "subject": ["tea", "Bodrum"],
    ...                       "lines": [(1, 2, 3), (7, 8)], "fact": ["5", "18"]})
    >>> claims = pd.DataFrame({"household_id": [1, 1, 1], "kind": ["loyalty", "stay", "stay"],
    ...                        "subject": ["tea", "Bodrum", "Izmir"], "lines": [(2, 3, 9), (4, 5), (7,)]})
    >>> check_claims(claims, truth)
          kind subject facts        verdict
    0  loyalty     tea     5           true
    1     stay  Bodrum          other lines
    2     stay   Izmir        other subject
    """
    require_columns(truth, ["fact"], caller="check_claims: truth")
    met = match_claims(claims, truth, least_shared=least_shared)
    names = truth["fact"].fillna("").astype(str).to_numpy()
    facts = [", ".join(sorted(set(names[row]) - {""}, key=_natural)) for row in met]
    shown = [bool(_numbers(lines)) for lines in claims.get("lines", [None] * len(claims))]
    verdict = np.where(met.any(axis=1), np.where(shown, "true", "no lines"), "other kind").astype(object)
    eased = [(truth.assign(subject="", lines=None, start=None, end=None), "other subject")]
    eased.append((truth.assign(lines=None, start=None, end=None), "other period"))
    eased.append((truth.assign(lines=None), "other lines"))
    for easier, reason in eased:  # the least easing comes last and has the last word
        verdict[match_claims(claims, easier).any(axis=1) & ~met.any(axis=1)] = reason
    return pd.DataFrame(
        {"kind": claims["kind"], "subject": claims["subject"], "facts": facts, "verdict": verdict},
        index=claims.index,
    )


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)


def _meets(claim: Mapping[Any, Any], truth: Mapping[Any, Any], least_shared: float) -> bool:
    subject = _subject(truth)
    if subject and subject != _subject(claim):
        return False
    spans: list[Any] = [claim.get("start"), claim.get("end"), truth.get("start"), truth.get("end")]
    if not any(_missing(day) for day in spans):
        begins, ends, from_day, to_day = (pd.Timestamp(day) for day in spans)
        if not (begins < to_day and from_day < ends):
            return False
    own, its = _numbers(claim.get("lines")), _numbers(truth.get("lines"))
    if not own or not its:
        return True
    return len(own & its) >= max(1.0, least_shared * min(len(own), len(its)))


def _natural(name: str) -> tuple[int, str]:
    """Order in which fact 2 stands before fact 10."""
    return (int(name) if name.isdigit() else 0, name)


def _subject(row: Mapping[Any, Any]) -> frozenset[str]:
    """What a row is about, in any case; of an association "A -> B" the two sides, in either order."""
    if _missing(row["subject"]) or row["subject"] == "":
        return frozenset()
    text = str(row["subject"]).casefold()
    return frozenset(text.split(" -> ") if row["kind"] == "association" else [text])


def _numbers(lines: Any) -> set[int]:
    return set() if lines is None or np.isscalar(lines) else set(lines)


def _missing(value: Any) -> bool:
    return (
        value is None or value is pd.NaT or value != value
    )  # nan is the one number that differs from itself
