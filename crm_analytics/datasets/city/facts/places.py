"""Where they are: lunches near work, weeks away, a second home, two cards too far apart."""

from datetime import date

import numpy as np

from crm_analytics.datasets.city.facts.choices import DAY, at_hour
from crm_analytics.datasets.city.facts.draft import RESTAURANT, Draft, Moment
from crm_analytics.datasets.city.facts.planter import planter
from crm_analytics.datasets.city.households import Stay

FOOD = ("supermarket", "marina")
BASICS = (
    "bread",
    "milk",
    "eggs",
    "white cheese",
    "tomatoes",
    "summer fruit",
    "olives",
    "water",
    "ice cream",
    "beer",
    "chicken",
)
HOUSEHOLD = (
    "surface cleaner",
    "dishwashing",
    "bleach",
    "cleaning cloths",
    "toilet paper",
    "kitchenware",
    "laundry",
    "rubbish bags",
)
MEALS = ("restaurant meal", "restaurant drink")


@planter
def workplace(
    draft: Draft,
    *,
    card: str | None = None,
    district: str | None = None,
    n: int | None = None,
    diners: int | None = None,
) -> bool:
    """Lunches on working days in a restaurant of a district that is not home."""
    rng, world = draft.rng, draft.world
    members = [m for m in draft.plan.members if m.card and m.role == "adult"]
    idle = [m for m in members if not m.lunches and not _lunches(draft, str(m.card)) and m.birth_year > 1941]
    member = draft.plan.holder(card) if card else (idle[int(rng.integers(len(idle)))] if idle else None)
    places = world.stores.loc[world.stores_of(kind=RESTAURANT, town=draft.home_town), "district"].to_numpy()
    places = np.unique(places[places != draft.plan.home_district].astype(str))
    if member is None or member.card in draft.held.cards or not (district or places.size):
        return False
    if member.work_place in places:
        district = district or member.work_place
    district = district or str(rng.choice(places))
    stores = world.stores_of(kind=RESTAURANT, district=district)
    n, diners = n or int(rng.integers(18, 60)), diners or int(rng.choice([1, 1, 2]))
    days = np.arange(np.datetime64(world.start, "D"), np.datetime64(world.end, "D"))
    days = days[np.is_busday(days)]
    if rng.random() < 0.3 and n < 40:  # a job that began or ended
        half = days.size // 2
        days = days[:half] if rng.random() < 0.5 else days[half:]
    days = np.sort(rng.choice(days, size=min(3 * n, days.size), replace=False))
    days = np.array([day for day in days if not draft.is_away(str(member.card), day, 1)])
    days = np.array([day for day in days if _lunches_there(draft, str(member.card), int(stores[0]), day)])
    days = np.sort(rng.choice(days, size=min(n, days.size), replace=False))
    keys = [lunch(draft, str(member.card), int(rng.choice(stores)), day, diners) for day in days]
    if len(keys) < 12:
        return False
    member.work_place, member.lunches = district, n / (world.n_days / 30)
    draft.claim(
        "workplace",
        district,
        "lunches",
        customer_id=member.card,
        start=days[0],
        end=days[-1] + DAY,
        keys=np.concatenate(keys),
    )
    return True


def _lunches(draft: Draft, card: str) -> bool:
    """Whether a card is used for lunches as it is."""
    mine = (draft.customer_id == card) & (draft.store("kind") == RESTAURANT) & draft.near
    return bool(np.unique(draft.receipt[mine]).size > 8)


def _lunches_there(draft: Draft, card: str, store: int, day: Moment) -> bool:
    """Whether a card can be used for lunch in a restaurant on a day."""
    noon = at_hour(draft, day, 13, 13.01)
    earlier, later = noon - np.timedelta64(3600, "s"), noon + np.timedelta64(3600, "s")
    return all(draft.reaches(card, store, at) for at in (earlier, noon, later))


