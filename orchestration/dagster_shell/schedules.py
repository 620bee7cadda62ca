"""The schedule: daily at 02:30 in the business time zone, as of that midnight."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import dagster as dg

from orchestration.dagster_shell.jobs import nightly
from orchestration.dagster_shell.run_context import end_of_business_day
from orchestration.settings import DEFAULTS, SettingsError, load_settings

try:
    ZONE = load_settings().business_timezone
except SettingsError:
    ZONE = DEFAULTS["business_timezone"]  # a run that is due says what is wrong


@dg.schedule(
    job=nightly,
    cron_schedule="30 2 * * *",
    execution_timezone=ZONE,
    default_status=dg.DefaultScheduleStatus.STOPPED,
)
def nightly_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """One run per business day: a second tick of the same day asks for the same run."""
    local = context.scheduled_execution_time.astimezone(ZoneInfo(ZONE))
    day = local.date() - timedelta(days=1)
    return dg.RunRequest(
        run_key=day.isoformat(),
        run_config={"resources": {"run": {"config": {"as_of_at": end_of_business_day(day, ZONE)}}}},
    )
