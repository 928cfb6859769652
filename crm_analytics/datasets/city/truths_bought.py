"""What an ordinary household's plan makes true of what it buys together, too much of, and when."""

import numpy as np

from crm_analytics.datasets.city.catalogue import type_words
from crm_analytics.datasets.city.told import Told
from crm_analytics.datasets.city.truths_changed import change_truths
from crm_analytics.datasets.city.truths_chosen import choice_truths
from crm_analytics.datasets.city.visits import FOR_OCCASION

LEAD = np.timedelta64(7, "D")  # before an occasion, in which it is shopped for
FAR = np.timedelta64(60, "D")  # between two dates of an isolated purchase
TOGETHER, BOTH = 0.5, 5  # share of the days of the first category, and days, that make a pair
MIRRORED = 0.6  # share of the days of the second
MORE, LESS = 1.8, 0.4  # times the share that others take
MANY, A_LITTLE = 25, 1.2  # goods for the house, at this ratio already
SEEN, EXPECTED = 8, 12  # lines that carry "more"; lines that would have carried what is "less"
DEARER = 1.25  # times the share of the dearest, or the cheapest, quarter
WISHES = ("lactose_free", "gluten_free")
GOODS = ("textile", "kitchenware", "storage", "toy", "garden", "school", "car_care")
TREATS = ("sweets", "snacks")


def bought_truths(told: Told) -> None:
    """Claims about tastes, pairs, leanings, changes and occasions."""
    for category in np.unique(told.category[told.food]):
        choice_truths(told, str(category), told.food & (told.category == category))
    change_truths(told)
    _isolated(told)
    _pairs(told)
    _leanings(told)
    _prices(told)
    _needs(told)
    _occasions(told)
    _guests(told)
    _same_days(told)


def _isolated(told: Told) -> None:
    """Categories, and types within one, bought on one date, or on two far from each other."""
    words = type_words()
    for category in np.unique(told.category[told.food]).tolist():
        mine = told.food & (told.category == category)
        _once_or_twice(told, category, mine)
        types = np.unique(told.type[mine]).tolist()
        for name in types if len(types) > 1 else ():
            _once_or_twice(told, f"{category}: {words[category, name]}", mine & (told.type == name))


def _once_or_twice(told: Told, subject: str, mine: np.ndarray) -> None:
    dates = told.dates(mine)
    if dates.size == 1 or (dates.size == 2 and dates[1] - dates[0] >= FAR):
        value = f"{dates.size} dates"
        told.claim("isolated_purchase", subject, value, lines=mine, start=dates[0], end=dates[-1] + 1)


def _pairs(told: Told) -> None:
    """Companions of the plan, what is bought together on journeys, and the mirrors of pairs."""
    pairs = [(first, second) for first, second, _ in told.plan.companions]
    pairs += _of_journeys(told)
    for first, second in dict.fromkeys(pairs):
        dates, theirs = (told.dates(told.food & (told.category == name)) for name in (first, second))
        both = np.intersect1d(dates, theirs)
        if both.size >= BOTH and both.size >= TOGETHER * dates.size:
            told.claim(
                "association", f"{first} -> {second}", "kinds: 1", lines=_on(told, first, second, both)
            )
    known = {(claim.kind, claim.subject) for claim in (*told.planted, *told.claims)}
    for claim in [*told.planted, *told.claims]:
        if claim.kind != "association":
            continue
        first, second = claim.subject.split(" -> ")
        dates, theirs = (told.dates(told.food & (told.category == name)) for name in (first, second))
        both = np.intersect1d(dates, theirs)
        mirror = f"{second} -> {first}"
        if both.size < max(BOTH, MIRRORED * theirs.size) or ("association", mirror) in known:
            continue
        told.claim("association", mirror, "kinds: 1", lines=_on(told, first, second, both))


def _on(told: Told, first: str, second: str, days: np.ndarray) -> np.ndarray:
    """Lines of two categories on these days."""
    return told.food & np.isin(told.category, (first, second)) & np.isin(told.day, days)


