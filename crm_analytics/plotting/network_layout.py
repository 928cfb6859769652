"""Where the nodes of a graph stand: edges short, nodes and labels apart, the same every time."""

import numpy as np


def force_layout(n_nodes: int, edges: np.ndarray, *, iterations: int = 300) -> np.ndarray:
    """Place the nodes of a graph so that edges are short and nodes apart; the same every time.

    All nodes push each other off, edges pull, and all are drawn to the middle, so that parts
    without an edge between them stay in sight.

    Parameters
    ----------
    n_nodes : int
    edges : ndarray of int, shape (n_edges, 2)
    iterations : int

    Returns
    -------
    ndarray of float, shape (n_nodes, 2), in [0, 1].

    References
    ----------
    Fruchterman & Reingold (1991), Graph drawing by force-directed placement, Software:
    Practice and Experience 21(11).

    Examples
    --------
    >>> place = force_layout(3, np.array([[0, 1], [1, 2]]))
    >>> middle = np.linalg.norm(place - place.mean(axis=0), axis=1).argmin()  # of a chain
    >>> int(middle)
    1
    """
    angle = np.arange(n_nodes) * np.pi * (3 - np.sqrt(5))  # a sunflower: even, and no two alike
    place = np.sqrt((np.arange(n_nodes) + 0.5) / max(n_nodes, 1))[:, None] * np.column_stack(
        [np.cos(angle), np.sin(angle)]
    )
    pull = np.zeros((n_nodes, n_nodes))
    if len(edges):
        pull[edges[:, 0], edges[:, 1]] = pull[edges[:, 1], edges[:, 0]] = 1.0
    ideal = 1.5 / np.sqrt(max(n_nodes, 1))
    for step in np.linspace(0.15, 0.002, iterations):
        apart = place[:, None] - place[None]
        distance = np.maximum(np.linalg.norm(apart, axis=2), 1e-6)
        force = (ideal / distance) ** 2 - pull * distance / ideal
        np.fill_diagonal(force, 0.0)
        move = (apart * (force * ideal / distance)[:, :, None]).sum(axis=1) - 0.6 * place
        length = np.maximum(np.linalg.norm(move, axis=1, keepdims=True), 1e-9)
        place = place + move / length * np.minimum(length, step)
    span = np.maximum(np.ptp(place, axis=0), 1e-9)
    return (place - place.min(axis=0)) / span


def push_apart(place: np.ndarray, sizes: np.ndarray, room: np.ndarray, *, rounds: int = 400) -> np.ndarray:
    """Move boxes of `sizes`, centred at `place`, until none overlap or `rounds` are over.

    Each round, two that overlap give way by half, along the side where less is needed; all
    stay within (0, 0) and `room` as far as they fit. Shapes (n, 2), (n, 2) and (2,).

    >>> two = np.array([[5.0, 5.0], [5.0, 6.0]])
    >>> push_apart(two, np.array([[4.0, 2.0], [4.0, 2.0]]), np.array([10.0, 10.0])).round(1)
    array([[5. , 4.4],
           [5. , 6.6]])
    """
    half = sizes / 2
    low, high = np.minimum(half, room / 2), np.maximum(room - half, room / 2)
    place = np.clip(place.astype(float), low, high)
    # Of two in one spot the later gives way to the right, and upwards.
    later = np.sign(np.arange(len(place))[:, None] - np.arange(len(place))[None])
    for _ in range(rounds):
        apart = place[:, None] - place[None]
        overlap = half[:, None] + half[None] - np.abs(apart)
        both = (overlap > 1e-9).all(axis=2)
        np.fill_diagonal(both, val=False)
        if not both.any():
            break
        upright = overlap[..., 1] <= overlap[..., 0]
        side = np.where(apart == 0, later[..., None], np.sign(apart))
        chosen = np.stack([both & ~upright, both & upright], axis=2)
        place = np.clip(place + (chosen * side * (overlap + 0.1) / 2).sum(axis=1), low, high)
    return place
