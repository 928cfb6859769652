"""What an ordinary household's plan makes true of who they are, where, and when."""

from datetime import date

import numpy as np

from crm_analytics.datasets.city.told import Told

OFTEN = 3  # second receipts in one store
ROLE = 5  # receipts of a card's commonest kind
SHOPPER = 2 / 3  # of the receipts of supermarkets
PAYDAYS, PEAK = 4, 1.5  # days of the month that the large shops fall on; times their share of the lines
ALL_FUEL = 0.8
OTHER_FUEL = 0.25  # of the refuellings of a card
MINUTES = np.timedelta64(30, "m")  # within which a second receipt was a way back for something
CAR_SPEED = 90.0  # km/h, door to door, that no drive beats
FAR = 100.0  # km
DAY = 24.0  # hours
WHO = ("adult_man", "adult_woman", "child", "baby", "cat", "dog")


def lived_truths(told: Told) -> None:
    """Claims about trips, places, journeys, members, cards and cars."""
    _trips(told)
    _home_and_work(told)
    _stays(told)
    _apart(told)
    _members(told)
    _composition(told)
    _cards(told)
    for card in told.plan.cards:
        _fuel(told, card)


def _trips(told: Told) -> None:
    receipts, first, count = np.unique(told.receipt[told.shop], return_index=True, return_counts=True)
    first = np.flatnonzero(told.shop)[first]
    if not receipts.size:
        return
    order = np.lexsort((receipts, told.at[first], told.card[first]))
    first, count, receipts = first[order], count[order], receipts[order]
    soon = (np.diff(told.at[first]) <= MINUTES) & (told.store[first][1:] == told.store[first][:-1])
    soon &= (told.card[first][1:] == told.card[first][:-1]) & (count[1:] <= 3)
    for store in np.unique(told.store[first][1:][soon]):
        here = receipts[1:][soon & (told.store[first][1:] == store)]
        if here.size >= OFTEN:
            lines = np.isin(told.receipt, receipts[1:][soon])
            told.claim("forgotten_items", store, f"{here.size} times", lines=lines)
    rhythm = told.plan.rhythm
    large = receipts[count >= max(6, 3 * np.median(count))]
    lines = told.shop & np.isin(told.receipt, large)
    if rhythm.main_every is not None and large.size >= 8:
        told.claim("trip_missions", "", f"{large.size} large shops", lines=lines)
    if rhythm.payday is not None:
        part = (rhythm.payday, rhythm.payday + PAYDAYS)
        day = (told.day - told.day.astype("datetime64[M]")).astype(np.int64) + 1
        inside = told.shop & (day >= part[0]) & (day < part[1])
        if inside.sum() >= PEAK * PAYDAYS / 30.4 * told.shop.sum():
            told.claim("monthly_pattern", "", f"days {part[0]} to {part[1] - 1}", lines=inside)


def _home_and_work(told: Told) -> None:
    plan = told.plan
    told.claim("home", plan.home_district, "", lines=told.shop & (told.district == plan.home_district))
    for member in plan.members:
        if member.card is None or member.work_place is None:
            continue
        mine = told.card == member.card
        lunch = mine & (told.kind == "restaurant") & (told.district == member.work_place) & _weekday(told)
        shops = mine & np.isin(told.store, list(plan.work_stores)) & (member.card == plan.cards[0])
        for lines, value in ((lunch, "lunches"), (shops, "shops")):
            dates = told.dates(lines)
            if dates.size >= 8 and member.work_place != plan.home_district:
                told.claim("workplace", member.work_place, value, lines=lines, card=member.card,
                           start=dates[0], end=dates[-1] + 1)  # fmt: skip
                break


def _weekday(told: Told) -> np.ndarray:
    return np.is_busday(told.day) & ((told.at - told.day).astype("timedelta64[h]").astype(int) < 16)


def _stays(told: Told) -> None:
    """Stays that left a line; one's own house where several did."""
    own: dict[str, list[np.ndarray]] = {}
    for stay in told.plan.stays:
        cards = [
            member.card for i, member in enumerate(told.plan.members) if i in stay.members and member.card
        ]
        first, last = np.datetime64(stay.start, "D"), np.datetime64(stay.end, "D")
        there = (told.town == stay.town) & np.isin(told.card, cards) & (told.day >= first) & (told.day < last)
        if not there.any():
            continue
        whose = "" if len(cards) == len(told.plan.cards) else str(cards[0])
        told.claim("stay", stay.town, "", lines=there, card=whose, start=stay.start, end=stay.end)
        told.claim("absence", stay.town, "", lines=there, card=whose, start=stay.start, end=stay.end)
        if stay.own_place:
            own.setdefault(stay.town, []).append(there)
    for town, lines in own.items():
        if len(lines) >= 2:
            told.claim("second_home", town, "own place", lines=np.logical_or.reduce(lines))


