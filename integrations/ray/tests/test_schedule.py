"""The order of the partitions, lost attempts, and slow workers, without Ray."""

from __future__ import annotations

from starling_rm_ray.schedule import LONGEST_DELAY, MIN_FINISHED, Schedule, back_off


def test_the_largest_comes_first_and_equal_ones_by_name() -> None:
    schedule = Schedule([("b", 1), ("a", 1), ("c", 9)], 0, None)
    assert [schedule.take(0), schedule.take(0), schedule.take(0), schedule.take(0)] == ["c", "a", "b", None]


def test_a_lost_partition_waits_and_is_given_up_after_its_retries() -> None:
    schedule = Schedule([("a", 1)], 2, None)
    now = 0.0
    for attempt in (1, 2):
        assert schedule.take(now) == "a"
        schedule.lose("a", f"loss {attempt}", now)
        assert schedule.take(now) is None
        wait = schedule.next_time(now)
        assert wait == back_off(attempt)
        now += wait
    assert schedule.take(now) == "a"
    schedule.lose("a", "loss 3", now)
    assert schedule.over
    assert [(one.partition, one.attempts, one.message) for one in schedule.failures] == [("a", 3, "loss 3")]
    assert schedule.retries == 2


def test_a_final_failure_is_not_tried_again_and_what_is_put_back_costs_no_attempt() -> None:
    schedule = Schedule([("a", 2), ("b", 1)], 0, None)
    assert schedule.take(0) == "a"
    schedule.put_back("a", 5)
    assert schedule.take(5) == "a"
    schedule.finish("a", 10, 6)
    assert schedule.take(6) == "b"
    schedule.lose("b", "bad data", 6, final=True)
    assert schedule.over and [one.partition for one in schedule.failures] == ["b"]


def test_a_schedule_that_is_given_up_lets_finish_what_runs() -> None:
    schedule = Schedule([("a", 3), ("b", 2), ("c", 1)], 5, None)
    assert [schedule.take(0), schedule.take(0)] == ["a", "b"]
    schedule.give_up("disk full")
    assert not schedule.over and schedule.take(0) is None
    schedule.finish("a", 1, 1)
    schedule.lose("b", "disk full, too", 1)
    assert schedule.over and schedule.bytes_left == 0
    assert [(one.partition, one.message) for one in schedule.failures] == [("c", "disk full"), ("b", "disk full, too")]


def test_delays_grow_to_a_limit() -> None:
    assert [back_off(1), back_off(2), back_off(3), back_off(1000)] == [0.5, 1.0, 2.0, LONGEST_DELAY]


def _with_finished(straggler_factor: float | None = 2.0) -> Schedule:
    """Three partitions of 1000 bytes with 100 rows took 10 s each; the fourth runs since 0."""
    schedule = Schedule([(f"done{i}", 1000) for i in range(MIN_FINISHED)] + [("late", 999)], 3, straggler_factor)
    for i in range(MIN_FINISHED):
        schedule.take(0)
    assert schedule.take(0) == "late"
    for i in range(MIN_FINISHED):
        schedule.finish(f"done{i}", 100, 10)
    return schedule


def test_a_partition_moves_once_if_its_rest_takes_longer_than_all_of_it_elsewhere() -> None:
    schedule = _with_finished()
    # A tenth after 5 s, but its usual time is not over.
    assert schedule.straggler(5, {"late": 10}) is None
    # A third after 12 s: 24 s are left, more than twice 10 s.
    assert schedule.straggler(12, {"late": 33}) == "late"
    # Two thirds after 12 s: 6 s are left.
    assert schedule.straggler(12, {"late": 66}) is None
    # Nothing after 25 s.
    assert schedule.straggler(25, {}) == "late"
    schedule.put_back("late", 25, moved=True)
    assert schedule.straggler(25, {}) is None
    schedule.take(25)
    assert schedule.straggler(1000, {}) is None


def test_nothing_moves_while_something_waits_or_without_a_factor() -> None:
    assert _with_finished(None).straggler(1000, {}) is None
    schedule = Schedule([(f"p{i}", 1000) for i in range(MIN_FINISHED + 2)], 3, 2.0)
    for i in range(MIN_FINISHED + 1):
        schedule.take(0)
    for i in range(MIN_FINISHED):
        schedule.finish(f"p{i}", 100, 10)
    assert schedule.straggler(1000, {}) is None
