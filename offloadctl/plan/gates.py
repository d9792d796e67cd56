"""Gates: what must be the case for a run to begin. One that cannot be judged is closed."""

from datetime import datetime, timedelta

from offloadctl.model.decision import Judged, Truth
from offloadctl.model.schedule import Comparison, Dates, Gate, Hours
from offloadctl.plan.judging import Answer, View, judge_comparison
from offloadctl.plan.schedule_words import dates_words, hours_words

_DAY = timedelta(days=1)


def judge_gate(gate: Gate, view: View) -> Answer:
    """Whether it is open: TRUE is open, anything else is closed."""
    now = view.snapshot.at
    match gate:
        case Comparison():
            return judge_comparison(gate, view)
        case Hours():
            is_open = within_hours(gate, now) == gate.is_open
            local = now.astimezone(gate.zone)
            return Answer(Judged(hours_words(gate), _truth(is_open=is_open), why=f"it is {local:%a %H:%M} there"))
        case Dates():
            today = now.astimezone(gate.zone).date()
            is_open = not gate.first <= today <= gate.last
            return Answer(Judged(dates_words(gate), _truth(is_open=is_open), why=f"it is {today} there"))


def within_hours(hours: Hours, now: datetime) -> bool:
    """Whether it is one of these hours, by the clock on the wall; equal start and end are a whole day."""
    local = now.astimezone(hours.zone)
    today, before = local.weekday(), (local - _DAY).weekday()
    at = local.time()
    if hours.start < hours.end:
        return today in hours.days and hours.start <= at < hours.end
    return (today in hours.days and at >= hours.start) or (before in hours.days and at < hours.end)


def _truth(*, is_open: bool) -> Truth:
    return Truth.TRUE if is_open else Truth.FALSE
