"""K-prototypes in compiled loops: nearest prototypes, better prototypes, first guesses.

The distance of customer x from prototype c is Huang's (1998), eq. (2.2) in words:

    d(x, c) = Σ over numbers (x - c)²  +  gamma × words in which x and c differ

A differing word counts as two axes do that are √(gamma / 2) apart, so √d obeys the triangle
inequality, and Hamerly's (2010) bounds tell without a look at them which customers stay.

Prototypes lie with a column each, (n_columns, k), so that one customer is held against all of
them at once. Words are codes >= 0; -1, a word not known, differs from all.
"""

import math

import numpy as np
from numba import njit


@njit(cache=True)
def distances_of(row, numbers, codes, means, modes, gamma, out):
    """Distances of one row from every prototype, into `out`."""
    k = out.size
    for j in range(k):
        out[j] = 0.0
    for f in range(numbers.shape[1]):
        x = numbers[row, f]
        for j in range(k):
            gap = x - means[f, j]
            out[j] += gap * gap
    for f in range(codes.shape[1]):
        code = codes[row, f]
        for j in range(k):
            out[j] += gamma if modes[f, j] != code else 0.0


@njit(cache=True)
def nearest(numbers, codes, means, modes, gamma):
    """Place of the nearest prototype (the first of equals) and its distance, a row each."""
    n, k = numbers.shape[0], means.shape[1]
    label, least = np.empty(n, np.int64), np.empty(n)
    far = np.empty(k)
    for row in range(n):
        distances_of(row, numbers, codes, means, modes, gamma, far)
        best = 0
        for j in range(1, k):
            if far[j] < far[best]:
                best = j
        label[row], least[row] = best, far[best]
    return label, least


@njit(cache=True)
def all_distances(numbers, codes, means, modes, gamma):
    """Distances of every row from every prototype, shape (n, k)."""
    n, k = numbers.shape[0], means.shape[1]
    out = np.empty((n, k))
    for row in range(n):
        distances_of(row, numbers, codes, means, modes, gamma, out[row])
    return out


@njit(cache=True)
def count_words(codes, label, ends, k):
    """How often each word comes in each cluster, shape (k, n_words); codes of -1 are not counted."""
    counts = np.zeros((k, ends[-1]), np.int64)
    for row in range(codes.shape[0]):
        for f in range(codes.shape[1]):
            if codes[row, f] >= 0:
                counts[label[row], ends[f] + codes[row, f]] += 1
    return counts


@njit(cache=True)
def commonest(counts, ends, modes):
    """The commonest word of each column and cluster (the first of equals), into `modes`."""
    for j in range(counts.shape[0]):
        _commonest_of(counts, ends, j, modes)


@njit(cache=True)
def _commonest_of(counts, ends, j, modes):
    for f in range(ends.size - 1):
        best = ends[f]
        for place in range(ends[f] + 1, ends[f + 1]):
            if counts[j, place] > counts[j, best]:
                best = place
        modes[f, j] = best - ends[f]


@njit(cache=True)
def first_guess(numbers, codes, gamma, draws):
    """Rows to begin with, by greedy k-means++ (Arthur & Vassilvitskii 2007) in the mixed distance.

    `draws`, shape (k, n_trials), are uniform in [0, 1). Each prototype after the first is the best
    of `n_trials` customers drawn by their distance from those already taken.
    """
    n, (k, n_trials) = numbers.shape[0], draws.shape
    taken = np.empty(k, np.int64)
    taken[0] = int(draws[0, 0] * n)
    least = np.full(n, np.inf)
    _nearer(taken[0], numbers, codes, gamma, least, least)
    reach, trial, best = np.empty(n), np.empty(n), np.empty(n)
    for j in range(1, k):
        total = 0.0
        for row in range(n):
            total += least[row]
            reach[row] = total
        lowest = np.inf
        for t in range(n_trials):
            if total > 0:
                row = min(int(np.searchsorted(reach, draws[j, t] * total, side="right")), n - 1)
            else:  # fewer different customers than prototypes
                row = int(draws[j, t] * n)
            value = _nearer(row, numbers, codes, gamma, least, trial)
            if value < lowest:
                lowest, taken[j] = value, row
                best, trial = trial, best
        least[:] = best
    return taken


