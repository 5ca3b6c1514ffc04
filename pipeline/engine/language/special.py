"""Special functions with the values that Earth Engine prints, at the poles and outside the domain too.

They follow the recurrences of Apache Commons Math, whose limits (`trigamma(-100)` is infinite, `gamma(-1)` is not a
number) are what the documentation shows. Plain NumPy arrays in, float64 out; no types of Earth Engine.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

NDArray = np.ndarray[Any, Any]

# The 15-term Lanczos series for g = 607/128.
_LANCZOS = (
    0.99999999999999709182,
    57.156235665862923517,
    -59.597960355475491248,
    14.136097974741747174,
    -0.49191381609762019978,
    0.33994649984811888699e-4,
    0.46523628927048575665e-4,
    -0.98374475304879564677e-4,
    0.15808870322491248884e-3,
    -0.21026444172410488319e-3,
    0.21743961811521264320e-3,
    -0.16431810653676389022e-3,
    0.84418223983852743293e-4,
    -0.26190838401581408670e-4,
    0.36899182659531622704e-5,
)


def _pole(x: NDArray) -> NDArray:
    """Where x is zero or a negative integer."""
    result: NDArray = (x <= 0) & (x == np.floor(x))
    return result


def gamma(x: NDArray) -> NDArray:
    """The gamma function; not a number at zero and the negative integers."""
    return np.where(_pole(x), np.nan, special.gamma(x))


def digamma(x: NDArray) -> NDArray:
    """The logarithmic derivative of gamma; minus infinity at zero and the negative integers.

    The documentation's last digits (`digamma(0.5)` is -1.963510028…, not …026) are those of Commons Math: the
    asymptotic series from 49 on, with the signs of its last two terms exchanged.
    """
    x = np.asarray(x, np.float64)
    left = x < 0
    with np.errstate(all="ignore"):
        at, total = np.where(left, 1 - x, x), np.where(left, -np.pi / np.tan(np.pi * x), 0.0)
        for _ in range(49):
            total = total - np.where(at < 49, 1 / at, 0)
            at = np.where(at < 49, at + 1, at)
        inverse = 1 / (at * at)
        series = np.log(at) - 0.5 / at - inverse * (1 / 12 + inverse * (1 / 120 - inverse / 252))
    return np.where(_pole(x), -np.inf, series + total)


def trigamma(x: NDArray) -> NDArray:
    """The derivative of digamma, by reflection left of zero; infinite at zero and the negative integers."""
    left = x <= 0
    with np.errstate(all="ignore"):
        mirrored = (np.pi / np.sin(np.pi * x)) ** 2 - special.polygamma(1, np.where(left, 1 - x, 1.0))
        right = special.polygamma(1, np.where(left, 1.0, x))
    return np.where(_pole(x), np.inf, np.where(left, mirrored, right))


def lanczos(x: NDArray) -> NDArray:
    """The Lanczos series of the gamma function; infinite where a term is."""
    x = np.asarray(x, np.float64)
    with np.errstate(all="ignore"):
        terms = [c / (x + i) for i, c in enumerate(_LANCZOS) if i]
    result: NDArray = np.sum(terms, axis=0) + _LANCZOS[0]
    return result


def gammainc(x: NDArray, a: NDArray) -> NDArray:
    """The regularised lower incomplete gamma function of order `a` up to `x`; the order comes second."""
    x, a = np.asarray(x, np.float64), np.asarray(a, np.float64)
    bad = (a <= 0) | (x < 0)
    return np.where(bad, np.nan, special.gammainc(np.where(bad, 1.0, a), np.where(bad, 0.0, x)))
