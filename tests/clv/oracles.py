"""The lifetime models once more: slow, to 25 digits, from their assumptions; what the tests trust.

Nothing here is shared with the package. Every function takes scalars and returns an `mpf`. A hidden
quantity is summed or integrated numerically unless its integral is a gamma or beta function, so a = 1,
s = 1, t_x = T and a quarter of a million purchases are ordinary inputs. A summary of (0, 0, 0) is a
customer who has just made the first purchase. An infinite horizon is `mpmath.inf`.

`expected` is the mean number of purchases in (T, T + t], `probability_of` the chance that there are
exactly n, and `discounted` the integral of exp(-delta u) dE(u) over the horizon.
"""

from functools import lru_cache

from mpmath import exp, expjpi, expm1, factorial, fsum, inf, log, log1p, loggamma, mp, mpf, re

precise = mp.workdps(50)
AGREEMENT = mpf("1e-14")  # of two step sizes; halving a step squares the error, so the result has ~1e-28
NEGLIGIBLE = mpf("1e-45")
ROUNDING = mpf("1e-35")  # where terms near 1 cancel, as the roots of unity do early in a gap


# Integration: the trapezoidal rule over the real line, which is exponentially accurate for smooth decay.


def _line_points(integrand, centre, width, level):
    """Terms of the rule that step 2**-(level + 1) adds, outwards until they no longer count."""
    step = mpf(2) ** -(level + 1)
    points = [] if level else [(centre, width * integrand(centre))]
    for side in (-1, 1):
        w, largest = side * step, mpf(0)
        while True:
            y = centre + width * mp.sinh(w)
            term = width * mp.cosh(w) * integrand(y)
            points.append((y, term))
            largest = max(largest, abs(term))
            if abs(w) > 2 and abs(term) <= NEGLIGIBLE * largest:
                break
            if abs(w) > 40:
                raise ArithmeticError("The integrand does not decay.")
            w += side * (2 * step if level else step)
    return points


def _refine(terms, floor=0):
    """Halve the step until the sum of `terms(level)` times the step settles, or moves less than `floor`."""
    total, previous = mpf(0), None
    for level in range(10):
        total += fsum(terms(level))
        estimate = total * mpf(2) ** -(level + 1)
        if level and abs(estimate - previous) <= max(AGREEMENT * abs(estimate), floor):
            return estimate
        previous = estimate
    raise ArithmeticError("The integral did not settle.")


def _line_integral(integrand, centre=0, width=1):
    """Integral of a smooth function over the whole real line."""
    return _refine(lambda level: [term for _, term in _line_points(integrand, centre, width, level)])


def _integral_to(end, f, scale=1):
    """Integral of `f(u)` over 0 < u < `end`, finite or not; `scale` is where f begins to change."""
    if end == 0:
        return mpf(0)
    if end == inf:
        return _line_integral(lambda y: exp(y) * f(exp(y)), centre=log(scale))

    def along(y):
        left, right = 1 / (1 + exp(-y)), 1 / (1 + exp(y))
        return end * left * right * f(end * left)

    return _line_integral(along, centre=min(mpf(0), log(scale / end)))


@lru_cache(maxsize=256)
def _beta_points(a, b, level):
    """Terms (p, log(1 - p), weight) of the mean over p ~ beta(a, b), with p on the logit scale."""

    def density(y):
        return exp(-a * log1p(exp(-y)) - b * log1p(exp(y)) - _log_beta(a, b))

    width = min(mpf(1), mp.sqrt(1 / a + 1 / b))
    points = _line_points(density, log(a / b), width, level)
    return [(1 / (1 + exp(-y)), -log1p(exp(y)), weight) for y, weight in points]


def _beta_mean(g, a, b, floor=0):
    """Mean of `g(p, log(1 - p))` over p ~ beta(a, b)."""
    return _refine(
        lambda level: [weight * g(p, log_q) for p, log_q, weight in _beta_points(a, b, level)], floor
    )


# Means over the population that are gamma and beta functions.


def _log_beta(a, b):
    """Logarithm of the beta function."""
    return loggamma(a) + loggamma(b) - loggamma(a + b)


def _log_beta_moment(successes, failures, a, b):
    """Logarithm of E[p**successes (1 - p)**failures], p ~ beta(a, b)."""
    return _log_beta(a + successes, b + failures) - _log_beta(a, b)


