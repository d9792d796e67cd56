"""The account at the end of the weeks: whatever is in bucket, log and journals has a cause that is known.

Each rule holds what is there against the truth of the embedded cluster, and tells what it cannot explain. None of them
asks the code that is tested what it thinks, but where that is what is held against the truth.
"""

from collections.abc import Callable, Iterable
from typing import Final

from tests.soak import audit_bucket, audit_log, audit_told
from tests.soak.soak import Soaked
from tests.soak.unexplained import Unexplained

RULES: Final[tuple[Callable[[Soaked], Iterable[Unexplained]], ...]] = (
    audit_bucket.what_the_check_tells,
    audit_bucket.what_is_left_in_the_bucket,
    audit_bucket.what_was_planted,
    audit_bucket.what_can_be_read,
    audit_bucket.what_should_have_moved,
    audit_log.what_the_log_holds,
    audit_log.what_was_asked_twice,
    audit_log.what_became_of_cron_times,
    audit_told.what_the_journals_hold,
    audit_told.what_commands_explain,
    audit_told.what_scheduled_checks_told,
    audit_told.what_must_not_be_told,
    audit_told.what_failed_inside,
)


def audit(soaked: Soaked) -> list[Unexplained]:
    """Everything that nobody can explain."""
    return [one for rule in RULES for one in rule(soaked)]
