from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env
from msgspec.structs import replace
from numpy.typing import NDArray

from models import checkpoint
from models.control import ContinuousActions
from models.run_directory import NEWEST_FOLDER
from training import execution
from training.evaluate import evaluate
from training.execution import NAMES, SHARES, TRADES, OptimalExecution, optimal_shortfall, optimal_trades, shortfall
from training.gradient import GradientSettings
from training.loop import Display, train
from training.presets import training_settings
from training.run import RunDirectory

RISK_AVERSIONS = (1e-9, 1e-7, 1e-6, 1e-5, 1e-3)
X, N, SIGMA, EPSILON, ETA, GAMMA = 1e6, 60, 50 * 0.12 / 250**0.5, 0.0625, 2.5e-6, 2.5e-7
"""Of the paper, with the course's T = N and volatility; tau is 1."""
EQUAL_LOTS = np.full(TRADES, SHARES / TRADES)
AT_ONCE = np.append(SHARES, np.zeros(TRADES - 1))


def random_trades(seed: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).dirichlet(np.full(TRADES, 0.3)) * SHARES


def slow_utility(trades: torch.Tensor, risk_aversion: float) -> torch.Tensor:
    # Eqs. 4 to 7, trade by trade: what is sold falls short by its own impact, and what is left by the permanent one.
    left, utility = trades.sum(), torch.zeros((), dtype=torch.float64)
    for sold in trades:
        left = left - sold
        utility = utility + sold * (EPSILON + ETA * sold) + left * GAMMA * sold + risk_aversion * SIGMA**2 * left**2
    return utility


def play(environment: gymnasium.Env[Any, Any], trades: NDArray[np.float64], seed: int = 0) -> tuple[float, float]:
    """The return of these trades, and the shortfall that came of them."""
    _, info = environment.reset(seed=seed)
    total, ended = 0.0, False
    left = np.cumsum(trades[::-1])[::-1]
    for share in trades / np.where(left > 0, left, 1):
        _, reward, ended, _, info = environment.step(np.array([share]))
        total += float(reward)
        if ended:
            break
    assert ended
    return total, SHARES * 50 - info["capture"]


@pytest.mark.parametrize("course_reward", [False, True])
def test_passes_gymnasiums_checker(course_reward: bool) -> None:
    execution.register()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gymnasium.make(execution.NAME, course_reward=course_reward).unwrapped)


def test_the_optimum_is_what_it_is_known_to_be() -> None:
    optimum = shortfall(optimal_trades(1e-6))
    assert [round(number) for number in (optimum.mean, optimum.deviation, optimum.utility(1e-6))] == [
        477_713,
        476_456,
        704_723,
    ]


def test_equal_lots_and_all_at_once_by_hand() -> None:
    # eta_tilde is 2.5e-6 - 1.25e-7. All at once there is no risk: 1.25e-7 * 1e12 + 0.0625 * 1e6 + 2.375e-6 * 1e12.
    assert shortfall(AT_ONCE) == pytest.approx((125_000 + 62_500 + 2_375_000, 0))
    # Equal lots share the temporary impact by 60, and hold k / 60 of the shares for k = 59 ... 1:
    # 1^2 + ... + 59^2 = 59 * 60 * 119 / 6 = 70,210. A daily variance is 36 / 250 = 0.144.
    assert shortfall(EQUAL_LOTS) == pytest.approx((187_500 + 2_375_000 / 60, 0.144e12 * 70_210 / 3600))
    assert shortfall(EQUAL_LOTS).utility(1e-6) == pytest.approx(3_035_483, abs=1)


@pytest.mark.parametrize("risk_aversion", RISK_AVERSIONS)
def test_the_closed_form_agrees_with_direct_summation(risk_aversion: float) -> None:
    trades = optimal_trades(risk_aversion)
    assert trades.sum() == pytest.approx(SHARES)
    assert optimal_shortfall(risk_aversion) == pytest.approx(shortfall(trades), rel=1e-7)


