"""Pareto/NBD in numbers: its likelihood by an integral over when the customer left.

While active, a customer buys at rate λ ~ gamma(r, α); they leave at rate μ ~ gamma(s, β).
Schmittlein, Morrison & Colombo (1987). With n = r + x a customer's likelihood is

    Γ(n)/Γ(r) α^r β^s { (α + T)^-n (β + T)^-s + s J },
    J = ∫ (α + τ)^-n (β + τ)^-(s+1) dτ  from t_x to T

The textbook writes J as a difference of two hypergeometric functions (Fader & Hardie 2005,
brucehardie.com/notes/009), which cancel where T is near t_x and overflow at high x. The
integral itself adds positive numbers, and so do its derivatives by r, α, s, β.
"""

import math

import numpy as np
from numba import njit
from scipy.special import digamma, exprel, gammaln, polygamma

from crm_analytics.clv.inference.customers import N_TERMS, Customers
from crm_analytics.clv.inference.distinct import distinct_rows
from crm_analytics.clv.kernels.futures import negative_binomial_tail

# Gauss-Legendre rules on [0, 1], one after another: for short stretches, for most, and for long ones.
_RULES = [np.polynomial.legendre.leggauss(n) for n in (8, 14, 48)]
NODES = (np.concatenate([nodes for nodes, _ in _RULES]) + 1) / 2
WEIGHTS = np.concatenate([weights for _, weights in _RULES]) / 2
SHORT, MOST = 8, 22  # where the second and the third begin


def terms(customers: Customers, theta: np.ndarray, *, each: bool = False) -> np.ndarray:
    """Log-likelihood with its derivatives by r, α, s, β; as `beta_geo_family.terms` gives them."""
    c = customers
    out = np.zeros((c.x.size if each else len(theta), N_TERMS))
    for begin in range(0, c.x.size, _CHUNK):
        rows = slice(begin, begin + _CHUNK)
        x, t_x, T, group = c.x[rows], c.t_x[rows], c.T[rows], c.group[rows]
        left, moments = _left_between(t_x, T, theta[group, 0] + x, theta[group])
        cell = np.arange(begin, begin + x.size) if each else group
        weight = np.ones_like(x) if each else np.ascontiguousarray(c.weight[rows])
        _coupled(x, t_x, T, weight, group, cell, theta, left, moments, out)
    if each:
        pairs, place, _ = distinct_rows(c.x, c.group)
        return out + _apart(pairs[0], *theta[pairs[1].astype(np.int64)].T)[place]
    x, group, weights = c.by_frequency
    np.add.at(out, group, _apart(x, *theta[group].T) * weights[:, None])
    return out


def _apart(x: np.ndarray, r: np.ndarray, alpha: np.ndarray, s: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """ln Γ(n)/Γ(r) + r ln α + s ln β, which depend on the frequency alone."""
    zero = np.zeros_like(x)
    columns = [
        gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta),
        digamma(r + x) - digamma(r) + np.log(alpha), r / alpha, np.log(beta), s / beta,
        polygamma(1, r + x) - polygamma(1, r), 1 / alpha, zero, zero,
        -r / alpha**2, zero, zero,
        zero, 1 / beta,
        -s / beta**2,
    ]  # fmt: skip
    return np.stack(columns, axis=1)


_CHUNK = 4096  # customers whose nodes fit the processor's second cache