def _log_gamma_moment(power, time, r, alpha):
    """Logarithm of E[λ**power exp(-λ time)], λ ~ gamma(r, alpha)."""
    return loggamma(r + power) - loggamma(r) + r * log(alpha) - (r + power) * log(alpha + time)


def _poisson_pmf(m, t, r, alpha):
    """P(exactly m events by t) at a constant rate λ ~ gamma(r, alpha)."""
    return exp(_log_gamma_moment(m, t, r, alpha)) * mpf(t) ** m / factorial(m)


def _poisson_tail(m, t, r, alpha):
    """P(at least m events by t), summed on the side of the mean where nothing cancels."""
    above = m > r * t / alpha
    i, stop = (m, inf) if above else (0, m)
    total, term = mpf(0), _poisson_pmf(i, t, r, alpha)
    while i < stop and term > NEGLIGIBLE * total:
        total += term
        term *= (r + i) * t / ((i + 1) * (alpha + t))
        i += 1
    return total if above else 1 - total


# One process behind BG/NBD, MBG/NBD and MBG/CNBD-k. A customer who is active passes stages at rate λ;
# every k-th stage is a purchase, and after it the customer leaves with probability p. `stage` counts the
# stages already passed since the last purchase, 0 to k - 1. The data leave, for a customer who is still
# active, λ ~ gamma(r, alpha) and p ~ beta(a, b) independent: the arguments below are those posteriors.
# With q = 1 - p, P(N >= n) = q**(n - 1) P(stages >= nk - stage). Summing every k-th Poisson term by the
# k-th roots of unity, dE/du = λ ρ**(stage + 1 - k) / k Σ_m w_m**(stage + 1) exp(-λu (1 - ρ w_m)), ρ**k = q.


