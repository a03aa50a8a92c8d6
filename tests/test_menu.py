from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pygame
import pytest
from msgspec.structs import replace

from agents.pong import Side
from app.follow.trainer import RunningTraining, Train
from app.game.levels import Level
from app.game.lineup import Ladder, Lineup, Person, Player, Policy, Rom, Script, Tracker
from app.game.rating import PersonRating
from app.menu.choices import STEPS, OpponentKind, Preferences, progress_of
from app.menu.model import (
    ChangeSettings,
    MenuButton,
    MenuModel,
    MenuTarget,
    Mode,
    Outcome,
    StopTraining,
)
from app.menu.view import MenuLayout, MenuView
from app.screen import Follow, OpenLessons, OpenLibrary, Quit, Start
from app.ui import theme, widgets
from app.ui.bindings import BINDINGS, Command, Context
from app.ui.widgets import Choice
from models.spec import encode
from training.presets import training_settings
from training.run import Progress, RunDirectory

SIZES = [(800, 600), (1000, 600), (1280, 720), (1280, 800), (1024, 1366), (2560, 1440)]
MODELS = ["ppo", "ppo@153600", "ppo@454656"]
WHO = "ppo after 28 minutes of training, 2.00 million steps, reaction 230 ms"
LEVELS = [
    Level(name=name, description=WHO, player=player, rating=700 + 300 * share, points_won=share)
    for name, player, share in [
        ("Rookie", Policy("ppo@153600", reaction_ms=230), 0.0),
        ("Regular", Policy("ppo@454656", reaction_ms=230, misjudgement=5.0), 0.375),
        ("Champion", Policy("ppo", greedy=True), 1.0),
    ]
]
ROOKIE, REGULAR, CHAMPION = (level.player for level in LEVELS)
OWN = Policy("runs/my own training of a day/best", temperature=0.7, reaction_ms=120)
LINEUPS = [
    Lineup(REGULAR, Person()),
    Lineup(Person(), CHAMPION),
    Lineup(Person(), Ladder(2)),
    Lineup(Tracker(230), Person()),
    Lineup(Script("predictor"), Person()),
    Lineup(OWN, Person()),
    Lineup(Rom(), Person()),
    Lineup(Person(), Person()),
    Lineup(Rom(), OWN),
    Lineup(Policy("ppo", greedy=True, temperature=2.0), Tracker()),
    Lineup(OWN, OWN),
]
FIRST = LINEUPS[0]
RUNS = [Path("runs/a training of many days with a name"), Path("runs/first")]
NOW = RunningTraining(Path("runs/first"), "0.13M of 5.00M steps, mean return \N{MINUS SIGN}19.5, 68 min left")
PICTURE = np.full((210, 160, 3), 144, np.uint8)


def menu(last: Lineup = FIRST, preferences: Preferences | None = None, person: PersonRating | None = None) -> MenuModel:
    return MenuModel(
        last,
        MODELS,
        LEVELS,
        measured_against=Script("casual"),
        person=person,
        preferences=preferences,
        settings_path="/home/someone/.config/volley/settings.toml",
        runs=RUNS,
    )


def rated(level: Level) -> PersonRating:
    """A person as strong as the level."""
    return PersonRating(level.rating, level.rating - 60, level.rating + 60, 4)


def press(model: MenuModel, *commands: Command) -> Outcome | None:
    """The outcome of the last command; the ones before must have none."""
    *before, last = commands
    assert [model.command(command) for command in before] == [None] * len(before)
    return model.command(last)


def in_mode(mode: Mode) -> MenuModel:
    model = menu(Lineup(Person(), Person()))
    model.click(mode)
    return model


def kind_of(lineup: Lineup) -> tuple[type[Player], type[Player]]:
    return type(lineup.left), type(lineup.right)


MODES = {
    Mode.AGENT: (Policy, Person),
    Mode.ROM: (Rom, Person),
    Mode.PEOPLE: (Person, Person),
    Mode.WATCH_ROM: (Rom, Policy),
    Mode.WATCH_AGENTS: (Policy, Policy),
}


def down_to(mode: Mode) -> list[Command]:
    """From the first mode."""
    return [Command.DOWN] * list(Mode).index(mode)


@pytest.mark.parametrize("last", LINEUPS, ids=str)
def test_enter_starts_what_was_played_last(last: Lineup) -> None:
    assert press(menu(last), Command.CONFIRM) == Start(last)


