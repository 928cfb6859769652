"""The look that charts share: few colours, told apart by the colour-blind, light grids."""

from typing import Any

INK = "#222222"
ACTUAL = "#3b3b3b"
EXPECTED = "#0072b2"
SECOND = "#d55e00"
THIRD = "#009e73"
MUTED = "#8a8a8a"
SERIES = (EXPECTED, SECOND, THIRD, "#cc79a7", "#e69f00", "#56b4e9")
# For a dozen kinds side by side: Okabe & Ito, then Tol.
MANY = (*SERIES, "#332288", "#999933", "#882255", "#117733", "#b0926a", "#7f6fb0")


def new_axes(ax: Any = None, *, width: float = 6.4, height: float = 3.6) -> Any:
    """Return `ax`, or the axes of a new pyplot figure, with the shared look."""
    if ax is None:
        import matplotlib.pyplot as plt  # only here: a page or a script needs no windows

        _, ax = plt.subplots(figsize=(width, height), layout="constrained")
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="y", color=MUTED, alpha=0.25, linewidth=0.6)
    ax.set_axisbelow(True)
    return ax
