"""What BG/NBD, MBG/NBD and MBG/CNBD-k share: one likelihood, one chance to be alive, one future.

Customers buy when a Poisson process of their own rate λ ~ gamma(r, α) has run through `k`
events, and may leave for good after a purchase with a probability of their own
p ~ beta(a, b). `shift` is 1 if that goes for the first purchase too, else 0. So

    BG/NBD       k = 1, shift = 0    Fader, Hardie & Lee (2005), eq. (6)
    MBG/NBD      k = 1, shift = 1    Batislam, Denizel & Filiztekin (2007), eq. (7)
    MBG/CNBD-k   k > 1, shift = 1    Reutterer, Platzer & Schröder (2021), eq. (5)

and with n = r + k x events, c = x + shift chances to leave so far, y = (T - t_x) / (α + T) and
S = Σ_{j<k} C(n + j - 1, j) y^j (the next purchase has come j of k events nearer), a
customer's likelihood is, up to the spacing of their purchases,

    Γ(n)/Γ(r) α^r (α + T)^-n S  B(a, b + c)/B(a, b)  (1 + Q)
    Q = a / (b + c - 1) ((α + T) / (α + t_x))^n / S,    0 if c = 0

where Q is the odds of having left. Parameters come as `theta`, a row (r, α, a, b) for each
group of customers, and `group` says whose is whose.
"""

import math

import numpy as np
from numba import njit
from scipy.special import digamma, gammaln, polygamma

from crm_analytics.clv.inference.customers import N_TERMS, Customers
from crm_analytics.clv.inference.distinct import distinct_rows


def terms(customers: Customers, theta: np.ndarray, k: int, shift: int, *, each: bool = False) -> np.ndarray:
    """Log-likelihood with its derivatives by r, α, a, b, summed by group, or of `each` row.

    Returns
    -------
    ndarray, shape (n_groups or n_rows, 15)
        Value, 4 first derivatives, 10 second derivatives (upper triangle, row by row).
    """
    c = customers
    if each:
        out = np.zeros((c.x.size, N_TERMS))
        _coupled(c.x, c.t_x, c.T, np.ones_like(c.x), c.group, np.arange(c.x.size), theta, k, shift, out)
        rows, place, _ = distinct_rows(c.x, c.group)
        return out + _apart(rows[0], rows[0] + shift, theta[rows[1].astype(np.int64)], k)[place]
    out = np.zeros((len(theta), N_TERMS))
    if len(theta) == 1 and k == 1:
        _coupled_alike(c, theta[0], shift, out[0])
    else:
        _coupled(c.x, c.t_x, c.T, c.weight, c.group, c.group, theta, k, shift, out)
    x, group, weights = c.by_frequency
    np.add.at(out, group, _apart(x, x + shift, theta[group], k) * weights[:, None])
    return out


def _apart(x: np.ndarray, c: np.ndarray, theta: np.ndarray, k: int) -> np.ndarray:
    """ln Γ(n)/Γ(r) + r ln α + ln B(a, b + c)/B(a, b), which depend on the frequency alone."""

    def trigamma(value: np.ndarray) -> np.ndarray:
        return polygamma(1, value)

    r, alpha, a, b = theta.T
    n, zero = r + k * x, np.zeros_like(x)
    ab = trigamma(a + b) - trigamma(a + b + c)
    columns = [
        gammaln(n) - gammaln(r) + r * np.log(alpha) + gammaln(a + b) + gammaln(b + c) - gammaln(b)
        - gammaln(a + b + c),
        digamma(n) - digamma(r) + np.log(alpha),
        r / alpha,
        digamma(a + b) - digamma(a + b + c),
        digamma(a + b) + digamma(b + c) - digamma(b) - digamma(a + b + c),
        trigamma(n) - trigamma(r), 1 / alpha, zero, zero,
        -r / alpha**2, zero, zero,
        ab, ab,
        ab + trigamma(b + c) - trigamma(b),
    ]  # fmt: skip
    return np.stack(columns, axis=1)