@pytest.mark.parametrize("mode", MODES)
def test_keys_alone_reach_every_mode(mode: Mode) -> None:
    model = menu()
    outcome = press(model, *[Command.UP] * len(Mode), *down_to(mode), Command.CONFIRM)
    assert isinstance(outcome, Start)
    assert kind_of(outcome.lineup) == MODES[mode]


@pytest.mark.parametrize("size", [(800, 600), (2560, 1440)], ids=str)
@pytest.mark.parametrize("mode", MODES)
def test_the_mouse_alone_reaches_every_mode(mode: Mode, size: tuple[int, int]) -> None:
    view = MenuView(menu())
    assert click(view, mode, size) is None
    outcome = click(view, MenuButton.START, size)
    assert isinstance(outcome, Start)
    assert kind_of(outcome.lineup) == MODES[mode]


def rect_of(model: MenuModel, target: MenuTarget, size: tuple[int, int] = (1280, 800)) -> pygame.Rect:
    return dict(spots_of(MenuLayout.of(size, model)))[target]


def spots_of(layout: MenuLayout) -> list[tuple[MenuTarget, pygame.Rect]]:
    return [spot for spots in layout.spots.values() for spot in spots]


def click(view: MenuView, target: MenuTarget, size: tuple[int, int] = (1280, 800)) -> Outcome | None:
    return view.click(rect_of(view.model, target, size).center, size)


def test_keys_and_mouse_quit() -> None:
    assert press(menu(), *down_to(Mode.QUIT), Command.CONFIRM) == Quit()
    assert click(MenuView(menu()), Mode.QUIT) == Quit()


def test_keys_and_mouse_lead_to_the_models() -> None:
    assert press(menu(), *down_to(Mode.MODELS), Command.CONFIRM) == OpenLibrary()
    view = MenuView(menu())
    assert click(view, Mode.MODELS) is None
    assert click(view, MenuButton.BROWSE) == OpenLibrary()


def test_back_leads_out_step_by_step() -> None:
    model = menu()
    press(model, Command.RIGHT, Command.DOWN, Command.BACK)
    assert model.focus.target is model.mode is Mode.AGENT
    assert press(model, Command.BACK, Command.BACK) == Quit()


def test_keys_move_through_the_options_and_back() -> None:
    model = menu()
    seen = []
    press(model, Command.RIGHT)
    for _ in range(4):
        seen.append(model.focus.target)
        press(model, Command.DOWN)
    assert seen == [*model.options, MenuButton.START]
    assert press(model, Command.LEFT) is None
    assert model.focus.target is Mode.AGENT


def test_a_mode_without_options_has_its_start_only() -> None:
    model = in_mode(Mode.PEOPLE)
    assert press(model, Command.RIGHT, Command.CONFIRM) == Start(Lineup(Person(), Person()))


def test_left_and_right_go_through_the_opponents_and_stop_at_the_ends() -> None:
    model = menu()
    press(model, Command.RIGHT, *[Command.LEFT] * 9)
    opponents = []
    for _ in range(8):
        assert model.lineup is not None
        opponents.append(model.lineup.left)
        press(model, Command.RIGHT)
    # The custom one begins as the last lineup's policy; the script as the tracker with its reaction.
    assert opponents == [
        ROOKIE,
        REGULAR,
        CHAMPION,
        Ladder(0),
        Tracker(230),
        *[Policy("ppo@454656", reaction_ms=230)] * 3,
    ]


def test_the_side_is_changed_and_keeps_the_focus() -> None:
    model = menu()
    press(model, Command.RIGHT, Command.DOWN, Command.LEFT)
    assert model.lineup == Lineup(Person(), REGULAR)
    press(model, Command.RIGHT)
    assert model.lineup == FIRST


def test_every_reachable_opponent_opens_again_as_it_was() -> None:
    seen = reachable(FIRST)
    # The ladder from each of 3 levels, the tracker with 7 reactions, 6 other scripts, and 3 models with 7 reactions,
    # sampled or greedy, at 4 temperatures, among which 2 of the levels are; the third misjudges balls.
    assert len(seen) == 3 + 7 + 6 + 3 * 7 * 2 * 4 + 1


def reachable(first: Lineup) -> set[Lineup]:
    """All lineups that single steps from menus opened on one another lead to."""
    seen, fresh = {first}, [first]
    while fresh:
        last = fresh.pop()
        assert menu(last).lineup == last
        found = set(stepped(last)) - seen
        seen |= found
        fresh += found
    return seen


