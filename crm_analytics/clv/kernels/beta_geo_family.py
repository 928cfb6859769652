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


_ONE_OVER = 1 / np.maximum(np.arange(1024.0), 1)  # a look is faster than a division
_CHUNK = 8192  # rows whose columns fit the processor's second cache


def _coupled_alike(c: Customers, theta: np.ndarray, shift: int, out: np.ndarray) -> None:
    """As `_coupled` for k = 1 and one group, at a third of the time.

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


# The future of those alive. Let M be the purchases they would make in the next t if none left, and L
# the purchase after which they leave. Given the past the two are independent, so that
# P(X >= n) = P(M >= n) P(L >= n): products and sums of positive numbers, nothing to cancel.


@njit(cache=True, error_model="numpy")
def negative_binomial_tail(size, ratio, least, buffer):
    """P(N >= n) for n = 0, 1, … until it is negligible, N having a gamma(size) rate over time `ratio`.

    Returns (buffer, length): the buffer grows as needed; at least `least` entries are filled.
    """
    odds_on = ratio / (1 + ratio)
    start, log_p = 0, -size * math.log1p(ratio)
    if log_p < -600:  # begin near the bulk, since the chance of none is below what a float holds
        mean = size * ratio
        start = max(0, int(mean - 40 * math.sqrt(mean * (1 + ratio))))
        log_p += (
            math.lgamma(size + start)
            - math.lgamma(size)
            - math.lgamma(start + 1.0)
            + start * math.log(odds_on)
        )
        while log_p < -600:
            log_p += math.log(odds_on * (size + start) / (start + 1))
            start += 1
    p, top, n = math.exp(log_p), 0.0, start
    if buffer.size < start + 2:
        buffer = np.empty(2 * start + 2)
    buffer[:start] = 0.0
    while True:
        if n == buffer.size:
            longer = np.empty(2 * n)
            longer[:n] = buffer
            buffer = longer
        buffer[n] = p
        top = max(top, p) if n > 0 else top
        fall = odds_on * (size + n) / (n + 1)
        if n >= least and fall < 1 and p * fall <= 1e-18 * (1 - fall) * top:
            break
        p *= fall
        n += 1
    for m in range(n - 1, -1, -1):
        buffer[m] += buffer[m + 1]
    buffer[: start + 1] = 1.0
    return buffer, n + 1


@njit(cache=True, error_model="numpy")
def _tails(n, y, ratio, k, least):
    """P(M >= m) for m = 0, 1, …, as many as are not negligible, and at least `least` + 1."""
    found = np.zeros(least + 2)
    found[0] = 1.0
    length = 1
    if k == 1:
        found, length = negative_binomial_tail(n, ratio, least, found)
        return found, length
    weights = np.ones(k)
    for j in range(1, k):
        weights[j] = weights[j - 1] * (n + j - 1) / j * y
    weights /= weights.sum()
    buffer = np.empty(64)
    for j in range(k):
        if weights[j] == 0:
            continue
        buffer, filled = negative_binomial_tail(n + j, ratio, 0, buffer)
        last = (filled - 1 + j) // k
        if last + 1 > found.size:
            longer = np.zeros(2 * last + 2)
            longer[: found.size] = found
            found = longer
        for m in range(1, last + 1):
            found[m] += weights[j] * buffer[m * k - j]
        length = max(length, last + 1)
    return found, max(length, least + 1)


@njit(cache=True, error_model="numpy")
def moments_if_alive(t, x, t_x, T, group, theta, k, shift):
    """E[X] and E[X²], X the purchases in the next `t` of customers who are alive; shape (n, 2)."""
    out = np.zeros((x.size, 2))
    chances, stays = np.empty(256), np.empty(256)
    for i in range(x.size):
        g = group[i]
        a, b = theta[g, 2], theta[g, 3] + x[i] + shift
        span = theta[g, 1] + T[i]
        n = theta[g, 0] + k * x[i]
        if k > 1 or n * math.log1p(t / span) > 600:
            tail, length = _tails(n, (T[i] - t_x[i]) / span, t / span, k, 0)
            stay, mean, square = 1.0, 0.0, 0.0
            for m in range(1, length):
                at_least = tail[m] * stay
                mean += at_least
                square += (2 * m - 1) * at_least
                stay *= (b + m - 1) / (a + b + m - 1)
            out[i, 0], out[i, 1] = mean, square
            continue
        # The common case in two passes: P(M = m) and P(L >= m) upwards, their sums downwards.
        odds_on = t / (span + t)
        p, stay, top, m = n * odds_on * math.exp(-n * math.log1p(t / span)), 1.0, 0.0, 1
        while True:
            if m == chances.size:
                longer_chances, longer_stays = np.empty(2 * m), np.empty(2 * m)
                longer_chances[:m], longer_stays[:m] = chances, stays
                chances, stays = longer_chances, longer_stays
            chances[m], stays[m] = p, stay
            top = max(top, p)
            fall = odds_on * (n + m) * (_ONE_OVER[m + 1] if m < 1023 else 1 / (m + 1))
            if fall < 1 and p * fall <= 1e-17 * (1 - fall) * top:
                break
            p *= fall
            stay *= (b + m - 1) / (a + b + m - 1)
            m += 1
        tail, mean, square = 0.0, 0.0, 0.0
        for j in range(m, 0, -1):
            tail += chances[j]
            at_least = tail * stays[j]
            mean += at_least
            square += (2 * j - 1) * at_least
        out[i, 0], out[i, 1] = mean, square
    return out


@njit(cache=True, error_model="numpy")
def at_least_if_alive(t, x, t_x, T, group, theta, k, shift, most):
    """P(X >= m) for m = 1 … `most`, of customers who are alive; shape (n, most)."""
    out = np.zeros((x.size, most))
    for i in range(x.size):
        g = group[i]
        a, b = theta[g, 2], theta[g, 3] + x[i] + shift
        span = theta[g, 1] + T[i]
        if k == 1 and most == 1:
            out[i, 0] = -math.expm1(-(theta[g, 0] + x[i]) * math.log1p(t / span))
            continue
        tail, length = _tails(theta[g, 0] + k * x[i], (T[i] - t_x[i]) / span, t / span, k, most)
        stays = 1.0
        for m in range(1, min(length, most + 1)):
            out[i, m - 1] = tail[m] * stays
            stays *= (b + m - 1) / (a + b + m - 1)
    return out


@njit(cache=True, error_model="numpy")
def discounted_forever(rate, x, t_x, T, group, theta, k, shift):
    """Σ over all purchases to come of e^(-rate × when) of customers who are alive, shape (n,).

    Given λ and p, with q = λ / (λ + rate), the n-th is worth q^(nk - j) on average if j events
    have passed, and comes about with probability (1 - p)^(n - 1); so all of them are worth
    q^(k - j) / (1 - (1 - p) q^k). The mean over λ and p is by the trapezoidal rule over ln λ
    and the log-odds of p.
    """
    out = np.zeros(x.size)
    for i in range(x.size):
        g = group[i]
        a, b = theta[g, 2], theta[g, 3] + x[i] + shift
        span = theta[g, 1] + T[i]
        n = theta[g, 0] + k * x[i]
        odds, weights = _log_odds_nodes(a, b, 32 + math.log1p(60 * (n + k) / (span * rate)))
        total, stage, stages = 0.0, 1.0, 0.0
        for j in range(k):
            if j > 0:
                stage *= (n + j - 1) / j * (T[i] - t_x[i]) / span
            size = n + j
            step = 0.25 / math.sqrt(max(size, 1.0))
            mode = math.log(size / span)
            mass, worth = 0.0, 0.0
            low = int(-(9 / math.sqrt(size) + 40 / (size + 1)) / step)
            for s in range(low, int((9 / math.sqrt(size) + 4) / step)):
                lam = math.exp(mode + s * step)
                density = math.exp(size * s * step - span * lam + size)
                if density < 1e-18:
                    continue
                mass += density
                q = lam / (lam + rate)
                log_q = -math.log1p(rate / lam)
                stays, leaves_none = math.exp(k * log_q), -math.expm1(k * log_q)
                inner = 0.0
                for v in range(odds.size):
                    inner += weights[v] / (leaves_none + odds[v] * stays)
                worth += density * q ** (k - j) * inner
            # What lies left of the first node buys nothing; it only belongs to the mass.
            first = math.exp(size * low * step - span * math.exp(mode + low * step) + size)
            mass += first * math.exp(-size * step) / -math.expm1(-size * step)
            total += stage * worth / mass
            stages += stage
        out[i] = total / stages
    return out


@njit(cache=True, error_model="numpy")
def _log_odds_nodes(a, b, depth):
    """Points p, and weights of a mean over beta(a, b) of a function that is level below e^-depth."""
    step = 0.25 / math.sqrt(max(a, 1.0))
    low, high = -depth, 36 + math.log1p(a)
    size = int((high - low) / step) + 1
    p, weights = np.empty(size), np.empty(size)
    top = -np.inf
    for i in range(size):
        y = low + i * step
        log_p = -math.log1p(math.exp(-y)) if y > -36 else y
        weights[i] = a * log_p - b * (math.log1p(math.exp(y)) if y < 36 else y)
        p[i] = math.exp(log_p)
        top = max(top, weights[i])
    total = 0.0
    for i in range(size):
        weights[i] = math.exp(weights[i] - top)
    weights[0] /= -math.expm1(-a * step)
    weights[-1] /= -math.expm1(-b * step)
    for i in range(size):
        total += weights[i]
    keep = weights > 1e-18 * total
    return p[keep], weights[keep] / total
