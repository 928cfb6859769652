"""What people look at first: where paths begin, which step follows which, and the paths walked most."""

import numpy as np
import pandas as pd
from numba import njit
from scipy.special import ndtri

from crm_analytics.basket.paths.steps import Contexts, Steps, symbol_names


def start_table(steps: Steps, level: float) -> pd.DataFrame:
    """Customers whose first known step took up each product, with the share and its interval."""
    first = np.flatnonzero(steps.position == 0)
    products = steps.indices[_lines(steps, first)]
    count = np.bincount(products, minlength=len(steps.items))
    low, high = wilson(count, first.size, level)
    table = pd.DataFrame(
        {
            "item_id": steps.items,
            "customers": count,
            "share": count / max(first.size, 1),
            "low": low,
            "high": high,
        }
    )
    return _by_count(table[count > 0], "customers")


def transition_table(
    steps: Steps, *, strength: float, within: float, level: float, group: np.ndarray | None = None
) -> pd.DataFrame:
    """One row for each product that was followed by another; codes in `from` and `to`, group in `group`.

    The share of each group of customers (numbers, by step; one group by default) is drawn towards
    that of all, whose share is drawn towards how often the product comes at any step.
    """
    n_items = len(steps.items)
    place = _lines(steps, np.flatnonzero(steps.known))
    step = np.repeat(np.arange(len(steps)), steps.sizes)[place]
    source = steps.indices[place].astype(np.int64)
    mine = np.zeros(len(steps), dtype=np.int64) if group is None else group
    ok = mine[step] >= 0
    step, source = step[ok], source[ok]
    key = mine[step] * n_items + source
    order = np.lexsort((steps.wait[step], key))
    step, source, key = step[order], source[order], key[order]
    weight = _jumps(key, steps.wait[step], steps.followed[step])
    went = steps.followed[step]
    pair_key, to, jump, wait = _pairs(steps, key[went], step[went], weight[went])
    n_keys = (int(mine.max(initial=0)) + 1) * n_items
    went_on = np.bincount(key[went], minlength=n_keys)
    reached = np.bincount(key, minlength=n_keys)
    rows, begins, counts = np.unique(pair_key * n_items + to, return_index=True, return_counts=True)
    row_key, row_to = rows // n_items, rows % n_items
    incidence = np.add.reduceat(np.where(wait <= within, jump, 0.0), begins) if rows.size else np.zeros(0)
    share = counts / went_on[row_key]
    low, high = wilson(counts, went_on[row_key], level)
    table = pd.DataFrame(
        {
            "group": row_key // n_items,
            "from": row_key % n_items,
            "to": row_to,
            "count": counts,
            "went_on": went_on[row_key],
            "reached": reached[row_key],
            "share": share,
            "low": low,
            "high": high,
            "incidence": incidence,
            "median_days": _half_way(jump, wait, begins),
        }
    )
    return table.assign(probability=_smoothed(table, n_items, strength))