def stepped(last: Lineup) -> Iterator[Lineup]:
    """By one step of each of the opponent's choices; the side and the start come after these."""
    for place, step in itertools.product(range(len(menu(last).options) - 2), (-1, 1)):
        model = menu(last)
        model.click(model.options[place], step)
        assert model.lineup is not None
        yield model.lineup


def test_every_match_reached_by_random_keys_opens_again_as_it_was() -> None:
    random = np.random.default_rng(1)
    model, modes = menu(LINEUPS[-1]), set()
    steps = [command for command in Command if command.name in ("UP", "DOWN", "LEFT", "RIGHT", "BACK")]
    for _ in range(6000):
        model.command(random.choice(np.array(steps)))
        if model.lineup is not None:
            modes.add(model.mode)
            again = menu(model.lineup)
            assert (again.mode, again.lineup) == (model.mode, model.lineup)
    assert modes == set(MODES)


def test_clicks_on_arrows_lead_either_way_and_on_the_name_nowhere() -> None:
    view, size = MenuView(menu(Lineup(Tracker(100), Person()))), (1280, 800)
    reaction = next(choice for choice in view.model.options if isinstance(choice, Choice) and choice.value == 100)
    row = rect_of(view.model, reaction)
    seen = []
    for column in (row.right - 12, row.left + 12, widgets.value_box(row, reaction).left + 12):
        assert view.click((column, row.centery), size) is None
        seen.append(reaction.text)
    assert seen == ["150 ms", "150 ms", "100 ms"]
    assert view.model.focus.target is reaction
    assert view.click((640, 380), size) is None


def test_pointing_moves_the_focus_among_options_and_not_among_modes() -> None:
    view, size = MenuView(menu()), (1280, 800)
    view.point(rect_of(view.model, Mode.SETTINGS).center, size)
    assert view.model.focus.target is view.model.mode is Mode.AGENT
    for target in view.model.options:
        view.point(rect_of(view.model, target).center, size)
        assert view.model.focus.target is target


def test_a_new_training_is_chosen_by_keys() -> None:
    model = in_mode(Mode.TRAIN)
    assert press(model, Command.CONFIRM) == Train("ppo", 200_000, None)
    more = (Command.RIGHT, Command.DOWN, Command.DOWN, Command.RIGHT)
    assert press(model, *more, Command.CONFIRM) == Train("ppo", 1_000_000, None)


def test_a_run_is_resumed_to_its_own_steps_or_to_more() -> None:
    model = in_mode(Mode.TRAIN)
    assert press(model, Command.RIGHT, Command.RIGHT, Command.CONFIRM) == Train("ppo", None, RUNS[0])
    press(model, Command.RIGHT, Command.DOWN, Command.RIGHT)
    assert press(model, Command.CONFIRM) == Train("ppo", 200_000, RUNS[1])


def test_the_page_says_how_far_a_run_has_got(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "old", replace(training_settings("ppo", "Pong"), steps=1000))
    assert progress_of(run.path) == "PPO on Pong: 0 of 1,000 steps done."
    run.log(Progress(steps=300, games=9), {"mean_return": -21.0})
    assert progress_of(run.path) == "PPO on Pong: 300 of 1,000 steps done."
    run.log(Progress(steps=600, games=10), {"mean_return": -3.25})
    assert progress_of(run.path) == "PPO on Pong: 600 of 1,000 steps done, with a mean return of \N{MINUS SIGN}3.2."
    run.log(Progress(steps=700, games=20), {"mean_return": -0.01})
    assert progress_of(run.path).endswith("a mean return of 0.0.")
    run.log(Progress(steps=1002, games=30), {"mean_return": math.nan})
    assert progress_of(run.path) == "PPO on Pong: all 1,000 steps are done. To go on: choose more total steps."
    run.write_settings(replace(run.settings, steps=STEPS[-1]))
    run.log(Progress(steps=STEPS[-1]), {})
    assert "volley train --resume" in progress_of(run.path)
    (run.path / "config.json").write_bytes(encode(run.settings.model))  # a model's
    assert progress_of(run.path) == "PPO on Pong: 6,000,000 steps done."
    poles = RunDirectory.create(tmp_path / "poles", training_settings("reinforce", "CartPole-v1"))
    assert progress_of(poles.path) == "REINFORCE on CartPole-v1: 0 of 200,000 steps done."
    (run.path / "config.json").write_text("{")
    assert str(run.path) in progress_of(run.path)


