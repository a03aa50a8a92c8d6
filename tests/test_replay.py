"""Games in files."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import msgspec
import numpy as np
import pytest

from agents.base import Control
from agents.ladder import LadderAgent
from agents.pong import Court, Score, Side
from agents.scripted import TrackerAgent
from app.game import replay
from app.game.lineup import Ladder, Lineup, Person, Policy, Rom, Script, Tracker
from app.game.match import Match
from app.game.replay import Replay
from app.game.seats import AgentSeat, PersonSeat, RomSeat
from app.game.session import Session
from app.game.snapshot import State
from models import checkpoint
from models.errors import UserError
from models.network import PolicyNetwork
from models.spec import ModelSpec

FRAMES = 700
"""Enough for a point or two."""


@pytest.fixture
def session(model_directory: Path) -> Session:
    """A model against a person, whose hand goes everywhere, and who has once gone back."""
    session = Session(Lineup(Person(), Policy(str(model_directory), reaction_ms=100)), seed=5)
    session.begin_now()
    random = np.random.default_rng(1)
    person = session.match.seats[Side.LEFT]
    assert isinstance(person, PersonSeat)
    for frame in range(FRAMES):
        if frame % 9 == 0:
            person.hold(Control(int(random.integers(-100, 101)), fire=bool(random.integers(2))))
        if frame % 50 == 0:
            person.point_at(float(random.integers(40, 190)), fire=False)
        if frame == 400:
            session.match.rewind(0.1)
            session.match.stop_rewinding()
            session.match.toggle_pause()
        session.match.advance()
    return session


def kept(session: Session) -> Replay:
    recorded = session.replay()
    assert recorded is not None
    return recorded


def file_of(recorded: Replay, folder: Path) -> Path:
    path = folder / "game.volley"
    replay.save(recorded, path)
    return path


def forged(path: Path, **changes: object) -> Path:
    """The file with other values, and a digest that fits them."""
    fields = msgspec.to_builtins(replay.load(path), builtin_types=(bytes,)) | changes
    payload = msgspec.msgpack.encode(fields)
    head = path.read_bytes()[: path.read_bytes().index(b"\n") + 1]
    path.write_bytes(head + sha256(payload).digest() + payload)
    return path


def test_a_replay_plays_the_same_game_again(session: Session, tmp_path: Path) -> None:
    path = file_of(kept(session), tmp_path)
    assert path.stat().st_size < 4000
    recorded = replay.load(path)
    again = Session(recorded.lineup, seed=recorded.seed, games=1, replay=recorded)
    again.begin_now()
    assert again.notice == ""
    original = session.match.timeline
    while again.match.state is State.PLAYING:
        frame = len(again.match.timeline.controls)
        assert again.match.snapshot().decisions[Side.LEFT] is None
        then, now = original.decisions[frame][Side.RIGHT], again.match.snapshot().decisions[Side.RIGHT]
        assert then == now
        again.match.advance()
    assert again.match.timeline.controls == original.controls
    assert again.match.court.fingerprint() == session.match.court.fingerprint()
    assert again.match.results == [session.match.score]


def test_all_is_shown_as_it_was_in_a_later_game_too_and_when_it_is_shown_again(model_directory: Path) -> None:
    """A script draws its strokes, a model its actions, and a level its misjudgements."""
    played = Session(Lineup(Script("casual"), Policy(str(model_directory), reaction_ms=100, misjudgement=9.0)), seed=5)
    played.begin_now()
    for frames in (100, FRAMES):
        played.match.restart()
        for _ in range(frames):
            played.match.advance()
    recorded, original = kept(played), played.match.timeline.decisions
    assert original[0][Side.LEFT] != original[FRAMES // 2][Side.LEFT]
    again = Session(recorded.lineup, seed=0, games=1, replay=recorded)
    again.begin_now()
    for showing in range(2):
        if showing:
            again.match.restart()
        while again.match.state is State.PLAYING:
            assert again.match.snapshot().decisions == original[len(again.match.timeline.controls)]
            again.match.advance()


def test_games_of_a_match_differ_and_the_same_seed_plays_the_same_match() -> None:
    def seeds(seed: int) -> list[int]:
        session = Session(Lineup(Rom(), Tracker()), seed=seed)
        session.begin_now()
        found = [session.match.seed]
        for _ in range(5):
            session.match.restart()
            found.append(session.match.seed)
        return found

    first = seeds(5)
    assert first[0] == 5
    assert len(set(first)) == 6
    assert seeds(5) == first
    assert not set(seeds(6)) & set(first)


def test_a_recording_can_be_left_and_played_on(session: Session) -> None:
    recorded = kept(session)
    again = Session(recorded.lineup, seed=0, games=1, replay=recorded)
    again.begin_now()
    for _ in range(200):
        again.match.advance()
    assert again.match.take_over(Side.RIGHT)
    assert again.match.snapshot().people == {Side.RIGHT}
    for _ in range(FRAMES):
        again.match.advance()
    assert again.match.state is State.PLAYING
    assert [right for _, right in again.match.timeline.controls[200:]] == [Control()] * FRAMES


def test_a_recording_that_stops_early_decides_nothing(session: Session) -> None:
    recorded = kept(session)
    again = Session(recorded.lineup, seed=0, games=1, replay=recorded)
    again.begin_now()
    while not again.match.game_over:
        again.match.advance()
    now = again.match.snapshot()
    assert (now.over, now.cut, now.games_won) == (True, True, Score(0, 0))
    assert again.match.take_over(Side.RIGHT)
    assert again.match.results == []
    again.match.advance()
    now = again.match.snapshot()
    assert (now.state, now.over, now.cut, now.game) == (State.PLAYING, False, False, 1)


def test_a_recorded_person_plays_on(session: Session) -> None:
    again = Session(session.lineup, seed=0, games=1, replay=kept(session))
    assert again.is_replay
    again.begin_now()
    for _ in range(200):
        again.match.advance()
    assert again.is_replay
    assert again.match.take_over(Side.LEFT)
    assert again.match.people == {Side.LEFT}
    left: bool = again.is_replay
    assert not left
    assert again.match.names == session.match.names
    assert not again.match.take_over(Side.LEFT), "it is theirs already"
    again.match.advance()
    again.match.restart()
    assert again.match.people == {Side.LEFT}, "a new game, and not the recording again"


@pytest.mark.parametrize(
    ("before", "side", "after", "names"),
    [
        (Lineup(Tracker(), Person()), Side.LEFT, Lineup(Person(), Tracker()), ("You", "Tracker")),
        (Lineup(Tracker(), Person()), None, Lineup(Tracker(), Person()), ("Tracker", "You")),
        (Lineup(Rom(), Tracker()), Side.RIGHT, Lineup(Rom(), Person()), ("Atari CPU", "You")),
        (Lineup(Rom(), Tracker()), Side.LEFT, Lineup(Person(), Tracker()), ("You", "Tracker")),
    ],
)
def test_a_replay_says_who_played_in_the_end(
    before: Lineup, side: Side | None, after: Lineup, names: tuple[str, str]
) -> None:
    played = Session(before, seed=1)
    played.begin_now()
    if side is not None:
        assert played.match.take_over(side)
    for _ in range(20):
        played.match.advance()
    recorded = kept(played)
    assert (recorded.lineup, recorded.names) == (after, names)
    again = Session(recorded.lineup, seed=0, replay=recorded)
    again.begin_now()
    assert again.match.names == names


def test_a_ladder_is_kept_as_it_began_the_game() -> None:
    played = Session(Lineup(Ladder(2), Person()), seed=1)
    played.begin_now()
    ladder = played.match.seats[Side.LEFT].agent
    assert isinstance(ladder, LadderAgent)
    for game, begins_on in enumerate((2, 4)):
        if game:
            played.match.restart()
        ladder.level = 4
        for _ in range(5):
            played.match.advance()
        assert kept(played).lineup.left == Ladder(begins_on)


def test_a_recorded_ladder_begins_on_its_level_whenever_it_is_shown() -> None:
    played = Session(Lineup(Ladder(2), Person()), seed=1)
    played.begin_now()
    for _ in range(5):
        played.match.advance()
    shown = Session(played.lineup, seed=0, replay=kept(played))
    shown.begin_now()
    ladder = shown.match.seats[Side.LEFT].agent
    assert isinstance(ladder, LadderAgent)
    for _ in range(2):
        assert ladder.level == 2
        ladder.level = 4  # as if points had been lost
        shown.match.restart()


def test_a_models_side_and_hash_go_with_it(session: Session) -> None:
    (_, model), (_, models) = (session.lineup.left, session.lineup.right), kept(session).models
    assert models
    assert session.match.take_over(Side.RIGHT), "the person on the left changes sides with the model"
    session.match.advance()
    recorded = kept(session)
    assert (recorded.lineup, recorded.models) == (Lineup(model, Person()), (models, ""))


def test_the_roms_own_frames_are_kept_too(tmp_path: Path) -> None:
    match = Match(Court(seed=1), names=("", ""))
    match.seat(RomSeat(), AgentSeat(TrackerAgent(), Side.RIGHT))
    for frame in range(FRAMES):
        if frame in (200, 400):
            match.take_over(Side.LEFT)
        match.advance()
    recorded = Replay.of(
        match.timeline.controls,
        match.court.fingerprint(),
        lineup=Lineup(Rom(), Tracker()),
        names=("a", "b"),
        models=("", ""),
        seed=1,
        idle_frames=match.court.idle_frames,
        score=match.score,
    )
    controls = replay.load(file_of(recorded, tmp_path)).controls()
    assert controls == match.timeline.controls
    assert [left is None for left, _ in controls] == [not 200 <= frame < 400 for frame in range(FRAMES)]
    recorded.verify(controls)


def test_every_control_survives(tmp_path: Path) -> None:
    hands = [Control(move, fire) for move in range(-100, 101) for fire in (False, True)]
    controls = [(None if place % 7 == 0 else hand, hands[-place]) for place, hand in enumerate(hands)]
    recorded = Replay.of(
        controls,
        b"",
        lineup=Lineup(Person(), Person()),
        names=("a", "b"),
        models=("", ""),
        seed=1,
        idle_frames=1,
        score=Score(0, 0),
    )
    assert replay.load(file_of(recorded, tmp_path)).controls() == controls


def test_before_the_first_frame_there_is_nothing_to_keep() -> None:
    assert Session(Lineup(Rom(), Person()), seed=0).replay() is None


@pytest.mark.parametrize("length", [0, 5, 14, 40, 46, 300, -1])
def test_a_truncated_file_is_told(session: Session, tmp_path: Path, length: int) -> None:
    path = file_of(kept(session), tmp_path)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(UserError, match=r"damaged|not a Volley replay"):
        replay.load(path)


def test_every_changed_byte_is_told(session: Session, tmp_path: Path) -> None:
    path = file_of(kept(session), tmp_path)
    content = path.read_bytes()
    for place in range(0, len(content), 37):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0x10]) + content[place + 1 :])
        with pytest.raises(UserError, match=r"damaged|not a Volley replay"):
            replay.load(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"frames": 0},
        {"frames": 10**9},
        {"format_version": 2},
        {"lineup": {"left": {"type": "nobody"}, "right": {"type": "person"}}},
        {"lineup": {"left": {"type": "person"}, "right": {"type": "rom"}}},
        {"score": (22, 0)},
        {"idle_frames": 31},
        {"names": ("a" * 201, "b")},
        {"models": ("../../etc/passwd", "")},
        {"seed": -1},
        {"packed_controls": 5},
    ],
    ids=str,
)
def test_a_forged_file_with_impossible_values_is_told(
    session: Session, tmp_path: Path, changes: dict[str, object]
) -> None:
    path = forged(file_of(kept(session), tmp_path), **changes)
    with pytest.raises(UserError, match="cannot read the replay") as caught:
        replay.load(path)
    assert "\n" not in str(caught.value)


def test_a_forged_game_does_not_play_as_recorded(session: Session) -> None:
    recorded = kept(session)
    controls = recorded.controls()
    controls[300:500] = [(Control(-100), Control(-100))] * 200
    packed = msgspec.structs.replace(recorded, packed_controls=replay.packed(controls))
    with pytest.raises(UserError, match="no longer plays as recorded"):
        packed.verify(packed.controls())
    with pytest.raises(UserError, match="no longer plays as recorded"):
        msgspec.structs.replace(recorded, score=(3, 3)).verify(recorded.controls())


@pytest.mark.parametrize("packed", [b"", b"nothing packed", replay.packed([(Control(), Control())] * (FRAMES - 1))])
def test_frames_that_are_not_there_are_told(session: Session, packed: bytes) -> None:
    with pytest.raises(UserError, match="damaged"):
        msgspec.structs.replace(kept(session), packed_controls=packed).controls()


def test_a_model_that_has_changed_plays_but_does_not_think(
    session: Session, model_directory: Path, spec: ModelSpec
) -> None:
    recorded = kept(session)
    checkpoint.save(model_directory, spec, PolicyNetwork(spec))
    again = Session(recorded.lineup, seed=0, games=1, replay=recorded)
    again.begin_now()
    assert "tiny: missing or changed since the recording" in again.notice
    assert again.match.snapshot().decisions == (None, None)
    assert again.match.snapshot().names == recorded.names
    again.match.advance()
    assert kept(again).models == recorded.models, "it is still a recording of that model"
    while again.match.state is State.PLAYING:
        again.match.advance()
    assert again.match.results == [session.match.score]


def test_a_place_that_cannot_be_written_is_told(session: Session, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UserError, match="cannot save the replay"):
        replay.save(kept(session), tmp_path / "file" / "game.volley")
