"""Metrics in text: a real broker's page, what is left out before it is parsed, and pages that are something else."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offloadctl.adapters import metrics_text
from offloadctl.adapters.cluster_numbers import BROKER_METRICS
from offloadctl.adapters.metrics_text import parse_metrics
from offloadctl.ports.schedule import Scrape

RECORDED = (Path(__file__).parents[2] / "golden" / "rest" / "broker-metrics.prom").read_text()
AT = datetime(2026, 11, 24, tzinfo=UTC)


def recorded() -> Scrape:
    return parse_metrics(RECORDED, "broker:8080", AT, BROKER_METRICS.__contains__)


def test_a_real_brokers_page_is_read_and_only_what_is_wanted_of_it() -> None:
    scrape = recorded()

    [crash] = [
        one.value
        for one in scrape.samples
        if one.name == "pulsar_storage_logical_size" and one.labels["topic"] == "persistent://public/stall/crash"
    ]
    assert crash == 54_003_176
    assert {one.name for one in scrape.samples} < BROKER_METRICS
    assert "pulsar_rate_in" in RECORDED


def test_a_metric_without_samples_is_known_all_the_same() -> None:
    scrape = recorded()

    assert {"brk_ledgeroffloader_read_offload_rate", "brk_ledgeroffloader_write_storage_error"} <= scrape.families
    assert not [one for one in scrape.samples if one.name.startswith("brk_ledgeroffloader_read_offload_rate")]


def test_a_counter_is_found_by_the_name_of_its_type() -> None:
    name = "brk_ledgeroffloader_write_storage_error"
    text = f'# TYPE {name} counter\n{name}_total{{t="x"}} 3\n'

    scrape = parse_metrics(text, "b", AT, BROKER_METRICS.__contains__)

    assert [(one.name, one.value) for one in scrape.samples] == [("brk_ledgeroffloader_write_storage_error_total", 3)]


@given(st.text(st.sampled_from("a1 {}\n\r\x85"), max_size=60), st.integers(0, 9))
def test_a_page_that_is_taken_in_parts_has_the_same_lines(text: str, size: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(metrics_text, "_PART", size)

        lines = list(metrics_text._told(text))

    assert lines == [line for line in text.split("\n") if line.strip()]


@pytest.mark.parametrize("text", ["jvm_memory_bytes_used{area= 3\n", "jvm_memory_bytes_used many\n"])
def test_a_page_that_is_something_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the parser's own words
        parse_metrics(text, "b", AT, BROKER_METRICS.__contains__)


def test_a_page_without_metrics_has_none() -> None:
    assert not parse_metrics("<html>welcome</html>\n", "b", AT, BROKER_METRICS.__contains__).families
