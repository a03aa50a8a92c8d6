"""The lessons: what they compute, how they are asked for and told, and the page in the window."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import cache
from itertools import combinations, islice
from pathlib import Path
from typing import Any

import gymnasium
import msgspec
import numpy as np
import pygame
import pytest
import torch

from app.follow.trainer import RunningTraining, Trainer
from app.follow.tutor import Tutor
from app.learn import lessons as all_lessons
from app.learn.lesson import LearnButton, Lesson
from app.learn.page import LearnArea, LearnPage, Leave
from app.learn.screen import LearnScreen
from app.learn.view import LearnLayout, LearnView
from app.menu.model import Mode
from app.menu.screen import MenuScreen
from app.play.screen import MatchScreen
from app.screen import Follow, OpenLessons
from app.services import Services
from app.ui import theme
from app.ui.bindings import Command
from app.ui.display import open_display
from app.ui.widgets import Choice
from app.window import Window
from models.errors import UserError
from models.lessons import (
    Ask,
    Chance,
    ChanceKnobs,
    Climb,
    ClimbingKnobs,
    Knobs,
    Landscape,
    Moment,
    NoiseKnobs,
    PolicyKnobs,
    QuizKnobs,
    SaleKnobs,
    State,
    Worked,
    decode_tell,
    encode,
)
from models.run_directory import CurvePoint
from training import gridworld
from training.lessons import chance, climbing, noise, policy, quiz, sale
from training.lessons import serve as serving
from training.presets import training_settings
from training.run import RunDirectory

SIZES = ((800, 600), (1280, 800), (2560, 1440))


# What they compute


def gymnasiums_return(weights: tuple[float, float], start: float) -> float:
    """Of one episode of gymnasium's own mountain car, with actions clipped to its bounds as in training."""
    environment = gymnasium.make("MountainCarContinuous-v0")
    (place, speed), _ = environment.reset(options={"low": start, "high": start})
    total, over = 0.0, False
    while not over:
        push = weights[0] * (place + 0.5) / 0.5 + weights[1] * speed / 0.07
        (place, speed), reward, terminated, truncated, _ = environment.step(np.clip([push], -1, 1))
        total, over = total + float(reward), terminated or truncated
    return total


@pytest.mark.parametrize("weights", [(0.0, 0.0), (0.0, 1.0), (-0.4, 0.7), (0.8, 1.2), (1.5, 0.2), (0.3, -1.0)])
def test_the_car_is_gymnasiums(weights: tuple[float, float]) -> None:
    expected = np.mean([gymnasiums_return(weights, start) for start in climbing.STARTS])
    assert climbing.mean_returns(np.array([weights]))[0] == pytest.approx(expected, abs=1e-3)