def lunch(draft: Draft, card: str, store: int, day: Moment, diners: int = 1) -> np.ndarray:
    """A lunch for one or more; return the keys of its lines."""
    meals, drinks = (draft.find(category=name) for name in MEALS)
    table = [*draft.pick(meals, np.full(diners, day)), *draft.pick(drinks, np.full(diners, day))]
    kept, counts = np.unique([int(item) for item in table if item >= 0], return_counts=True)
    return draft.ring(card, store, at_hour(draft, day, 12.1, 14.0), kept, counts.astype(float).tolist())


@planter
def stay(
    draft: Draft,
    *,
    town: str | None = None,
    start: date | None = None,
    days: int | None = None,
    cards: tuple[str, ...] = (),
) -> bool:
    """Some days away in a town, and nothing bought near home meanwhile."""
    rng = draft.rng
    town = town or _new_town(draft)
    days = days or int(rng.integers(6, 19))
    if town is None:
        return False
    cards = cards or tuple(draft.plan.cards)
    first = np.datetime64(start, "D") if start else _window(draft, days, cards)
    return first is not None and sojourn(draft, town, first, days, cards, own_place=False)


@planter
def second_home(
    draft: Draft, *, town: str | None = None, starts: tuple[date, ...] = (), days: tuple[int, ...] = ()
) -> bool:
    """The same town every year, or twice a year, with what an own kitchen and floor need."""
    rng = draft.rng
    town = town or _new_town(draft)
    n = len(starts) or int(rng.integers(3, 5))
    lengths = days or tuple(int(d) for d in rng.integers(9, 30, size=n))
    cards = tuple(draft.plan.cards)
    if town is None:
        return False
    made = len(draft.made)
    for place in range(n):
        if starts:
            first: Moment | None = np.datetime64(starts[place], "D")
        else:
            first = _window(draft, lengths[place], cards, summer=True)
        if first is None or not sojourn(draft, town, first, lengths[place], cards, own_place=True):
            return False
    claims = [claim for claim in draft.made[made:] if claim.kind == "stay"]
    firsts = sorted(claim.start for claim in claims if claim.start)
    years = {day.year for day in firsts}
    if len(years) < 2:
        return False
    keys = [key for claim in claims for key in claim.keys]
    draft.claim("second_home", town, "own place", keys=keys)
    return True