@pytest.mark.parametrize("risk_aversion", RISK_AVERSIONS)
def test_no_minimiser_finds_better_trades(risk_aversion: float) -> None:
    # Newton's method on the oracle, with the sum held; the utility is quadratic, so one step from anywhere arrives.
    start = torch.tensor(EQUAL_LOTS)
    gradient = torch.autograd.functional.jacobian(lambda trades: slow_utility(trades, risk_aversion), start)
    hessian = torch.autograd.functional.hessian(lambda trades: slow_utility(trades, risk_aversion), start)
    ones = torch.ones(N, 1, dtype=torch.float64)
    held = torch.cat((torch.cat((hessian, ones), 1), torch.cat((ones.T, torch.zeros(1, 1)), 1)))
    step = torch.linalg.solve(held, torch.cat((-gradient, torch.zeros(1))))[:N]
    np.testing.assert_allclose(optimal_trades(risk_aversion), start + step, rtol=1e-5, atol=1e-3)
    least = slow_utility(start + step, risk_aversion)
    assert optimal_shortfall(risk_aversion).utility(risk_aversion) == pytest.approx(float(least))


def test_kappa_is_that_of_the_papers_example(monkeypatch: pytest.MonkeyPatch) -> None:
    # Sec. 4: a volatility of 30% a year, 0.95 dollars a day, gives 0.61 a day for lambda = 1e-6.
    monkeypatch.setattr(execution, "SIGMA", 0.95)
    assert execution.kappa(1e-6) == pytest.approx(0.61, abs=0.005)


@pytest.mark.parametrize("risk_aversion", [0.0, -1e-6, 1.0, math.nan])
def test_a_risk_aversion_without_a_closed_form_is_refused(risk_aversion: float) -> None:
    with pytest.raises(ValueError, match="risk aversion"):
        OptimalExecution(risk_aversion)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("risk_aversion", RISK_AVERSIONS)
def test_rewards_sum_to_the_utility(seed: int, risk_aversion: float) -> None:
    trades = random_trades(seed)
    utility = float(slow_utility(torch.tensor(trades), risk_aversion))
    assert shortfall(trades).utility(risk_aversion) == pytest.approx(utility)
    least = optimal_shortfall(risk_aversion).utility(risk_aversion)
    assert play(OptimalExecution(risk_aversion), trades)[0] == pytest.approx(-utility / least)


def test_each_name_has_its_risk_aversion() -> None:
    execution.register()
    assert NAMES[1e-6] == execution.NAME
    for risk_aversion, name in NAMES.items():
        assert play(gymnasium.make(name).unwrapped, optimal_trades(risk_aversion))[0] == pytest.approx(-1)
        assert play(gymnasium.make(name).unwrapped, optimal_trades(2 * risk_aversion))[0] < -1.01


def test_a_reward_is_the_cost_of_its_own_trade() -> None:
    environment = OptimalExecution()
    environment.reset(seed=0)
    rewards = [environment.step(np.array([share]))[1] for share in (0.0, 0.5, 1.0)]
    # Nothing, half of a million, and the other half; only what is left after a trade is at risk.
    risk = 1e-6 * 0.144
    costs = [risk * 1e12, 31_250 + (2.5e-6 + 2.5e-7 + risk) * 0.25e12, 31_250 + 2.5e-6 * 0.25e12]
    np.testing.assert_allclose(rewards, -np.array(costs) / 704_723.2174653509)


def test_without_noise_a_sale_brings_exactly_what_is_expected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "SIGMA", 0.0)  # for the prices; the least utility does not matter here
    monkeypatch.setattr(execution, "optimal_shortfall", lambda _: shortfall(EQUAL_LOTS))
    for seed in range(5):
        trades = random_trades(seed)
        assert play(OptimalExecution(), trades)[1] == pytest.approx(shortfall(trades).mean)


@pytest.mark.parametrize("trades", [EQUAL_LOTS, optimal_trades(1e-6)])
def test_sales_fall_short_by_what_is_expected(trades: NDArray[np.float64]) -> None:
    environment, expected, sales = OptimalExecution(), shortfall(trades), 400
    outcomes = [play(environment, trades, seed)[1] for seed in range(sales)]
    assert np.mean(outcomes) == pytest.approx(expected.mean, abs=4 * expected.deviation / sales**0.5)
    # The variance of a normal variable's sample variance is 2 V^2 / (n - 1).
    assert np.var(outcomes, ddof=1) == pytest.approx(expected.variance, rel=4 * (2 / (sales - 1)) ** 0.5)


