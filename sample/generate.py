"""
Generate the synthetic sample: a fictional company with joined web, CRM and survey lanes.

`python -m sample.generate --people 2000 --days 548 --out sample/landing` writes contract files;
the same arguments give the same bytes. Every person, address and amount is invented. What is
planted to be found again (a leak, campaigns, a persona that churns, an experiment …) stands with
its numbers in sample/README.md; beside it bots, late identification, shared devices, refunds,
chargebacks, subscriptions with changes and cancellations, two versions of contacts, duplicates,
late rows, CP932 and Japanese headers, placeholder identifiers, an erasure, and the few bad rows
that `BAD_ROWS` lists.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import io
import json
import math
import random
import shutil
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any

FIRST_DAY = date(2025, 4, 1)
START = datetime(2025, 3, 31, 15, tzinfo=UTC)  # midnight of the first day in Japan

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

Source = tuple[str, str, str, str]  # source, medium, campaign, referrer
SOURCES: list[tuple[Source, float, float]] = [  # weight in visits, weight in orders
    (("google", "cpc", "brand_search", "https://www.google.com/"), 7, 18),
    (("yahoo", "cpc", "generic_search", "https://search.yahoo.co.jp/"), 8, 8),
    (("facebook", "paid_social", "prospecting", "https://www.facebook.com/"), 7, 4),
    (("line", "social", "", "https://line.me/"), 6, 4),
    (("newsletter", "email", "monthly_news", ""), 4, 7),
    (("partner.example.jp", "referral", "", "https://partner.example.jp/review"), 5, 5),
    (("criteo", "display", "retargeting", ""), 4, 3),
    (("a8", "affiliate", "a8_reviews", ""), 3, 4),
    (("", "", "", "https://www.google.com/"), 31, 30),
    (("", "", "", ""), 25, 26),
]
VIDEO = ("facebook", "paid_social", "spring_video", "https://www.facebook.com/")
NEWSLETTER = ("newsletter", "email", "monthly_news", "")
REMINDER = ("newsletter", "email", "cart_reminder", "")
COSTS = {  # campaign: source, medium, yen per click, clicks per impression
    "brand_search": ("google", "cpc", 100, 0.08),
    "generic_search": ("yahoo", "cpc", 230, 0.03),
    "prospecting": ("facebook", "paid_social", 130, 0.012),
    "spring_video": ("facebook", "paid_social", 200, 0.012),
    "retargeting": ("criteo", "display", 90, 0.004),
    "a8_reviews": ("a8", "affiliate", 100, 0.02),
}

# What is planted; sample/README.md says what it comes to.
VIDEO_FROM, VIDEO_TO = date(2026, 5, 1), date(2026, 6, 30)  # clicks without orders
REMINDER_FROM = date(2026, 2, 1)  # brings left carts back
CALLS_FROM = date(2026, 1, 1)  # more businesses complete their onboarding
FORM_FROM = date(2026, 4, 1)  # twice as many requests
EXPERIMENT, VARIANTS = "product_reviews", ("control", "reviews")
EXPERIMENT_FROM, EXPERIMENT_TO = date(2026, 6, 1), date(2026, 8, 31)
IDLE_EXPERIMENT, IDLE_VARIANTS = "button_colour", ("control", "green")  # changes nothing
IDLE_FROM, IDLE_TO = date(2026, 3, 1), date(2026, 5, 31)
CART_RATE = {"": 0.06, "control": 0.06, "reviews": 0.11}  # visits, or visitors of a variant
PAYMENT_RATE = {"mobile": 0.42, "desktop": 0.82, "tablet": 0.82}  # of those who came to pay
MONTHLY = {  # persona: leaves, orders first in the first month or later, again, cancels
    "individual": (0.11, 0.26, 0.11, 0.18, 0.03),
    "student": (0.25, 0.26, 0.11, 0.01, 0.18),
}
SUBSCRIBES = {"individual": 0.20, "student": 0.05}  # after the first order
SCORES: dict[tuple[str, str], list[int]] = {  # weights of the scores from the lowest on
    ("relationship", "recommend"): [1, 0, 1, 1, 2, 5, 7, 14, 24, 25, 20],
    ("order", "satisfaction"): [2, 4, 9, 43, 42],
    ("onboarding", "satisfaction"): [2, 4, 12, 44, 38],
    ("support", "satisfaction"): [4, 7, 13, 42, 34],
    ("support", "effort"): [2, 4, 8, 13, 24, 30, 19],
    ("product_review", "stars"): [2, 3, 9, 40, 46],
    ("expectation", "consideration"): [1, 4, 20, 50, 25],
    ("experience", "consideration"): [1, 5, 20, 48, 26],
    ("expectation", "use"): [0, 2, 12, 46, 40],
    ("experience", "use"): [5, 13, 31, 36, 15],
}
STORES = ("Ginza", "Umeda")
COUPON_RATES = {"online_store": 0.2, "pos": 0.1}  # of orders
TIERS = ("bronze", "silver", "gold")
MEMBERS = 0.4  # of contacts that shop, some days after they became known
REASONS = ("too_expensive", "unused", "missing_features", "switched_service", "")
TICKET_CHANNELS = ("form", "chat", "phone")
BOT_RATES = (0.45, 0.7)  # of chats: answered by a bot alone; begun by a bot
STUDENT_SCORES = {  # where the persona that churns is less content
    ("relationship", "recommend"): [3, 2, 3, 4, 6, 12, 14, 20, 18, 11, 7],
    ("order", "satisfaction"): [9, 15, 26, 34, 16],
}
RESPONSE_RATES = {
    "relationship": 0.27, "order": 0.30, "support": 0.38, "onboarding": 0.38, "expectation": 0.36,
}  # fmt: skip
WEEKDAYS = (0.94, 0.92, 0.94, 0.96, 1.0, 1.12, 1.18)  # Monday to Sunday
HOURS = (2, 1, 1, 1, 1, 2, 4, 6, 7, 7, 7, 7, 10, 8, 6, 6, 6, 7, 8, 9, 11, 13, 11, 6)  # in Japan
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
PRODUCT_NAMES = {
    "kettle": "電気ケトル",
    "lamp": "フロアランプ",
    "desk": "昇降デスク",
    "chair": "ワークチェア",
    "rug": "ウールラグ",
    "pan": "鉄フライパン",
}
COMMENTS = [
    "とても良い",
    "髙橋さんの対応①が丁寧でした",
    '配送が遅い、"改善"してほしい',
    "普通です\n特になし",
    "また買います",
    "",
]
LABELS = {  # of comments: topic, sentiment
    "とても良い": ("quality", "positive"),
    "髙橋さんの対応①が丁寧でした": ("service", "positive"),
    '配送が遅い、"改善"してほしい': ("delivery", "negative"),
    "普通です\n特になし": ("", "neutral"),
    "また買います": ("product", "positive"),
}
TOPICS = {  # of tickets by category
    "delivery": ("late_delivery", "address"),
    "defect": ("damaged", "wrong_item"),
    "billing": ("invoice", "refund"),
    "how_to": ("assembly", "subscription"),
}
SENTIMENTS = ("negative", "negative", "neutral", "mixed", "positive", "")


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


def chance(name: str, *of: str) -> float:
    """A number from 0 to 1 of an identifier: always the same, and no draw of the simulation."""
    digest = hashlib.blake2b(" ".join((name, *of)).encode(), digest_size=4).digest()
    return int.from_bytes(digest) / 2**32


def demand(day: date) -> float:
    """Visits of a day against the first one: growth, weekday, and the weeks around the year end."""
    growth = math.exp(0.0005 * (day - FIRST_DAY).days)
    season = 1.0
    if (11, 15) <= (day.month, day.day) <= (12, 25):
        season = 1.25  # presents
    elif (day.month, day.day) >= (12, 29) or (day.month, day.day) <= (1, 3):
        season = 0.6
    elif day.month == 8 and 11 <= day.day <= 16:
        season = 0.8  # Obon
    return growth * season * WEEKDAYS[day.weekday()]


class Company:
    """The simulation; everything random comes from one seeded generator."""

    def __init__(self, people: int, days: int, seed: int) -> None:
        self.random = random.Random(seed)
        self.people, self.days = people, days
        self.end = START + timedelta(days=days)
        self.lanes = Lanes()
        self.counters: dict[str, int] = {}
        self.known_contacts: list[str] = []
        self.clicks: Counter[tuple[int, str]] = Counter()
        self.variants: dict[str, str] = {}
        calendar = (FIRST_DAY + timedelta(days=day) for day in range(days + 120))
        self.cumulative = [0.0, *accumulate(demand(day) for day in calendar)]

    def number(self, prefix: str) -> str:
        """The next identifier of a kind."""
        self.counters[prefix] = self.counters.get(prefix, 0) + 1
        return f"{prefix}{self.counters[prefix]:06d}"

    def moment(self, first: int, last: int) -> datetime:
        """A moment of the days `first` to before `last`, more likely where there is more demand."""
        last = min(last, len(self.cumulative) - 1)
        drawn = self.random.uniform(self.cumulative[first], self.cumulative[last])
        day = min(bisect_right(self.cumulative, drawn) - 1, last - 1)
        (hour,) = self.random.choices(range(24), HOURS)
        return START + timedelta(days=day, hours=hour, seconds=self.random.randrange(3600))

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

    def several(self, mean: float) -> int:
        """A count drawn from Poisson's distribution."""
        count, left = 0, math.exp(-mean)
        product = self.random.random()
        while product > left:
            count += 1
            product *= self.random.random()
        return count

    # ---- web -----------------------------------------------------------------------------------

    def session(
        self,
        person: dict[str, Any],
        moment: datetime,
        names: Iterable[str],
        *,
        source: Source | None = None,
        device: str = "",
        **values: Any,
    ) -> datetime | None:
        """
        One visit: a landing page view, then the named events.

        Returns when the last of them was; None when the sample ends before.
        """
        names = ["page_view", *names]
        is_order = "purchase" in names
        if not source:
            weights = [ordering if is_order else visiting for _, visiting, ordering in SOURCES]
            source = self.random.choices([source for source, _, _ in SOURCES], weights)[0]
        visitor, device = self.random.choice(
            [v for v in person["visitors"] if device in ("", v[1])] or person["visitors"]
        )
        times = [moment.replace(microsecond=0)]
        for _ in names[1:]:
            times.append(times[-1] + timedelta(seconds=self.random.randrange(11, 300)))
        if times[-1] >= self.end:
            return None
        if source[2] in COSTS:
            self.clicks[(moment - START).days, source[2]] += 1
        pages = ["/", "/products", "/guide", "/pricing", "/support"]
        logged_in = person.get("user_id") and (is_order or self.random.random() < 0.6)
        for position, (name, at) in enumerate(zip(names, times, strict=True)):
            first = position == 0
            experiment, variant = self.shown(visitor, at) if first else ("", "")
            event: dict[str, Any] = {
                "event_id": self.number("e"),
                "occurred_at": at,
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
                "experiment_id": experiment,
                "variant_id": variant,
            }
            if name in ("sign_up", "generate_lead"):
                event["email"] = person["email"]
            if name == "sign_up":
                event["user_id"] = person["user_id"]
            if name == "purchase":
                event.update(values)
            self.lanes.add("web/events", **event)
        return times[-1]

    def shown(self, visitor: str, moment: datetime) -> tuple[str, str]:
        """The experiment of a moment and what a visitor is shown of it, or nothing."""
        variant = self.variant(visitor, moment)
        if variant:
            return EXPERIMENT, variant
        if IDLE_FROM <= FIRST_DAY + timedelta(days=(moment - START).days) <= IDLE_TO:
            return IDLE_EXPERIMENT, IDLE_VARIANTS[chance("button", visitor) < 0.5]
        return "", ""

    def variant(self, visitor: str, moment: datetime) -> str:
        """What a visitor is shown of the experiment with an effect; the same each time."""
        day = FIRST_DAY + timedelta(days=(moment - START).days)
        if not EXPERIMENT_FROM <= day <= EXPERIMENT_TO:
            return ""
        if visitor not in self.variants:
            self.variants[visitor] = self.random.choice(VARIANTS)
        return self.variants[visitor]

    def visit(self, person: dict[str, Any], moment: datetime, source: Source | None = None) -> None:
        """A visit that buys nothing: a bounce, or a look around that may fill a cart."""
        visitor, device = self.random.choice(person["visitors"])
        one = {**person, "visitors": [(visitor, device)]}
        names: list[str] = []
        if self.random.random() > 0.36:
            names = self.random.choices(["page_view", "scroll", "view_item"], k=self.several(1) + 1)
        variant = self.variant(visitor, moment)
        if variant:  # once per visitor: what is measured is the share of visitors
            fills_cart = not person.get(variant) and self.random.random() < CART_RATE[variant]
            person[variant] = True
        else:
            fills_cart = self.random.random() < CART_RATE[""]
        if fills_cart:
            names += ["view_item", "add_to_cart"]
            if self.random.random() < 0.3:
                names.append("begin_checkout")
        self.session(one, moment, names, source=source)

    def buy(self, person: dict[str, Any], moment: datetime) -> datetime | None:
        """
        Try to pay for a cart, again after a failure; returns when the order was placed, or None.

        Phones lose people at the payment step.
        """
        steps = ["view_item", "add_to_cart", "begin_checkout", "add_payment_info"]
        source: Source | None = None
        for _ in range(3):
            used = self.random.choice(person["visitors"])
            one = {**person, "visitors": [used]}
            if source or self.random.random() < PAYMENT_RATE[used[1]]:
                return self.order(one, moment, source=source)
            self.session(one, moment, steps)
            day = FIRST_DAY + timedelta(days=(moment - START).days)
            if day >= REMINDER_FROM and person["is_mailed"]:
                moment += timedelta(hours=self.random.randrange(20, 26))
                clicked = self.random.random() < 0.35
                self.mail(person, moment, "cart_reminder", "clicked" if clicked else "sent")
                if clicked:
                    source = REMINDER
                    moment += timedelta(minutes=5)
                    continue
            if self.random.random() < 0.7:
                return None
            moment = self.later(moment, 0.2, 3)
        return None

    def person(self, index: int) -> dict[str, Any]:
        """A person with devices and addresses; every 60th shares a family tablet."""
        visitors = self.devices(self.random.choice((1, 1, 2)))
        if index % 60 < 3 and index >= 60:
            visitors.append((f"shared-tablet-{index // 60}", "tablet"))
        (persona,) = self.random.choices(("individual", "business", "student"), (66, 20, 14))
        return {
            "visitors": visitors,
            "email": f"person{index}@{self.random.choice(('hana', 'sora', 'umi'))}-mail.jp",
            "phone": f"090-{self.random.randrange(1000, 9999)}-{index:04d}",
            "user_id": None,
            "persona": persona,
            "is_mailed": False,
        }

    def devices(self, count: int) -> list[tuple[str, str]]:
        """Visitor identifiers, each of another kind of device; phones are the most."""
        kinds: list[str] = []
        while len(kinds) < count:
            (kind,) = self.random.choices(("mobile", "desktop", "tablet"), (62, 32, 6))
            if kind not in kinds:
                kinds.append(kind)
        return [(self.number("v"), kind) for kind in kinds]

    # ---- lives ---------------------------------------------------------------------------------

    def pass_by(self, day: int, source: Source | None = None) -> None:
        """A visitor whom nobody gets to know."""
        visitor: dict[str, Any] = {"visitors": self.devices(1)}
        moment = self.moment(day, day + 1)
        for _ in range(self.random.choices((1, 2, 3), (72, 20, 8))[0]):
            self.visit(visitor, moment, source)
            moment, source = self.later(moment, 0.3, 20), None

    def live(self, index: int) -> None:
        """One person from the first visit on, as far as they go."""
        roll = self.random.random
        person = self.person(index)
        moment = self.moment(0, self.days)
        for _ in range(self.random.choice((1, 1, 2, 3))):
            self.visit(person, moment)
            moment = self.later(moment, 0.3, 7)
        day = FIRST_DAY + timedelta(days=(moment - START).days)
        if roll() < (0.40 if day >= FORM_FROM else 0.18):
            self.session(person, moment, ["view_item", "generate_lead"])
            moment = self.later(moment, 0.1, 2)
        if roll() < 0.35:
            return
        person["user_id"] = self.number("u")
        signed_up = self.session(person, moment, ["sign_up"])
        if signed_up is None:
            return
        self.contact(person, signed_up)
        if person["persona"] == "business":
            self.business_life(person, signed_up)
        self.months(person, signed_up)

    def contact(self, person: dict[str, Any], moment: datetime) -> None:
        person["contact_id"] = self.number("c")
        referrer = ""
        if self.known_contacts and self.random.random() < 0.06:
            referrer = self.random.choice(self.known_contacts)
        person["is_mailed"] = self.random.random() < 0.6
        contact = person["contact_id"]
        joined = moment + timedelta(days=round(120 * chance("joined", contact)))
        is_member = person["persona"] != "business" and chance("member", contact) < MEMBERS
        is_member = is_member and joined < self.end
        self.lanes.add(
            "crm/contacts",
            contact_id=contact,
            created_at=moment,
            updated_at=moment,
            email=person["email"],
            phone=person["phone"] if self.random.random() < 0.7 else "",
            user_id=person["user_id"],
            persona=person["persona"],
            country_code="JP",
            referred_by_contact_id=referrer,
            marketing_consent_at=moment if person["is_mailed"] else "",
            analytics_consent_at=moment,
            loyalty_tier=TIERS[int(3 * chance("tier", contact) ** 2)] if is_member else "",
            member_since_at=joined if is_member else "",
        )
        self.known_contacts.append(person["contact_id"])

    def months(self, person: dict[str, Any], moment: datetime) -> None:
        """What a contact does month by month until they leave; some come back once."""
        roll = self.random.random
        shops = person["persona"] != "business"
        leaves, at_once, at_last, again, _ = MONTHLY[person["persona"] if shops else "individual"]
        if shops and roll() < 0.65:
            self.ask(person, self.later(moment, 0.2, 2), "expectation", ["consideration", "use"])
        asked_in = self.random.randrange(1, 4)
        start = (moment - START).days + 1
        for month, day in enumerate(range(start, self.days, 30)):
            if month and roll() < leaves:
                if roll() < 0.2 and day + 150 < self.days:
                    self.visit(person, self.moment(day + 110, day + 150))
                return
            for _ in range(self.several(1.1)):
                self.visit(person, self.moment(day, day + 30))
            if person["is_mailed"]:
                self.newsletter(person, day)
            if roll() < 0.04:
                self.store(person, self.moment(day, day + 30), shops)
            if month % 3 == asked_in % 3 and month:
                self.ask(person, self.moment(day, day + 30), "relationship", ["recommend"])
            if roll() < 0.02:
                self.ticket(person, self.moment(day, day + 30))
            orders = again if person.get("ordered") else at_last if month else at_once
            if shops and roll() < orders:
                ordered = self.buy(person, self.moment(day, day + 30))
                if ordered:
                    self.after_order(person, ordered)

    def after_order(self, person: dict[str, Any], moment: datetime) -> None:
        """What follows an order in the shop: help, use, a subscription, how it was."""
        roll = self.random.random
        if roll() < 0.22:
            self.ticket(person, self.later(moment, 3, 20))
        if person.get("ordered"):
            return
        person["ordered"] = True
        if roll() < 0.5:
            self.session(person, self.later(moment, 5, 20), ["login", "tutorial_complete"])
        if roll() < SUBSCRIBES[person["persona"]]:
            self.subscribe(person, self.later(moment, 1, 20))
        if roll() < 0.75:
            at = self.later(moment, 15, 45)
            self.ask(person, at, "experience", ["consideration", "use"])

    def newsletter(self, person: dict[str, Any], day: int) -> None:
        """The news of the 10th, if it is opened and clicked a visit too."""
        while (FIRST_DAY + timedelta(days=day)).day != 10:
            day += 1
        at = START + timedelta(days=day, hours=10, seconds=self.random.randrange(600))
        (outcome,) = self.random.choices(("sent", "opened", "clicked"), (71.5, 26.3, 2.2))
        self.mail(person, at, "monthly_news", outcome)
        if outcome == "clicked":
            self.visit(person, at + timedelta(hours=self.random.randrange(1, 12)), NEWSLETTER)

    def mail(self, person: dict[str, Any], moment: datetime, campaign: str, outcome: str) -> None:
        self.activity(person["contact_id"], moment, "email", "email", "outbound", campaign, outcome)

    def store(self, person: dict[str, Any], moment: datetime, shops: bool) -> None:
        """A visit of the store, that may end at the till."""
        self.activity(person["contact_id"], moment, "visit", "store", "inbound")
        if shops and self.random.random() < 0.45:
            at = moment + timedelta(minutes=25)
            if self.order(person, at, web=False, is_prepaid=True):
                self.after_order(person, at)

    def business_life(self, person: dict[str, Any], moment: datetime) -> None:
        contact, deal = person["contact_id"], self.number("d")
        opened = self.later(moment, 1, 10)
        won = self.random.random() < 0.36
        closed = self.later(opened, 15, 75)
        currency = "USD" if self.random.random() < 0.15 else "JPY"
        amount = self.random.randrange(30, 180) * (10 if currency == "USD" else 1000)
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
            called = closed >= START + timedelta(days=(CALLS_FROM - FIRST_DAY).days)
            if self.random.random() < (0.9 if called else 0.35):
                self.activity(contact, self.later(closed, 2, 20), "onboarding", "sales", "outbound")
            self.ask(person, self.later(closed, 21, 30), "onboarding", ["satisfaction"])
            if self.random.random() < 0.5:
                self.order(
                    person,
                    self.later(closed, 30, 120),
                    amount=amount // 2,
                    currency=currency,
                    web=False,
                )
            if self.random.random() < 0.4:
                self.ticket(person, self.later(closed, 10, 60))

    def activity(
        self,
        contact: str,
        moment: datetime,
        kind: str,
        channel: str,
        direction: str,
        campaign: str = "",
        outcome: str = "done",
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
                campaign=campaign,
                outcome=outcome,
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
        source: Source | None = None,
        is_prepaid: bool = False,
        subscription: str = "",
        renewal: bool = False,
    ) -> datetime | None:
        """An order with its delivery and money; returns when, or None after the sample's end."""
        if moment >= self.end:
            return None
        roll = self.random.random
        order = self.number("o")
        lines = []
        if amount is None:
            lines = [
                (*self.random.choice(PRODUCTS), self.random.choice((1, 1, 1, 2)))
                for _ in range(self.random.choice((1, 1, 2)))
            ]
            amount = sum(price * quantity for _, _, price, quantity in lines)
        if web:
            placed = self.session(
                person,
                moment,
                ["view_item", "add_to_cart", "begin_checkout", "add_payment_info", "purchase"],
                source=source,
                order_id=order,
                value_amount=f"{amount}.00",
                currency_code=currency,
            )
            if placed is None:
                return None
            moment = placed
        prepaid = subscription or is_prepaid or roll() < 0.8
        delivered = self.later(moment, 1, 9)
        billed = moment if prepaid else self.later(delivered, 1, 5)
        paid = moment + timedelta(minutes=2) if prepaid else self.later(billed, 5, 40)
        cancelled = roll() < 0.02 and not subscription
        place = "online_store" if web or subscription else "pos" if is_prepaid else "sales"
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
            order_channel=place,
            store=STORES[chance("store", order) < 0.4] if place == "pos" else "",
            coupon_code="" if subscription else self.coupon(person, order, place),
        )
        for product, category, price, quantity in lines:
            self.lanes.add(
                "crm/order_lines",
                order_line_id=self.number("l"),
                order_id=order,
                product_id=product,
                product_name=PRODUCT_NAMES[product],
                quantity=quantity,
                unit_price=f"{price}.00",
                line_amount=f"{price * quantity}.00",
                category=category,
            )
        parts = [amount] if subscription or roll() < 0.93 else [amount // 2, amount - amount // 2]
        for position, part in enumerate(parts):  # instalments a month apart
            at = paid + timedelta(days=30 * position)
            if at < self.end and not cancelled:
                self.payment(order, at, part, currency, "charge")
        if not cancelled and roll() < (0.02 if subscription else 0.05):
            at = self.later(max(delivered, paid), 2, 15)
            part = amount if roll() < 0.5 else amount // 3
            self.payment(order, at, part, currency, "refund")
        elif not cancelled and roll() < 0.005:
            self.payment(order, self.later(paid, 20, 40), amount, currency, "chargeback")
        if not subscription and not cancelled and roll() < 0.8:
            self.ask(person, self.later(delivered, 1, 7), "order", ["satisfaction"], order=order)
        if not subscription and not cancelled and roll() < 0.12:
            self.answer(person, self.later(delivered, 3, 20), "product_review", "stars", "", order)
        return moment

    def coupon(self, person: dict[str, Any], order: str, place: str) -> str:
        """The code of an order, in whatever capitals it was typed; few have one."""
        if chance("coupon", order) >= COUPON_RATES.get(place, 0):
            return ""
        code = "SPRING10" if person.get("ordered") else "WELCOME500"
        return code.lower() if chance("capitals", order) < 0.2 else code

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
        cancels = MONTHLY[person["persona"]][4]
        subscription, started, at = self.number("s"), moment, moment
        for month in range(self.days):
            if at >= self.end or (month and self.random.random() < cancels):
                break
            if month and self.random.random() < 0.05:  # up- or downgrade: a new subscription
                self.close(subscription, person, started, plans[level], at, is_change=True)
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
        is_change: bool = False,
    ) -> None:
        reason = REASONS[int(len(REASONS) * chance("reason", subscription))]
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
            cancellation_reason=reason if ended and not is_change else "",
        )

    # ---- support and surveys -------------------------------------------------------------------

    def ticket(self, person: dict[str, Any], moment: datetime) -> None:
        if moment >= self.end:
            return
        first = moment + timedelta(minutes=round(self.random.lognormvariate(5.6, 0.9)))
        solved = self.later(first, 0.5, 7)
        by_mail = self.random.random() < 0.3
        ticket = self.number("t")
        came = "email" if by_mail else TICKET_CHANNELS[int(3 * chance("came", ticket))]
        handled = chance("handled", ticket)
        bots = BOT_RATES if came == "chat" else (0, 0)
        row = self.lanes.add(
            "crm/tickets",
            ticket_id=ticket,
            opened_at=moment,
            contact_id="" if by_mail else person["contact_id"],
            email=person["email"] if by_mail else "",
            first_responded_at=first if first < self.end else "",
            resolved_at=solved if solved < self.end and self.random.random() < 0.9 else "",
            category=self.random.choice(("delivery", "defect", "billing", "how_to")),
            priority=self.random.choice(("low", "normal", "normal", "high")),
            ticket_channel=came,
            handled_by="bot"
            if handled < bots[0]
            else "bot_then_agent"
            if handled < bots[1]
            else "agent",
            sentiment=SENTIMENTS[int(len(SENTIMENTS) * chance("sentiment", ticket))],
        )
        row["topic"] = TOPICS[row["category"]][chance("topic", ticket) < 0.5]
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
        rate = RESPONSE_RATES.get(survey, 0)
        if survey == "experience":  # who told an expectation often tells what became of it
            rate = 0.7 if person.get("has_expectation") else 0.2
        if self.random.random() < rate:
            if survey == "expectation":
                person["has_expectation"] = True
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
        weights = SCORES[survey, question]
        if person["persona"] == "student":
            weights = STUDENT_SCORES.get((survey, question), weights)
        lowest = 0 if question == "recommend" else 1
        (score,) = self.random.choices(range(lowest, lowest + len(weights)), weights)
        if at < self.end:
            mail = person["email"] if self.random.random() < 0.5 else ""
            comment = self.random.choice(COMMENTS)
            topic, sentiment = LABELS.get(comment, ("", ""))
            self.lanes.add(
                "survey/answers",
                response_id=response,
                survey_id=survey,
                question_id=question,
                responded_at=at,
                contact_id=person["contact_id"],
                email=mail,
                order_id=order,
                invitation_id=invitation,
                score=score,
                answer_text=comment,
                topic=topic,
                sentiment=sentiment,
            )
        return response

    # ---- the rest ------------------------------------------------------------------------------

    def advertise(self) -> None:
        """Daily cost per campaign, for the visits that it brought."""
        for day in range(self.days):
            today = FIRST_DAY + timedelta(days=day)
            for campaign, (source, medium, price, rate) in COSTS.items():
                if campaign == "spring_video" and not VIDEO_FROM <= today <= VIDEO_TO:
                    continue
                visits = self.clicks[day, campaign]
                clicks = visits + self.several(0.15 * visits + 0.1)
                per_click = price * self.random.uniform(0.85, 1.15)
                self.lanes.add(
                    "web/ad_costs",
                    cost_date=today.isoformat(),
                    utm_source=source,
                    utm_medium=medium,
                    utm_campaign=campaign,
                    cost_amount=f"{clicks * per_click:.2f}",
                    currency_code="JPY",
                    impressions=round(
                        (clicks + self.random.random()) / rate * self.random.uniform(0.9, 1.1)
                    ),
                    clicks=clicks,
                )

    def crawl(self) -> None:
        """Bots, and people who never come back under any name."""
        for index in range(max(3, self.people // 40)):
            agent = BOTS[index % len(BOTS)]
            moment = self.moment(0, self.days - 1)
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
                occurred_at=self.moment(0, self.days - 1),
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
        later = START + timedelta(days=self.days - 1, hours=9)
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
        for _ in range(4 * self.people):
            self.pass_by((self.moment(0, self.days) - START).days)
        for day in range(self.days):
            if VIDEO_FROM <= FIRST_DAY + timedelta(days=day) <= VIDEO_TO:
                for _ in range(self.several(self.people / 280)):
                    self.pass_by(day, VIDEO)
        self.advertise()
        self.crawl()
        self.spoil()
        return self.lanes


def write(lanes: Lanes, out: Path) -> None:
    """Write the lanes as files of the shapes and encodings that real tools export."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    for label, rows in lanes.rows.items():
        names = list(dict.fromkeys(name for row in rows for name in row))
        folder = out / label
        if label == "web/events":
            rows = sorted(rows, key=lambda row: (str(row["occurred_at"]), str(row["event_id"])))
            late = rows[200::97]  # arrive in a file of their own, as JSON
            rest = [row for number, row in enumerate(rows) if number < 200 or (number - 200) % 97]
            months: dict[str, list[dict[str, Any]]] = {}
            for row in rest:
                months.setdefault(_month(row["occurred_at"]), []).append(row)
            for month, part in months.items():
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
                row | {"cost_amount": f"{float(row['cost_amount']) + 10:.2f}"} for row in rows[:150]
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
                "topic": "話題",
                "sentiment": "感情",
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


def _month(text: str) -> str:
    """Month in Japan of an instant in UTC."""
    return f"{datetime.fromisoformat(text) + timedelta(hours=9):%Y-%m}"


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