def test_a_chosen_run_is_resumed_and_a_new_one_started() -> None:
    model = in_mode(Mode.TRAIN)
    assert model.buttons == (MenuButton.START,)
    press(model, Command.RIGHT, Command.RIGHT)
    assert model.buttons == (MenuButton.RESUME,)
    assert ("Enter", "resume") in widgets.hints(BINDINGS, model.hints)


def test_a_running_training_is_watched_or_stopped_and_then_resumed() -> None:
    model = in_mode(Mode.TRAIN)
    press(model, Command.RIGHT, Command.RIGHT)
    model.show_training(NOW)
    assert model.focus.target is MenuButton.FOLLOW
    assert model.cards[0].about == (NOW.about,)
    assert press(model, Command.CONFIRM) == Follow(NOW.run)
    assert ("Enter", "stop and save") not in widgets.hints(BINDINGS, model.hints)
    assert press(model, Command.DOWN, Command.CONFIRM) == StopTraining()
    assert ("Enter", "stop and save") in widgets.hints(BINDINGS, model.hints)
    focused = []
    for command in (Command.LEFT, Command.RIGHT):
        press(model, command)
        focused.append(model.focus.target)
    model.show_training(None, (*RUNS, NOW.run))
    assert [*focused, model.focus.target] == [MenuButton.FOLLOW, MenuButton.STOP, MenuButton.RESUME]
    assert press(model, Command.CONFIRM) == Train("ppo", None, NOW.run)


def test_a_training_that_saved_nothing_is_not_offered() -> None:
    model = in_mode(Mode.TRAIN)
    model.show_training(NOW)
    model.show_training(None, RUNS[:1])
    assert press(model, Command.CONFIRM) == Train("ppo", 200_000, None)
    assert press(model, Command.RIGHT, Command.RIGHT, Command.CONFIRM) == Train("ppo", None, RUNS[0])


def test_a_running_training_leaves_other_modes_alone() -> None:
    model = menu()
    press(model, Command.RIGHT)
    focus = model.focus.target
    model.show_training(NOW)
    assert model.focus.target is focus
    assert press(model, Command.CONFIRM) == Start(FIRST)


def test_the_mouse_alone_starts_and_stops_a_training() -> None:
    view = MenuView(menu())
    assert click(view, Mode.TRAIN) is None
    assert click(view, MenuButton.START) == Train("ppo", 200_000, None)
    view.model.show_training(NOW)
    assert click(view, MenuButton.STOP) == StopTraining()
    assert click(view, MenuButton.FOLLOW) == Follow(NOW.run)


def test_keys_and_mouse_lead_to_the_lessons() -> None:
    assert press(menu(), *down_to(Mode.LEARN), Command.CONFIRM) == OpenLessons()
    view = MenuView(menu())
    assert click(view, Mode.LEARN) is None
    assert click(view, MenuButton.LEARN) == OpenLessons()


def test_settings_change_immediately_by_keys() -> None:
    model = menu(preferences=Preferences(volume=90))
    press(model, *down_to(Mode.SETTINGS), Command.CONFIRM)
    assert press(model, Command.RIGHT) == ChangeSettings(Preferences(volume=100))
    assert press(model, Command.RIGHT) is None
    assert press(model, Command.DOWN, Command.CONFIRM) == ChangeSettings(Preferences(100, muted=True))
    assert press(model, Command.DOWN, Command.RIGHT) == ChangeSettings(Preferences(100, muted=True, whole_pixels=True))
    last = ChangeSettings(Preferences(100, muted=True, whole_pixels=True, full_screen=True))
    assert press(model, Command.DOWN, Command.CONFIRM) == last


def test_settings_change_by_mouse_and_keep_odd_values() -> None:
    view = MenuView(menu(preferences=Preferences(volume=55, muted=True)))
    click(view, Mode.SETTINGS)
    assert view.model.preferences == Preferences(volume=55, muted=True)
    row = rect_of(view.model, view.model.options[0])
    assert view.click((row.right - 12, row.centery), (1280, 800)) == ChangeSettings(Preferences(volume=60, muted=True))