@njit(cache=True)
def _nearer(centre, numbers, codes, gamma, least, out):
    """Distance of each row from the nearest prototype once row `centre` is one, and their sum."""
    total = 0.0
    for row in range(numbers.shape[0]):
        far = 0.0
        for f in range(numbers.shape[1]):
            gap = numbers[row, f] - numbers[centre, f]
            far += gap * gap
        for f in range(codes.shape[1]):
            far += gamma if codes[row, f] != codes[centre, f] else 0.0
        out[row] = min(far, least[row])
        total += out[row]
    return total


@njit(cache=True)
def improve(numbers, codes, ends, gamma, means, modes, max_iter):
    """Assign and update in turn until nobody moves; `means` and `modes` are overwritten.

    Returns the number of rounds. A prototype nobody is nearest to is given the customer who is
    farthest from their own.
    """
    n, p = numbers.shape
    q, k = codes.shape[1], means.shape[1]
    label, far = np.zeros(n, np.int64), np.empty(k)
    upper, lower = np.full(n, np.inf), np.zeros(n)
    sums, size = np.zeros((k, p)), np.zeros(k, np.int64)
    counts = np.zeros((k, ends[-1]), np.int64)
    room = np.empty(k)
    old_means, old_modes, moved = np.empty((p, k)), np.empty((q, k), np.int32), np.empty(k)
    rounds = 0
    while rounds < max_iter:
        _half_way(means, modes, gamma, room)
        changes = 0
        for row in range(n):
            own = label[row]
            bound = max(room[own], lower[row])
            if rounds > 0:
                if upper[row] < bound:
                    continue
                upper[row] = math.sqrt(_distance(row, own, numbers, codes, means, modes, gamma))
                if upper[row] < bound:
                    continue
            distances_of(row, numbers, codes, means, modes, gamma, far)
            best = own
            for j in range(k):
                if far[j] < far[best]:
                    best = j
            second = np.inf
            for j in range(k):
                if j != best and far[j] < second:
                    second = far[j]
            upper[row], lower[row] = math.sqrt(far[best]), math.sqrt(second)
            if best != own or rounds == 0:
                changes += 1
                if rounds > 0:
                    _move(row, numbers, codes, ends, own, -1, sums, size, counts)
                _move(row, numbers, codes, ends, best, 1, sums, size, counts)
                label[row] = best
        rounds += 1
        if changes == 0:
            break
        if _refill(numbers, codes, ends, gamma, means, modes, label, sums, size, counts):
            upper[:] = np.inf
            lower[:] = 0.0
        old_means[:], old_modes[:] = means, modes
        for j in range(k):
            if size[j] > 0:
                for f in range(p):
                    means[f, j] = sums[j, f] / size[j]
        commonest(counts, ends, modes)
        first, second, farthest = 0.0, 0.0, 0
        for j in range(k):
            total = 0.0
            for f in range(p):
                total += (means[f, j] - old_means[f, j]) ** 2
            for f in range(q):
                total += gamma if modes[f, j] != old_modes[f, j] else 0.0
            moved[j] = math.sqrt(total)
            if moved[j] > first:
                first, second, farthest = moved[j], first, j
            elif moved[j] > second:
                second = moved[j]
        for row in range(n):
            upper[row] += moved[label[row]]
            lower[row] -= second if label[row] == farthest else first
    return rounds