def test_standing_still_is_a_local_maximum_and_not_the_best() -> None:
    angles = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    around = climbing.mean_returns(0.05 * np.stack((np.cos(angles), np.sin(angles)), 1))
    assert climbing.mean_returns(np.zeros((1, 2)))[0] == 0
    assert (around < 0).all()
    land = next(climbing.run(ClimbingKnobs()))
    assert isinstance(land, Landscape)
    assert max(map(max, land.returns)) > 95
    assert land.returns[climbing.GRID // 2][climbing.GRID // 2] == 0


def test_the_landscapes_rows_are_the_weights_of_the_speed() -> None:
    land = climbing.landscape()
    step = 2 * climbing.REACH / (climbing.GRID - 1)
    row, column = 40, 10
    weights = np.array([[-climbing.REACH + column * step, -climbing.REACH + row * step]])
    assert land.returns[row][column] == pytest.approx(climbing.mean_returns(weights)[0], abs=0.01)


@pytest.mark.parametrize("rule", climbing.SETTINGS)
def test_a_search_tells_where_it_is(rule: Any) -> None:
    climbs = [state for state in islice(climbing.run(ClimbingKnobs(rule, seed=1)), 12) if isinstance(state, Climb)]
    assert len(climbs[0].tried) * len(climbing.STARTS) == climbs[0].games
    assert climbs[0].path[0] == (0.0, 0.0)
    returns = [climb.best_return for climb in climbs]
    assert returns == sorted(returns)
    last = climbs[-1]
    assert climbing.mean_returns(np.array([last.best]))[0] == pytest.approx(last.best_return, abs=1e-3)


def test_in_the_gridworld_only_chance_is_good() -> None:
    *_, last = islice(chance.run(ChanceKnobs(seed=1)), 100)
    assert last.best == pytest.approx(gridworld.mean_value(gridworld.random_where_aliased()))
    assert last.stochastic.value > last.best_deterministic
    assert last.deterministic.value <= last.best_deterministic
    assert all(max(row) == 1 for row in last.deterministic.policy)
    assert all(max(row) == pytest.approx(0.925) for row in last.epsilon_greedy.policy), "0.9 and a quarter of 0.1"
    assert [row.index(max(row)) for row in last.stochastic.policy] == [
        row.index(1) for row in last.deterministic.policy
    ]
    assert len(last.curve) == 100


def test_a_cloud_by_hand() -> None:
    """The estimates (3, 0), (1, 2) and (-1, -2) have the mean (1, 0), and deviations of (2, 0), (0, 2), (-2, -2)."""
    points, spread = noise.cloud_of([torch.tensor(each) for each in ((3.0, 0.0), (1.0, 2.0), (-1.0, -2.0))])
    assert [x for x, _ in points] == pytest.approx([3, 1, -1])
    assert [abs(y) for _, y in points] == pytest.approx([0, 2, 2])
    assert points[1][1] == -points[2][1]
    assert spread == pytest.approx(((4 + 0 + 4) / 3 + (0 + 4 + 4) / 3) ** 0.5)
    # Twice as long gradients are seen in the same proportions.
    twice, same = noise.cloud_of([2 * torch.tensor(each) for each in ((3.0, 0.0), (1.0, 2.0), (-1.0, -2.0))])
    assert same == pytest.approx(spread)
    assert [x for x, _ in twice] == pytest.approx([3, 1, -1])


def test_no_gradient_is_no_cloud() -> None:
    assert noise.cloud_of([torch.zeros(3)] * 2) == ([(0, 0), (0, 0)], 0)


@pytest.mark.parametrize("seed", [0, 1])
def test_each_cure_makes_gradients_scatter_less_but_normalising_one_game_leaves_none(seed: int) -> None:
    learner, trajectories = noise.some_trajectories(seed)

    def spread(**cures: bool) -> float:
        chosen = noise.settings(NoiseKnobs(**cures))
        groups = noise._groups(trajectories, chosen.trajectories_per_update)
        return noise.cloud_of([noise.gradient(learner, some, chosen) for some in groups]).spread

    plain = spread()
    assert 0 < spread(batch=True) < plain
    assert spread(to_go=True) < plain
    assert spread(baseline=True) < plain
    # All rewards of a game are credited alike: less their mean, nothing is left.
    assert spread(normalize=True) == 0
    assert spread(batch=True, normalize=True, to_go=True, baseline=True) < spread(batch=True)


def test_a_moment_shows_the_ball_where_it_was_put() -> None:
    spec, _ = policy._model("ppo")
    picture, seen = policy.moment(spec, 60)
    white = (picture == 236).all(2)
    white[24:34] = white[194:] = False
    rows, columns = np.nonzero(white)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (60, 63, policy.COLUMN, policy.COLUMN + 1)
    assert seen.shape == spec.observation.shape
    assert len({frame.tobytes() for frame in seen}) == len(seen), "it moves"


def test_the_policy_follows_the_ball_and_its_draws_follow_its_probabilities() -> None:
    above, below = (next(policy.run(PolicyKnobs(row))) for row in (70, 150))
    up, down = ("RIGHTFIRE", "SLOWRIGHTFIRE"), ("LEFTFIRE", "SLOWLEFTFIRE")
    for moment, right in ((above, up), (below, down)):
        shares = dict(zip(moment.actions, moment.probabilities, strict=True))
        assert sum(shares[action] for action in right) > 0.9


def test_the_trained_policy_goes_to_the_ball_wherever_it_is() -> None:
    """As the lesson has it, row by row; near the middle, it may stay."""
    paddle = 110
    for row in range(38, 190, 8):
        moment = next(policy.run(PolicyKnobs(row)))
        shares = dict(zip(moment.actions, moment.probabilities, strict=True))
        up, down = (sum(share for action, share in shares.items() if name in action) for name in ("RIGHT", "LEFT"))
        assert abs(row - paddle) < 24 or (up > down) == (row < paddle), row
    *_, last = policy.run(PolicyKnobs(118, "a little", seed=3))
    assert sum(last.counts) == policy.MOST_DRAWS
    for count, probability in zip(last.counts, last.probabilities, strict=True):
        assert count / policy.MOST_DRAWS == pytest.approx(probability, abs=0.08)


@pytest.mark.parametrize(
    ("name", "right", "said"),
    [
        # e^2, e and 1/e^2 are 7.389, 2.718 and 0.135, 10.243 in all.
        ("policy", "softmax", "softmax makes 0.72, 0.27, 0.01, which add up to 1.00"),
        # The mean is 3, and the squares of -2, -1, 0 and 3 add up to 14: the deviation is the root of 14/3, 2.16.
        ("noise", "those of the best", "\N{MINUS SIGN}0.93, \N{MINUS SIGN}0.46, 0.00, 1.39"),
    ],
)
def test_answers_are_worked_out(name: str, right: str, said: str) -> None:
    (worked,) = serving.states(QuizKnobs(name))
    question = next(lesson.question for lesson in all_lessons.lessons() if lesson.name == name)
    assert isinstance(worked, Worked)
    assert question is not None
    assert question.options[worked.right] == right
    assert any(said in line for line in worked.lines)


def test_the_worked_game() -> None:
    """Moves 1 0 1 with rewards 1 0 1: (2, 1, 1) times (2, -2, 2) is 4; of -4, -2, 2 and 4 that is the fourth."""
    worked = quiz.future_rewards()
    assert worked.right == 3
    assert [line.rsplit(": ")[1] for line in worked.lines] == ["2, 1, 1", "2, \N{MINUS SIGN}2, 2", "4"]


def test_a_layer_for_the_mountain_car() -> None:
    worked = quiz.last_layer()
    assert worked.right == 2
    assert worked.lines[0] == "An action is 1 number between \N{MINUS SIGN}1 and 1."
    assert "tanh makes \N{MINUS SIGN}1 to 1" in worked.lines[2]


def test_a_sale_is_learned_and_seen_beside_the_best() -> None:
    first, *rest = islice(sale.run(SaleKnobs(1e-6)), 9)
    assert first.best_utility == pytest.approx(704_723, abs=1)
    assert first.best_place == pytest.approx((0.476456, 0.477713), abs=1e-6)
    for state in (first, *rest):
        assert (state.held[0], state.held[-1], len(state.held)) == (1, 0, 61)
        assert state.utility >= state.best_utility
        assert state.held == sorted(state.held, reverse=True)
    assert [state.steps for state in rest] == [960 * number for number in range(1, 9)]
    assert rest[-1].utility < first.utility
    assert len(rest[-1].path) == 9
    # An untrained policy sells about half of what is left each day.
    assert first.held[1] == pytest.approx(0.5, abs=0.05)


# How they are asked for and told


class Slow:
    """Lines that come one by one, each once the one before has been answered `answers` times."""

    def __init__(self, *asks: Ask, answers: int) -> None:
        self.told: list[tuple[int, State]] = []
        self._asks, self._answers = asks, answers

    def __iter__(self) -> Iterator[bytes]:
        for ask in self._asks:
            yield encode(ask)
            while ask.knobs is not None and sum(number == ask.number for number, _ in self.told) < self._answers:
                time.sleep(0.001)

    def tell(self, line: bytes) -> None:
        told = decode_tell(line)
        self.told.append((told.number, told.state))


def test_what_is_asked_last_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "INTERVAL", 0.01)
    asks = Slow(Ask(1, ClimbingKnobs()), Ask(2, ChanceKnobs()), Ask(3, None), Ask(4, PolicyKnobs()), answers=3)
    serving.serve(asks, asks.tell)
    numbers = [number for number, _ in asks.told]
    assert numbers == sorted(numbers)
    assert set(numbers) == {1, 2, 4}
    kinds = {number: {type(state) for told, state in asks.told if told == number} for number in numbers}
    assert kinds == {1: {Landscape, Climb}, 2: {Chance}, 4: {Moment}}