@lru_cache(maxsize=2**14)
def _spectrum(k, stage, log_q):
    """Pairs (w**(stage + 1), 1 - ρ w) over the k-th roots of unity w, conjugates taken together."""
    pairs = [(mpf(1), -expm1(log_q / k))]
    if k % 2 == 0:
        pairs.append((mpf(-1) ** (stage + 1), 1 + exp(log_q / k)))
    for m in range(1, (k + 1) // 2):
        root = expjpi(mpf(2 * m) / k)
        pairs.append((2 * root ** (stage + 1), 1 - exp(log_q / k) * root))
    return pairs


def _process_expected(t, k, stage, r, alpha, a, b):
    """Mean purchases in the next `t`."""

    def given(p, log_q):
        terms = [c * -expm1(-r * log1p(t * g / alpha)) / g for c, g in _spectrum(k, stage, log_q)]
        return exp(log_q * (stage + 1 - k) / k) / k * fsum(re(term) for term in terms)

    return _beta_mean(given, a, b)


def _process_rate(u, k, stage, r, alpha, a, b):
    """Mean purchases per unit of time, `u` from now: the derivative of the above."""

    def given(p, log_q):
        terms = [c * exp(-(r + 1) * log(1 + u * g / alpha)) for c, g in _spectrum(k, stage, log_q)]
        return exp(log_q * (stage + 1 - k) / k) / k * fsum(re(term) for term in terms)

    return r / alpha * _beta_mean(given, a, b, ROUNDING)


def _process_probability_of(n, t, k, stage, r, alpha, a, b):
    """P(exactly n purchases in the next `t`): still active after the n-th, or gone with it."""
    first = n * k - stage  # stages that complete the n-th purchase
    between = fsum(_poisson_pmf(m, t, r, alpha) for m in range(max(first, 0), first + k))
    total = exp(_log_beta_moment(0, n, a, b)) * between
    if n > 0:
        total += exp(_log_beta_moment(1, n - 1, a, b)) * _poisson_tail(first, t, r, alpha)
    return total


def _process_discounted(horizon, delta, k, stage, r, alpha, a, b):
    """Discounted purchases within `horizon`."""
    scale = 1 / (delta + r / alpha * a / (a + b))  # the mean rate of leaving, plus impatience
    return _integral_to(
        horizon, lambda u: exp(-delta * u) * _process_rate(u, k, stage, r, alpha, a, b), scale
    )


# MBG/CNBD-k (Platzer & Reutterer 2016; Reutterer, Platzer & Schröder 2021). λ is the rate of a stage.


def _mbg_cnbd_k_log_parts(x, t_x, T, k, r, alpha, a, b):
    """Log-likelihoods, gaps term left out, of having left at t_x and of being active in stage 0 to k - 1."""
    left = _log_beta_moment(1, x, a, b) + _log_gamma_moment(k * x, t_x, r, alpha)
    quiet = mpf(T) - t_x
    active = [
        _log_beta_moment(0, x + 1, a, b)
        + _log_gamma_moment(k * x + j, T, r, alpha)
        + (j * log(quiet) if j else 0)
        - loggamma(j + 1)
        for j in range(k if quiet > 0 else 1)
    ]
    return left, active


@lru_cache(maxsize=64)
def _mbg_cnbd_k_stages(x, t_x, T, k, r, alpha, a, b):
    """P(active and in stage j at T) for j = 0, 1, ..."""
    left, active = _mbg_cnbd_k_log_parts(x, t_x, T, k, r, alpha, a, b)
    highest = max(left, *active)
    parts = [exp(part - highest) for part in active]
    return [part / (exp(left - highest) + fsum(parts)) for part in parts]


def _mbg_cnbd_k_mean(f, x, t_x, T, k, r, alpha, a, b):
    """Sum over stages of P(active in it) times `f` of stage and posterior."""
    stages = _mbg_cnbd_k_stages(x, t_x, T, k, r, alpha, a, b)
    return fsum(
        weight * f(k, j, r + k * x + j, mpf(alpha) + T, mpf(a), mpf(b) + x + 1)
        for j, weight in enumerate(stages)
    )


@precise
def mbg_cnbd_k_log_likelihood(x, t_x, T, log_gaps, k, r, alpha, a, b):
    """Log density of the purchase times; `log_gaps` is the sum of the logs of the x gaps between them."""
    left, active = _mbg_cnbd_k_log_parts(x, t_x, T, k, mpf(r), mpf(alpha), mpf(a), mpf(b))
    highest = max(left, *active)
    hidden = highest + log(fsum(exp(part - highest) for part in [left, *active]))
    return hidden + (k - 1) * mpf(log_gaps) - x * loggamma(k)


@precise
def mbg_cnbd_k_p_alive(x, t_x, T, k, r, alpha, a, b):
    """P(still a customer at T)."""
    return fsum(_mbg_cnbd_k_stages(x, t_x, T, k, mpf(r), mpf(alpha), mpf(a), mpf(b)))


@precise
def mbg_cnbd_k_expected(t, x, t_x, T, k, r, alpha, a, b):
    """Mean purchases in (T, T + t]."""
    return _mbg_cnbd_k_mean(
        lambda *state: _process_expected(mpf(t), *state), x, t_x, T, k, mpf(r), mpf(alpha), mpf(a), mpf(b)
    )


@precise
def mbg_cnbd_k_expected_new(t, k, r, alpha, a, b):
    """Mean repeat purchases in the first `t` after the first purchase."""
    return mbg_cnbd_k_expected(t, 0, 0, 0, k, r, alpha, a, b)


@precise
def mbg_cnbd_k_probability_of(n, t, x, t_x, T, k, r, alpha, a, b):
    """P(exactly n purchases in (T, T + t])."""
    r, alpha, a, b = mpf(r), mpf(alpha), mpf(a), mpf(b)
    active = _mbg_cnbd_k_mean(
        lambda *state: _process_probability_of(n, mpf(t), *state), x, t_x, T, k, r, alpha, a, b
    )
    return active + (1 - mbg_cnbd_k_p_alive(x, t_x, T, k, r, alpha, a, b) if n == 0 else 0)


@precise
def mbg_cnbd_k_discounted(horizon, delta, x, t_x, T, k, r, alpha, a, b):
    """Discounted purchases in (T, T + horizon]."""
    return _mbg_cnbd_k_mean(
        lambda *state: _process_discounted(mpf(horizon), mpf(delta), *state),
        *(x, t_x, T, k, mpf(r), mpf(alpha), mpf(a), mpf(b)),
    )


# MBG/NBD (Batislam, Denizel & Filiztekin 2007): the same with Poisson purchases, k = 1, no gaps term.


def mbg_nbd_log_likelihood(x, t_x, T, r, alpha, a, b):
    """Log density of the purchase times."""
    return mbg_cnbd_k_log_likelihood(x, t_x, T, 0, 1, r, alpha, a, b)


def mbg_nbd_p_alive(x, t_x, T, r, alpha, a, b):
    """P(still a customer at T)."""
    return mbg_cnbd_k_p_alive(x, t_x, T, 1, r, alpha, a, b)


def mbg_nbd_expected(t, x, t_x, T, r, alpha, a, b):
    """Mean purchases in (T, T + t]."""
    return mbg_cnbd_k_expected(t, x, t_x, T, 1, r, alpha, a, b)


def mbg_nbd_expected_new(t, r, alpha, a, b):
    """Mean repeat purchases in the first `t` after the first purchase."""
    return mbg_cnbd_k_expected_new(t, 1, r, alpha, a, b)


def mbg_nbd_probability_of(n, t, x, t_x, T, r, alpha, a, b):
    """P(exactly n purchases in (T, T + t])."""
    return mbg_cnbd_k_probability_of(n, t, x, t_x, T, 1, r, alpha, a, b)


def mbg_nbd_discounted(horizon, delta, x, t_x, T, r, alpha, a, b):
    """Discounted purchases in (T, T + horizon]."""
    return mbg_cnbd_k_discounted(horizon, delta, x, t_x, T, 1, r, alpha, a, b)


# BG/NBD (Fader, Hardie & Lee 2005): as MBG/NBD, but nobody leaves at the first purchase.


def _bg_nbd_log_parts(x, t_x, T, r, alpha, a, b):
    """Log-likelihoods of having left at t_x and of being active at T."""
    active = _log_beta_moment(0, x, a, b) + _log_gamma_moment(x, T, r, alpha)
    if x == 0:
        return -inf, active
    return _log_beta_moment(1, x - 1, a, b) + _log_gamma_moment(x, t_x, r, alpha), active


def _bg_nbd_posterior(x, T, r, alpha, a, b):
    """Arguments of the process for a customer known to be active at T."""
    return 1, 0, mpf(r) + x, mpf(alpha) + T, mpf(a), mpf(b) + x


@precise
def bg_nbd_log_likelihood(x, t_x, T, r, alpha, a, b):
    """Log density of the purchase times."""
    parts = _bg_nbd_log_parts(x, t_x, T, mpf(r), mpf(alpha), mpf(a), mpf(b))
    return max(parts) + log(fsum(exp(part - max(parts)) for part in parts))


@precise
def bg_nbd_p_alive(x, t_x, T, r, alpha, a, b):
    """P(still a customer at T); 1 without a repeat purchase."""
    left, active = _bg_nbd_log_parts(x, t_x, T, mpf(r), mpf(alpha), mpf(a), mpf(b))
    return 1 / (1 + exp(left - active))


@precise
def bg_nbd_expected(t, x, t_x, T, r, alpha, a, b):
    """Mean purchases in (T, T + t]."""
    # CDNOW, weeks, r .243, α 4.414, a .793, b 2.426: published E[Y(39) | 2, 30.43, 38.86] = 1.2259, from
    # unrounded parameters; these rounded ones give 1.2260.
    alive = bg_nbd_p_alive(x, t_x, T, r, alpha, a, b)
    return alive * _process_expected(mpf(t), *_bg_nbd_posterior(x, T, r, alpha, a, b))


@precise
def bg_nbd_expected_new(t, r, alpha, a, b):
    """Mean repeat purchases in the first `t` after the first purchase."""
    return bg_nbd_expected(t, 0, 0, 0, r, alpha, a, b)


@precise
def bg_nbd_probability_of(n, t, x, t_x, T, r, alpha, a, b):
    """P(exactly n purchases in (T, T + t])."""
    alive = bg_nbd_p_alive(x, t_x, T, r, alpha, a, b)
    active = _process_probability_of(n, mpf(t), *_bg_nbd_posterior(x, T, r, alpha, a, b))
    return alive * active + (1 - alive if n == 0 else 0)


@precise
def bg_nbd_discounted(horizon, delta, x, t_x, T, r, alpha, a, b):
    """Discounted purchases in (T, T + horizon]."""
    alive = bg_nbd_p_alive(x, t_x, T, r, alpha, a, b)
    return alive * _process_discounted(mpf(horizon), mpf(delta), *_bg_nbd_posterior(x, T, r, alpha, a, b))


# Pareto/NBD (Schmittlein, Morrison & Colombo 1987; Fader & Hardie 2005, brucehardie.com/notes/009).
# Purchases at rate λ ~ gamma(r, alpha) until the customer leaves, at rate μ ~ gamma(s, beta).


def _survival(u, s, beta):
    """P(not yet left at u)."""
    return exp(-s * log1p(u / beta))


def _leaving(u, s, beta):
    """Density of the time of leaving."""
    return s / beta * exp(-(s + 1) * log1p(u / beta))


@lru_cache(maxsize=64)  # the same of one customer for every question; all who ask are `precise` alike
def _pareto_nbd_parts(x, t_x, T, r, alpha, s, beta):
    """Log-likelihood if active at T, and the likelihood of having left in (t_x, T) over it."""
    r, alpha, s, beta, T = mpf(r), mpf(alpha), mpf(s), mpf(beta), mpf(T)
    active = _log_gamma_moment(x, T, r, alpha) + log(_survival(T, s, beta))

    def left_at(u):
        time = t_x + u
        return exp(_log_gamma_moment(x, time, r, alpha) - active) * _leaving(time, s, beta)

    scale = 1 / ((r + x) / (alpha + t_x) + (s + 1) / (beta + t_x))
    return active, _integral_to(T - t_x, left_at, scale)


def _pareto_nbd_posterior(x, T, r, alpha, s, beta):
    """Parameters of (λ, μ), still independent, for a customer known to be active at T."""
    return mpf(r) + x, mpf(alpha) + T, mpf(s), mpf(beta) + T


@precise
def pareto_nbd_log_likelihood(x, t_x, T, r, alpha, s, beta):
    """Log density of the purchase times, by integration over the time of leaving."""
    active, left = _pareto_nbd_parts(x, t_x, T, r, alpha, s, beta)
    return active + log1p(left)


@precise
def pareto_nbd_p_alive(x, t_x, T, r, alpha, s, beta):
    """P(still a customer at T)."""
    return 1 / (1 + _pareto_nbd_parts(x, t_x, T, r, alpha, s, beta)[1])


@precise
def pareto_nbd_expected(t, x, t_x, T, r, alpha, s, beta):
    """Mean purchases in (T, T + t]."""
    return pareto_nbd_discounted(t, 0, x, t_x, T, r, alpha, s, beta)


@precise
def pareto_nbd_expected_new(t, r, alpha, s, beta):
    """Mean repeat purchases in the first `t` after the first purchase."""
    # CDNOW, weeks, r .553, α 10.578, s .606, β 11.669: published E[X(52)] = 1.4734, from unrounded
    # parameters; these rounded ones give 1.4730.
    return pareto_nbd_expected(t, 0, 0, 0, r, alpha, s, beta)


@precise
def pareto_nbd_probability_of(n, t, x, t_x, T, r, alpha, s, beta):
    """P(exactly n purchases in (T, T + t]): active throughout, or left at u, or left before T."""
    alive, t = pareto_nbd_p_alive(x, t_x, T, r, alpha, s, beta), mpf(t)
    r, alpha, s, beta = _pareto_nbd_posterior(x, T, r, alpha, s, beta)
    throughout = _poisson_pmf(n, t, r, alpha) * _survival(t, s, beta)
    leaving = _integral_to(
        t, lambda u: _poisson_pmf(n, u, r, alpha) * _leaving(u, s, beta), (n + 1) * alpha / r
    )
    return alive * (throughout + leaving) + (1 - alive if n == 0 else 0)


@precise
def pareto_nbd_discounted(horizon, delta, x, t_x, T, r, alpha, s, beta):
    """Discounted purchases in (T, T + horizon]; DERT where the horizon is infinite."""
    alive = pareto_nbd_p_alive(x, t_x, T, r, alpha, s, beta)
    r, alpha, s, beta = _pareto_nbd_posterior(x, T, r, alpha, s, beta)
    delta = mpf(delta)
    active_time = _integral_to(
        mpf(horizon), lambda u: exp(-delta * u) * _survival(u, s, beta), 1 / (delta + s / beta)
    )
    return alive * r / alpha * active_time


# BG/BB (Fader, Hardie & Shang 2010). Before every opportunity a customer leaves with probability
# θ ~ beta(gamma, delta), for good; otherwise buys at it with probability p ~ beta(alpha, beta).


def _bg_bb_active(opportunities, gamma, delta):
    """P(active for the opportunity of this number)."""
    return exp(_log_beta_moment(0, opportunities, gamma, delta))


def _bg_bb_history(x, t_x, n, alpha, beta, gamma, delta):
    """Likelihoods of the purchases: active for opportunity n, and over all times of leaving."""
    active = exp(_log_beta_moment(x, n - x, alpha, beta)) * _bg_bb_active(n, gamma, delta)
    left = fsum(
        exp(_log_beta_moment(x, last - x, alpha, beta) + _log_beta_moment(1, last, gamma, delta))
        for last in range(t_x, n)
    )
    return active, active + left


def _bg_bb_posterior(x, n, alpha, beta, gamma, delta):
    """Parameters of (p, θ), still independent, for a customer known to be active for opportunity n."""
    return mpf(alpha) + x, mpf(beta) + n - x, mpf(gamma), mpf(delta) + n


@precise
def bg_bb_log_likelihood(x, t_x, n, alpha, beta, gamma, delta):
    """Log probability of one string of opportunities with this summary (no binomial coefficient)."""
    return log(_bg_bb_history(x, t_x, n, mpf(alpha), mpf(beta), mpf(gamma), mpf(delta))[1])


@precise
def bg_bb_p_alive(x, t_x, n, alpha, beta, gamma, delta, ahead=1):
    """P(active for opportunity n + `ahead`); the paper's P(alive at n + 1) with ahead = 1, at n with 0."""
    active, total = _bg_bb_history(x, t_x, n, mpf(alpha), mpf(beta), mpf(gamma), mpf(delta))
    *_, gamma, delta = _bg_bb_posterior(x, n, alpha, beta, gamma, delta)
    return active / total * _bg_bb_active(ahead, gamma, delta)


@precise
def bg_bb_expected(m, x, t_x, n, alpha, beta, gamma, delta):
    """Mean purchases at the next `m` opportunities, n + 1 to n + m."""
    return bg_bb_discounted(m, 0, x, t_x, n, alpha, beta, gamma, delta)


@precise
def bg_bb_expected_new(m, alpha, beta, gamma, delta):
    """Mean repeat purchases at the first `m` opportunities."""
    return bg_bb_expected(m, 0, 0, 0, alpha, beta, gamma, delta)


@precise
def bg_bb_probability_of(k, m, x, t_x, n, alpha, beta, gamma, delta):
    """P(exactly k purchases at the next `m` opportunities)."""
    now = bg_bb_p_alive(x, t_x, n, alpha, beta, gamma, delta, ahead=0)
    alpha, beta, gamma, delta = _bg_bb_posterior(x, n, alpha, beta, gamma, delta)

    def buys(opportunities):
        return mp.binomial(opportunities, k) * exp(_log_beta_moment(k, opportunities - k, alpha, beta))

    leaves = fsum(buys(i) * exp(_log_beta_moment(1, i, gamma, delta)) for i in range(k, m))
    stays = buys(m) * _bg_bb_active(m, gamma, delta) if k <= m else mpf(0)
    return now * (leaves + stays) + (1 - now if k == 0 else 0)


@precise
def bg_bb_discounted(m, d, x, t_x, n, alpha, beta, gamma, delta):
    """Purchases at the next `m` opportunities, the i-th over (1 + d)**i; DERT where m is infinite, d > 0."""
    now = bg_bb_p_alive(x, t_x, n, alpha, beta, gamma, delta, ahead=0)
    alpha, beta, gamma, delta = _bg_bb_posterior(x, n, alpha, beta, gamma, delta)
    if m == inf:  # Σ ((1 - θ) / (1 + d))**i
        active = _beta_mean(lambda theta, log_stay: exp(log_stay) / (d + theta), gamma, delta)
    else:
        active = fsum(_bg_bb_active(i, gamma, delta) / (1 + mpf(d)) ** i for i in range(1, m + 1))
    return now * alpha / (alpha + beta) * active


# Gamma-Gamma (Fader & Hardie 2013, brucehardie.com/notes/025). A spend is gamma(p, ν), ν ~ gamma(q, v).


@precise
def gamma_gamma_log_likelihood(x, z, p, q, v):
    """Log density of the mean `z` of `x` spends, gamma(px, νx) averaged over ν; 0 without any."""
    if x == 0:
        return mpf(0)
    x, z, p, q, v = mpf(x), mpf(z), mpf(p), mpf(q), mpf(v)
    own = p * x * log(x) + (p * x - 1) * log(z) - loggamma(p * x)
    return own + _log_gamma_moment(p * x, x * z, q, v)


@precise
def gamma_gamma_expected_spend(x, z, p, q, v):
    """Mean of p / ν over ν ~ gamma(q + px, v + xz), what the spends leave; finite where q + px > 1."""
    x, z, p, q, v = mpf(x), mpf(z), mpf(p), mpf(q), mpf(v)
    return p * (v + x * z) / (q + p * x - 1)
