"""Matrix factorisation by the `implicit` package, behind our interface."""

import importlib
from typing import Any

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from crm_analytics.basket.recommenders.base import Recommender
from crm_analytics.basket.recommenders.ease import item_columns, most_bought
from crm_analytics.basket.recommenders.judging import judge, judge_count
from crm_analytics.basket.recommenders.pairs import Pairs
from crm_analytics.basket.recommenders.selection import Candidates
from crm_analytics.core.errors import MissingExtraError
from crm_analytics.features import Histories


class ImplicitALS(Recommender):
    """Alternating least squares on counts of purchases; needs the extra "implicit".

    Parameters
    ----------
    level : str, default="item_id"
        What counts as an item where a log is given, see `features.purchase_histories`.
    factors : int >= 1, default=64
    l2_penalty : float >= 0, default=0.05
    iterations : int >= 1, default=15
    max_items : int >= 1, default=5000
        Items with the most buyers, which take part.
    random_state : int, default=0
    n_jobs : int, default=1
        Threads.

    Attributes
    ----------
    model_items_ : ndarray of int64
        Codes of the items that take part.
    customer_factors_, item_factors_ : ndarray of float32
        The score is their product.
    customers_, items_, as_of_, pairs_, expected_gaps_, popularity_
        See `Recommender`.

    References
    ----------
    Hu, Koren & Volinsky (2008), Collaborative filtering for implicit feedback datasets, ICDM.
    """

    def __init__(
        self,
        *,
        level: str = "item_id",
        factors: int = 64,
        l2_penalty: float = 0.05,
        iterations: int = 15,
        max_items: int = 5000,
        random_state: int = 0,
        n_jobs: int = 1,
    ) -> None:
        self.level = level
        self.factors = factors
        self.l2_penalty = l2_penalty
        self.iterations = iterations
        self.max_items = max_items
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _judge_parameters(self) -> None:
        for name in ("factors", "iterations", "max_items"):
            judge_count(name, getattr(self, name))
        judge("l2_penalty", self.l2_penalty, self.l2_penalty >= 0, ">= 0")

    def _learn(self, histories: Histories, pairs: Pairs, lines: np.ndarray, as_of: np.datetime64) -> None:
        self.model_items_ = most_bought(pairs, len(self.items_), self.max_items)
        bought = item_columns(pairs, pairs.counts.astype(float), None, self.model_items_, len(self.items_))
        self.customer_factors_, self.item_factors_ = _factorise(
            sparse.csr_matrix(bought.astype(np.float32)),
            factors=self.factors,
            regularization=self.l2_penalty,
            iterations=self.iterations,
            random_state=self.random_state,
            num_threads=self.n_jobs,
        )

    def _candidates(self, rows: np.ndarray) -> Candidates:
        return Candidates.from_dense(self.customer_factors_[rows] @ self.item_factors_.T, self.model_items_)

    def _novel_reasons(self, rows: np.ndarray, items: np.ndarray) -> list[str]:
        return ["bought by customers with similar baskets"] * rows.size


def _factorise(bought: sparse.csr_matrix, **settings: Any) -> tuple[np.ndarray, np.ndarray]:
    try:
        als = importlib.import_module("implicit.cpu.als")
    except ImportError as error:
        raise MissingExtraError("implicit", "implicit", "ImplicitALS") from error
    with threadpool_limits(1, "blas"):  # its own threads and those of BLAS get in each other's way
        model = als.AlternatingLeastSquares(**settings)
        model.fit(bought, show_progress=False)
    return np.asarray(model.user_factors), np.asarray(model.item_factors)