def test_an_observation_has_the_last_returns_and_what_is_left() -> None:
    environment = OptimalExecution()
    observation, info = environment.reset(seed=3)
    assert observation.tolist() == [0, 0, 0, 0, 0, 0, 1, 1]
    prices = [info["price"]]
    for _ in range(8):
        observation, *_, info = environment.step(np.array([0.5]))
        prices.append(info["price"])
    returns = np.diff(np.log(prices))[-6:] / (0.12 / 250**0.5)
    np.testing.assert_allclose(observation, [*returns, 52 / 60, 0.5**8], rtol=1e-5)
    assert environment.reset()[0].tolist() == [0, 0, 0, 0, 0, 0, 1, 1]


def test_the_last_trade_sells_all_that_is_left() -> None:
    environment = OptimalExecution()
    environment.reset(seed=0)
    ends = []
    for _ in range(TRADES):
        _, _, terminated, truncated, info = environment.step(np.array([0.0], np.float32))
        ends.append((terminated, truncated, info["shares"]))
    assert ends == [(False, False, SHARES)] * (TRADES - 1) + [(True, False, 0)]


def test_a_sale_ends_when_nothing_is_left() -> None:
    environment = OptimalExecution()
    environment.reset(seed=0)
    _, reward, terminated, _, _ = environment.step(np.array([1.0], np.float32))
    assert terminated
    assert reward == pytest.approx(-2_562_500 / 704_723.2174653509)


def test_the_course_takes_for_utility_that_of_the_best_sale_of_what_is_left() -> None:
    # For fewer shares, the best trades are the same in proportion (eq. 18).
    for shares in (1.0, 1000.0, 250_000.0, 1e6):
        trades = torch.tensor(optimal_trades(1e-6) * shares / SHARES)
        assert execution.course_utility(shares, 1e-6) == pytest.approx(float(slow_utility(trades, 1e-6)))


def test_the_courses_reward_prefers_to_sell_nearly_all_each_time() -> None:
    environment = OptimalExecution(course_reward=True)
    shares = (0.2, 0.5, 0.9, 0.99, 0.9999)
    ways = [-np.diff(SHARES * (1 - share) ** np.arange(TRADES), append=0.0) for share in shares]
    optimum = play(environment, optimal_trades(1e-6))[0]
    returns = [play(environment, trades)[0] for trades in ways]
    utilities = [shortfall(trades).utility(1e-6) for trades in ways]
    # No reward is above 1. The more of the shares is sold first, the closer the return to 60, and the dearer the sale.
    assert returns == sorted(returns)
    assert utilities == sorted(utilities)
    assert optimum < 20
    assert 59.9 < returns[-1] < TRADES
    assert utilities[-1] > 3.6 * 704_723
    # A sale that really is at once ends with the first reward, the highest there is.
    assert play(environment, AT_ONCE)[0] == 1


def test_policy_gradients_have_settings_for_every_risk_aversion() -> None:
    for algorithm in ("ppo", "reinforce"):
        for name in NAMES.values():
            settings = training_settings(algorithm, name)
            assert isinstance(settings.algorithm, GradientSettings)
            assert settings.algorithm.gamma == 1
            assert settings.rollout_length == TRADES
            assert settings.model.environment == name
            assert actions(settings.model).head == "tanh-gaussian"
    assert actions(training_settings("ppo", execution.NAME, head="gaussian").model).head == "gaussian"
    assert actions(training_settings("cross-entropy", execution.NAME).model).head == "gaussian"


def actions(model: Any) -> ContinuousActions:
    assert isinstance(model.actions, ContinuousActions)
    return model.actions


@pytest.mark.slow
@pytest.mark.parametrize("risk_aversion", NAMES)
def test_ppo_sells_within_a_hundredth_of_the_optimum(tmp_path: Path, risk_aversion: float) -> None:
    run = RunDirectory.create(tmp_path, replace(training_settings("ppo", NAMES[risk_aversion]), seed=5, device="cpu"))
    train(run, Display())
    spec, network = checkpoint.load_policy(run.path / NEWEST_FOLDER)
    cpu = torch.device("cpu")
    found = evaluate(spec, network, name="ppo", episodes=20, sticky=0.0, greedy=True, seed=1000, device=cpu)
    assert -1.01 < found.mean_return <= -1
