"""What brokers may do to a lease topic is told with the command that mends it; what does no harm is not."""

from datetime import timedelta

import pytest

from offloadctl.model.names import TopicName
from offloadctl.plan.lease_dangers import LeaseTopicSettings, Quota, dangers
from offloadctl.units import ByteSize

TOPIC = TopicName("acme", "ops", "__offloadctl_lease")


@pytest.mark.parametrize(
    ("settings", "why", "mend"),
    [
        (
            LeaseTopicSettings(TOPIC, message_ttl=timedelta(days=3)),
            "forgotten after 3d, the message TTL",
            f"topicPolicies set-message-ttl -t 0 {TOPIC}",
        ),
        (
            LeaseTopicSettings(TOPIC, subscription_expiration=timedelta(minutes=10)),
            "no instance has had the lease for 10m",
            "namespaces remove-subscription-expiration-time acme/ops",
        ),
        (
            LeaseTopicSettings(TOPIC, quotas=(Quota("producer_exception", bytes=ByteSize(10**6)),)),
            "quota of 976.6 KiB (producer_exception)",
            "set-backlog-quota -l -1 -lt -1 -p producer_exception -t destination_storage",
        ),
        (
            LeaseTopicSettings(TOPIC, quotas=(Quota("consumer_backlog_eviction", age=timedelta(hours=1)),)),
            "quota of 1h (consumer_backlog_eviction)",
            "-t message_age",
        ),
    ],
)
def test_what_would_lose_decisions_is_told_with_its_mend(settings: LeaseTopicSettings, why: str, mend: str) -> None:
    (found,) = dangers(settings)

    assert why in found.text
    assert mend in found.mend


def test_what_keeps_everything_is_no_danger() -> None:
    quotas = (Quota("producer_exception", bytes=ByteSize(10**10)), Quota("producer_exception", age=timedelta(days=90)))

    assert list(dangers(LeaseTopicSettings(TOPIC, message_ttl=timedelta(days=90), quotas=quotas))) == []