@njit(cache=True)
def polish(numbers, codes, ends, gamma, means, modes, max_iter):
    """Move one customer at a time wherever that lowers the cost; `means` and `modes` are overwritten.

    Where `improve` stops, a customer can still be worth moving, since means go along: by
    Hartigan & Wong (1979), if n_a / (n_a - 1) d_a > n_b / (n_b + 1) d_b in numbers. Words are taken
    as if the commonest stayed so, which they only leave for lower costs. Returns the number of moves.
    """
    n, p = numbers.shape
    k = means.shape[1]
    label, _ = nearest(numbers, codes, means, modes, gamma)
    sums, size = np.zeros((k, p)), np.zeros(k, np.int64)
    counts = np.zeros((k, ends[-1]), np.int64)
    for row in range(n):
        _move(row, numbers, codes, ends, label[row], 1, sums, size, counts)
    far, moves = np.empty(k), 0
    for _ in range(max_iter):
        before = moves
        for row in range(n):
            own = label[row]
            if size[own] < 2:
                continue
            far[:] = 0.0
            for f in range(p):
                x = numbers[row, f]
                for j in range(k):
                    gap = x - means[f, j]
                    far[j] += gap * gap
            for j in range(k):
                far[j] *= size[j] / (size[j] - 1.0 if j == own else size[j] + 1.0)
            for f in range(codes.shape[1]):
                code = codes[row, f]
                for j in range(k):
                    far[j] += gamma if modes[f, j] != code else 0.0
            best = own
            for j in range(k):
                if far[j] < far[best]:
                    best = j
            if far[best] < far[own] * (1 - 1e-9):
                moves += 1
                label[row] = best
                _move(row, numbers, codes, ends, own, -1, sums, size, counts)
                _move(row, numbers, codes, ends, best, 1, sums, size, counts)
                for j in (own, best):
                    for f in range(p):
                        means[f, j] = sums[j, f] / size[j]
                    _commonest_of(counts, ends, j, modes)
        if moves == before:
            break
    return moves


@njit(cache=True)
def _distance(row, j, numbers, codes, means, modes, gamma):
    total = 0.0
    for f in range(numbers.shape[1]):
        gap = numbers[row, f] - means[f, j]
        total += gap * gap
    for f in range(codes.shape[1]):
        total += gamma if modes[f, j] != codes[row, f] else 0.0
    return total


@njit(cache=True)
def _half_way(means, modes, gamma, room):
    """Half the way from each prototype to the next one: who is nearer than that stays."""
    k = room.size
    room[:] = np.inf
    for a in range(k):
        for b in range(a):
            total = 0.0
            for f in range(means.shape[0]):
                total += (means[f, a] - means[f, b]) ** 2
            for f in range(modes.shape[0]):
                total += gamma if modes[f, a] != modes[f, b] else 0.0
            half = math.sqrt(total) / 2
            room[a], room[b] = min(room[a], half), min(room[b], half)


@njit(cache=True)
def _move(row, numbers, codes, ends, j, sign, sums, size, counts):
    size[j] += sign
    for f in range(numbers.shape[1]):
        sums[j, f] += sign * numbers[row, f]
    for f in range(codes.shape[1]):
        counts[j, ends[f] + codes[row, f]] += sign


@njit(cache=True)
def _refill(numbers, codes, ends, gamma, means, modes, label, sums, size, counts):
    """Give each empty cluster the row farthest from its prototype; whether there was one."""
    refilled = False
    for j in range(size.size):
        if size[j] > 0:
            continue
        best, farthest = -1, 0.0
        for row in range(numbers.shape[0]):
            if size[label[row]] > 1:
                far = _distance(row, label[row], numbers, codes, means, modes, gamma)
                if far > farthest:
                    best, farthest = row, far
        if best < 0:  # fewer different customers than clusters
            continue
        _move(best, numbers, codes, ends, label[best], -1, sums, size, counts)
        _move(best, numbers, codes, ends, j, 1, sums, size, counts)
        label[best] = j
        for f in range(numbers.shape[1]):
            means[f, j] = numbers[best, f]
        for f in range(codes.shape[1]):
            modes[f, j] = codes[best, f]
        refilled = True
    return refilled