# The page


class FakeTutor(Tutor):
    """Notes what it is asked, and tells what the test says."""

    def __init__(self) -> None:
        self.asked: list[Knobs | None] = []
        self.states: dict[type, State] = {}
        self.gone = False

    def ask(self, knobs: Knobs) -> None:
        self.asked.append(knobs)
        self.states = {}

    def rest(self) -> None:
        self.asked.append(None)

    def check(self) -> None:
        if self.gone:
            raise UserError("the process has ended")

    def told(self, kind: type[Any]) -> Any:
        return self.states.get(kind)

    @property
    def speaks(self) -> bool:
        return bool(self.states)


@pytest.fixture
def page() -> LearnPage:
    return LearnPage(all_lessons.lessons(), FakeTutor())


def asked(page: LearnPage) -> list[Knobs | None]:
    assert isinstance(page.tutor, FakeTutor)
    return page.tutor.asked


def open_lesson(page: LearnPage, name: str) -> Lesson:
    lesson = next(lesson for lesson in page.lessons if lesson.name == name)
    page.focus.go(lesson)
    page._settle()
    return lesson


def group(page: LearnPage) -> LearnArea:
    return page.focus.group


def test_a_lesson_begins_when_the_choices_rest(page: LearnPage) -> None:
    page.update(0.0)
    assert asked(page) == [PolicyKnobs(row=110)]
    page.command(Command.DOWN)
    page.update(0.05)
    page.command(Command.DOWN)
    page.update(0.1)
    assert len(asked(page)) == 1, "the first was only passed"
    assert not page.begun
    page.update(0.1)
    assert asked(page)[1:] == [ChanceKnobs()]
    assert page.begun


