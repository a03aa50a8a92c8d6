"""The credit panel: what it shows of a point, and when; drawn, with hand-made points."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

import msgspec
import numpy as np
import pygame
import pytest

from agents.base import Decision
from agents.policy import PolicyAgent
from agents.pong import Court, Side
from app.game.match import Match
from app.game.rallies import PolicyRally, Step
from app.game.snapshot import Snapshot
from app.game.timeline import Estimate
from app.play.panels import credit_view
from app.play.panels.credit import CreditPanel
from app.play.panels.credit_model import (
    NO_GRADIENT,
    NO_POINT,
    PPO_PASSES,
    CreditMethod,
    CreditModel,
    PlayingNetwork,
    PointCredit,
    PpoPass,
    ppo_passes,
    weigh,
)
from app.ui import theme
from app.ui.executor import InlineExecutor
from models.network import PolicyNetwork
from models.spec import ActionName, ModelSpec

ACTIONS: tuple[ActionName, ...] = ("FIRE", "RIGHTFIRE", "LEFTFIRE")
SIZES = [((832, 200), 1.0), ((640, 175), 0.875), ((494, 175), 0.875), ((1248, 260), 1.0), ((1632, 360), 1.8)]
WON, LOST = Side.RIGHT, Side.LEFT


def decision(value: float = 0.5, action: int = 1) -> Decision:
    return Decision(ACTIONS[action], ACTIONS, (0.2, 0.5, 0.3), value)


def rally(winner: Side, length: int, *, side: Side = Side.RIGHT, first: int = 0) -> PolicyRally:
    """Its frames are dark, but for the newest of each observation, which is bright in its left half."""
    frames = np.zeros((2, 20, 16), np.uint8)
    frames[1, :, :8] = 240
    return PolicyRally(
        side, winner, tuple(Step(first + 4 * place, frames, decision(action=place % 3)) for place in range(length))
    )


def credit_of(*rallies: PolicyRally) -> PointCredit:
    return weigh(rallies, "a-model-with-quite-a-long-name", 0.5, over=False)


def model_of(method: CreditMethod, *rallies: PolicyRally) -> CreditModel:
    model = CreditModel()
    model.change_method(method)
    model.show(credit_of(*rallies))
    return model


def pass_of(*ratios: float, advantages: tuple[float, ...]) -> PpoPass:
    weights = tuple(
        0.0 if (a > 0 and r > 1.2) or (a < 0 and r < 0.8) else a * r for a, r in zip(advantages, ratios, strict=True)
    )
    return PpoPass(ratios, weights, tuple(ratio**2 for ratio in ratios))


def clipping_model() -> CreditModel:
    """Three decisions: the first is clipped, the second has moved the wrong way, the third has not moved."""
    model = model_of(CreditMethod.PPO, rally(WON, 3))
    assert model.point is not None
    model.show(dataclasses.replace(model.point, advantages=(2.0, -1.0, 0.5)))
    model.add_pass(pass_of(1.0, 1.0, 1.0, advantages=model.point.advantages))
    model.add_pass(pass_of(1.5, 1.25, 1.0, advantages=model.point.advantages))
    return model


# The model


def test_each_point_stands_for_itself() -> None:
    shown = credit_of(rally(LOST, 4), rally(WON, 2))
    assert shown.weights[CreditMethod.TOTAL] == (1.0, 1.0)
    assert shown.weights[CreditMethod.TO_GO] == pytest.approx((0.99, 1.0))
    assert shown.points == 2


def test_normalised_over_all_points_that_are_kept() -> None:
    # Rewards-to-go -0.99, -1 | 1: mean -0.33, deviations -0.66, -0.67, 1.33, whose squares, 0.4356 + 0.4489 + 1.7689,
    # over 2 are 1.3267 = 1.151825^2.
    assert credit_of(rally(LOST, 2), rally(WON, 1)).weights[CreditMethod.NORMALIZED] == pytest.approx(
        (1.154689,), abs=1e-5
    )


def test_nothing_but_points_lost() -> None:
    shown = credit_of(rally(LOST, 3), rally(LOST, 3))
    assert shown.weights[CreditMethod.TOTAL] == (-1.0, -1.0, -1.0)
    to_go, normalized = shown.weights[CreditMethod.TO_GO], shown.weights[CreditMethod.NORMALIZED]
    assert max(to_go) < 0
    assert normalized[0] > 0 > normalized[-1], "what was furthest from the point is less bad than usual"


def test_the_value_after_the_point_is_what_the_network_still_expects() -> None:
    # One decision that expected 0.5: 1 + 0.99 x 2 - 0.5 = 2.48; where the game is over, 1 - 0.5.
    one = rally(WON, 1)
    assert weigh([one], "one", 2.0, over=False).weights[CreditMethod.ADVANTAGE] == pytest.approx((2.48,))
    assert weigh([one], "one", 2.0, over=True).weights[CreditMethod.ADVANTAGE] == pytest.approx((0.5,))


def test_one_decision_alone_is_neither_better_nor_worse_than_usual() -> None:
    model = model_of(CreditMethod.NORMALIZED, rally(LOST, 1))
    assert model.weights == (0.0,)
    model.step(1)
    assert model.selected == 0


def test_methods_come_one_after_the_other() -> None:
    model = model_of(CreditMethod.TOTAL, rally(WON, 2))
    seen = []
    for _ in CreditMethod:
        seen.append(model.method)
        model.next_method()
    assert seen == list(CreditMethod)
    assert model.method is CreditMethod.TOTAL


def test_stepping_stops_at_the_ends() -> None:
    model = model_of(CreditMethod.TOTAL, rally(WON, 5))
    for steps, selected in ((-2, 2), (1, 3), (9, 4), (-9, 0)):
        model.step(steps)
        assert model.selected == selected


def test_jumping_to_the_largest_push_whatever_its_direction() -> None:
    model = model_of(CreditMethod.PPO, rally(WON, 4))
    assert model.point is not None
    model.show(dataclasses.replace(model.point, advantages=(0.5, -3.0, 2.0, 0.0)))
    assert model.selected == 1
    model.select(3)
    model.jump_to_largest()
    assert model.selected == 1
    model.change_method(CreditMethod.TOTAL)
    model.jump_to_largest()
    assert model.selected == 3, "the last of several alike"


def test_clipping_by_hand() -> None:
    model = clipping_model()
    # 1.5 is beyond 1.2: the push of 1.5 x 2 is gone; -1 has become likelier, so that it weighs 1.25 x -1.
    assert model.weights == (0.0, -1.25, 0.5)
    assert model.clipped == (3.0, 0.0, 0.0)


def test_passes_one_after_the_other() -> None:
    model = clipping_model()
    assert model.pass_number == 1, "the last that there is, until all are"
    model.next_pass()
    assert model.pass_number == 1
    for _ in range(PPO_PASSES - 1):
        model.add_pass(model.passes[-1])
    numbers = []
    for _ in range(PPO_PASSES + 1):
        numbers.append(model.pass_number)
        model.next_pass()
    assert numbers == [2, 3, 4, 5, 6, 7, 8, 0, 1]
    model.change_method(CreditMethod.ADVANTAGE)
    assert model.clipped == ()


def test_ppo_before_its_first_pass_weighs_by_advantage() -> None:
    model = model_of(CreditMethod.PPO, rally(LOST, 2), rally(WON, 3))
    assert model.point is not None
    assert model.weights == model.point.advantages


def test_passes_over_a_real_network(network: PolicyNetwork, spec: ModelSpec) -> None:
    shown = credit_of(rally(LOST, 4), rally(WON, 6))
    first, second = itertools.islice(ppo_passes(shown, PlayingNetwork(network, spec.actions, 1.0)), 2)
    # The network gives each action nearly a third; it was taken with 0.2, 0.5 or 0.3.
    assert first.ratios == pytest.approx([1 / 3 / p for p in (0.2, 0.5, 0.3)] * 2, rel=0.1)
    assert first.ratios == first.unclipped_ratios
    assert second.ratios != first.ratios


# The panel


class Later(Executor):
    """Does what it is asked to when it is told to."""

    def __init__(self) -> None:
        self.asked: list[tuple[Future[Any], Callable[[], Any]]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.asked.append((future, lambda: fn(*args, **kwargs)))
        return future

    def work(self) -> int:
        """Does one thing, the oldest; gives how many are left."""
        future, do = self.asked.pop(0)
        if future.set_running_or_notify_cancel():
            future.set_result(do())
        return len(self.asked)


@pytest.fixture
def policy(spec: ModelSpec, network: PolicyNetwork) -> PolicyAgent:
    return PolicyAgent(spec, network, name="tiny")


def snapshot(policy: PolicyAgent, *rallies: PolicyRally, value: float = 0.5, over: bool = False) -> Snapshot:
    """Just after the last point, when the policy has decided again."""
    policy.decision = decision(value)
    last = rallies[-1].steps[-1].frame if rallies else 0
    return dataclasses.replace(
        Match(Court(), names=("the left", "tiny")).snapshot(),
        decisions=(None, policy.decision),
        policies=(None, policy),
        rallies=((), rallies),
        seconds=(last + 3) / 59.92,
        over=over,
    )


def test_a_point_is_weighed_beside_the_window(policy: PolicyAgent) -> None:
    later = Later()
    panel = CreditPanel(later)
    panel.update(snapshot(policy), 0.0)
    assert not later.asked
    won = rally(WON, 1)
    now = snapshot(policy, won, value=2.0)
    panel.update(now, 0.0)
    assert panel.model.steps == ()
    assert later.work() == 0
    panel.update(now, 0.0)
    assert panel.model.steps is won.steps
    panel.model.change_method(CreditMethod.ADVANTAGE)
    assert panel.model.weights == pytest.approx((2.48,))
    panel.update(now, 0.0)
    assert not later.asked, "nothing is weighed twice, and PPO waits until it is looked at"
    panel.update(snapshot(policy), 0.0)
    assert panel.model.steps == (), "a new game"


def test_it_waits_for_the_decision_after_the_point(policy: PolicyAgent) -> None:
    later = Later()
    panel = CreditPanel(later)
    won = rally(WON, 2)
    now = snapshot(policy, won)
    policy.decision = won.steps[-1].decision
    panel.update(now, 0.0)
    assert not later.asked
    panel.update(dataclasses.replace(now, over=True), 0.0)
    assert later.asked, "after a game's end there is none"


def test_a_point_long_past_is_taken_to_end_as_it_began(policy: PolicyAgent) -> None:
    later = Later()
    panel = CreditPanel(later)
    now = dataclasses.replace(snapshot(policy, rally(WON, 1), value=7.0), seconds=60.0)
    panel.update(now, 0.0)
    later.work()
    panel.update(now, 0.0)
    assert panel.model.point is not None
    # 1 + 0.99 x 0.5 - 0.5
    assert panel.model.point.weights[CreditMethod.ADVANTAGE] == pytest.approx((0.995,))


def test_on_the_way_back_a_point_is_not_weighed_by_what_was_expected_later(policy: PolicyAgent) -> None:
    panel = CreditPanel(InlineExecutor())
    now = dataclasses.replace(snapshot(policy, rally(WON, 1), value=7.0), undone=2.0)
    panel.update(now, 0.0)
    assert panel.model.point is not None
    # 1 + 0.99 x 0.5 - 0.5
    assert panel.model.point.weights[CreditMethod.ADVANTAGE] == pytest.approx((0.995,))


@pytest.mark.parametrize("reaction", [None, 133])
def test_a_panel_that_is_opened_late_takes_the_first_decision_after_the_point(
    policy: PolicyAgent, reaction: int | None
) -> None:
    # The point's one decision came into force at frame 0, or, 133 ms late, at frame 8.
    frames = (0, 4, 8) if reaction is None else (8, 12, 16)
    history = tuple(
        Estimate(frame, 0.2, 0.3, value, 1.0, 3) for frame, value in zip(frames, (0.5, 2.0, 7.0), strict=True)
    )
    panel = CreditPanel(InlineExecutor())
    now = dataclasses.replace(
        snapshot(policy, rally(WON, 1), value=7.0), seconds=5.0, history=((), history), reactions=(None, reaction)
    )
    panel.update(now, 0.0)
    assert panel.model.point is not None
    # 1 + 0.99 x 2 - 0.5
    assert panel.model.point.weights[CreditMethod.ADVANTAGE] == pytest.approx((2.48,))


def test_ppos_passes_are_made_one_at_a_time(policy: PolicyAgent) -> None:
    later = Later()
    panel = CreditPanel(later)
    panel.model.change_method(CreditMethod.PPO)
    now = snapshot(policy, rally(LOST, 3), rally(WON, 6))
    counts = []
    for _ in range(PPO_PASSES + 4):
        panel.update(now, 0.0)
        assert len(later.asked) <= 1
        counts.append(len(panel.model.passes))
        if later.asked:
            later.work()
    assert counts == [0, 0, *range(1, PPO_PASSES + 2), PPO_PASSES + 1]


def test_a_newer_point_drops_the_passes_of_the_older(policy: PolicyAgent) -> None:
    later = Later()
    panel = CreditPanel(later)
    panel.model.change_method(CreditMethod.PPO)
    older, newer = rally(WON, 3), rally(LOST, 4, first=100)
    panel.update(snapshot(policy, older), 0.0)
    later.work()
    panel.update(snapshot(policy, older), 0.0)
    (passing, _), *_ = later.asked
    panel.update(snapshot(policy, older, newer), 0.0)
    assert passing.cancelled()
    while later.asked:
        later.work()
    panel.update(snapshot(policy, older, newer), 0.0)
    assert panel.model.point is not None
    assert panel.model.point.rally is newer
    assert panel.model.passes == ()


def test_passes_are_those_of_the_network_that_played_the_point(policy: PolicyAgent, spec: ModelSpec) -> None:
    later = Later()
    panel = CreditPanel(later)
    panel.model.change_method(CreditMethod.PPO)
    panel.update(snapshot(policy), 0.0)
    played = policy.network
    policy.change_network(spec, PolicyNetwork(spec), name="another")
    now = snapshot(policy, rally(WON, 3))
    for _ in range(3):
        panel.update(now, 0.0)
        later.work()
    panel.update(now, 0.0)
    assert panel.model.point is not None
    mine = next(ppo_passes(panel.model.point, PlayingNetwork(played, spec.actions, 1.0)))
    others = next(ppo_passes(panel.model.point, PlayingNetwork.of(policy)))
    assert panel.model.passes[0] == mine
    assert mine != others


def test_a_point_with_decisions_among_other_actions_has_no_passes(policy: PolicyAgent, spec: ModelSpec) -> None:
    later = Later()
    panel = CreditPanel(later)
    panel.model.change_method(CreditMethod.PPO)
    wider = msgspec.structs.replace(spec, actions=(*spec.actions, "SLOWRIGHTFIRE", "SLOWLEFTFIRE"))
    policy.change_network(wider, PolicyNetwork(wider), name="a later stage")
    panel.update(snapshot(policy), 0.0)
    now = snapshot(policy, rally(WON, 3))
    panel.update(now, 0.0)
    later.work()
    panel.update(now, 0.0)
    assert not later.asked
    assert panel.model.point is not None
    assert panel.model.weights == panel.model.point.advantages
    assert panel.model.passes == ()


def test_the_left_policys_point_is_shown_where_no_network_plays_right(policy: PolicyAgent) -> None:
    later = Later()
    panel = CreditPanel(later)
    now = snapshot(policy, rally(LOST, 3, side=Side.LEFT))
    now = dataclasses.replace(
        now, policies=now.policies[::-1], rallies=now.rallies[::-1], decisions=(policy.decision, decision())
    )
    panel.update(now, 0.0)
    later.work()
    panel.update(now, 0.0)
    assert panel.model.weights == (1.0, 1.0, 1.0)


def test_a_network_that_plays_by_values_has_no_gradient_to_show(policy: PolicyAgent, spec: ModelSpec) -> None:
    by_value = msgspec.structs.replace(spec, network=msgspec.structs.replace(spec.network, head="values"))
    greedy = PolicyAgent(by_value, PolicyNetwork(by_value), name="greedy")
    later = Later()
    panel = CreditPanel(later)
    panel.model.change_method(CreditMethod.PPO)
    surface = pygame.Surface((832, 200), depth=32)
    panel.update(snapshot(greedy), 0.0)
    panel.draw(surface, surface.get_rect(), 1.0)
    panel.update(snapshot(greedy, rally(WON, 3)), 0.0)
    assert (panel.model.point, later.asked) == (None, [])
    assert panel.model.placeholder == NO_GRADIENT
    # Where another takes over, its points are its own.
    now = snapshot(policy, rally(WON, 3))
    for _ in range(3):
        panel.update(now, 0.0)
        if later.asked:
            later.work()
    assert panel.model.point is not None
    assert panel.model.placeholder == NO_POINT
    assert panel.model.passes[0] == next(ppo_passes(panel.model.point, PlayingNetwork.of(policy)))


# The view


def drawn(panel: CreditPanel, size: tuple[int, int], scale: float) -> pygame.Surface:
    surface = pygame.Surface(size, depth=32)
    panel.draw(surface, surface.get_rect(), scale)
    return surface


def showing(model: CreditModel) -> CreditPanel:
    panel = CreditPanel(Later())
    panel.model = model
    return panel


@pytest.mark.parametrize(("size", "scale"), SIZES, ids=str)
@pytest.mark.parametrize("shown", [None, NO_GRADIENT, *CreditMethod], ids=str)
def test_no_text_is_cut_or_covered(
    size: tuple[int, int], scale: float, shown: CreditMethod | str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts: list[tuple[str, pygame.Rect]] = []
    draw_text = theme.draw_text

    def note(surface: pygame.Surface, text: str, text_size: int, *args: Any, **anchor: Any) -> pygame.Rect:
        box = draw_text(surface, text, text_size, *args, **anchor)
        face = args[1] if len(args) > 1 else theme.Face.REGULAR
        assert box.size == theme.font(face, text_size).size(text), f"{text!r} is cut"
        texts.append((text, box))
        return box

    monkeypatch.setattr(theme, "draw_text", note)
    points = [rally(LOST, 150, first=k) for k in range(10)]
    model = model_of(shown, *points) if isinstance(shown, CreditMethod) else CreditModel()
    model.show_placeholder(shown if isinstance(shown, str) else NO_POINT)
    if shown is CreditMethod.PPO:
        model.add_pass(pass_of(*[0.01, 99.99, 1.0] * 50, advantages=(-9.99, 9.99, 9.99) * 50))
    drawn(showing(model), size, scale)
    inside = pygame.Rect((0, 0), size).inflate(-8 * scale, -8 * scale)
    assert not [text for text, box in texts if not inside.contains(box)]
    inks = [(text, box.inflate(0, -box.height // 3)) for text, box in texts]
    assert not [(one, other) for (one, a), (other, b) in itertools.combinations(inks, 2) if a.colliderect(b)]
    assert not [text for text, _ in texts if text.endswith("…") and not text.startswith("a-m")]


def strip_of(panel: CreditPanel, surface: pygame.Surface) -> pygame.Surface:
    return surface.subsurface(panel._view._layout(panel.model.method).strip)


def colours(surface: pygame.Surface, column: int) -> tuple[int, int]:
    """How many pixels of a column are blue, and how many vermilion."""
    pixels = [surface.get_at((column, row)) for row in range(surface.height)]
    return pixels.count(theme.PUSHED_UP), pixels.count(theme.PUSHED_DOWN)


def test_pushes_are_drawn_in_their_direction_and_size() -> None:
    model = model_of(CreditMethod.PPO, rally(WON, 4))
    assert model.point is not None
    weights = (1.0, -0.5, 0.0, -1.0)
    model.show(dataclasses.replace(model.point, weights=dict.fromkeys(CreditMethod, weights)))
    model.change_method(CreditMethod.ADVANTAGE)
    panel = showing(model)
    strip = strip_of(panel, drawn(panel, (832, 200), 1.0))
    half = strip.height // 2
    middles = [strip.width * (2 * place + 1) // 8 for place in range(4)]
    # The ring around the last, which is looked at, takes two pixels of its end.
    expected = [(half, 0), (0, half // 2), (0, 0), (0, half - 2)]
    assert [colours(strip, column) for column in middles] == [pytest.approx(pair, abs=1) for pair in expected]
    assert strip.get_at((middles[0], half - 10)) == theme.PUSHED_UP
    assert strip.get_at((middles[1], half + 10)) == theme.PUSHED_DOWN


def test_what_is_clipped_is_grey() -> None:
    panel = showing(clipping_model())
    panel.model.select(2)
    strip = strip_of(panel, drawn(panel, (832, 200), 1.0))
    first, second = strip.width // 6, strip.width // 2
    assert colours(strip, first) == (0, 0)
    assert credit_view._GREY in [strip.get_at((first, row)) for row in range(strip.height // 2)]
    assert colours(strip, second)[1] > 0


def test_ratios_are_drawn_with_clipping_and_without() -> None:
    panel = showing(clipping_model())
    panel.model.select(2)
    strip = strip_of(panel, drawn(panel, (832, 200), 1.0))
    column = [strip.get_at((strip.width // 6, row)) for row in range(strip.height)]
    lower = range(round(0.62 * strip.height), strip.height)
    clipped = [row for row in lower if column[row] == theme.TEXT]
    free = [row for row in lower if column[row] == theme.QUIET]
    # 1.5 with clipping, 2.25 without: both above the middle, and the second further.
    assert max(free) < min(clipped) < strip.height * 0.81


def test_the_selected_decision_is_ringed_and_so_is_its_frame() -> None:
    model = model_of(CreditMethod.TOTAL, rally(WON, 10))
    model.select(4)
    panel = showing(model)
    surface = drawn(panel, (832, 200), 1.0)
    strip = strip_of(panel, surface)
    top = [place for place in range(strip.width) if strip.get_at((place, 0)) == theme.FOCUS]
    assert [place * 10 // strip.width for place in (top[4], top[-5])] == [4, 4]
    assert len(top) < strip.width / 10 + 10
    picture = panel._view._layout(CreditMethod.TOTAL).picture
    assert surface.get_at(picture.topleft) == theme.FOCUS


@pytest.mark.parametrize(("side", "bright"), [(Side.RIGHT, [True, False]), (Side.LEFT, [False, True])])
def test_the_frame_is_turned_back_for_the_left(side: Side, bright: list[bool]) -> None:
    panel = showing(model_of(CreditMethod.TOTAL, rally(WON, 3, side=side)))
    surface = drawn(panel, (832, 200), 1.0)
    picture = panel._view._layout(CreditMethod.TOTAL).picture
    ends = (picture.left + picture.width // 4, picture.right - picture.width // 4)
    assert [surface.get_at((column, picture.centery))[0] > 200 for column in ends] == bright


def test_the_mouse_selects_decisions_and_methods() -> None:
    panel = showing(model_of(CreditMethod.TOTAL, rally(WON, 8)))
    surface = pygame.Surface((1000, 300), depth=32)
    rect = pygame.Rect(100, 60, 832, 200)
    panel.draw(surface, rect, 1.0)
    layout = panel._view._layout(CreditMethod.TOTAL)
    strip = layout.strip.move(rect.topleft)
    for place in range(8):
        panel.point((strip.left + strip.width * (2 * place + 1) // 16, strip.centery), pressed=False)
        assert panel.model.selected == place
    panel.point((strip.left + 3, strip.top - 40), pressed=True)
    panel.point(None, pressed=False)
    assert panel.model.selected == 7
    tab = layout.tabs[CreditMethod.ADVANTAGE].move(rect.topleft)
    methods = []
    for pressed in (False, True):
        panel.point(tab.center, pressed=pressed)
        methods.append(panel.model.method)
    assert methods == [CreditMethod.TOTAL, CreditMethod.ADVANTAGE]


def test_it_is_drawn_again_only_where_something_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    count = itertools.count()
    draw = credit_view._draw
    monkeypatch.setattr(credit_view, "_draw", lambda *args: (next(count), draw(*args)))
    panel = showing(model_of(CreditMethod.PPO, rally(WON, 8)))
    model = panel.model
    assert model.point is not None
    changes: list[Callable[[], None]] = [
        lambda: None,
        lambda: model.add_pass(pass_of(*[1.0] * 8, advantages=model.point.advantages if model.point else ())),
        model.next_pass,
        model.next_method,
        lambda: model.step(-1),
        lambda: model.show(None),
    ]
    for change in changes:
        change()
        first = drawn(panel, (832, 200), 1.0)
        second = drawn(panel, (832, 200), 1.0)
        assert first.get_buffer().raw == second.get_buffer().raw
    assert next(count) == len(changes)