def _of_journeys(told: Told) -> list[tuple[str, str]]:
    """Pairs of categories that are hardly bought but on journeys, and there together."""
    away = told.food & ~told.near
    names, n_away = np.unique(told.category[away], return_counts=True)
    n = np.array([(told.food & (told.category == name)).sum() for name in names])
    names = names[(n_away >= MIRRORED * n) & (n_away >= BOTH)]
    days = {str(name): told.dates(away & (told.category == name)) for name in names}
    return [
        (a, b)
        for a in days
        for b in days
        if a != b and np.intersect1d(days[a], days[b]).size >= TOGETHER * days[a].size
    ]


def _leanings(told: Told) -> None:
    """Tags taken far more, or far less, than everybody takes; sweets with their diet versions; goods."""
    n = max(int(told.food.sum()), 1)
    claimed = {(claim.kind, claim.subject) for claim in told.planted}
    for tag in sorted(told.world.tagged):
        if tag in ("fuel", "restaurant") or ("tag_leaning", tag) in claimed:
            continue
        lines, usual = told.food & told.tagged(tag), told.usual.tags[tag]
        share = lines.sum() / n
        if lines.sum() >= SEEN and share >= MORE * usual:
            told.claim("tag_leaning", tag, "above", lines=lines)
        elif usual * n >= EXPECTED and share <= LESS * usual:
            told.claim("tag_leaning", tag, "below")
    treats = told.food & np.logical_or.reduce([told.tagged(tag) for tag in TREATS])
    light = treats & told.tagged("diet")
    both = np.intersect1d(told.day[light], told.day[treats & ~told.tagged("diet")])
    if both.size >= 5 and light.sum() >= MORE * told.usual.tags["diet"] * treats.sum():
        told.claim("tempted", "", "", lines=treats & np.isin(told.day, both))
    goods = [tag for tag in GOODS if tag in told.world.tagged]
    lines = told.food & np.logical_or.reduce([told.tagged(tag) for tag in goods])
    ratio = lines.sum() / (sum(told.usual.tags[tag] for tag in goods) * n)
    if (lines.sum() >= BOTH and ratio >= MORE) or (lines.sum() >= MANY and ratio >= A_LITTLE):
        told.claim("general_merchandise", "", "", lines=lines)


def _prices(told: Told) -> None:
    """Choices among the dearest, or the cheapest, quarter of each category, beside those of others."""
    world = told.world
    ends = {"premium": [0.0, 0.0], "budget": [0.0, 0.0]}
    carried = {name: np.zeros(told.key.size, dtype=bool) for name in ends}
    unit = world.column("price") / np.maximum(world.column("size"), 1e-9)
    for category in np.unique(told.category[told.shop]):
        shelf, mine = world.shelves[category], told.shop & (told.category == category)
        n = int(mine.sum())
        if n < 3 or shelf.items.size < 4:
            continue
        others = told.usual.weights[str(category)].mean(axis=0)
        own = told.choices(str(category), mine)
        order = np.argsort(unit[shelf.rows], kind="stable")
        below = np.cumsum(others[order]) / others.sum()
        for name, part in (("premium", order[below > 0.75]), ("budget", order[below <= 0.25])):
            ends[name][0] += n * own[part].sum()
            ends[name][1] += n * others[part].sum()
            carried[name] |= mine & np.isin(told.item, shelf.items[part])
    for name, (own_share, usual) in ends.items():
        if own_share >= max(DEARER * usual, SEEN):
            told.claim("tag_leaning", name, "above", lines=carried[name])
        elif usual >= EXPECTED and own_share <= LESS * usual:
            told.claim("tag_leaning", name, "below")


