"""
Generate the synthetic sample: a fictional company with joined web, CRM and survey lanes.

`python -m sample.generate --people 2000 --days 548 --out sample/landing` writes contract files;
the same arguments give the same bytes. Every person, address and amount is invented. Planted on
purpose: bots, late identification, shared devices, refunds, chargebacks, subscriptions with changes
and cancellations, tickets, two versions of contacts, duplicates, late rows, CP932 and Japanese
headers, placeholder identifiers, an erasure, and the few bad rows that `BAD_ROWS` lists.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import json
import random
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

START = datetime(2025, 4, 1, tzinfo=UTC)

# Reason code of the loader → how many rows of the sample carry it.
BAD_ROWS = {
    "R_CAST": 2,  # a date that is none, in activities and in answers
    "R_SCORE_RANGE": 1,  # NPS 11
    "R_SCORE_NOT_INTEGER": 1,  # CSAT 3.5
    "R_KEY_NULL": 1,  # an order line without identifier
    "R_AMOUNT_SIGN": 1,  # a negative payment
    "R_CURRENCY_UNKNOWN": 1,  # "yen"
    "R_ENUM_UNKNOWN": 1,  # payment type "giftcard"
    "R_KEY_CONFLICT": 1,  # one event id on two events
}

SOURCES = [  # source, medium, campaign, referrer, weight
    ("google", "cpc", "brand_search", "https://www.google.com/", 14),
    ("yahoo", "cpc", "generic_search", "https://search.yahoo.co.jp/", 8),
    ("facebook", "paid_social", "spring_video", "https://www.facebook.com/", 8),
    ("line", "social", "", "https://line.me/", 6),
    ("newsletter", "email", "monthly_news", "", 9),
    ("partner.example.jp", "referral", "", "https://partner.example.jp/review", 6),
    ("criteo", "display", "retargeting", "", 5),
    ("a8", "affiliate", "a8_summer", "", 4),
    ("", "", "", "https://www.google.com/", 18),
    ("", "", "", "", 22),
]
CAMPAIGNS = [  # source, medium, campaign, yen per click
    ("google", "cpc", "brand_search", 42),
    ("yahoo", "cpc", "generic_search", 88),
    ("facebook", "paid_social", "spring_video", 61),
    ("criteo", "display", "retargeting", 35),
]
AGENTS = {
    "desktop": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0 Safari/537.36",
    "mobile": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1",
    "tablet": "Mozilla/5.0 (iPad; CPU OS 18_0 like Mac OS X) Version/18.0 Safari/604.1",
}
BOTS = [
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "python-requests/2.32",
]
PRODUCTS = [
    ("kettle", "kitchen", 5980),
    ("lamp", "living", 8400),
    ("desk", "office", 32800),
    ("chair", "office", 24500),
    ("rug", "living", 12900),
    ("pan", "kitchen", 4280),
]
COMMENTS = [
    "とても良い",
    "髙橋さんの対応①が丁寧でした",
    '配送が遅い、"改善"してほしい',
    "普通です\n特になし",
    "また買います",
    "",
]


@dataclass
class Lanes:
    """The rows of every contract table."""

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, label: str, **values: Any) -> dict[str, Any]:
        """Append a row; datetimes become ISO text with offset."""
        row = {
            name: value.strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(value, datetime) else value
            for name, value in values.items()
        }
        self.rows.setdefault(label, []).append(row)
        return row


class Company:
    """The simulation; everything random comes from one seeded generator."""

    def __init__(self, people: int, days: int, seed: int) -> None:
        self.random = random.Random(seed)
        self.people, self.days = people, days
        self.end = START + timedelta(days=days)
        self.lanes = Lanes()
        self.counters: dict[str, int] = {}
        self.known_contacts: list[str] = []

    def number(self, prefix: str) -> str:
        """The next identifier of a kind."""
        self.counters[prefix] = self.counters.get(prefix, 0) + 1
        return f"{prefix}{self.counters[prefix]:06d}"

    def later(self, moment: datetime, low: float, high: float) -> datetime:
        """A moment `low` to `high` days later, at a waking hour of Japan."""
        day = moment + timedelta(days=self.random.uniform(low, high))
        local = day.replace(
            hour=self.random.choice((0, 1, 2, 3, 4, 8, 9, 11, 12, 13, 14, 22, 23)),
            minute=self.random.randrange(60),
            second=self.random.randrange(60),
            microsecond=0,
        )
        return max(local, moment + timedelta(seconds=1))

    # ---- web -----------------------------------------------------------------------------------

    def session(
        self, person: dict[str, Any], moment: datetime, names: Iterable[str], **values: Any
    ) -> datetime:
        """One visit: a landing page view, then the named events; returns its end."""
        if moment >= self.end:
            return moment
        source = self.random.choices(SOURCES, [s[4] for s in SOURCES])[0]
        visitor, device = self.random.choice(person["visitors"])
        pages = ["/", "/products", "/guide", "/pricing", "/support"]
        logged_in = person.get("user_id") and self.random.random() < 0.6
        for position, name in enumerate(["page_view", *names]):
            first = position == 0
            event: dict[str, Any] = {
                "event_id": self.number("e"),
                "occurred_at": moment,
                "visitor_id": visitor,
                "event_name": name,
                "user_id": person["user_id"] if logged_in else "",
                "page_url": "https://shop.example.jp" + self.random.choice(pages),
                "page_referrer": source[3] if first else "https://shop.example.jp/",
                "utm_source": source[0] if first else "",
                "utm_medium": source[1] if first else "",
                "utm_campaign": source[2] if first else "",
                "device_type": device,
                "user_agent": AGENTS[device],
                "country_code": "JP",
            }
            if name in ("sign_up", "generate_lead"):
                event["email"] = person["email"]
            if name == "sign_up":
                event["user_id"] = person["user_id"]
            if name == "purchase":
                event.update(values)
            self.lanes.add("web/events", **event)
            moment += timedelta(seconds=self.random.randrange(4, 400))
        return moment

    def person(self, index: int) -> dict[str, Any]:
        """A person with devices and addresses; every 60th shares a family tablet."""
        devices = self.random.sample(["desktop", "mobile", "tablet"], self.random.choice((1, 1, 2)))
        visitors = [(self.number("v"), device) for device in devices]
        if index % 60 < 3 and index >= 60:
            visitors.append((f"shared-tablet-{index // 60}", "tablet"))
        return {
            "visitors": visitors,
            "email": f"person{index}@{self.random.choice(('hana', 'sora', 'umi'))}-mail.jp",
            "phone": f"090-{self.random.randrange(1000, 9999)}-{index:04d}",
            "user_id": None,
            "persona": "business" if self.random.random() < 0.18 else "individual",
        }

    # ---- lives ---------------------------------------------------------------------------------

    def live(self, index: int) -> None:
        """One person from the first visit on, as far as they go."""
        roll = self.random.random
        person = self.person(index)
        moment = self.later(START, 0, self.days * 0.85)
        browse = ["page_view", "scroll", "view_item", "page_view"]
        for _ in range(self.random.choice((1, 1, 2, 3))):
            self.session(person, moment, self.random.sample(browse, self.random.randrange(0, 4)))
            moment = self.later(moment, 0.5, 14)
        if roll() < 0.30:
            return
        if roll() < 0.5:
            moment = self.session(person, moment, ["view_item", "generate_lead"])
        if roll() < 0.25:
            return
        person["user_id"] = self.number("u")
        moment = self.session(person, moment, ["sign_up"])
        self.contact(person, moment)
        if person["persona"] == "business":
            self.business_life(person, moment)
        else:
            self.shopper_life(person, moment)

    def contact(self, person: dict[str, Any], moment: datetime) -> None:
        person["contact_id"] = self.number("c")
        referrer = ""
        if self.known_contacts and self.random.random() < 0.06:
            referrer = self.random.choice(self.known_contacts)
        self.lanes.add(
            "crm/contacts",
            contact_id=person["contact_id"],
            created_at=moment,
            updated_at=moment,
            email=person["email"],
            phone=person["phone"] if self.random.random() < 0.7 else "",
            user_id=person["user_id"],
            persona=person["persona"],
            country_code="JP",
            referred_by_contact_id=referrer,
            marketing_consent_at=moment if self.random.random() < 0.6 else "",
            analytics_consent_at=moment,
        )
        self.known_contacts.append(person["contact_id"])

    def shopper_life(self, person: dict[str, Any], moment: datetime) -> None:
        roll = self.random.random
        if roll() < 0.25:
            self.ask(person, moment, "expectation", ["consideration", "use"])
        self.session(person, self.later(moment, 0, 3), ["view_item", "add_to_cart"])
        if roll() < 0.30:
            return  # abandoned cart
        buys = self.random.choices((1, 2, 3, 5), (50, 25, 15, 10))[0]
        for _ in range(buys):
            moment = self.later(moment, 1, 60)
            self.order(person, moment)
            if roll() < 0.25:
                self.ticket(person, self.later(moment, 3, 20))
        if roll() < 0.22:
            self.subscribe(person, self.later(moment, 1, 20))
        if roll() < 0.5:
            self.ask(person, self.later(moment, 10, 40), "relationship", ["recommend"])
        if roll() < 0.15:
            self.ask(person, self.later(moment, 10, 40), "experience", ["consideration", "use"])

    def business_life(self, person: dict[str, Any], moment: datetime) -> None:
        contact, deal = person["contact_id"], self.number("d")
        opened = self.later(moment, 1, 10)
        won = self.random.random() < 0.45
        closed = self.later(opened, 15, 90)
        currency = "USD" if self.random.random() < 0.15 else "JPY"
        amount = self.random.randrange(20, 400) * (10 if currency == "USD" else 1000)
        if opened >= self.end:
            return
        is_closed = closed < self.end
        self.lanes.add(
            "crm/deals",
            deal_id=deal,
            contact_id=contact,
            created_at=opened,
            pipeline="office",
            amount=f"{amount}.00",
            currency_code=currency,
            closed_at=closed if is_closed else "",
            status=("won" if won else "lost") if is_closed else "open",
        )
        for stage, at in (
            ("qualified", opened),
            ("proposal", opened + (closed - opened) / 2),
            ("won" if won else "lost", closed),
        ):
            if at < self.end:
                self.lanes.add(
                    "crm/deal_stage_changes",
                    change_id=self.number("ch"),
                    deal_id=deal,
                    deal_stage=stage,
                    changed_at=at.replace(microsecond=0),
                )
        for kind, channel, direction in (
            ("call", "phone", "outbound"),
            ("meeting", "sales", ""),
            ("seminar", "event", "inbound"),
        ):
            if self.random.random() < 0.7:
                self.activity(contact, self.later(opened, 0, 14), kind, channel, direction)
        if won and is_closed:
            self.order(person, closed, amount=amount, currency=currency, web=False)
            self.activity(contact, self.later(closed, 2, 10), "onboarding", "sales", "outbound")
            self.ask(person, self.later(closed, 12, 25), "onboarding", ["satisfaction"])
            if self.random.random() < 0.4:
                self.order(
                    person,
                    self.later(closed, 60, 150),
                    amount=amount // 2,
                    currency=currency,
                    web=False,
                )
            if self.random.random() < 0.5:
                self.ticket(person, self.later(closed, 10, 60))

    def activity(
        self, contact: str, moment: datetime, kind: str, channel: str, direction: str
    ) -> None:
        if moment < self.end:
            self.lanes.add(
                "crm/activities",
                activity_id=self.number("a"),
                contact_id=contact,
                occurred_at=moment,
                activity_type=kind,
                direction=direction,
                channel=channel,
                outcome="done",
                cost_amount="1500.00" if kind == "seminar" else "",
                currency_code="JPY" if kind == "seminar" else "",
            )

    # ---- money ---------------------------------------------------------------------------------

    def order(
        self,
        person: dict[str, Any],
        moment: datetime,
        *,
        amount: int | None = None,
        currency: str = "JPY",
        web: bool = True,
        subscription: str = "",
        renewal: bool = False,
    ) -> str:
        if moment >= self.end:
            return ""
        roll = self.random.random
        order = self.number("o")
        lines = []
        if amount is None:
            lines = [
                (*self.random.choice(PRODUCTS), self.random.choice((1, 1, 1, 2)))
                for _ in range(self.random.choice((1, 1, 2)))
            ]
            amount = sum(price * quantity for _, _, price, quantity in lines)
        prepaid = subscription or roll() < 0.8
        delivered = self.later(moment, 1, 9)
        billed = moment if prepaid else self.later(delivered, 1, 5)
        paid = moment + timedelta(minutes=2) if prepaid else self.later(billed, 5, 40)
        cancelled = roll() < 0.02 and not subscription
        if web:
            self.session(
                person,
                moment - timedelta(minutes=12),
                ["add_to_cart", "purchase"],
                order_id=order,
                value_amount=f"{amount}.00",
                currency_code=currency,
            )
        self.lanes.add(
            "crm/orders",
            order_id=order,
            contact_id=person["contact_id"],
            ordered_at=moment,
            order_amount=f"{amount}.00",
            currency_code=currency,
            status="cancelled" if cancelled else "completed",
            order_type="renewal" if renewal else ("subscription" if subscription else "one_off"),
            subscription_id=subscription,
            billed_at=billed if billed < self.end else "",
            delivered_at=delivered if delivered < self.end and not cancelled else "",
        )
        for product, category, price, quantity in lines:
            self.lanes.add(
                "crm/order_lines",
                order_line_id=self.number("l"),
                order_id=order,
                product_id=product,
                quantity=quantity,
                line_amount=f"{price * quantity}.00",
                category=category,
            )
        parts = [amount] if subscription or roll() < 0.93 else [amount // 2, amount - amount // 2]
        for position, part in enumerate(parts):  # instalments a month apart
            at = paid + timedelta(days=30 * position)
            if at < self.end and not cancelled:
                self.payment(order, at, part, currency, "charge")
        if not cancelled and roll() < 0.05:
            at = self.later(delivered, 2, 15)
            part = amount if roll() < 0.5 else amount // 3
            self.payment(order, at, part, currency, "refund")
        elif not cancelled and roll() < 0.005:
            self.payment(order, self.later(paid, 20, 40), amount, currency, "chargeback")
        if not subscription and not cancelled and roll() < 0.35:
            self.ask(person, self.later(delivered, 1, 7), "order", ["satisfaction"], order=order)
        if not subscription and not cancelled and roll() < 0.08:
            self.answer(person, self.later(delivered, 3, 20), "product_review", "stars", "", order)
        return order

    def payment(self, order: str, at: datetime, amount: int, currency: str, kind: str) -> None:
        if at < self.end:
            self.lanes.add(
                "crm/payments",
                payment_id=self.number("p"),
                order_id=order,
                paid_at=at,
                payment_amount=f"{amount}.00",
                currency_code=currency,
                payment_type=kind,
            )

    def subscribe(self, person: dict[str, Any], moment: datetime) -> None:
        if moment >= self.end:
            return
        plans = [("light", 980), ("standard", 1980), ("premium", 3980)]
        level = self.random.randrange(3)
        months = self.random.choice((2, 5, 9, 99))
        subscription, started, at = self.number("s"), moment, moment
        for month in range(months):
            if at >= self.end:
                break
            if month and self.random.random() < 0.05:  # up- or downgrade: a new subscription
                self.close(subscription, person, started, plans[level], at)
                level = (level + self.random.choice((1, 2))) % 3
                subscription, started = self.number("s"), at
            self.order(
                person,
                at,
                amount=plans[level][1],
                web=False,
                subscription=subscription,
                renewal=month > 0,
            )
            at = at + timedelta(days=30)
        self.close(subscription, person, started, plans[level], at if at < self.end else None)

    def close(
        self,
        subscription: str,
        person: dict[str, Any],
        started: datetime,
        plan: tuple[str, int],
        ended: datetime | None,
    ) -> None:
        self.lanes.add(
            "crm/subscriptions",
            subscription_id=subscription,
            contact_id=person["contact_id"],
            started_at=started,
            period_amount=f"{plan[1]}.00",
            currency_code="JPY",
            billing_period="month",
            plan=plan[0],
            ended_at=ended or "",
        )

    # ---- support and surveys -------------------------------------------------------------------

    def ticket(self, person: dict[str, Any], moment: datetime) -> None:
        if moment >= self.end:
            return
        first, solved = self.later(moment, 0.1, 2), self.later(moment, 2, 12)
        by_mail = self.random.random() < 0.3
        self.lanes.add(
            "crm/tickets",
            ticket_id=self.number("t"),
            opened_at=moment,
            contact_id="" if by_mail else person["contact_id"],
            email=person["email"] if by_mail else "",
            first_responded_at=first if first < self.end else "",
            resolved_at=solved if solved < self.end and self.random.random() < 0.9 else "",
            category=self.random.choice(("delivery", "defect", "billing", "how_to")),
            priority=self.random.choice(("low", "normal", "normal", "high")),
        )
        self.ask(person, self.later(solved, 0.2, 3), "support", ["effort", "satisfaction"])

    def ask(
        self,
        person: dict[str, Any],
        moment: datetime,
        survey: str,
        questions: list[str],
        order: str = "",
    ) -> None:
        if moment >= self.end:
            return
        invitation = self.number("i")
        self.lanes.add(
            "survey/invitations",
            invitation_id=invitation,
            survey_id=survey,
            sent_at=moment,
            contact_id=person["contact_id"],
        )
        if self.random.random() < 0.55:
            response, at = None, self.later(moment, 0.1, 5)
            for question in questions:
                response = self.answer(person, at, survey, question, invitation, order, response)

    def answer(
        self,
        person: dict[str, Any],
        at: datetime,
        survey: str,
        question: str,
        invitation: str = "",
        order: str = "",
        response: str | None = None,
    ) -> str:
        response = response or self.number("r")
        scale = {"recommend": (0, 10), "effort": (1, 7)}.get(question, (1, 5))
        middle = self.random.gauss(0.68 if survey != "support" else 0.52, 0.22)
        score = round(scale[0] + min(max(middle, 0), 1) * (scale[1] - scale[0]))
        if at < self.end:
            self.lanes.add(
                "survey/answers",
                response_id=response,
                survey_id=survey,
                question_id=question,
                responded_at=at,
                contact_id=person["contact_id"],
                email=person["email"] if self.random.random() < 0.5 else "",
                order_id=order,
                invitation_id=invitation,
                score=score,
                answer_text=self.random.choice(COMMENTS),
            )
        return response

    # ---- the rest ------------------------------------------------------------------------------

    def advertise(self) -> None:
        """Daily cost per campaign; the first 30 days are restated later."""
        for day in range(self.days):
            for source, medium, campaign, price in CAMPAIGNS:
                clicks = self.random.randrange(1, 9)
                self.lanes.add(
                    "web/ad_costs",
                    cost_date=(START + timedelta(days=day)).date().isoformat(),
                    utm_source=source,
                    utm_medium=medium,
                    utm_campaign=campaign,
                    cost_amount=f"{clicks * price}.00",
                    currency_code="JPY",
                    impressions=clicks * self.random.randrange(40, 120),
                    clicks=clicks,
                )

    def crawl(self) -> None:
        """Bots, and people who never come back under any name."""
        for index in range(max(3, self.people // 40)):
            agent = BOTS[index % len(BOTS)]
            moment = self.later(START, 0, self.days - 2)
            for _ in range(self.random.randrange(3, 20)):
                self.lanes.add(
                    "web/events",
                    event_id=self.number("e"),
                    occurred_at=moment,
                    visitor_id=f"bot-{index}",
                    event_name="page_view",
                    user_agent=agent,
                    page_url="https://shop.example.jp/products",
                    device_type="desktop",
                )
                moment += timedelta(seconds=2)
        for moment_index in range(40):  # cookie placeholder: nobody's visitor id
            self.lanes.add(
                "web/events",
                event_id=self.number("e"),
                event_name="page_view",
                occurred_at=self.later(START, 0, self.days - 2),
                visitor_id="undefined",
                page_url="https://shop.example.jp/",
                user_agent=AGENTS["mobile"],
                device_type="mobile",
                user_id=f"u{moment_index + 1:06d}",
            )

    def spoil(self) -> None:
        """Plant the bad rows, placeholders and duplicates."""
        rows = self.lanes.rows
        contacts = rows["crm/contacts"]
        contacts[5]["email"] = contacts[6]["email"] = "test@shop.example.jp"
        contacts[7]["phone"] = contacts[8]["phone"] = "000-0000-0000"
        contacts[9]["erased_at"] = (self.end - timedelta(days=40)).strftime("%Y-%m-%dT%H:%M:%SZ")
        rows["crm/activities"].append(
            rows["crm/activities"][0]
            | {"activity_id": "a-bad", "occurred_at": "2025-02-30T10:00:00Z"}
        )
        answers = rows["survey/answers"]
        nps = answers[0] | {"survey_id": "relationship", "question_id": "recommend"}
        csat = answers[0] | {"survey_id": "order", "question_id": "satisfaction"}
        answers += [
            nps | {"response_id": "r-bad-1", "score": 11},
            csat | {"response_id": "r-bad-2", "score": "3.5"},
            csat | {"response_id": "r-bad-3", "responded_at": "someday"},
        ]
        rows["crm/order_lines"].append(rows["crm/order_lines"][0] | {"order_line_id": ""})
        pay = rows["crm/payments"][0]
        rows["crm/payments"] += [
            pay | {"payment_id": "p-bad-1", "payment_amount": "-100.00"},
            pay | {"payment_id": "p-bad-2", "currency_code": "yen"},
            pay | {"payment_id": "p-bad-3", "payment_type": "giftcard"},
        ]
        events = rows["web/events"]
        later = START + timedelta(days=self.days - 1)
        events.append(
            events[0]
            | {
                "occurred_at": later.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "page_url": "https://shop.example.jp/x",
            }
        )
        events += [dict(row) for row in self.random.sample(events[:-1], 25)]  # exact duplicates

    def run(self) -> Lanes:
        """The whole simulation."""
        for index in range(self.people):
            self.live(index)
        self.advertise()
        self.crawl()
        self.spoil()
        return self.lanes


def write(lanes: Lanes, out: Path) -> None:
    """Write the lanes as files of the shapes and encodings that real tools export."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    (out / "_SAMPLE").write_text(
        "Synthetic sample, generated by sample/generate.py. No person in it exists.\n", "utf-8"
    )
    for label, rows in lanes.rows.items():
        names = list(dict.fromkeys(name for row in rows for name in row))
        folder = out / label
        if label == "web/events":
            rows = sorted(rows, key=lambda row: (str(row["occurred_at"]), str(row["event_id"])))
            late = rows[200::97]  # arrive in a file of their own, as JSON
            rest = [row for row in rows if row not in late]
            for month in sorted({row["occurred_at"][:7] for row in rest}):
                part = [row for row in rest if row["occurred_at"][:7] == month]
                _write_csv(folder / f"events_{month}.csv.gz", names, part)
            text = "".join(
                json.dumps({k: v for k, v in row.items() if v != ""}, ensure_ascii=False) + "\n"
                for row in late
            )
            _write_bytes(folder / "events_late.jsonl.gz", text.encode())
        elif label == "crm/contacts":
            _write_csv(folder / "contacts.csv.gz", names, rows)
            changed = [
                row | {"updated_at": _shift(row["created_at"], 20), "country_code": "JP"}
                for row in rows[::15]
            ]
            _write_csv(folder / "contacts_update.csv.gz", names, changed)
        elif label == "web/ad_costs":
            _write_csv(folder / "dt=2026-10-01" / "ad_costs.csv.gz", names, rows)
            restated = [
                row | {"cost_amount": f"{float(row['cost_amount']) + 10:.2f}"} for row in rows[:120]
            ]
            _write_csv(folder / "dt=2026-10-02" / "ad_costs.csv.gz", names, restated)
        elif label == "survey/answers":
            japanese = {
                "response_id": "回答ID",
                "survey_id": "調査ID",
                "question_id": "設問ID",
                "responded_at": "回答日時",
                "contact_id": "顧客ID",
                "email": "メールアドレス",
                "order_id": "注文ID",
                "invitation_id": "招待ID",
                "score": "点数",
                "answer_text": "自由回答",
            }
            text = _csv_text(
                [japanese[name] for name in names],
                [[row.get(name, "") for name in names] for row in rows],
            )
            _write_bytes(
                folder / "answers_cp932.csv.gz", text.replace("\n", "\r\n").encode("cp932")
            )
        else:
            _write_csv(folder / f"{label.split('/')[1]}.csv.gz", names, rows)


def _shift(text: str, days: int) -> str:
    moment = datetime.fromisoformat(text.replace("Z", "+00:00")) + timedelta(days=days)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _csv_text(header: list[str], rows: list[list[Any]]) -> str:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return buffer.getvalue()


def _write_csv(path: Path, names: list[str], rows: list[dict[str, Any]]) -> None:
    _write_bytes(path, _csv_text(names, [[r.get(n, "") for n in names] for r in rows]).encode())


def _write_bytes(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        path.open("wb") as raw,
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as stream,
    ):
        stream.write(content)


def main(arguments: list[str] | None = None) -> None:
    """Command line of the generator."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=2000)
    parser.add_argument("--days", type=int, default=548)
    parser.add_argument("--seed", type=int, default=20250401)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "landing")
    options = parser.parse_args(arguments)
    lanes = Company(options.people, options.days, options.seed).run()
    write(lanes, options.out)
    for label, rows in lanes.rows.items():
        print(f"  {label:<28}{len(rows):>10,} rows")


if __name__ == "__main__":
    main()
