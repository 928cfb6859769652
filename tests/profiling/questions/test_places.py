"""Places: homes, stays, second homes, workplaces and trips planted into a small country; then nothing planted."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_analytics.profiling.context import Context
from crm_analytics.profiling.evidence.strength import strength
from crm_analytics.profiling.questions.places import home as home_room
from crm_analytics.profiling.questions.places import second_home, workplace
from crm_analytics.profiling.questions.places import stays as stays_room
from crm_analytics.profiling.questions.places.apart import KINDS as APART
from crm_analytics.profiling.questions.places.apart import apart
from crm_analytics.profiling.questions.places.away_runs import stay_factor
from crm_analytics.profiling.questions.places.home import homes
from crm_analytics.profiling.questions.places.second_home import second_homes
from crm_analytics.profiling.questions.places.stays import stays
from crm_analytics.profiling.questions.places.workplace import workplaces
from crm_analytics.profiling.reading.population import Population
from crm_analytics.profiling.telling.formatting import Formatter
from crm_analytics.profiling.telling.statements import tell
from crm_analytics.transactions import read_log

START, DAYS = pd.Timestamp("2007-01-01"), 900

STORES = pd.DataFrame(
    [
        ("m0", "supermarket", "Istanbul", "Bebek", 41.08, 29.04),
        ("m1", "supermarket", "Istanbul", "Kadikoy", 40.99, 29.03),
        ("m2", "supermarket", "Istanbul", "Uskudar", 41.02, 29.01),
        ("m3", "supermarket", "Istanbul", "Levent", 41.08, 29.01),
        ("r0", "restaurant", "Istanbul", "Maslak", 41.11, 29.02),
        ("r1", "restaurant", "Istanbul", "Beyoglu", 41.03, 28.98),
        ("h0", "supermarket", "Marmaris", None, 36.85, 28.27),
        ("h1", "supermarket", "Bodrum", None, 37.03, 27.43),
        ("h2", "supermarket", "Ankara", None, 39.93, 32.86),
    ],
    columns=["store_id", "kind", "town", "district", "latitude", "longitude"],
)
GOODS = ["bleach", "dish soap", "frying pan", "flour", "olive oil"]
GROCERIES = [
    "milk",
    "bread",
    "cheese",
    "tomatoes",
    "crisps",
    "cola",
    "water",
    "ice cream",
    "biscuits",
    "beer",
]


class Household:
    """Receipts of one household, card by card, as they are added."""

    def __init__(self, name: str, rng: np.random.Generator) -> None:
        self.name, self.rng, self.rows = name, rng, []

    def shop(self, card, days, store, hours=(9, 21), goods=0.15, things=2):
        """Add a shop on each of the days."""
        for day in days:
            at = START + pd.Timedelta(days=int(day), hours=float(self.rng.uniform(*hours)))
            for _ in range(self.rng.integers(1, 2 * things)):
                words = GOODS if self.rng.random() < goods else GROCERIES
                self.rows.append((card, at, store, words[self.rng.integers(len(words))], 1.0))
        return self

    def eat(self, card, days, store, hours=(12, 14), people=1.0):
        """Add a meal on each of the days."""
        for day in days:
            at = START + pd.Timedelta(days=int(day), hours=float(self.rng.uniform(*hours)))
            self.rows.append((card, at, store, "restaurant lunch menu", people))
        return self

    def without(self, start, end):
        """Nothing in these days."""
        day = [(row[1] - START).days for row in self.rows]
        self.rows = [row for row, d in zip(self.rows, day, strict=True) if not start <= d < end]
        return self


def ordinary(name, rng, *, pace=0.25, holiday=0.5, days=DAYS):
    """A household that shops near home, now and then elsewhere in town, and may go on holiday once."""
    home = f"m{rng.integers(4)}"
    visits = np.flatnonzero(rng.random(days) < pace)
    other = rng.random(visits.size) < 0.25
    household = Household(name, rng).shop(f"{name}a", visits[~other], home)
    for store in ("m0", "m1", "m2", "m3"):
        household.shop(f"{name}a", visits[other][rng.integers(4, size=other.sum()) == int(store[1])], store)
    household.eat(f"{name}a", np.flatnonzero(rng.random(days) < 0.02), "r1", hours=(12, 22))
    for summer in (170, 535):
        if rng.random() < holiday and summer + 60 < days:
            go(
                household,
                f"{name}a",
                int(summer + rng.integers(60)),
                int(rng.integers(4, 12)),
                f"h{rng.integers(3)}",
            )
    return household, home


def go(household, card, start, length, store, goods=0.05, often=0.5):
    """A stay: nothing at home, purchases away on the first, the last and some other days."""
    household.without(start, start + length)
    inside = start + np.flatnonzero(household.rng.random(length) < often)
    return household.shop(card, np.union1d(inside, [start, start + length - 1]), store, goods=goods)


def frame_of(households):
    """The log of the households, and their cards."""
    rows = [(h.name, *row) for h in households for row in h.rows]
    frame = pd.DataFrame(
        rows, columns=["household", "customer_id", "occurred_at", "store_id", "category", "quantity"]
    )
    frame["description"] = frame["category"]
    frame["occurred_at"] = frame["occurred_at"].dt.floor("s")
    frame["amount"] = frame["quantity"] * 3.5
    cards = (
        frame[["customer_id", "household"]].drop_duplicates().rename(columns={"household": "household_id"})
    )
    return frame.drop(columns="household"), cards


def population_of(frame, cards, stores=STORES):
    return Population.read(read_log(frame), Context(cards=cards, stores=stores))


def world(seed, n, plant=None, **options):
    rng = np.random.default_rng(seed)
    made = [ordinary(f"f{i}", rng, **options) for i in range(n)]
    truth = [plant(household, home, rng) for household, home in made] if plant else [home for _, home in made]
    frame, cards = frame_of([household for household, _ in made])
    population = population_of(frame, cards)
    return population, [population.household(household.name) for household, _ in made], truth


def strongest(claims, kind, subject=None):
    return max([strength(c) for c in claims if c.kind == kind and subject in (None, c.subject)], default=0.0)


def day(number):
    return (START + pd.Timedelta(days=int(number))).date()


@pytest.fixture(scope="module")
def travellers():
    """Households that stay in Marmaris once, and may go elsewhere besides."""

    def plant(household, home, rng):
        start, length = int(rng.integers(100, 700)), int(rng.integers(4, 14))
        go(household, f"{household.name}a", start, length, "h0")
        return home, start, length

    return world(2, 30, plant, holiday=0.4, pace=0.4)


def test_homes_are_found_among_the_shops_of_the_town(travellers):
    _, households, truth = travellers
    district = STORES.set_index("store_id")["district"]
    right = [
        strongest(homes(h), "home", district[home]) >= 0.95
        for h, (home, _, _) in zip(households, truth, strict=True)
    ]
    assert np.mean(right) > 0.95


def test_a_summer_of_daily_shopping_is_not_home():
    household = Household("f", np.random.default_rng(1))
    household.shop("fa", np.arange(0, 900, 9), "m0").without(500, 590).shop("fa", np.arange(500, 590), "h0")
    population = population_of(*frame_of([household]))
    (claim,) = homes(population.household("f"))
    assert claim.subject == "Bebek"
    assert claim.values["second"] == "Marmaris"
    assert claim.values["days"] == 90


def test_two_places_alike_are_no_home():
    rng = np.random.default_rng(2)
    strong = 0
    made = []
    for i in range(20):
        days = np.flatnonzero(rng.random(DAYS) < 0.2)
        first = rng.random(days.size) < 0.5
        made.append(
            Household(f"f{i}", rng)
            .shop(f"f{i}a", days[first], "m0", things=1)
            .shop(f"f{i}a", days[~first], "m1", things=1)
        )
    population = population_of(*frame_of(made))
    strong = sum(strongest(homes(population.household(h.name)), "home") >= 0.8 for h in made)
    assert strong <= 1


def overlap(claim, start, length):
    first, end = day(start), day(start + length)
    shared = (min(claim.end, end) - max(claim.start, first)).days
    return shared / (max(claim.end, end) - min(claim.start, first)).days


def test_stays_are_found_with_their_dates_and_their_lines(travellers):
    population, households, truth = travellers
    found = []
    for household, (_, start, length) in zip(households, truth, strict=True):
        claims = [
            c
            for c in stays(household)
            if c.kind == "stay" and c.subject == "Marmaris" and overlap(c, start, length) > 0.7
        ]
        found.append(max(map(strength, claims), default=0.0))
        if claims:
            stores = population.names["store"][household.lines.store[claims[0].lines]]
            assert set(stores) == {"h0"}
    assert np.mean(np.array(found) >= 0.8) >= 0.9


def test_absences_are_told_where_the_stay_is_long_enough(travellers):
    _, households, truth = travellers
    long = [(h, t) for h, t in zip(households, truth, strict=True) if t[2] >= 9]
    told = [
        max(
            [strength(c) for c in stays(h) if c.kind == "absence" and overlap(c, start, length) > 0.7],
            default=0.0,
        )
        for h, (_, start, length) in long
    ]
    assert np.mean(np.array(told) >= 0.8) >= 0.85


def test_an_absence_rests_on_the_last_purchase_before_and_the_first_after(travellers):
    population, households, _ = travellers
    claim = next(c for h in households[:1] for c in stays(h) if c.kind == "absence")
    stores = population.names["store"][households[0].lines.store[claim.lines]]
    assert not stores[0].startswith("h")
    assert not stores[-1].startswith("h")
    assert all(store.startswith("h") for store in stores[1:-1] if store not in (stores[0], stores[-1]))


def test_day_trips_are_no_stays():
    def plant(household, home, rng):
        near = np.flatnonzero(rng.random(DAYS) < rng.choice([0.005, 0.02, 0.05]))
        household.shop(f"{household.name}a", near, "h2")

    _, households, _ = world(3, 20, plant, holiday=0)
    claims = [c for h in households for c in stays(h) if c.kind == "stay"]
    assert sum(strength(c) >= 0.8 for c in claims) <= 2
    assert sum(strength(c) >= 0.95 for c in claims) <= 1


def test_somebody_who_shops_at_home_meanwhile_is_no_absence():
    def plant(household, home, rng):
        for start in (200, 560):
            household.shop(f"{household.name}a", start + np.flatnonzero(rng.random(9) < 0.6), "h0")

    _, households, _ = world(7, 25, plant, holiday=0, pace=0.4)
    claims = [c for h in households for c in stays(h) if c.kind == "absence"]
    assert sum(strength(c) >= 0.95 for c in claims) <= 1


def test_stay_factor_is_the_ratio_of_two_likelihoods():
    # Two gaps, of 3 days and of 1: in a stay (.7 .7 .3)(.3); of trips .02 each, .8² quiet days between.
    expected = (0.7 * 0.7 * 0.3 * 0.3) / (0.02 * 0.8**2 * 0.02)
    assert stay_factor(np.array([3, 1]), trips=0.02, pace=0.2) == pytest.approx(np.log(expected))
    assert stay_factor(np.array([], dtype=int), trips=0.02, pace=0.2) == 0.0


def test_owners_are_told_from_hotel_guests():
    def plant(household, home, rng):
        if rng.random() > 0.2:
            return False
        for year in (0, 365):
            go(household, f"{household.name}a", 160 + year + int(rng.integers(10)), 8, "h0", goods=0.4)
            go(household, f"{household.name}a", 220 + year + int(rng.integers(10)), 10, "h0", goods=0.4)
        return True

    population, households, owns = world(4, 30, plant, holiday=0.6)
    told = np.array([strongest(second_homes(h), "second_home", "Marmaris") >= 0.8 for h in households])
    owns = np.array(owns)
    assert told[owns].mean() >= 0.85
    assert told[~owns].mean() <= 0.02
    one = second_homes(households[int(np.flatnonzero(owns)[0])])[0]
    words = population.products["category"].to_numpy()[
        households[int(np.flatnonzero(owns)[0])].lines.product[one.lines]
    ]
    assert set(words) <= set(GOODS)


def test_weekday_lunches_for_two_are_a_workplace():
    def plant(household, home, rng):
        weekdays = (np.arange(DAYS) % 7 < 5) & (rng.random(DAYS) < 0.04)
        household.eat(f"{household.name}a", np.flatnonzero(weekdays), "r0", people=2.0)

    _, households, _ = world(5, 14, plant)
    claims = [workplaces(h) for h in households]
    assert np.mean([strongest(c, "workplace", "Maslak") >= 0.8 for c in claims]) >= 0.9
    assert {c.variant for one in claims for c in one if c.subject == "Maslak"} == {"two"}


def test_lunch_on_any_day_is_no_workplace():
    def plant(household, home, rng):
        household.eat(f"{household.name}a", np.flatnonzero(rng.random(DAYS) < 0.04), "r0", hours=(12, 15))

    _, households, _ = world(6, 18, plant)
    assert sum(strongest(workplaces(h), "workplace") >= 0.8 for h in households) <= 2


@pytest.fixture(scope="module")
def couples():
    """Lunch in Istanbul on his card, eight hours later a shop in Marmaris on hers."""

    def plant(household, home, rng):
        name, start = household.name, int(rng.integers(560, 640))
        household.shop(f"{name}b", np.flatnonzero(rng.random(DAYS) < 0.05), home, hours=(12, 14))
        household.without(start - 1, start + 10)
        household.eat(f"{name}b", [start], "r0", hours=(13.5, 13.6))
        household.shop(f"{name}a", [start], "h0", hours=(21.6, 21.7))
        household.shop(f"{name}a", start + np.arange(1, 9, 2), "h0")
        return start

    return world(8, 60, plant, holiday=0.8)


def test_cards_too_far_apart_for_a_drive_are_found(couples):
    _, households, truth = couples
    told = [
        strongest(apart(h), "apart", day(start).isoformat())
        for h, start in zip(households, truth, strict=True)
    ]
    # One of ten trips between the cards, against some thousand trips of others.
    assert np.mean(np.array(told) >= 0.5) >= 0.9
    claim = next(c for c in apart(households[0]) if c.subject == day(truth[0]).isoformat())
    assert claim.variant == "hardly"
    assert "flew" in claim.alternatives
    assert len(np.unique(households[0].lines.receipt[claim.lines])) == 2


def test_one_party_with_two_cards_is_together():
    def plant(household, home, rng):
        household.rows = [(household.name + "ab"[rng.integers(2)], *row[1:]) for row in household.rows]

    _, households, _ = world(9, 15, plant, holiday=1.0)
    trips = sum(len(c) for c in (apart(h) for h in households))
    assert trips == 0


def test_one_card_in_two_far_towns_within_an_hour_is_two_people(travellers):
    household = Household("f", np.random.default_rng(3)).shop(
        "fa", np.arange(0, 300, 4), "m0", hours=(17, 17.5)
    )
    household.shop("fa", [100], "h0", hours=(18, 18.2))
    (claim,) = [
        c for c in apart(population_of(*frame_of([household])).household("f")) if c.subject == "2007-04-11"
    ]
    assert claim.variant == "one_card"
    assert claim.p_value == 1e-4
    assert "flew" not in claim.alternatives


QUESTIONS = (homes, workplaces, stays, second_homes, apart)


def told(household):
    return sorted(
        (c.kind, c.subject, str(c.customer), round(strength(c), 9), len(c.lines), c.variant)
        for question in QUESTIONS
        for c in question(household)
    )


def test_answers_do_not_depend_on_the_order_of_lines_or_the_week():
    rng = np.random.default_rng(11)
    made = [ordinary(f"f{i}", rng, holiday=1.0)[0] for i in range(5)]
    frame, cards = frame_of(made)
    population = population_of(frame, cards)
    before = [told(population.household(h.name)) for h in made]
    assert sum(map(len, before)) > 8
    population = population_of(frame.sample(frac=1, random_state=5), cards)
    assert [told(population.household(h.name)) for h in made] == before
    # Within a year: what recurs by year may change with a shift of weeks.
    later = frame.assign(
        occurred_at=frame["occurred_at"] + pd.Timedelta(weeks=2), amount=frame["amount"] * 10
    )
    population = population_of(later, cards)
    after = [told(population.household(h.name)) for h in made]
    without = [
        [row[:2] for row in one if row[0] not in ("apart", "second_home")] for one in (*before, *after)
    ]
    assert without[: len(made)] == without[len(made) :]


@pytest.mark.parametrize(
    "change",
    [
        lambda f: f.assign(occurred_at=f["occurred_at"].dt.floor("D")),
        lambda f: f.assign(occurred_at=pd.Timestamp("2008-01-01")),
        lambda f: f.drop(columns="quantity"),
        lambda f: f.drop(columns="store_id"),
        lambda f: f.iloc[:1],
        lambda f: f[f["store_id"] == "h0"],
        lambda f: f.drop(columns=["category", "description"]),
    ],
    ids=["dates", "one day", "no quantities", "no stores", "one line", "one store", "no words"],
)
@pytest.mark.parametrize(
    "stores",
    [None, STORES[["store_id", "town"]], STORES[["store_id", "latitude", "longitude"]].iloc[:7]],
    ids=["no table", "towns", "positions of some"],
)
def test_poor_logs_are_no_errors(change, stores):
    household = ordinary("f", np.random.default_rng(4), holiday=1.0, days=330)[0]
    household.shop("fb", np.arange(3, 320, 7), "m1")
    go(household, "fb", 290, 6, "h0")
    frame, cards = frame_of([household])
    population = population_of(change(frame), cards, stores)
    for name in population.households:
        for question in QUESTIONS:
            for claim in question(population.household(name)):
                assert len(np.unique(claim.lines)) == len(claim.lines)
                assert 0 <= strength(claim) <= 1


KINDS = {
    kind.name: kind
    for kinds in (APART, home_room.KINDS, second_home.KINDS, stays_room.KINDS, workplace.KINDS)
    for kind in kinds
}


@pytest.mark.parametrize("lang", ["en", "tr"])
def test_every_claim_can_be_told(couples, travellers, lang):
    claims = [
        c
        for _, households, _ in (couples, travellers)
        for h in households[:20]
        for q in QUESTIONS
        for c in q(h)
    ]
    assert {"home", "stay", "absence", "apart"} <= {c.kind for c in claims}
    for claim in claims:
        finding = tell(claim, KINDS[claim.kind], strength(claim), Formatter(lang))
        assert finding.statement.endswith(".")
        assert len(finding.alternatives) == len(claim.alternatives)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_variant_speaks_both_languages(kind):
    for words in (kind.title, *kind.statements.values(), *kind.nulls.values(), *kind.alternatives.values()):
        assert set(words) == {"en", "tr"}
    for words in kind.statements.values():
        fields = [{name for _, name, _, _ in Formatter("en").parse(text) if name} for text in words.values()]
        assert fields[0] == fields[1]


@settings(max_examples=40, deadline=None)
@given(
    gaps=st.lists(st.integers(1, 14), min_size=1, max_size=8),
    trips=st.floats(0.001, 0.2),
    pace=st.floats(0.0, 0.9),
    more=st.integers(1, 14),
)
def test_a_rarer_town_makes_a_stay_likelier_and_order_does_not_matter(gaps, trips, pace, more):
    factor = stay_factor(np.array(gaps), trips, pace)
    assert stay_factor(np.array(gaps), trips / 2, pace) > factor
    assert stay_factor(np.array(gaps[::-1]), trips, pace) == pytest.approx(factor)
    both = stay_factor(np.array([*gaps, more]), trips, pace)
    assert both == pytest.approx(factor + stay_factor(np.array([more]), trips, pace))