def _needs(told: Told) -> None:
    """Somebody needs products of a tag: a diet of the plan, or choices that come to the same."""
    for tag in WISHES:
        lines = told.food & told.tagged(tag)
        offered = np.unique(told.category[lines])
        if lines.sum() < 4:
            continue
        often = False
        for category in offered:
            mine = told.shop & (told.category == category)
            within = told.world.tagged[tag][told.world.shelves[category].rows]
            usual = told.usual.weights[str(category)].mean(axis=0)[within].sum()
            often |= mine.sum() >= BOTH and told.choices(str(category), mine)[within].sum() >= max(
                0.2, 3 * usual
            )
        if tag in told.plan.diets or often:
            told.claim("dietary_need", tag, "", lines=lines)


def _occasions(told: Told) -> None:
    """Categories bought in the days before an occasion that they celebrate, in two years at least."""
    spans = told.world.calendar
    for occasion in told.plan.celebrates:
        if occasion not in FOR_OCCASION:
            continue
        near = np.zeros(told.key.size, dtype=bool)
        year = np.zeros(told.key.size, dtype=np.int64)
        for start in spans["start"][spans["occasion"] == occasion]:
            first, last = _buying_days(occasion, np.datetime64(start, "D"))
            inside = (told.day >= first) & (told.day < last)
            near |= inside
            year[inside] = start.year
        carried = near & told.shop & np.isin(told.category, FOR_OCCASION[occasion])
        names = []
        for category in np.unique(told.category[carried]):
            of = carried & (told.category == category)
            if np.unique(year[of]).size >= 2:
                names.append(str(category))
        if names:
            lines = carried & np.isin(told.category, names)
            told.claim("calendar_occasion", occasion, ", ".join(names), lines=lines)


def _buying_days(occasion: str, start: np.datetime64) -> tuple[np.datetime64, np.datetime64]:
    if occasion == "new_year":
        return start + 3, start + 8
    return (start, start + 27) if occasion == "back_to_school" else (start - 4, start)


def _guests(told: Told) -> None:
    """Days with visitors, or of a celebration, with things that are bought on no other day."""
    feasts = [claim for claim in told.claims if claim.kind == "calendar_occasion"]
    days = {np.datetime64(day, "D") for day in told.plan.guests}
    for claim in feasts:
        days |= set(told.dates(told.carries(claim)))
    known = {claim.subject for claim in told.planted if claim.kind == "guest_day"}
    for day in sorted(days - {np.datetime64(subject, "D") for subject in known}):
        today = told.shop & (told.day == day)
        names = [
            str(name)
            for name in np.unique(told.category[today])
            if told.dates(told.shop & (told.category == name)).size == 1
        ]
        if len(names) >= 2:
            lines = today & np.isin(told.category, names)
            told.claim("guest_day", day, ", ".join(names), lines=lines, start=day, end=day + 1)


def _same_days(told: Told) -> None:
    """Occasions that fall on the days of what is bought for another: the end of Ramadan is the eve of its feast."""
    spans = told.world.calendar[~told.world.calendar["kind"].isin(["school", "season", "shopping"])]
    names = spans["occasion"].to_numpy().astype(str)
    first = spans["start"].to_numpy().astype("datetime64[D]") - LEAD
    last = spans["end"].to_numpy().astype("datetime64[D]")
    year = told.day.astype("datetime64[Y]")
    planted = {claim.subject for claim in told.planted if claim.kind == "calendar_occasion"}
    known = {c.subject: c for c in told.claims if c.kind == "calendar_occasion"}
    for claim in [*told.planted, *known.values()]:
        if claim.kind != "calendar_occasion" or claim.subject not in names:
            continue
        carried = told.carries(claim)
        for occasion in np.unique(names[~np.isin(names, [*planted, claim.subject])]).tolist():
            these = names == occasion
            inside = ((told.day[:, None] >= first[these]) & (told.day[:, None] < last[these])).any(axis=1)
            lines = carried & inside
            if np.unique(year[lines]).size < 2 or 2 * lines.sum() < carried.sum():
                continue
            if occasion in known:
                lines |= told.carries(known[occasion])
                told.claims.remove(known[occasion])
            told.claim("calendar_occasion", occasion, f"days of {claim.subject}", lines=lines)
            known[occasion] = told.claims[-1]