def test_a_choice_asks_anew_but_one_of_the_picture_alone_does_not(page: LearnPage) -> None:
    open_lesson(page, "chance")
    page.update(1.0)
    page.command(Command.CONFIRM)
    page.command(Command.RIGHT)
    page.update(1.0)
    assert asked(page) == [ChanceKnobs()]
    open_lesson(page, "climbing")
    page.command(Command.CONFIRM)
    page.command(Command.RIGHT)
    page.update(1.0)
    assert asked(page)[-1] == ClimbingKnobs("steepest-ascent")


def test_again_is_with_another_seed(page: LearnPage) -> None:
    open_lesson(page, "climbing")
    page.command(Command.RIGHT)
    page.command(Command.DOWN)
    assert page.focus.target is LearnButton.AGAIN
    page.update(1.0)
    page.command(Command.CONFIRM)
    page.update(1.0)
    assert asked(page) == [ClimbingKnobs(seed=0), ClimbingKnobs(seed=1)]


def test_new_luck_is_offered_only_where_there_is_luck(page: LearnPage) -> None:
    open_lesson(page, "credit")
    assert LearnButton.AGAIN not in page.buttons
    page.command(Command.CONFIRM)
    page.command(Command.RIGHT)
    assert LearnButton.AGAIN in page.buttons


def test_back_leads_to_the_list_and_then_to_the_menu(page: LearnPage) -> None:
    page.command(Command.RIGHT)
    assert group(page) is LearnArea.CHOICES
    assert page.command(Command.BACK) is None
    assert group(page) is LearnArea.LESSONS
    assert page.command(Command.BACK) == Leave()


def test_a_lesson_is_done_once_its_point_was_seen(page: LearnPage) -> None:
    open_lesson(page, "chance")
    page.update(1.0)
    assert page.done == set()
    state = next(chance.run(ChanceKnobs()))
    assert isinstance(page.tutor, FakeTutor)
    page.tutor.states = {Chance: state}
    page.update(0.1)
    assert page.done == set(), "nothing is learned yet"
    page.tutor.states = {Chance: msgspec.structs.replace(state, best=state.stochastic.value - 0.1)}
    page.update(0.1)
    assert page.done == {"chance"}