def _apart(told: Told) -> None:
    """Two cards too far from each other for the hours between."""
    if len(told.plan.cards) < 2:
        return
    _, first = np.unique(told.receipt, return_index=True)
    first = first[np.lexsort((told.receipt[first], told.at[first]))]
    a, b = first[:-1], first[1:]
    other = (told.card[a] != told.card[b]) & (told.town[a] != told.town[b])
    claimed: set[date] = set()
    for one, two in zip(a[other], b[other], strict=True):
        far = told.world.distance_km(int(told.store[one]), int(told.store[two]))
        hours = (told.at[two] - told.at[one]).astype(float) / 3600
        day = told.day[two].astype(date)
        alone = hours <= DAY and _alone(told, str(told.card[one]), str(told.card[two]), day)
        if far >= FAR and (alone or far / max(hours, 0.01) > CAR_SPEED) and day not in claimed:
            claimed.add(day)
            lines = np.isin(told.receipt, told.receipt[[one, two]])
            told.claim("apart", day, f"{far:.0f} km", lines=lines, start=told.day[one], end=told.day[two] + 1)


def _alone(told: Told, card: str, other: str, day: date) -> bool:
    """Whether by the plan one card holder is away on a day, and the other is not."""
    gone = [
        {told.plan.members[member].card for member in stay.members}
        for stay in told.plan.stays
        if stay.start <= day < stay.end
    ]
    return any((card in cards) != (other in cards) for cards in gone)


def _members(told: Told) -> None:
    """Who lives there, whatever tells of them."""
    for who in WHO:
        if _lives(told, who):
            told.claim("member", who)
    if told.plan.traits.get("hair_loss") == "yes":
        lines = told.shop & told.tagged("hair_loss")
        if lines.sum() >= 2:
            told.claim("hair_loss", "", "", lines=lines)


def _lives(told: Told, who: str) -> bool:
    sex = {"adult_man": "m", "adult_woman": "f"}.get(who)
    role = "adult" if sex else who
    return any(member.role == role and sex in (None, member.sex) for member in told.plan.members)


def _composition(told: Told) -> None:
    year = (told.world.start.year + told.world.end.year) // 2
    adults = [member for member in told.plan.members if member.role == "adult"]
    people = adults + [member for member in told.plan.members if member.role in ("child", "baby")]
    ages = [year - member.birth_year for member in adults]
    holds = {
        "children": len(people) > len(adults),
        "over_65": max(ages) >= 65,
        "under_35": max(ages) < 35,
        "single": len(people) == 1,
        "three_or_more": len(people) >= 3,
        "owner": told.plan.owner,
    }
    for subject, true in holds.items():
        if true:
            told.claim("composition", subject, "")


def _cards(told: Told) -> None:
    first = np.unique(told.receipt, return_index=True)[1]
    card, kind, shop = told.card[first], told.kind[first], told.shop[first]
    for name in told.plan.cards:
        kinds, counts = np.unique(kind[card == name], return_counts=True)
        if counts.size and counts.max() >= ROLE and (counts == counts.max()).sum() == 1:
            role = str(kinds[counts.argmax()])
            told.claim("card_role", name, role, card=name, lines=(told.card == name) & (told.kind == role))
        theirs = shop & (card == name)
        if (
            len(told.plan.cards) > 1
            and shop.sum() >= 20
            and SHOPPER * shop.sum() <= theirs.sum() < shop.sum()
        ):
            told.claim("household_shopper", name, "", card=name, lines=told.food)


def _fuel(told: Told, card: str) -> None:
    lines = (told.card == card) & (told.category == "fuel")
    n = int(lines.sum())
    if n < 8:
        return
    round_sums = np.round(told.amount[lines] % 5, 2) == 0
    habit = (
        "round_money" if round_sums.mean() >= 0.85 else "full_tank" if round_sums.mean() <= 0.15 else "mixed"
    )
    told.claim("fuel_habit", card, habit, card=card, lines=lines)
    for fuel in ("premium", "diesel"):
        mine = lines & (told.type == fuel)
        if mine.sum() >= max(ROLE, OTHER_FUEL * n):
            told.claim("fuel_tier", card, fuel, card=card, lines=mine)
            break
    payer = [(member.car, member.card or told.plan.cards[0]) for member in told.plan.members]
    alone = n >= ALL_FUEL * (told.category == "fuel").sum()  # it pays for all that they have
    cars = [car for car, pays in payer if car is not None and (alone or pays == card)]
    if len(cars) < 2:
        return
    where = np.flatnonzero(lines)
    where = where[np.argsort(told.at[where], kind="stable")]
    close = np.flatnonzero(np.diff(told.at[where]) <= np.timedelta64(36, "h"))
    pairs = np.unique(np.concatenate([where[close], where[close + 1]]))
    fuels = {car.fuel for car in cars}
    if pairs.size >= 6 or (
        len(fuels) > 1 and all((lines & (told.type == fuel)).sum() >= 8 for fuel in fuels)
    ):
        carried = np.isin(np.arange(told.key.size), pairs) if pairs.size else lines
        told.claim("second_vehicle", card, ", ".join(sorted(fuels)), card=card, lines=carried)
