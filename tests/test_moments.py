from __future__ import annotations

import torch

from training.moments import RunningMoments


def test_batches_join_to_the_moments_of_all() -> None:
    random = torch.Generator().manual_seed(0)
    # Batches of unequal size and with unequal means: an average of averages would be wrong.
    batches = [torch.randn(size, 3, generator=random) * size + size for size in (4, 50, 7)]
    moments = RunningMoments()
    for batch in batches:
        moments.update(batch)
    together = torch.cat(batches)
    torch.testing.assert_close(moments.mean, together.mean(0))
    torch.testing.assert_close(moments.deviation, together.std(0, correction=0))


def test_state_goes_on_where_it_was() -> None:
    first, second = RunningMoments(), RunningMoments()
    first.update(torch.tensor([1.0, 2.0, 6.0]))
    second.load_state_dict(first.state_dict(), torch.device("cpu"))
    for moments in (first, second):
        moments.update(torch.tensor([10.0]))
    assert first.mean == second.mean == torch.tensor(4.75)
    assert first.deviation == second.deviation
