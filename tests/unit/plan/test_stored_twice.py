"""What may be stored twice: between its bounds lies the truth, whenever somebody looks."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from offloadctl.model.names import TopicName
from offloadctl.plan.stored_twice import FOR_EVER, MOST_GROWN, TRIM, Twice, TwiceWatch

NOW = datetime(2026, 11, 24, tzinfo=UTC)
HOUR = timedelta(hours=1)
ORDERS = TopicName("acme", "shop", "orders")


def test_what_becomes_offloaded_under_watch_is_stored_twice_until_the_lag_is_over() -> None:
    watch, told = TwiceWatch(), {}
    for hours in range(8):
        watch.look({ORDERS: 100 if hours < 2 else 130}, NOW + hours * HOUR)
        told[hours] = watch.twice(ORDERS, 4 * HOUR)

    assert told[1] == Twice(0, 100)
    assert told[2] == Twice(30, 130)
    assert told[5] == Twice(30, 30)
    assert told[6] == Twice(0, 30)
    assert told[7] == Twice()


def test_a_copy_that_is_never_deleted_stays_and_of_an_unknown_lag_there_is_an_upper_bound() -> None:
    watch = TwiceWatch()
    watch.look({ORDERS: 100}, NOW)

    assert watch.twice(ORDERS, FOR_EVER) == Twice(100, 100)
    assert watch.twice(ORDERS, None) == Twice(0, 100)


def test_what_is_not_told_of_any_more_is_forgotten_and_a_clock_that_was_put_back_proves_nothing() -> None:
    watch = TwiceWatch()
    watch.look({ORDERS: 0}, NOW)
    watch.look({ORDERS: 100}, NOW + HOUR)
    watch.look({ORDERS: 100}, NOW)
    put_back = watch.twice(ORDERS, HOUR)
    watch.look({}, NOW + HOUR)

    assert put_back == Twice(0, 100)
    assert watch.twice(ORDERS, HOUR) == Twice()


def test_of_a_topic_no_more_is_remembered_however_long_its_copies_stay() -> None:
    watch = TwiceWatch()
    for looks in range(1000):
        watch.look({ORDERS: looks}, NOW + looks * timedelta(minutes=5))
        watch.twice(ORDERS, FOR_EVER)

    assert sum(len(one.grown) for one in watch._topics.values()) <= MOST_GROWN
    assert watch.twice(ORDERS, HOUR).at_least == 12


minutes = st.integers(0, 600)


@given(
    st.lists(st.tuples(minutes, st.integers(1, 100), st.integers(0, int(TRIM / timedelta(minutes=1)))), max_size=12),
    st.sets(minutes, min_size=1, max_size=20),
    st.integers(0, 300),
    st.integers(4, 12),
)
def test_the_truth_lies_between_the_bounds(
    ends: list[tuple[int, int, int]], looks: set[int], lag: int, most: int
) -> None:
    watch, minute = TwiceWatch(most), timedelta(minutes=1)
    for look in sorted(looks):
        watch.look({ORDERS: sum(size for at, size, _ in ends if at <= look)}, NOW + look * minute)

        found = watch.twice(ORDERS, lag * minute)

        truth = sum(size for at, size, trim in ends if at <= look <= at + lag + trim)
        assert found.at_least <= truth <= found.at_most