def test_settings_changed_elsewhere_are_shown() -> None:
    model = in_mode(Mode.SETTINGS)
    press(model, Command.RIGHT)
    model.show_preferences(Preferences(volume=55, muted=True))
    assert press(model, Command.RIGHT) == ChangeSettings(Preferences(volume=60, muted=True))


def test_settings_that_have_not_changed_leave_the_mouse_where_it_is() -> None:
    view = MenuView(menu())
    click(view, Mode.SETTINGS)
    row = rect_of(view.model, view.model.options[0])
    view.point(row.center, (1280, 800))
    view.model.show_preferences(view.model.preferences)
    assert view.model.focus.pointed is view.model.options[0]


def test_only_pong_can_be_watched_while_it_is_learned() -> None:
    model = in_mode(Mode.TRAIN)
    model.show_training(RunningTraining(Path("runs/pole"), "2,000 steps", for_pong=False))
    assert model.buttons == (MenuButton.STOP,)


def test_a_training_that_starts_is_not_stopped_by_a_second_press() -> None:
    model = in_mode(Mode.TRAIN)
    press(model, Command.RIGHT)
    model.show_training(RunningTraining(Path("runs/new"), "Starting …", for_pong=None))
    assert press(model, Command.CONFIRM) is None
    assert press(model, Command.RIGHT, Command.CONFIRM) == StopTraining()
    press(model, Command.LEFT)
    model.show_training(RunningTraining(Path("runs/new"), "2,000 steps"))
    assert press(model, Command.CONFIRM) == Follow(Path("runs/new"))


def test_hints_of_buttons_side_by_side_say_so() -> None:
    model = in_mode(Mode.TRAIN)
    model.show_training(NOW)
    press(model, Command.RIGHT)
    assert dict(widgets.hints(BINDINGS, model.hints))["Left Right"] == "choose"
    targets: list[object] = []
    for command in (Command.RIGHT, Command.LEFT):
        press(model, command)
        targets.append(model.focus.target)
    assert targets == [MenuButton.STOP, MenuButton.FOLLOW]


def test_only_a_lone_player_is_told_of_the_mouse() -> None:
    alone, two = in_mode(Mode.ROM).cards[1], in_mode(Mode.PEOPLE).cards
    assert "mouse" in " ".join(alone.about)
    assert not any("mouse" in " ".join(card.about) for card in two)


def test_hints_follow_the_table_of_keys() -> None:
    model, other = menu(), dataclasses.replace(BINDINGS[0], input=Command.BACK, contexts=frozenset({Context.MENU}))
    assert widgets.hints(BINDINGS, model.hints) == [
        ("Up Down", "choose"),
        ("Right", "options"),
        ("Enter", "start"),
        ("Esc", "quit"),
        ("H", "help"),
    ]
    assert widgets.hints([other], model.hints) == [("W", "quit")]
    press(model, Command.RIGHT)
    assert ("Left Right", "change") in widgets.hints(BINDINGS, model.hints)


def busy_menus() -> Iterator[MenuModel]:
    """Each mode, with nothing in focus but it, and all that can be opened in it; a training that runs."""
    for mode in Mode:
        yield in_mode(mode)
    training = in_mode(Mode.TRAIN)
    training.show_training(NOW)
    yield training
    yield from (menu(Lineup(level.player, Person()), person=rated(level)) for level in LEVELS)
    yield from map(menu, LINEUPS)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_layout_is_inside_and_apart(size: tuple[int, int]) -> None:
    for model in busy_menus():
        layout = MenuLayout.of(size, model)
        targets = [rect for _, rect in spots_of(layout)]
        buttons = [rect for target, rect in spots_of(layout) if not isinstance(target, Choice)]
        choices = [rect for target, rect in spots_of(layout) if isinstance(target, Choice)]
        assert all(pygame.Rect((0, 0), size).contains(rect) for rect in [layout.title, layout.court, *targets])
        assert all(any(card.contains(rect) for card in layout.cards) for rect in choices)
        assert not overlaps([layout.title, layout.court, layout.hints, *layout.cards, *buttons])
        # The ring of one may not touch the next.
        assert not overlaps(rect.inflate(0, 2 * round(2 * layout.scale)) for rect in targets)
        assert layout.court.width / layout.court.height == pytest.approx(4 / 3, abs=0.01)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_what_is_said_of_a_level_is_not_cut(size: tuple[int, int]) -> None:
    for level in LEVELS:
        model = menu(Lineup(level.player, Person()), person=rated(level))
        layout = MenuLayout.of(size, model)
        assert any("Nearest to your level" in text for text in model.cards[Side.LEFT].about)
        for text in model.cards[Side.LEFT].about:
            letters = round(theme.HINT_SIZE * layout.scale)
            assert len(theme.wrapped(text, letters, layout.abouts[Side.LEFT].width, 99)) <= 3, level.name


