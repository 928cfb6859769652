"""What customers of the Beta-Geo family who are still alive will do; see `beta_geo_family` for the letters.

Let M be the purchases they would make in the next t if none left, and L the purchase after
which they leave. Given the past the two are independent, so that P(X >= n) = P(M >= n)
P(L >= n): products and sums of positive numbers, nothing to cancel.
"""

import math

import numpy as np
from numba import njit

_ONE_OVER = 1 / np.maximum(np.arange(1024.0), 1)  # a look is faster than a division


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