def _smoothed(table: pd.DataFrame, n_items: int, strength: float) -> np.ndarray:
    """Dirichlet back-off: the group's share towards all customers', theirs towards the product's share of steps."""
    if table.empty:
        return np.zeros(0)
    steps = table.drop_duplicates(["group", "from"])
    to, source, count = (table[name].to_numpy() for name in ("to", "from", "count"))
    whole = steps["went_on"].sum()
    base = np.bincount(to, count, minlength=n_items) / whole
    pair = source * n_items + to
    pairs, place = np.unique(pair, return_inverse=True)
    in_all = np.bincount(place, count)
    of_all = np.bincount(steps["from"], steps["went_on"], minlength=n_items)[pairs // n_items]
    everyone = (in_all + strength * base[pairs % n_items]) / (of_all + strength)
    if (table["group"] == 0).all():
        return everyone[place]
    return (count + strength * everyone[place]) / (table["went_on"].to_numpy() + strength)


def wilson(count: np.ndarray, n: np.ndarray | int, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Score interval of a share `count` / `n`; Wilson (1927). NaN where n is 0.

    >>> wilson(np.array([5]), 20, 0.95)
    (array([0.1118...]), array([0.4687...]))
    """
    z = ndtri((1 + level) / 2)
    count, n = np.asarray(count, dtype=float), np.asarray(n, dtype=float)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = count / n
        middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)


def path_table(steps: Steps, found: Contexts, *, longest: int, most: int) -> pd.DataFrame:
    """The most common beginnings of paths, of 2 to `longest` known steps; shares of all who have a path."""
    names = symbol_names(steps.items, found.packages)
    begun = int((steps.position == 0).sum())
    tables, number, text = [], found.symbols.copy(), names
    first_day = np.full(len(steps.customers), np.nan)
    first_day[steps.owner[steps.position == 0]] = steps.days[steps.position == 0]
    for length in range(2, longest + 1):
        at = np.flatnonzero(steps.position == length - 1)
        if not at.size:
            break
        pairs, place = np.unique(number[at - 1] * names.size + found.symbols[at], return_inverse=True)
        number = np.full(len(steps), -1, dtype=np.int64)
        number[at] = place
        count = np.bincount(place)
        text = text[pairs // names.size] + " → " + names[pairs % names.size]
        days = pd.Series(steps.days[at] - first_day[steps.owner[at]]).groupby(place).median().to_numpy()
        table = pd.DataFrame(
            {
                "path": text,
                "steps": length,
                "customers": count,
                "share": count / begun,
                "median_days": days,
            }
        )
        tables.append(table.nlargest(most, "customers", keep="first"))
    if not tables:
        columns = ["path", "steps", "customers", "share", "median_days"]
        return pd.DataFrame({name: pd.Series(dtype=object if name == "path" else float) for name in columns})
    return _by_count(pd.concat(tables), "customers").head(most)


def flow_table(
    steps: Steps, found: Contexts, *, n_steps: int, top: int, other: str, end: str
) -> pd.DataFrame:
    """Customers by what they took up at each step and at the next; those who took no more go to `end`."""
    names = symbol_names(steps.items, found.packages)
    early = (steps.position >= 0) & (steps.position < n_steps)
    common = pd.Series(names[found.symbols[early]]).value_counts(sort=False)
    common = common.sort_index().sort_values(ascending=False, kind="stable")
    label = np.where(np.isin(names, common.index[:top].to_numpy(object)), names, other)[found.symbols]
    tables = []
    for step in range(1, n_steps):
        at = np.flatnonzero(steps.position == step - 1)
        target = np.where(steps.followed[at], label[np.minimum(at + 1, len(steps) - 1)], end)
        pairs = pd.DataFrame({"step": step, "source": label[at], "target": target})
        tables.append(pairs.groupby(["step", "source", "target"]).size().rename("customers").reset_index())
    table = pd.concat(tables, ignore_index=True)
    return table.sort_values(
        ["step", "customers", "source", "target"], ascending=[True, False, True, True], ignore_index=True
    )


def _lines(steps: Steps, rows: np.ndarray) -> np.ndarray:
    """Positions in `steps.indices` of what the steps at `rows` took up."""
    lengths = steps.sizes[rows]
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if ends.size else 0
    return np.arange(total) + np.repeat(steps.indptr[rows] - ends + lengths, lengths)


@njit(cache=True)
def _jumps(key: np.ndarray, wait: np.ndarray, followed: np.ndarray) -> np.ndarray:
    """Weight of each wait in its group's incidence: survival before it over those at risk (Aalen-Johansen).

    Sorted by group and wait.
    """
    out = np.zeros(key.size)
    i = 0
    while i < key.size:
        end = i
        while end < key.size and key[end] == key[i]:
            end += 1
        survival = 1.0
        while i < end:
            tie, came = i, 0
            while tie < end and wait[tie] == wait[i]:
                came += followed[tie]
                tie += 1
            weight = survival / (end - i)
            survival *= 1 - came / (end - i)
            while i < tie:
                out[i] = weight
                i += 1
    return out


def _pairs(
    steps: Steps, key: np.ndarray, step: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """One line for each product of each next step, sorted by group, product and wait."""
    lengths = steps.sizes[np.minimum(step + 1, len(steps) - 1)]
    to = steps.indices[_lines(steps, step + 1)].astype(np.int64)
    wait = np.repeat(steps.wait[step], lengths)
    key, weight = np.repeat(key, lengths), np.repeat(weight, lengths)
    order = np.lexsort((wait, to, key))
    return key[order], to[order], weight[order], wait[order]


def _half_way(jump: np.ndarray, wait: np.ndarray, begins: np.ndarray) -> np.ndarray:
    """Wait by which each group's incidence has come half as far as it comes."""
    if not begins.size:
        return np.zeros(0)
    total = np.cumsum(jump)
    before = total[begins] - jump[begins]
    last = np.append(begins[1:], jump.size) - 1
    half = (before + total[last]) / 2
    # A sum over all groups has lost its last digits.
    at = np.clip(np.searchsorted(total, half * (1 - 1e-12), "left"), begins, last)
    return wait[at]


def _by_count(table: pd.DataFrame, column: str) -> pd.DataFrame:
    return table.sort_values(column, ascending=False, kind="stable", ignore_index=True)
