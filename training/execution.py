"""Optimal execution: selling a million shares, fast enough for little risk and slowly enough for a good price.

After Almgren and Chriss 2000, "Optimal Execution of Portfolio Transactions" (version of December 2000). X shares are
sold in N trades: the k-th sells n_k and leaves x_k. A trade lowers its own price (temporary impact) and all later ones
(permanent impact). What the sale brings less than X shares at the first price, its shortfall, has mean E and variance
V; the best trades minimise the utility E + lambda V. They are known in closed form. Rewards here do not depend on the
price, so no policy can do better by watching it.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from gymnasium.spaces import Box
from numpy.typing import ArrayLike, NDArray

NAME = "volley/OptimalExecution-v0"
"""In gymnasium, once registered, with a risk aversion of 1e-6."""
NAMES = {
    1e-7: "volley/OptimalExecution-1e-7-v0",
    3e-7: "volley/OptimalExecution-3e-7-v0",
    1e-6: NAME,
    3e-6: "volley/OptimalExecution-3e-6-v0",
    1e-5: "volley/OptimalExecution-1e-5-v0",
}
"""By risk aversion, lambda, per dollar. The command line passes only names, so five risk aversions have one."""

SHARES = 1_000_000
"""X."""
TRADES = 60
"""N."""
DAYS = 60.0
"""T."""
TAU = DAYS / TRADES
"""Days from one trade to the next."""
PRICE = 50.0
"""At the beginning, in dollars per share."""
DAILY_VOLATILITY = 0.12 / math.sqrt(250)
"""12% in a year of 250 trading days."""
SIGMA = DAILY_VOLATILITY * PRICE
"""The price's standard deviation, in dollars per share and square root of a day."""
SPREAD, DAILY_VOLUME = 1 / 8, 5_000_000
"""Between bid and ask, in dollars per share; and shares traded in a day, by everyone."""
EPSILON = SPREAD / 2
"""Lost by any sale, in dollars per share."""
ETA = SPREAD / (0.01 * DAILY_VOLUME)
"""Temporary impact, in dollars per share, of each share a day: 1% of the daily volume costs as much as the spread."""
GAMMA = SPREAD / (0.1 * DAILY_VOLUME)
"""Permanent impact, in dollars per share, of each share: 10% of the daily volume costs as much as the spread."""
ETA_TILDE = ETA - GAMMA * TAU / 2
"""Temporary impact less half of the permanent one, which eq. 8 counts elsewhere; in the units of `ETA`."""

RETURNS_SEEN = 6
"""Log returns in an observation."""
LARGEST_RETURN = 100.0
"""In daily volatilities: a bound for observations, which no return comes near."""
REWARD_THRESHOLD = -1.01
"""The return that solves the environment: within 1% of the least utility."""


class Shortfall(NamedTuple):
    """How many dollars less a sale brings than all shares at the first price; normally distributed."""

    mean: float
    """E, in dollars."""
    variance: float
    """V, in dollars squared."""

    @property
    def deviation(self) -> float:
        """The standard deviation, in dollars."""
        return math.sqrt(self.variance)

    def utility(self, risk_aversion: float) -> float:
        """E + lambda V, in dollars: the less, the better (sec. 2.1)."""
        return self.mean + risk_aversion * self.variance


def shares_left(trades: ArrayLike) -> NDArray[np.float64]:
    """x_k: the shares left after each of the trades, `[N]`, which are those that the later ones sell."""
    later = np.asarray(trades)[:0:-1]
    return np.append(np.cumsum(later)[::-1], 0.0)


def shortfall(trades: ArrayLike) -> Shortfall:
    """The shortfall of selling these numbers of shares, `[N]`, which sum to `SHARES` (eqs. 8 and 5)."""
    n, x = np.asarray(trades), shares_left(trades)
    mean = GAMMA * SHARES**2 / 2 + EPSILON * np.abs(n).sum() + ETA_TILDE / TAU * np.square(n).sum()
    return Shortfall(float(mean), float(SIGMA**2 * TAU * np.square(x).sum()))


def kappa(risk_aversion: float) -> float:
    """How urgent it is to sell, per day: the best trades leave a fraction 1/e about every 1 / kappa days (sec. 2.3).

    Solves 2 (cosh(kappa tau) - 1) / tau^2 = lambda sigma^2 / eta_tilde (sec. 2.2, before eq. 17), whose left side is
    (2 sinh(kappa tau / 2) / tau)^2. `ValueError` unless the risk aversion, per dollar, is from 1e-9 to 1e-3: below,
    eq. 20 divides by nearly 0; far above, sinh(kappa T) is too large for a float.
    """
    if not 1e-9 <= risk_aversion <= 1e-3:
        raise ValueError(f"the risk aversion must be from 1e-9 to 1e-3 per dollar, not {risk_aversion}")
    return 2 / TAU * math.asinh(TAU / 2 * SIGMA * math.sqrt(risk_aversion / ETA_TILDE))


def optimal_trades(risk_aversion: float) -> NDArray[np.float64]:
    """The trades with the least utility, `[N]`, in shares (eq. 18). `ValueError` as for `kappa`."""
    k = kappa(risk_aversion)
    middles = TAU * (np.arange(TRADES) + 0.5)
    return np.asarray(2 * math.sinh(k * TAU / 2) / math.sinh(k * DAYS) * np.cosh(k * (DAYS - middles)) * SHARES)


