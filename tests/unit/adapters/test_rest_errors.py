"""The error mapper: what each refusal means, what a person is told, and what must never be told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offloadctl.adapters.rest_calls import Call, Reply
from offloadctl.adapters.rest_errors import bad_reply, error_for, masked, shown
from offloadctl.errors import (
    BrokerError,
    Busy,
    NoOwner,
    NotAuthenticated,
    NotAuthorised,
    NotFound,
    RedirectRefused,
    Rejected,
    ServerError,
)
from offloadctl.redaction import MASK, Secret


def refused(status: int, body: str = "", *, retry_after: str = "") -> BrokerError:
    call = Call("GET", "/admin/v2/clusters")
    return error_for(Reply(call, "broker:8080", status, body.encode(), retry_after=retry_after))


@pytest.mark.parametrize(
    ("status", "reason", "kind", "hint"),
    [
        (401, "Need to authenticate to perform the request", NotAuthenticated, "token"),
        (401, "", NotAuthenticated, "token"),
        (401, "Unauthorized to validateTopicOperation for operation [OFFLOAD] on topic [x]", NotAuthorised, "tenant"),
        (401, "Don't have permission to administrate resources on this tenant", NotAuthorised, "tenant"),
        (403, "Unauthorized to validateNamespacePolicyOperation for operation [READ]", NotAuthorised, "tenant"),
        (403, "", NotAuthorised, "super user"),
        (403, "Need to authenticate to perform the request", NotAuthenticated, "token"),
        (403, "Broker is forbidden to do read-write operations", NotAuthorised, ""),
        (404, "Namespace does not exist", NotFound, ""),
        (405, "Topic level policies is disabled", Rejected, ""),
        (407, "", NotAuthenticated, "proxy"),
        (409, "Offload already in progress", Busy, ""),
        (400, "messageId is null", Rejected, ""),
        (412, "Topic name is not valid", Rejected, ""),
        (412, "Can't find owner for topic persistent://a/b/c", NoOwner, "being unloaded"),
        (412, "Failed to find ownership for topic:persistent://a/b/c", NoOwner, "being unloaded"),
        (418, "", Rejected, ""),
        (429, "", ServerError, "later"),
        (500, "", ServerError, "log"),
        (503, "Failed to validate global cluster configuration : ns=x emsg=y", ServerError, "later"),
        (599, "", ServerError, "later"),
        (302, "", RedirectRefused, "Pulsar proxy"),
        (304, "", RedirectRefused, "Pulsar proxy"),
    ],
)
def test_a_status_and_its_reason_become_the_error_that_they_mean(
    status: int, reason: str, kind: type[BrokerError], hint: str
) -> None:
    found = refused(status, f'{{"reason": "{reason}"}}')

    assert type(found) is kind
    assert found.status == status
    assert found.message == f"GET /admin/v2/clusters at broker:8080: {status}" + (f", {reason}" if reason else "")
    assert hint in found.hint


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ('{"reason": "Topic not found"}', "404, Topic not found"),
        ('{"servlet": "s", "message": "Request failed.", "status": "404"}', "404, Request failed."),
        ('{"reason": null, "message": "m"}', "404, m"),
        ('{"reason": 7}', '404, {"reason": 7}'),
        ("Unexpected character ('b' (code 98))\n at [Source: REDACTED]", "404, Unexpected character ('b' (code 98))"),
        (
            '{"reason": "\\n --- An unexpected error occurred in the server ---\\n\\nMessage: disk full\\n\\ta.B"}',
            "404, disk full",
        ),
        ("", "404"),
        ("\n \n", "404"),
        ("<html>\n<h1>Not here</h1>", "404, <html>"),
    ],
)
def test_the_reason_is_the_brokers_own_telling_line(body: str, told: str) -> None:
    assert refused(404, body).message.endswith(told)


@pytest.mark.parametrize(("header", "told"), [("120", "Retry-After 120 s"), ("Wed, 25 Nov 2026", "25 Nov 2026")])
def test_a_time_to_stay_away_is_told(header: str, told: str) -> None:
    assert told in refused(503, retry_after=header).hint


def test_a_status_without_a_time_to_stay_away_tells_none() -> None:
    assert "Retry-After" not in refused(503).hint


# -- what is shown of texts from outside


@given(st.text(max_size=2000))
def test_a_text_from_outside_is_shown_as_one_short_printable_line(text: str) -> None:
    line = shown(text)

    assert len(line) <= 241
    assert line == "" or line.isprintable()


def test_a_known_secret_is_masked_before_the_text_is_cut() -> None:
    Secret("a-token-of-many-characters")

    line = shown("x" * 230 + "a-token-of-many-characters")

    assert line == "x" * 230 + MASK


@pytest.mark.parametrize(
    "text",
    [
        '{"s3ManagedLedgerOffloadCredentialSecret": "opensesame"}',
        '{"password":"opensesame\\"still opensesame"}',
        '{"brokerClientAuthenticationToken" : "opensesame',
        '{"privateKey":"opensesame","a":1}',
    ],
)
def test_a_field_that_holds_a_credential_by_its_name_is_masked(text: str) -> None:
    assert "opensesame" not in shown(text)
    assert MASK in shown(text)


def test_an_answer_that_cannot_be_understood_is_shown_without_its_credentials() -> None:
    body = b'{"managedLedgerOffloadDriver": 7, "s3ManagedLedgerOffloadCredentialSecret": "opensesame"}'

    found = bad_reply(Reply(Call("GET", "/x"), "broker:8080", 200, body), "Expected `str`, got `int`")

    assert "Expected `str`, got `int`" in found.message
    assert '"managedLedgerOffloadDriver": 7' in found.message
    assert "opensesame" not in found.message


def test_an_answer_that_may_hold_anything_is_counted_and_not_shown() -> None:
    found = bad_reply(Reply(Call("GET", "/x", confidential=True), "broker:8080", 200, b"opensesame"), "no object")

    assert "10 bytes (not shown" in found.message
    assert "opensesame" not in found.message


@pytest.mark.parametrize(
    "text",
    [
        "OffloadPoliciesImpl(bucket=b, s3ManagedLedgerOffloadCredentialSecret=opensesame, region=r)",
        "brokerClientPassword = opensesame",
        'failed: {"s3ManagedLedgerOffloadCredentialSecret":"opensesame"}\n\tat a.b.C',
    ],
)
def test_a_text_that_is_kept_whole_hides_secrets_by_their_field(text: str) -> None:
    kept = masked(text)

    assert "opensesame" not in kept
    assert kept.count("\n") == text.count("\n")