def test_a_question_is_asked_in_place_of_the_lesson(page: LearnPage) -> None:
    page.update(1.0)
    page.click(LearnButton.QUESTION)
    page.update(1.0)
    assert asked(page)[-1] == QuizKnobs("policy")
    assert page.buttons == (LearnButton.LESSON,)
    assert isinstance(page.tutor, FakeTutor)
    page.tutor.states = {Worked: Worked(["So it is."], 2)}
    view, surface = LearnView(page), pygame.Surface((800, 600))
    pictures = []
    assert group(page) is LearnArea.ANSWERS
    for key in (Command.UP, Command.CONFIRM, Command.DOWN, Command.CONFIRM, Command.DOWN, Command.CONFIRM):
        page.command(key)
        view.draw(surface)
        pictures.append(surface.subsurface(LearnLayout.of(surface.size, page).picture).copy().get_buffer().raw)
    asked_only, first, moved, second, moved_again, third = pictures
    assert (first, second) == (moved, moved_again), "only Enter answers"
    assert first == second, "both are wrong, and it is the third"
    assert len({asked_only, first, third}) == 3
    page.click(LearnButton.LESSON)
    page.update(1.0)
    assert asked(page)[-1] == PolicyKnobs(row=110)
    page.click(LearnButton.QUESTION)
    page.command(Command.BACK)
    page.command(Command.DOWN)
    assert not page.asking, "another lesson is open"


def test_the_mouse_answers_a_question(page: LearnPage) -> None:
    page.click(LearnButton.QUESTION)
    view, size = LearnView(page), (800, 600)
    answers = LearnLayout.of(size, page).spots[LearnArea.ANSWERS]
    assert [answer for answer, _ in answers] == list(page.answers)
    for answer, rect in answers:
        view.click(rect.center, size)
        assert page.answer == answer


def test_the_font_has_every_letter_of_the_lessons() -> None:
    def drawn(letter: str) -> bytes:
        picture = theme.font(theme.Face.REGULAR, theme.BODY_SIZE).render(letter, True, theme.TEXT)
        return pygame.image.tobytes(picture, "RGBA")

    texts = [text for lesson in all_lessons.lessons() for text in (lesson.title, lesson.idea, lesson.command)]
    questions = [lesson.question for lesson in all_lessons.lessons() if lesson.question is not None]
    texts += [text for question in questions for text in (question.text, *question.options)]
    missing = drawn("\N{CJK UNIFIED IDEOGRAPH-6F22}")
    assert drawn("\N{GREEK SMALL LETTER THETA}") == missing
    assert not [letter for letter in set("".join(texts)) if drawn(letter) == missing]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_no_idea_is_cut(size: tuple[int, int]) -> None:
    page = LearnPage(all_lessons.lessons(), FakeTutor())
    for lesson in page.lessons:
        open_lesson(page, lesson.name)
        layout = LearnLayout.of(size, page)
        letters = round(theme.BODY_SIZE * layout.scale)
        lines = theme.wrapped(lesson.idea, letters, layout.idea.width, 99)
        assert layout.idea.height >= len(lines) * theme.font(theme.Face.REGULAR, letters).get_linesize(), lesson.name


def test_the_page_opens_at_the_first_lesson_that_is_not_done() -> None:
    page = LearnPage(all_lessons.lessons(), FakeTutor(), done={"policy", "climbing"})
    assert page.lesson.name == "chance"


def test_a_training_is_started_watched_and_stopped(page: LearnPage) -> None:
    lesson = open_lesson(page, "pong")
    page.update(1.0)
    assert asked(page) == [None], "the tutor has nothing to do"
    page.command(Command.CONFIRM)
    assert page.command(Command.CONFIRM) is LearnButton.TRAIN
    assert not lesson.shown(page.tutor)
    curve = (CurvePoint(1000, 5.0, -21.0), CurvePoint(2000, 9.0, -10.0))
    page.show_training(RunningTraining(Path("run"), "2,000 steps", curve, 5000))
    assert page.focus.target is LearnButton.WATCH
    assert page.command(Command.CONFIRM) is LearnButton.WATCH
    page.command(Command.DOWN)
    assert page.command(Command.CONFIRM) is LearnButton.STOP
    page.command(Command.LEFT)
    assert group(page) is LearnArea.LESSONS
    assert lesson.shown(page.tutor)


def test_a_training_that_starts_is_not_stopped_by_a_second_press(page: LearnPage) -> None:
    open_lesson(page, "pong")
    page.command(Command.CONFIRM)
    page.show_training(RunningTraining(Path("run"), "Starting …", for_pong=None))
    assert page.command(Command.CONFIRM) is None
    assert page.focus.target is LearnButton.STOP
    page.show_training(RunningTraining(Path("run"), "2,000 steps"))
    assert page.buttons == (LearnButton.WATCH, LearnButton.STOP)