def _left_between(
    begin: np.ndarray, end: np.ndarray, n: np.ndarray, theta: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """ln ∫ (α + τ)^-n (β + τ)^-(s+1) dτ over (begin, end], less ln of the integrand at its beginning.

    Gauss-Legendre in v = ln(c + τ), c the smaller of α and β: there the integrand has no
    singularity within π of the real line. It ends where the integrand is e^-40 of its
    beginning. -inf where begin = end. Also the integral's mean of ln((α + τ)/(α + begin)),
    1/(α + τ), the same for β, and of their products, shape (n, 14).
    """
    _, alpha, s, beta = theta.T
    at_a, at_b, c = alpha + begin, beta + begin, np.minimum(alpha, beta)
    stop = np.minimum(end, begin + at_a * np.expm1(np.minimum(40 / n, 30)))
    stop = np.minimum(stop, begin + at_b * np.expm1(np.minimum(40 / (s + 1), 30)))
    length = np.log1p((stop - begin) / (c + begin))
    fall = n * np.log1p((stop - begin) / at_a) + (s + 1) * np.log1p((stop - begin) / at_b)
    value, moments = np.zeros(n.size), np.zeros((n.size, 14))
    short = (length < 0.75) & (fall < 2.5)
    most = ~short & (length < 1.5) & (fall < 8)
    for which, first, last in ((short, 0, SHORT), (most, SHORT, MOST), (~short & ~most, MOST, NODES.size)):
        rows = np.flatnonzero(which & (end > begin))
        for some in np.array_split(rows, max(1, rows.size * (last - first) // 8_000)):
            if some.size == 0:
                continue
            from_c = (c + begin)[some, None] * np.exp(length[some, None] * NODES[first:last])
            over = from_c - c[some, None]  # τ
            a, b = alpha[some, None] + over, beta[some, None] + over
            # Good to 1e-16 absolutely, which times n is what matters.
            log_a, log_b = np.log(a / at_a[some, None]), np.log(b / at_b[some, None])
            f = np.exp(-n[some, None] * log_a - (s + 1)[some, None] * log_b)
            f *= from_c * WEIGHTS[first:last]
            value[some] = _means(f, log_a, 1 / a, log_b, 1 / b, some, moments)
    left = value > 0
    return np.where(left, np.log(np.where(left, value * length, 1.0)), -np.inf), moments


@njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _means(f, log_a, to_a, log_b, to_b, rows, moments):
    """Sum of `f` in each row; its means of the four others and of their products go to `moments`."""
    sums = np.empty(f.shape[0])
    for i in range(f.shape[0]):
        total = a_1 = t_1 = b_1 = u_1 = aa = ta = ab = au = tt = tb = tu = bb = bu = uu = 0.0
        for q in range(f.shape[1]):
            w, a, t, b, u = f[i, q], log_a[i, q], to_a[i, q], log_b[i, q], to_b[i, q]
            total += w
            a_1 += w * a
            t_1 += w * t
            b_1 += w * b
            u_1 += w * u
            aa += w * a * a
            ta += w * t * a
            ab += w * a * b
            au += w * a * u
            tt += w * t * t
            tb += w * t * b
            tu += w * t * u
            bb += w * b * b
            bu += w * b * u
            uu += w * u * u
        sums[i] = total
        m = moments[rows[i]]
        m[0], m[1], m[2], m[3], m[4], m[5], m[6] = a_1, t_1, b_1, u_1, aa, ta, ab
        m[7], m[8], m[9], m[10], m[11], m[12], m[13] = au, tt, tb, tu, bb, bu, uu
        for k in range(14):
            m[k] /= total
    return sums


@njit(cache=True, error_model="numpy")
def _coupled(x, t_x, T, weight, group, cell, theta, log_left, moments, out):
    """Add ln{ (α + T)^-n (β + T)^-s + s J } and its derivatives to the row of `out` that `cell` names."""
    d1, d2 = np.zeros(4), np.zeros((4, 4))  # of ln(s J)
    a1, a2 = np.zeros(4), np.zeros((4, 4))  # of the other term
    for i in range(x.size):
        g = group[i]
        r, alpha, s, beta = theta[g, 0], theta[g, 1], theta[g, 2], theta[g, 3]
        n, w = r + x[i], weight[i]
        log_a, log_b = math.log(alpha + T[i]), math.log(beta + T[i])
        to_a, to_b = 1 / (alpha + T[i]), 1 / (beta + T[i])
        stays = -n * log_a - s * log_b
        a1[0], a1[1], a1[2], a1[3] = -log_a, -n * to_a, -log_b, -s * to_b
        a2[0, 1], a2[1, 1] = -to_a, n * to_a * to_a
        a2[2, 3], a2[3, 3] = -to_b, s * to_b * to_b
        left, e = log_left[i], moments[i]
        value, gone = stays, 0.0
        if left > -math.inf:
            base_a, base_b = math.log(alpha + t_x[i]), math.log(beta + t_x[i])
            left += math.log(s) - n * base_a - (s + 1) * base_b
            u = left - stays
            if u > 0:
                value = left + math.log1p(math.exp(-u))
                gone = 1 / (1 + math.exp(-u))
            else:
                value = stays + math.log1p(math.exp(u))
                gone = math.exp(u) / (1 + math.exp(u))
            k = s + 1
            d1[0], d1[1], d1[2], d1[3] = -base_a - e[0], -n * e[1], 1 / s - base_b - e[2], -k * e[3]
            # Second derivatives of a logarithm of an integral: the mean curvature, and the covariance of slopes.
            d2[0, 0] = e[4] - e[0] * e[0]
            d2[0, 1] = -e[1] + n * (e[5] - e[0] * e[1])
            d2[0, 2] = e[6] - e[0] * e[2]
            d2[0, 3] = k * (e[7] - e[0] * e[3])
            d2[1, 1] = n * e[8] + n * n * (e[8] - e[1] * e[1])
            d2[1, 2] = n * (e[9] - e[1] * e[2])
            d2[1, 3] = n * k * (e[10] - e[1] * e[3])
            d2[2, 2] = -1 / (s * s) + e[11] - e[2] * e[2]
            d2[2, 3] = -e[3] + k * (e[12] - e[2] * e[3])
            d2[3, 3] = k * e[13] + k * k * (e[13] - e[3] * e[3])
        o = out[cell[i]]
        o[0] += w * value
        bend = gone * (1 - gone)
        at = 5
        for p in range(4):
            u_p = d1[p] - a1[p] if gone > 0 else 0.0
            o[1 + p] += w * (a1[p] + gone * u_p)
            for q in range(p, 4):
                u_q = d1[q] - a1[q]
                o[at] += w * ((1 - gone) * a2[p, q] + gone * d2[p, q] + bend * u_p * u_q)
                at += 1
    return


def log_odds_gone(
    begin: np.ndarray, end: np.ndarray, x: np.ndarray, group: np.ndarray, theta: np.ndarray
) -> np.ndarray:
    """ln P(left in (begin, end]) / P(active at end), given no purchase in between; -inf if begin = end."""
    out = np.empty(x.size)
    for first in range(0, x.size, _CHUNK):
        rows = slice(first, first + _CHUNK)
        own = theta[group[rows]]
        r, alpha, s, beta = own.T
        start, since = begin[rows], end[rows] - begin[rows]
        n = r + x[rows]
        out[rows] = (
            _left_between(start, end[rows], n, own)[0]
            + np.log(s / (beta + start))
            + n * np.log1p(since / (alpha + start))
            + s * np.log1p(since / (beta + start))
        )
    return out


def moments_if_alive(t: float, x: np.ndarray, T: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """E[X] and E[X²] of the purchases in the next `t` of those alive, `theta` a row each; shape (n, 2).

    Fader & Hardie's eq. (A5) with the time spent active, min(t, τ), in place of its closed
    form, so that s = 1 is a value like any other.
    """
    r, alpha, s, beta = theta.T
    n, rate = r + x, (r + x) / (alpha + T)
    left = np.log1p(t / (beta + T))

    def area(power: np.ndarray) -> np.ndarray:
        """∫ e^(power v) dv from 0 to `left`."""
        return np.where(power * left < 700, left * exprel(np.minimum(power * left, 700)), np.inf)

    active = (beta + T) * area(1 - s)
    square = 2 * (beta + T) ** 2 * (area(2 - s) - area(1 - s))
    return np.stack([rate * active, rate * active + rate * (n + 1) / (alpha + T) * square], axis=1)


@njit(cache=True, error_model="numpy")
def at_least_if_alive(t, x, T, group, theta, most, nodes, weights):
    """P(X >= m) for m = 1 … `most`, X the purchases in the next `t` of those alive; shape (n, most).

    The mean over how long they stay of a negative binomial tail; Gauss-Legendre over four
    stretches of ln(1 + u / (β + T)), since the tail rises within the time of one purchase.
    """
    out = np.zeros((x.size, most))
    buffer = np.empty(64)
    for i in range(x.size):
        g = group[i]
        r, alpha, s, beta = theta[g, 0], theta[g, 1], theta[g, 2], theta[g, 3]
        n, span = r + x[i], beta + T[i]
        begin = 0.0
        for stretch in range(4):
            end = math.log1p(t / span * (1 / 256, 1 / 32, 1 / 4, 1.0)[stretch])
            for q in range(SHORT, MOST):
                v = begin + (end - begin) * nodes[q]
                mass = (end - begin) * weights[q] * s * math.exp(-s * v)
                if mass == 0:
                    continue
                ratio = span * math.expm1(v) / (alpha + T[i])
                buffer, length = negative_binomial_tail(n, ratio, 0, buffer)
                for m in range(1, min(length, most + 1)):
                    out[i, m - 1] += mass * buffer[m]
            begin = end
        mass = math.exp(-s * begin)
        buffer, length = negative_binomial_tail(n, t / (alpha + T[i]), 0, buffer)
        for m in range(1, min(length, most + 1)):
            out[i, m - 1] += mass * buffer[m]
    return out
