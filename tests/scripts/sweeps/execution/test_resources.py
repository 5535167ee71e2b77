from __future__ import annotations

import pytest

from scripts.sweeps.execution.resources import Resources


def test_processors_are_divided() -> None:
    assert (Resources([], processors=8).workers, Resources([], processors=8).threads) == (8, 1)
    assert Resources([], workers=3, processors=8).threads == 2
    assert Resources([], workers=3, threads=1, processors=8).threads == 1


@pytest.mark.parametrize(
    ("gpus", "per_job", "seen"),
    [
        (["0", "1"], 1, ["0", "1"]),
        (["0", "1"], 0.5, ["0", "1", "0", "1"]),
        (["3"], 0.25, ["3", "3", "3", "3"]),
        (["0", "1", "2", "3"], 2, ["0,1", "2,3"]),
        (["GPU-a", "GPU-b"], 0.34, ["GPU-a", "GPU-b", "GPU-a", "GPU-b"]),
    ],
)
def test_each_job_has_its_gpus_and_no_more_start_than_there_is_room_for(gpus, per_job, seen) -> None:
    resources = Resources(gpus, per_job, processors=16)
    assert resources.workers == len(seen)
    places = [resources.take() for _ in seen]
    assert [place.environment()["CUDA_VISIBLE_DEVICES"] for place in places if place] == seen
    assert resources.take() is None
    resources.give_back(places[-1])  # type: ignore[arg-type]
    again = resources.take()
    assert again is not None
    assert ",".join(again.gpus) == seen[-1]