def test_it_is_noticed_when_the_process_of_the_lessons_ends(page: LearnPage) -> None:
    page.update(1.0)
    page.update(1.0)
    assert isinstance(page.tutor, FakeTutor)
    page.tutor.gone = True
    with pytest.raises(UserError, match="has ended"):
        page.update(1.0)
    open_lesson(page, "pong")
    page.update(1.0)
    page.update(1.0)


def test_another_training_is_not_the_lessons(page: LearnPage) -> None:
    lesson = open_lesson(page, "pong")
    curve = (CurvePoint(1000, 5.0, 20.0), CurvePoint(2000, 9.0, 200.0))
    page.show_training(RunningTraining(Path("run"), "2,000 steps", curve, 5000, for_pong=False))
    assert lesson.buttons == (LearnButton.STOP,)
    assert not lesson.shown(page.tutor)


def test_a_mean_return_of_nothing_is_one(page: LearnPage) -> None:
    lesson = open_lesson(page, "pong")
    curve = (CurvePoint(1000, 5.0, -21.0), CurvePoint(2000, 9.0, 0.0))
    page.show_training(RunningTraining(Path("run"), "2,000 steps", curve, 5000))
    assert lesson.shown(page.tutor)


@cache
def first_states(knobs: Knobs | None) -> dict[type, State]:
    """What a lesson is told at first, by kind."""
    return {type(state): state for state in islice(serving.states(knobs), 4)}


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_every_lesson_is_drawn_within_its_picture(size: tuple[int, int]) -> None:
    page = LearnPage(all_lessons.lessons(), FakeTutor())
    view = LearnView(page)
    for lesson in page.lessons:
        open_lesson(page, lesson.name)
        page.update(1.0)
        assert isinstance(page.tutor, FakeTutor)
        page.tutor.states = dict(first_states(lesson.knobs(0)))
        surface = pygame.Surface(size, depth=32)
        view.draw(surface)
        layout = LearnLayout.of(size, page)
        bare = pygame.Surface(size, depth=32)
        page.tutor.states = {}
        drawn = pygame.surfarray.array3d(surface)
        view.draw(bare)
        differs = (drawn != pygame.surfarray.array3d(bare)).any(2)
        if lesson.knobs(0) is not None:
            assert differs.any(), lesson.name
            # Labels of axes may stand a line beyond the picture, but in the panel.
            columns, rows = np.nonzero(differs)
            line = round(24 * layout.scale)
            beyond = layout.panel.clip(layout.picture.inflate(2 * layout.panel.width, 2 * line))
            found = pygame.Rect(*map(int, (columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1)))
            assert beyond.contains(found), lesson.name


def test_no_words_lie_on_others_in_the_smallest_window(monkeypatch: pytest.MonkeyPatch) -> None:
    page = LearnPage(all_lessons.lessons(), FakeTutor())
    draw, boxes = theme.draw_text, dict[str, pygame.Rect]()

    def noted(surface: pygame.Surface, text: str, size: int, *how: Any, **place: Any) -> pygame.Rect:
        box = draw(surface, text, size, *how, **place)
        boxes[f"{len(boxes)} {text}"] = box.inflate(0, size - box.height - 2)
        return box

    monkeypatch.setattr(theme, "draw_text", noted)
    for lesson in page.lessons:
        open_lesson(page, lesson.name)
        page.update(1.0)
        assert isinstance(page.tutor, FakeTutor)
        page.tutor.states = dict(first_states(lesson.knobs(0)))
        boxes.clear()
        LearnView(page).draw(pygame.Surface(theme.MIN_SIZE, depth=32))
        found = [(one, other) for one, other in combinations(boxes, 2) if boxes[one].colliderect(boxes[other])]
        assert not found, lesson.name


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_nothing_on_the_page_overlaps(size: tuple[int, int]) -> None:
    page = LearnPage(all_lessons.lessons(), FakeTutor())
    for lesson in page.lessons:
        open_lesson(page, lesson.name)
        layout = LearnLayout.of(size, page)
        spots = [rect for spots in layout.spots.values() for _, rect in spots]
        parts = [layout.heading, layout.title, layout.idea, layout.picture, layout.command, layout.hints, *spots]
        assert all(pygame.Rect((0, 0), size).contains(part) for part in parts)
        overlapping = [(one, other) for one, other in combinations(parts, 2) if one.colliderect(other)]
        assert not overlapping, lesson.name
        assert layout.picture.height > 0.25 * size[1], lesson.name