def overlaps(rects: Iterable[pygame.Rect]) -> list[tuple[pygame.Rect, pygame.Rect]]:
    return [(one, other) for one, other in itertools.combinations(rects, 2) if one.colliderect(other)]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_no_text_leaves_its_place_or_covers_another(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    texts: list[pygame.Rect] = []
    draw_text = theme.draw_text

    def note(*args: object, **anchor: tuple[int, int]) -> pygame.Rect:
        box: pygame.Rect = draw_text(*args, **anchor)  # type: ignore[arg-type]
        # A line of text is as high as its tallest letter with an accent and its deepest tail; a third of that is air.
        texts.append(box.inflate(0, -box.height // 3))
        return box

    monkeypatch.setattr(theme, "draw_text", note)
    for model in busy_menus():
        texts.clear()
        drawn(MenuView(model), size)
        layout = MenuLayout.of(size, model)
        modes = [rect for target, rect in spots_of(layout) if not isinstance(target, Choice)]
        places = [layout.title, layout.hints, *layout.cards, *modes]
        assert len(texts) > 15
        assert [text for text in texts if not any(place.contains(text) for place in places)] == []
        # The title is drawn twice, its shade first.
        assert overlaps(texts[1:]) == []


def drawn(view: MenuView, size: tuple[int, int] = (1280, 800), status: str = "loading ppo …") -> pygame.Surface:
    surface = pygame.Surface(size, depth=32)
    view.draw(surface, PICTURE, status)
    return surface


@pytest.mark.parametrize("target", [Mode.AGENT, MenuButton.START])
def test_the_focus_ring_is_around_the_target(target: MenuTarget) -> None:
    model = menu()
    model.focus.go(target)
    surface = drawn(MenuView(model))
    ringed = [
        spot
        for spot, rect in spots_of(MenuLayout.of(surface.size, model))
        if surface.get_at((rect.centerx, rect.top - 3)) == theme.FOCUS
    ]
    assert ringed == [target]


def test_pointing_lights_up() -> None:
    view = MenuView(menu())
    box = rect_of(view.model, Mode.ROM)
    before = drawn(view).subsurface(box).copy()
    view.point(box.center, (1280, 800))
    after = drawn(view).subsurface(box)
    assert pygame.transform.average_color(after)[0] > pygame.transform.average_color(before)[0]


def test_the_screen_shows_the_picture_once_there_is_one() -> None:
    view = MenuView(menu())
    surface = drawn(view)
    place = MenuLayout.of(surface.size, view.model).court.center
    assert surface.get_at(place)[0] == pytest.approx(144, abs=4)
    view.draw(surface, None)
    assert surface.get_at(place) == theme.PANEL


def test_the_status_is_drawn() -> None:
    view = MenuView(menu())
    assert drawn(view).get_buffer().raw != drawn(view, status="").get_buffer().raw


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: str(level.name))
def test_the_bar_is_as_long_as_the_share_of_points(level: Level) -> None:
    model = menu(Lineup(level.player, Person()))
    surface = drawn(MenuView(model))
    card = surface.subsurface(MenuLayout.of(surface.size, model).cards[Side.LEFT])
    rows = pygame.PixelArray(card)
    orange = surface.map_rgb(theme.LEFT_PLAYER)
    longest = max(sum(int(rows[x, y] == orange) for x in range(card.width)) for y in range(60, card.height))
    room = card.width - 2 * theme.PADDING
    # The mark at one half takes away 2.
    assert longest == pytest.approx(level.points_won * room, abs=3)


def test_a_choice_without_a_measured_strength_has_no_bar() -> None:
    model = menu(Lineup(Ladder(), Person()))
    card = model.cards[Side.LEFT]
    assert (card.strength, card.rows[0].value) == (None, OpponentKind.LADDER)


def test_a_level_says_who_it_is_and_how_strong() -> None:
    strength = "Rating 812. Wins 38% of the points against Casual, a human-like script."
    assert menu().cards[Side.LEFT].about == (WHO, strength)
