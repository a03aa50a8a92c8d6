"""Which games count for the rating of the person at this computer."""

from __future__ import annotations

from datetime import datetime

from app.game.levels import ratings_of
from app.game.rating import History, RatingChange, rate, records_of
from app.game.session import Session
from app.game.snapshot import Snapshot


def measured(session: Session, now: Snapshot) -> dict[str, float]:
    """The ratings of whom the one person here plays against, by name; empty if there are none."""
    if len(now.people) != 1 or session.is_replay:
        return {}
    (person,) = now.people
    return ratings_of(session.player(person.other))


def remember(session: Session, now: Snapshot, history: History) -> RatingChange | None:
    """Adds a game that has ended to the history, and returns the rating before and after it; None if it does not count.

    One person must have played it straight through, against opponents whose ratings are known. It counts once, also if
    its end is rewound and played again. `UserError` if the history cannot be read or written.
    """
    match, ratings = session.match, measured(session, now)
    if not ratings or now.substitutes or not match.straight:
        return None
    (person,) = now.people
    records = records_of(match.points, person, ratings, f"{datetime.now().astimezone():%Y-%m-%d}")
    match.straight = False
    if not records:
        return None
    before = rate(history.load())
    history.add(records)
    after = rate(history.load())
    assert after is not None, "there is a match now"
    return RatingChange(before, after)