def test_the_mouse_opens_lessons_and_changes_choices(page: LearnPage) -> None:
    view, size = LearnView(page), (1280, 800)
    layout = LearnLayout.of(size, page)
    lesson, rect = layout.spots[LearnArea.LESSONS][1]
    view.click(rect.center, size)
    assert page.lesson is lesson
    choice, rect = LearnLayout.of(size, page).spots[LearnArea.CHOICES][0]
    assert isinstance(choice, Choice)
    before = choice.value
    view.click((rect.right - 8, rect.centery), size)
    assert choice.value != before
    assert view.click((5, 5), size) is None


# In the window


@pytest.fixture
def window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Window]:
    """On a display that nobody sees, with folders of its own."""
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    monkeypatch.setenv("VOLLEY_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("VOLLEY_DATA", str(tmp_path / "data"))
    one = Window(open_display())
    with one.services:
        one.frame(0.0)
        yield one
        one._screen.close()
    pygame.event.clear()


def test_the_window_is_gone_before_the_lessons_end(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    services, ended = Services(window.services.display), list[str]()
    monkeypatch.setattr(services.display, "close", lambda: ended.append("window"))
    monkeypatch.setattr(FakeTutor, "close", lambda _: ended.append("lessons"))
    services._tutor = FakeTutor()
    with services:
        pass
    monkeypatch.undo()
    assert ended == ["window", "lessons"], "nobody looks at a frozen window"


def frames_until(window: Window, ready: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline
        window.frame(0.02)
        time.sleep(0.005)


def test_lessons_run_in_the_window(window: Window) -> None:
    """Out of a real process, from the menu and back."""
    menu = window._screen
    assert isinstance(menu, MenuScreen)
    while menu._view.model.mode is not Mode.LEARN:
        menu.command(Command.DOWN)
    window.frame(0.02)
    assert window.services._tutor is not None, "it gets ready while the menu shows what is there"
    window._act(menu.command(Command.CONFIRM))
    screen = window._screen
    assert isinstance(screen, LearnScreen)
    page = screen._view.page
    frames_until(window, lambda: page.tutor.told(Moment) is not None)
    page.command(Command.DOWN)
    frames_until(window, lambda: "climbing" in page.done)
    assert "climbing" in window.services.settings.lessons
    window._act(screen.command(Command.BACK))
    assert isinstance(window._screen, MenuScreen)
    assert window._screen.mode is Mode.LEARN, "the menu is as it was left"


def test_the_way_back_from_its_training_leads_to_the_lesson(
    window: Window, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window._act(OpenLessons("pong"))
    screen = window._screen
    assert isinstance(screen, LearnScreen)
    assert screen._view.page.lesson.name == "pong"
    run = tmp_path / "run"
    RunDirectory.create(run, training_settings("ppo", "pong"))
    monkeypatch.setattr(Trainer, "now", RunningTraining(run, "Starting …"))
    request = screen._act(LearnButton.WATCH)
    assert request == Follow(run, back=OpenLessons("pong"))
    window._act(request)
    assert isinstance(window._screen, MatchScreen)
    window._act(window._screen.command(Command.BACK))
    assert isinstance(window._screen, LearnScreen)
    assert window._screen._view.page.lesson.name == "pong"


def test_a_tutor_that_dies_ends_the_page_and_not_the_window(window: Window) -> None:
    window._act(OpenLessons())
    screen = window._screen
    assert isinstance(screen, LearnScreen)
    tutor = window.services.tutor()
    frames_until(window, lambda: tutor.told(Moment) is not None)
    tutor._process.kill()
    tutor._process.wait()
    screen._view.page.command(Command.DOWN)
    frames_until(window, lambda: isinstance(window._screen, MenuScreen))
    assert "has ended" in window.services.toast.text
    window._act(OpenLessons())
    assert window.services.tutor() is not tutor
    frames_until(window, lambda: window.services.tutor().speaks)


def test_a_tutor_that_is_closed_is_gone() -> None:
    tutor = Tutor()
    tutor.ask(PolicyKnobs())
    tutor.close()
    assert tutor.ended
    with pytest.raises(UserError, match="has ended"):
        tutor.ask(PolicyKnobs())