def optimal_shortfall(risk_aversion: float) -> Shortfall:
    """The shortfall of `optimal_trades`, in closed form (eq. 20). `ValueError` as for `kappa`."""
    k = kappa(risk_aversion)
    sinh_tau, sinh_days = math.sinh(k * TAU), math.sinh(k * DAYS)
    squares = math.tanh(k * TAU / 2) * (TAU * math.sinh(2 * k * DAYS) + 2 * DAYS * sinh_tau)
    mean = GAMMA * SHARES**2 / 2 + EPSILON * SHARES + ETA_TILDE * SHARES**2 * squares / (2 * TAU**2 * sinh_days**2)
    held = TAU * sinh_days * math.cosh(k * (DAYS - TAU)) - DAYS * sinh_tau
    return Shortfall(mean, SIGMA**2 * SHARES**2 * held / (2 * sinh_days**2 * sinh_tau))


def course_utility(shares: float, risk_aversion: float) -> float:
    """The utility, in dollars, of selling so many shares in the best way, as if all `DAYS` were still to come.

    The spread is proportional to the shares, everything else to their square.
    """
    spread = EPSILON * SHARES
    rest = optimal_shortfall(risk_aversion).utility(risk_aversion) - spread
    return spread * (shares / SHARES) + rest * (shares / SHARES) ** 2


class OptimalExecution(gymnasium.Env[NDArray[np.float32], NDArray[np.floating[Any]]]):
    """`SHARES` shares to be sold in `TRADES` trades; an episode ends when there are none left.

    An action is the share of what is left to sell now, `[1]` from 0 to 1; the last trade sells all. An observation is
    `[8]`: the last six log returns, newest last, in daily volatilities; then the trades left and the shares left, as
    fractions of all. `risk_aversion` is lambda, per dollar; `ValueError` as for `kappa`.

    The reward is minus the trade's own part of the utility, in units of the least utility: the return of the best
    trades is -1, that of trades with 1% more utility -1.01. In dollars, a trade n_k that leaves x_k costs

        epsilon n_k + eta n_k^2 / tau + gamma n_k x_k + lambda sigma^2 tau x_k^2

    for the spread, the temporary impact, the permanent impact on all that is left, and the risk of holding that until
    the next trade. This sums to exactly E + lambda V: eq. 8 only takes the permanent impact out of the sum, as
    gamma X^2 / 2, and corrects eta for it. A trade is paid the price from before its own interval's noise (eq. 2), so
    the first is without risk.

    With `course_reward`, the reward is the fraction by which the trade lowers `course_utility`. Then the best trades no
    longer have the highest return. Selling nearly all of what is left has it, each time: that brings a reward of
    nearly 1, as much for the last few shares as for the first million.
    """

    def __init__(self, risk_aversion: float = 1e-6, *, course_reward: bool = False) -> None:
        high = np.array([LARGEST_RETURN] * RETURNS_SEEN + [1, 1], np.float32)
        low = np.array([-LARGEST_RETURN] * RETURNS_SEEN + [0, 0], np.float32)
        self.observation_space = Box(low, high)
        self.action_space = Box(0, 1, (1,), np.float32)
        self._risk_aversion = risk_aversion
        self._unit = optimal_shortfall(risk_aversion).utility(risk_aversion)
        self._reward = self._course_reward if course_reward else self._utility_reward
        self._begin()

    def _begin(self) -> None:
        self._shares_left, self._trades_left, self._price, self._capture = float(SHARES), TRADES, PRICE, 0.0
        self._returns = deque([0.0] * RETURNS_SEEN, RETURNS_SEEN)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begins with all shares; returns the observation, and `info` as `step` does."""
        super().reset(seed=seed, options=options)
        self._begin()
        return self._observe(), self._info()

    def step(self, action: NDArray[np.floating[Any]]) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Sells; returns observation, reward, whether all is sold, False (no time limit here) and `info`.

        In `info` are `shares`, which are left; `price`, in dollars per share; and `capture`, the dollars received.
        """
        self._trades_left -= 1
        sold = self._shares_left * float(action[0]) if self._trades_left else self._shares_left
        reward = self._reward(sold, self._shares_left - sold)
        self._shares_left -= sold
        self._capture += sold * (self._price - EPSILON - ETA * sold / TAU)  # eqs. 2 and 7
        noise = SIGMA * math.sqrt(TAU) * self.np_random.standard_normal()
        price = self._price + noise - GAMMA * sold  # eqs. 1 and 6
        self._returns.append(math.log(price / self._price) / DAILY_VOLATILITY)
        self._price = price
        return self._observe(), reward, self._shares_left == 0, False, self._info()

    def _utility_reward(self, sold: float, left: float) -> float:
        impact = EPSILON * sold + ETA * sold**2 / TAU + GAMMA * sold * left
        risk = SIGMA**2 * TAU * left**2
        return -(impact + self._risk_aversion * risk) / self._unit

    def _course_reward(self, sold: float, left: float) -> float:
        before = course_utility(sold + left, self._risk_aversion)
        return (before - course_utility(left, self._risk_aversion)) / before

    def _observe(self) -> NDArray[np.float32]:
        return np.array([*self._returns, self._trades_left / TRADES, self._shares_left / SHARES], np.float32)

    def _info(self) -> dict[str, Any]:
        return {"shares": self._shares_left, "price": self._price, "capture": self._capture}


def register() -> None:
    """Registers the environment with gymnasium, under each of `NAMES`."""
    for risk_aversion, name in NAMES.items():
        if name not in gymnasium.registry:
            gymnasium.register(
                name,
                entry_point=f"{__name__}:{OptimalExecution.__name__}",
                reward_threshold=REWARD_THRESHOLD,
                kwargs={"risk_aversion": risk_aversion},
            )