@njit(cache=True, error_model="numpy")
def _coupled(x, t_x, T, weight, group, cell, theta, k, shift, out):
    """Add ln[(α + T)^-n S (1 + Q)] and its derivatives to the row of `out` that `cell` names."""
    for i in range(x.size):
        g = group[i]
        r, alpha, a, b = theta[g, 0], theta[g, 1], theta[g, 2], theta[g, 3]
        n, c = r + k * x[i], x[i] + shift
        to_T = 1 / (alpha + T[i])
        f = -n * math.log(alpha + T[i])
        f_r, f_v = f / n, -n * to_T
        f_rr, f_rv, f_vv = 0.0, -to_T, n * to_T * to_T
        log_s, s_r, s_v, s_rr, s_rv, s_vv = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        if k > 1:
            log_s, s_r, s_v, s_rr, s_rv, s_vv = _stages(n, (T[i] - t_x[i]) * to_T, to_T, k)
            f += log_s
            f_r += s_r
            f_v += s_v
            f_rr += s_rr
            f_rv += s_rv
            f_vv += s_vv
        w = weight[i]
        o = out[cell[i]]
        if c == 0:
            o[0] += w * f
            o[1] += w * f_r
            o[2] += w * f_v
            o[5] += w * f_rr
            o[6] += w * f_rv
            o[9] += w * f_vv
            continue
        to_t = 1 / (alpha + t_x[i])
        waited = math.log((alpha + T[i]) * to_t)
        odds = a / (b + c - 1)
        u = n * waited - log_s
        if u < 600:
            odds *= math.exp(u)
            f += math.log(1 + odds)
            gone = odds / (1 + odds)
        else:
            f += u + math.log(odds)
            gone = 1.0
        u_r, u_v = waited - s_r, n * (to_T - to_t) - s_v
        u_a, u_b = 1 / a, -1 / (b + c - 1)
        bend = gone * (1 - gone)
        o[0] += w * f
        o[1] += w * (f_r + gone * u_r)
        o[2] += w * (f_v + gone * u_v)
        o[3] += w * gone * u_a
        o[4] += w * gone * u_b
        o[5] += w * (f_rr - gone * s_rr + bend * u_r * u_r)
        o[6] += w * (f_rv + gone * (to_T - to_t - s_rv) + bend * u_r * u_v)
        o[7] += w * bend * u_r * u_a
        o[8] += w * bend * u_r * u_b
        o[9] += w * (f_vv + gone * (n * (to_t * to_t - to_T * to_T) - s_vv) + bend * u_v * u_v)
        o[10] += w * bend * u_v * u_a
        o[11] += w * bend * u_v * u_b
        o[12] += w * (bend - gone) * u_a * u_a
        o[13] += w * bend * u_a * u_b
        o[14] += w * (gone + bend) * u_b * u_b


_CHUNK = 8192  # rows whose columns fit the processor's second cache


def _coupled_alike(c: Customers, theta: np.ndarray, shift: int, out: np.ndarray) -> None:
    """As `_coupled` for k = 1 and one group, in less than half the time.

    numpy takes the logarithms and the exponential of a chunk at once, which its vector
    instructions do; the sums between are compiled.
    """
    r, alpha, a, b = theta
    now, then, grown, odds = (np.empty(min(_CHUNK, c.x.size)) for _ in range(4))
    sums = np.zeros(15)
    for begin in range(0, c.x.size, _CHUNK):
        rows = slice(begin, begin + _CHUNK)
        x, t_x, T, w = c.x[rows], c.t_x[rows], c.T[rows], c.weight[rows]
        if x.size < now.size:
            now, then, grown, odds = now[: x.size], then[: x.size], grown[: x.size], odds[: x.size]
        np.add(T, alpha, out=now)
        np.add(t_x, alpha, out=then)
        waited = np.log(now / then)
        _growth(x, waited, r, 600.0, grown)
        np.exp(grown, out=grown)
        _odds(x, grown, a, b, shift, odds)
        _add_up(x, w, now, then, np.log(now), waited, odds, np.log1p(odds), r, b, shift, sums)
    s = sums
    out[0], out[1], out[2], out[3], out[4] = s[0], s[1], s[2], s[3] / a, -s[4]
    out[5], out[6], out[7], out[8] = s[5], s[6], s[7] / a, -s[8]
    out[9], out[10], out[11] = s[9], s[10] / a, -s[11]
    out[12], out[13], out[14] = s[12] / a**2, -s[13] / a, s[14]


@njit(cache=True, error_model="numpy")
def _growth(x, waited, r, most, grown):
    """(r + x) × waited, up to where its exponential would overflow."""
    for i in range(x.size):
        grown[i] = min((r + x[i]) * waited[i], most)


@njit(cache=True, error_model="numpy")
def _odds(x, grown, a, b, shift, odds):
    """Odds of having left; none for those who could not."""
    for i in range(x.size):
        c = x[i] + shift
        odds[i] = a / (b + max(c, 1.0) - 1) * grown[i] if c > 0 else 0.0


@njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _add_up(x, weight, now, then, log_now, waited, odds, log_one_odds, r, b, shift, sums):
    s_0 = s_r = s_v = s_g = s_b = s_rr = s_rv = s_ra = s_rb = 0.0
    s_vv = s_va = s_vb = s_aa = s_ab = s_bb = 0.0
    for i in range(x.size):
        w, n = weight[i], r + x[i]
        to_T, to_t = 1 / now[i], 1 / then[i]
        gone = odds[i] / (1 + odds[i])
        u_b = 1 / (b + max(x[i] + shift, 1.0) - 1)
        u_v = n * (to_T - to_t)
        g, wait = w * gone, waited[i]
        bend = g * (1 - gone)
        # What `_growth` cut off at 600 belongs to the logarithm of 1 + odds.
        s_0 += w * (log_one_odds[i] - n * log_now[i]) + g * max(n * wait - 600.0, 0.0)
        s_r += g * wait - w * log_now[i]
        s_v += g * u_v - w * n * to_T
        s_g += g
        s_b += g * u_b
        s_rr += bend * wait * wait
        s_rv += g * (to_T - to_t) + bend * wait * u_v - w * to_T
        s_ra += bend * wait
        s_rb += bend * wait * u_b
        s_vv += g * n * (to_t * to_t - to_T * to_T) + bend * u_v * u_v + w * n * to_T * to_T
        s_va += bend * u_v
        s_vb += bend * u_v * u_b
        s_aa += bend - g
        s_ab += bend * u_b
        s_bb += (g + bend) * u_b * u_b
    for j, value in enumerate(
        (s_0, s_r, s_v, s_g, s_b, s_rr, s_rv, s_ra, s_rb, s_vv, s_va, s_vb, s_aa, s_ab, s_bb)
    ):
        sums[j] += value


@njit(cache=True, error_model="numpy")
def _stages(n, y, to_T, k):
    """ln S with its derivatives by r and α."""
    s, h, h_2 = 1.0, 0.0, 0.0  # a term; Σ 1/(n + i) and Σ 1/(n + i)² up to it
    total, by_r, by_v, by_rr, by_rv, by_vv = 1.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for j in range(1, k):
        s *= (n + j - 1) / j * y
        h += 1 / (n + j - 1)
        h_2 += 1 / (n + j - 1) ** 2
        total += s
        by_r += s * h
        by_v -= s * j * to_T
        by_rr += s * (h * h - h_2)
        by_rv -= s * h * j * to_T
        by_vv += s * j * (j + 1) * to_T * to_T
    u_r, u_v = by_r / total, by_v / total
    return (
        math.log(total), u_r, u_v, by_rr / total - u_r * u_r, by_rv / total - u_r * u_v, by_vv / total - u_v * u_v
    )  # fmt: skip


def alive(
    x: np.ndarray, t_x: np.ndarray, T: np.ndarray, group: np.ndarray, theta: np.ndarray, k: int, shift: int
) -> np.ndarray:
    """P(alive at T) = 1 / (1 + Q), shape (n_customers,)."""
    if len(theta) > 1 or k > 1:
        return _alive(x, t_x, T, group, theta, k, shift)
    r, alpha, a, b = theta[0]
    out = np.empty(x.size)
    for begin in range(0, x.size, _CHUNK):
        rows = slice(begin, begin + _CHUNK)
        grown = np.log((T[rows] + alpha) / (t_x[rows] + alpha))
        _growth(x[rows], grown, r, 709.0, grown)
        np.exp(grown, out=grown)
        _stay(x[rows], grown, a, b, shift, out[rows])
    return out


@njit(cache=True, error_model="numpy")
def _stay(x, grown, a, b, shift, out):
    """P(alive) from e^((r + x) × waited)."""
    for i in range(x.size):
        c = x[i] + shift
        out[i] = 1 / (1 + a / (b + max(c, 1.0) - 1) * grown[i]) if c > 0 else 1.0


@njit(cache=True, error_model="numpy")
def _alive(x, t_x, T, group, theta, k, shift):
    out = np.ones(x.size)
    for i in range(x.size):
        c = x[i] + shift
        if c == 0:
            continue
        g = group[i]
        alpha = theta[g, 1]
        n = theta[g, 0] + k * x[i]
        u = n * math.log((alpha + T[i]) / (alpha + t_x[i]))
        if k > 1:
            to_T = 1 / (alpha + T[i])
            u -= _stages(n, (T[i] - t_x[i]) * to_T, to_T, k)[0]
        odds = theta[g, 2] / (theta[g, 3] + c - 1)
        out[i] = 1 / (1 + odds * math.exp(u)) if u < 600 else math.exp(-u - math.log(odds))
    return out
