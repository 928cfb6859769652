"""What an offer earns: the change that it makes, less what it gives away and costs."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Economics:
    """Prices of an offer. The defaults are assumptions to be replaced by your own figures.

    Parameters
    ----------
    margin : float in (0, 1], default=0.25
        Share of a price that is earned.
    margins : dict of str to float
        The same by category, where it differs.
    discount : float in [0, 1), default=0.1
        Share taken off the price for those who take the offer.
    contact_cost : float >= 0, default=0.05
        Cost of one message (currency).
    response : float in [0, 1], default=0.1
        Share of households that take up an offer of something for which a need arises while it is
        open. Only an experiment can tell it.
    horizon : int, default=28
        Days that the offer is open.
    keeps : float in [0, 1], default=0.2
        Share of those won for something new who go on with it.
    lasting : int, default=182
        Days for which going on is counted: the middle term.

    Examples
    --------
    >>> Economics(margin=0.3, margins={"fuel": 0.05}).margin_of("fuel")
    0.05
    """

    margin: float = 0.25
    margins: Mapping[str, float] = field(default_factory=dict)
    discount: float = 0.1
    contact_cost: float = 0.05
    response: float = 0.1
    horizon: int = 28
    keeps: float = 0.2
    lasting: int = 182

    def __post_init__(self) -> None:
        rules = {
            "margin must be in (0, 1]": 0 < self.margin <= 1,
            "margins must be in (0, 1]": all(0 < margin <= 1 for margin in self.margins.values()),
            "discount must be in [0, 1)": 0 <= self.discount < 1,
            "contact_cost must be >= 0": self.contact_cost >= 0,
            "response must be in [0, 1]": 0 <= self.response <= 1,
            "horizon must be >= 1": self.horizon >= 1,
            "keeps must be in [0, 1]": 0 <= self.keeps <= 1,
            "lasting must be >= 0": self.lasting >= 0,
        }
        for rule, holds in rules.items():
            if not holds:
                name = rule.split()[0]
                raise ValueError(f"{rule}. Got {getattr(self, name)!r} instead.")

    def margin_of(self, category: str) -> float:
        """Share of the price earned in a category."""
        return self.margins.get(category, self.margin)


@dataclass(frozen=True)
class ExpectedProfit:
    """The parts of an offer's expected profit (currency), and the two probabilities behind them.

    Attributes
    ----------
    p_without, p_with : float
        Probability of buying within the horizon without and with the offer.
    sales, lasting : float
        Margin of the purchases that the offer adds, now and in the middle term.
    given_away : float
        Discount to all who take it, those who would have bought anyway included (>= 0).
    cannibalised : float
        Margin lost on what is bought less for it (>= 0).
    cost : float
        Of the message (>= 0).
    profit : float
        sales + lasting - given_away - cannibalised - cost.
    """

    p_without: float
    p_with: float
    sales: float
    lasting: float
    given_away: float
    cannibalised: float
    cost: float

    @property
    def profit(self) -> float:
        """What remains (currency)."""
        return self.sales + self.lasting - self.given_away - self.cannibalised - self.cost


def expected_profit(
    price: float,
    economics: Economics,
    *,
    margin: float,
    p_without: float,
    p_need: float,
    p_instead: float = 0.0,
    usual_price: float = 0.0,
    later: float = 0.0,
) -> ExpectedProfit:
    """Expected profit of one offer to one household, against making none.

    The offer adds a purchase with probability response × p_need × (1 - p_without). An added
    purchase takes the place of a usual one of the same need with probability `p_instead`.

    Parameters
    ----------
    price : float > 0
        What they would pay for it without a discount (currency).
    margin : float
        Share of a price earned.
    p_without : float in [0, 1]
        Probability that they buy it within the horizon anyway.
    p_need : float in [0, 1]
        Probability that a need for it arises within the horizon.
    p_instead : float in [0, 1]
        Probability that the need would be met by another product of ours.
    usual_price : float >= 0
        What that one costs (currency).
    later : float >= 0
        Purchases expected in the middle term of one who goes on with it.

    Examples
    --------
    What is bought anyway costs the discount and adds nothing; what they lack, or what is dearer than
    the usual, pays:

    >>> terms = Economics(response=0.2)
    >>> anyway = expected_profit(20.0, terms, margin=0.25, p_without=0.95, p_need=1.0)
    >>> missed = expected_profit(20.0, terms, margin=0.25, p_without=0.05, p_need=0.8, later=6)
    >>> dearer = expected_profit(20.0, terms, margin=0.25, p_without=0.05, p_need=0.9, p_instead=0.9, usual_price=6.0)
    >>> [round(offer.profit, 2) for offer in (anyway, missed, dearer)]
    [-1.92, 1.22, 0.13]
    """
    for name, value in (("p_without", p_without), ("p_need", p_need), ("p_instead", p_instead)):
        if not 0 <= value <= 1:
            raise ValueError(f"{name} must be in [0, 1]. Got {value!r} instead.")
    added = economics.response * p_need * (1 - p_without)
    gain = margin * (price - p_instead * usual_price)
    return ExpectedProfit(
        p_without=p_without,
        p_with=p_without + added,
        sales=added * price * margin,
        lasting=added * economics.keeps * later * gain,
        given_away=(p_without + added) * price * economics.discount,
        cannibalised=added * p_instead * usual_price * margin,
        cost=economics.contact_cost,
    )