def sojourn(
    draft: Draft,
    town: str,
    first: Moment,
    days: int,
    cards: tuple[str, ...],
    *,
    own_place: bool,
    stores: tuple[int, ...] = (),
) -> bool:
    """Write a stay of cards in a town, and that they are absent from home; False if facts forbid it."""
    rng, world = draft.rng, draft.world
    last = first + days * DAY
    inside = (draft.day >= first) & (draft.day < last) & np.isin(draft.customer_id, cards)
    if (inside & ~draft.spare).any() or not (
        np.datetime64(world.start, "D") <= first and last <= np.datetime64(world.end, "D")
    ):
        return False
    draft.drop(inside)
    shops = np.array(stores) if stores else world.stores_of(kind=list(FOOD), town=town)
    tables = world.stores_of(kind=RESTAURANT, town=town)
    n = max(3, int(rng.poisson(days * (0.4 if own_place else 0.22))))
    when = np.sort(rng.choice(days, size=min(n, days), replace=False))
    keys = []
    for place, step in enumerate(when):
        day = first + int(step) * DAY
        card = str(rng.choice(cards))
        if tables.size and not own_place and rng.random() < 0.35:
            if _lunches_there(draft, card, int(tables[0]), day):
                keys.append(lunch(draft, card, int(tables[0]), day, int(rng.integers(1, 4))))
            continue
        fresh = [c for c in BASICS if draft.open(c)]
        basket = [str(c) for c in rng.permutation(fresh)[: int(rng.integers(2, 7))]]
        if own_place and place < max(2, len(when) // 2):
            goods = [c for c in HOUSEHOLD if draft.open(c)]
            basket += [str(c) for c in rng.permutation(goods)[: int(rng.integers(2, 5))]]
        items = [int(draft.pick(draft.find(category=c), day[None])[0]) for c in basket]
        items = [item for item in items if item >= 0]
        store, at = int(rng.choice(shops)), at_hour(draft, day, 9.5, 21.5)
        if items and draft.reaches(card, store, at):
            keys.append(draft.ring(card, store, at, items))
    if len(keys) < 2:
        return False
    for card in cards:
        draft.held.away.append((card, first, last))
    members = tuple(i for i, m in enumerate(draft.plan.members) if m.card in cards or m.card is None)
    draft.plan.stays.append(Stay(town, first.astype(date), last.astype(date), members, own_place))
    whose = cards[0] if len(cards) < len(draft.plan.cards) else ""
    for kind in ("stay", "absence"):
        draft.claim(kind, town, "", customer_id=whose, start=first, end=last, keys=np.concatenate(keys))
    return True


def _new_town(draft: Draft) -> str | None:
    """A town where they have not been and do not live."""
    table = draft.world.stores
    towns = np.unique(table["town"][table["kind"].isin(FOOD)].to_numpy().astype(str))
    known = {draft.home_town, *(s.town for s in draft.plan.stays), *draft.store("town").astype(str)}
    homes = {"Istanbul", "Ankara", "Izmir"}
    fits = [town for town in towns if town not in known | homes]
    return str(draft.rng.choice(fits)) if fits else None


def _window(draft: Draft, days: int, cards: tuple[str, ...], *, summer: bool = False) -> Moment | None:
    """A first day from which no fact and no other stay is in the way."""
    span = draft.world.n_days - days - 40
    for _ in range(60):
        first = np.datetime64(draft.world.start, "D") + int(draft.rng.integers(30, span)) * DAY
        month = int(first.astype("datetime64[M]").astype(int)) % 12 + 1
        if summer and month not in (6, 7, 8, 9):
            continue
        all_days = first + np.arange(days) * DAY
        inside = (draft.day >= first) & (draft.day <= all_days[-1]) & ~draft.spare
        apart = not any(
            draft.is_away(card, day, 8) for card in cards for day in all_days[:: max(days // 4, 1)]
        )
        if apart and not draft.is_away(cards[0], all_days[-1], 8) and not inside.any():
            return first
    return None


@planter
def apart(draft: Draft) -> bool:
    """Two cards of the household far apart within hours."""
    rng, world = draft.rng, draft.world
    cards = draft.plan.cards
    if len(cards) < 2 or any(card in draft.held.cards for card in cards[:2]):
        return False
    town, days = _new_town(draft), int(rng.integers(7, 15))
    first = _window(draft, days, tuple(cards))
    gone, stays = (cards[0], cards[1]) if rng.random() < 0.5 else (cards[1], cards[0])
    if town is None or first is None or not sojourn(draft, town, first, days, (gone,), own_place=False):
        return False
    there = np.flatnonzero((draft.customer_id == gone) & (draft.store("town") == town))
    there = there[draft.day[there] >= first]
    at, where = draft.occurred_at[there[0]], int(draft.store_id[there[0]])
    far = np.array(
        [world.distance_km(where, int(s)) for s in world.stores_of(kind="supermarket", town=draft.home_town)]
    )
    hours = min(far.min() / float(rng.uniform(120, 400)), 4.0)
    when = at + np.timedelta64(int(hours * 3600 * rng.choice([-1, 1])), "s")
    if not 8 <= int((when - when.astype("datetime64[D]")).astype(int)) / 3600 <= 22 or far.min() < 100:
        when = at + np.timedelta64(int(rng.uniform(-40, 40) * 60), "s")
    if far.min() < 100 or draft.is_away(stays, when):
        return False
    basket = draft.pick(
        draft.find(category="bread" if draft.open("bread") else "eggs"), when.astype("datetime64[D]")[None]
    )
    here = draft.ring(stays, draft.home_store, when, basket)
    both = [*draft.key[draft.receipt == draft.receipt[there[0]]], *here]
    draft.claim(
        "apart",
        str(at.astype("datetime64[D]")),
        "",
        start=when,
        end=when.astype("datetime64[D]") + DAY,
        keys=both,
    )
    return True
