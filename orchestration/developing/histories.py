"""Random histories: runs that bring files of every raw table, late, doubled, in conflict."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hypothesis import strategies as st

START = datetime(2026, 1, 1)


@dataclass
class File:
    """Rows of one raw table that arrive together."""

    table: str
    rows: list[dict[str, str]]

    @property
    def text(self) -> str:
        """The file as CSV."""
        stream = io.StringIO(newline="")
        writer = csv.DictWriter(stream, list(self.rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        return stream.getvalue()


@dataclass
class Run:
    """What one run brings: files, perhaps one to take back, and the instant it looks from."""

    files: list[File]
    hours: int
    retract: int | None = None  # number of an earlier file, counted over all runs


@dataclass
class History:
    """Some runs; printed as short as it can be."""

    runs: list[Run] = field(default_factory=list)

    def __repr__(self) -> str:
        """One line per row."""
        lines = []
        for number, run in enumerate(self.runs, 1):
            lines.append(f"run {number}, as of {moment(run.hours)}")
            if run.retract is not None:
                lines.append(f"  takes back file {run.retract}")
            for file in run.files:
                lines.append(f"  {file.table}")
                lines += [
                    "    " + ", ".join(f"{k}={v}" for k, v in row.items() if v) for row in file.rows
                ]
        return "\n" + "\n".join(lines)


def moment(hours: float) -> str:
    """So many hours after the first day, as SQL text."""
    return (START + timedelta(hours=hours)).strftime("%Y-%m-%d %H:%M:%S")


# A day is dense: gaps around the timeout, ties, midnight. Further days are far: journeys lapse.
_MINUTES = [0, 0, 1, 29, 30, 31, 59, 60, 61, 90, 600, 900, 901, 1439]
_DAYS = [0, 0, 0, 1, 2, 91, 92, 200]
_moments = st.builds(
    lambda day, minute: moment(day * 24 + minute / 60),
    st.sampled_from(_DAYS),
    st.sampled_from(_MINUTES),
)


def _one_of(*values: str) -> st.SearchStrategy[str]:
    return st.sampled_from(values)


# The last two stand for an event without a device: its visitor is its login, or nothing is given.
_visitors = _one_of("v1", "v2", "v3", "v4", "undefined", "u1", "")
_users = _one_of("", "", "", "u1", "u2", "u3", "guest")
_emails = _one_of("", "", "", "a@x.jp", "b@x.jp", "noreply@x.jp")
_contacts = _one_of("c1", "c2", "c3")
_orders = _one_of("o1", "o2", "o3")


def _rows(**columns: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, str]]:
    return st.fixed_dictionaries(columns)


_numbers = st.integers(1, 14).map(str)
ROWS: dict[str, st.SearchStrategy[dict[str, str]]] = {
    "web/events": _rows(
        event_id=_numbers.map("e{}".format),
        occurred_at=_moments,
        visitor_id=_visitors,
        event_name=_one_of(
            "page_view", "page_view", "page_view", "generate_lead", "add_to_cart", "purchase"
        ),
        user_id=_users,
        email=_emails,
        page_url=_one_of(
            "", "https://shop.jp/a", "https://shop.jp/?gclid=g", "https://staging.shop.jp/a"
        ),
        page_referrer=_one_of("", "https://www.google.com/", "https://www.paypal.com/"),
        utm_source=_one_of("", "", "news"),
        utm_medium=_one_of("", "", "email"),
        user_agent=_one_of("", "", "", "Chrome", "Googlebot/2.1"),
        country_code=_one_of("", "JP", "US"),
        order_id=_one_of("", "", "", "o1", "o2"),
        value_amount=_one_of("", "", "10", "20"),
        currency_code=_one_of("JPY", "USD"),
    ),
    "crm/contacts": _rows(
        contact_id=_contacts,
        created_at=_moments,
        updated_at=_moments,
        email=_emails,
        phone=_one_of("", "", "09011112222"),
        user_id=_users,
        visitor_id=_one_of("", "", "v1", "v2"),
        persona=_one_of("", "a", "b"),
        country_code=_one_of("", "DE"),
        referred_by_contact_id=_one_of("", "", "", "c1", "c2"),
        merged_into_contact_id=_one_of("", "", "", "", "", "c1", "c3"),
        loyalty_tier=_one_of("", "", "gold"),
        member_since_at=st.one_of(st.just(""), st.just(""), _moments),
        erased_at=st.one_of(st.just(""), st.just(""), st.just(""), _moments),
    ),
    "crm/orders": _rows(
        order_id=_orders,
        contact_id=_contacts,
        ordered_at=_moments,
        order_amount=_one_of("100", "200"),
        currency_code=st.just("JPY"),
        delivered_at=st.one_of(st.just(""), _moments),
        billed_at=st.one_of(st.just(""), _moments),
        order_type=_one_of("one_off", "one_off", "subscription", "renewal"),
        subscription_id=_one_of("", "", "s1", "s2"),
        store=_one_of("", "Ginza"),
        coupon_code=_one_of("", "", "X", "x"),
    ),
    "crm/payments": _rows(
        payment_id=_one_of("p1", "p2", "p3"),
        order_id=_one_of("o1", "o2", "o3", "gone"),
        paid_at=_moments,
        payment_amount=_one_of("100", "200"),
        currency_code=st.just("JPY"),
        payment_type=_one_of("charge", "charge", "refund"),
    ),
    "crm/tickets": _rows(
        ticket_id=_one_of("t1", "t2"),
        opened_at=_moments,
        contact_id=_one_of("", "c1", "c2"),
        email=_emails,
        resolved_at=st.one_of(st.just(""), _moments),
        handled_by=_one_of("", "agent", "bot", "bot_then_agent"),
        topic=_one_of("", "delivery"),
        sentiment=_one_of("", "negative", "positive"),
        deleted_at=st.one_of(st.just(""), st.just(""), _moments),
    ),
    "crm/activities": _rows(
        activity_id=_one_of("a1", "a2"),
        contact_id=_contacts,
        occurred_at=_moments,
        activity_type=_one_of("call", "email_click"),
        channel=_one_of("phone", "email"),
    ),
    "crm/order_lines": _rows(
        order_line_id=_one_of("l1", "l2", "l3"),
        order_id=_one_of("o1", "o2", "o3"),
        product_id=_one_of("", "pr1", "pr2"),
        quantity=_one_of("1", "2", "-1"),
        line_amount=_one_of("50", "100", "-50"),
        line_type=_one_of("", "", "", "shipping"),
        product_name=_one_of("", "Pan", "Pan 2"),
    ),
    "crm/subscriptions": _rows(
        subscription_id=_one_of("s1", "s2"),
        contact_id=_contacts,
        started_at=_moments,
        period_amount=_one_of("100", "300"),
        currency_code=st.just("JPY"),
        billing_period=_one_of("month", "month", "year"),
        ended_at=st.one_of(st.just(""), _moments),
        cancellation_reason=_one_of("", "unused"),
    ),
    "crm/deals": _rows(
        deal_id=_one_of("d1", "d2"),
        contact_id=_contacts,
        created_at=_moments,
        amount=_one_of("", "500"),
        currency_code=st.just("JPY"),
        closed_at=st.one_of(st.just(""), _moments),
        status=_one_of("open", "won", "lost"),
        deleted_at=st.one_of(st.just(""), st.just(""), _moments),
    ),
    "crm/deal_stage_changes": _rows(
        change_id=_one_of("h1", "h2", "h3"),
        deal_id=_one_of("d1", "d2", "d3"),
        deal_stage=_one_of("proposal", "won"),
        changed_at=_moments,
    ),
    "web/ad_costs": _rows(
        cost_date=_moments.map(lambda moment: moment[:10]),
        utm_source=_one_of("news", "google"),
        utm_medium=_one_of("email", "cpc"),
        utm_campaign=_one_of("", "spring"),
        ad_account_id=_one_of("", "", "a", "b"),
        cost_amount=_one_of("10", "20"),
        currency_code=_one_of("JPY", "USD"),
        impressions=_one_of("100", "200"),
        clicks=_one_of("", "5"),
    ),
    "survey/invitations": _rows(
        invitation_id=_one_of("i1", "i2"),
        survey_id=_one_of("nps", "order"),
        sent_at=_moments,
        contact_id=_one_of("", "c1", "c2"),
        email=_emails,
    ),
    "survey/answers": _rows(
        response_id=_one_of("r1", "r2"),
        survey_id=st.just("nps"),
        question_id=st.just("nps"),
        responded_at=_moments,
        contact_id=_one_of("", "c1", "c2"),
        email=_emails,
        visitor_id=_one_of("", "v1"),
        order_id=_one_of("", "", "o1", "o2"),
        invitation_id=_one_of("", "i1", "i2"),
        score=_one_of("3", "9"),
        topic=_one_of("", "delivery", "price"),
        sentiment=_one_of("", "negative", "mixed"),
    ),
    "privacy/erasure_requests": _rows(
        request_id=_one_of("q1", "q2"),
        requested_at=_moments,
        contact_id=_one_of("", "c1"),
        visitor_id=_one_of("", "v1"),
        email=_one_of("", "", "a@x.jp"),
    ),
}
_WEIGHTS = ["web/events"] * 5 + [name for name in ROWS if name != "privacy/erasure_requests"]
# Families share runs and files but no identifier: one run proves as many histories.
FAMILIES = 8


def _of_family(family: int, row: dict[str, str]) -> dict[str, str]:
    """The row with the family's own identifiers; placeholders belong to nobody anyway."""
    return {
        name: f"{value}f{family}"
        if re.fullmatch(r"[a-z][0-9]+", value)
        else re.sub(r"^([ab])@", rf"\g<1>{family}@", value)
        for name, value in row.items()
    }


@st.composite
def _files(draw: st.DrawFn) -> File:
    table = draw(st.sampled_from([*_WEIGHTS, *_WEIGHTS, "privacy/erasure_requests"]))
    families = st.integers(1, FAMILIES)
    row = st.builds(_of_family, families, ROWS[table])
    return File(table, draw(st.lists(row, min_size=1, max_size=5 * FAMILIES)))


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Two to four runs with up to three files each."""
    runs: list[Run] = []
    hours, count = 0, 0
    for _ in range(draw(st.integers(2, 4))):
        files = draw(st.lists(_files(), max_size=3))
        hours += draw(st.sampled_from([0, 1, 24, 25, 48, 2200, 5000]))
        taken = draw(st.one_of(st.none(), st.none(), st.integers(0, count - 1))) if count else None
        runs.append(Run(files, hours, taken))
        count += len(files)
    return History(runs)
