"""Dagster's pages answer those who sit at this machine, and no page of another site."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest
from dagster._cli import dev

from orchestration.dagster_shell import pages

OWN = {"Host": "127.0.0.1:3000"}
FORM = {"Origin": "https://evil.example", "Content-Type": "text/plain"}
JSON = {"Content-Type": "application/json"}
CROSS = {"Sec-Fetch-Site": "cross-site"}
OPENED = {"Sec-Fetch-Mode": "navigate", "Accept": "text/html"}


def asked(kind: str, method: str, path: str, headers: dict[str, str]) -> list[dict[str, Any]]:
    """What is sent in answer, by an application that answers everything or by its guard."""
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(dict(message))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start" if kind == "http" else "websocket.accept",
                    "status": 200, "headers": []})  # fmt: skip

    scope = {
        "type": kind, "method": method, "path": path,
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }  # fmt: skip
    asyncio.run(pages.OwnPagesOnly(app)(scope, None, send))  # type: ignore[arg-type]
    return sent


@pytest.mark.parametrize(
    ("method", "path", "headers", "is_answered"),
    [
        ("POST", "/graphql", {**OWN, **JSON, "Origin": "http://127.0.0.1:3000",
                              "Sec-Fetch-Site": "same-origin"}, True),
        ("POST", "/graphql", {"Host": "localhost:8080", "Origin": "http://localhost:8080"}, True),
        ("POST", "/graphql", {**OWN, **JSON}, True),  # a program on this machine
        ("GET", "/runs", {**OWN, **OPENED, "Sec-Fetch-Site": "none"}, True),
        ("GET", "/runs", {**OWN, **OPENED, **CROSS}, True),  # a link, as in a message
        ("GET", "/graphql", {**OWN, **OPENED, "Sec-Fetch-Site": "none"}, True),
        ("POST", "/graphql", {**OWN, **FORM}, False),
        ("POST", "/graphql", {**OWN, **JSON, "Origin": "null"}, False),  # a frame in a sandbox
        ("POST", "/graphql", {**OWN, **JSON, "Origin": "http://127.0.0.1:8000"}, False),
        ("POST", "/runs", {**OWN, **OPENED, **CROSS}, False),
        ("GET", "/graphql", {**OWN, **CROSS, "Accept": "image/*"}, False),
        ("GET", "/graphql", {**OWN, "Accept": "image/*"}, False),  # an old browser
        ("GET", "/graphql", {**OWN, **OPENED, **CROSS}, False),
        ("GET", "/runs", {**OWN, **CROSS, "Sec-Fetch-Mode": "no-cors"}, False),
        ("GET", "/runs", {"Host": "evil.example:3000", **OPENED}, False),  # a name let point here
        ("GET", "/runs", {"Host": "127.0.0.1.evil.example", **OPENED}, False),
        ("GET", "/runs", {"Host": "[", **OPENED}, False),
    ],
)  # fmt: skip
def test_what_another_site_asks_is_refused(
    method: str, path: str, headers: dict[str, str], is_answered: bool
) -> None:
    start, *_ = asked("http", method, path, headers)
    assert start["status"] == (200 if is_answered else 403)
    assert ((b"x-frame-options", b"DENY") in start["headers"]) == is_answered


@pytest.mark.parametrize(
    ("origin", "answer"),
    [("https://evil.example", "websocket.close"), ("http://127.0.0.1:3000", "websocket.accept")],
)
def test_a_socket_opens_for_the_pages_alone(origin: str, answer: str) -> None:
    headers = {**OWN, "Upgrade": "websocket", "Origin": origin}
    assert [sent["type"] for sent in asked("websocket", "GET", "/graphql", headers)] == [answer]


def test_the_pages_that_dagster_starts_are_the_guarded_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`dagster dev` starts its web server in a process of its own."""
    started: list[list[str]] = []
    monkeypatch.setattr(dev, "open_ipc_subprocess", lambda parts, **_: started.append(parts))
    monkeypatch.setattr(pages.runpy, "run_module", lambda *_, **__: None)
    monkeypatch.setattr(sys, "argv", ["pages", *pages.COMMAND])
    pages.main()
    dev.open_ipc_subprocess([sys.executable, "-m", "dagster_webserver", "--port", "1"])
    dev.open_ipc_subprocess([sys.executable, "-m", "dagster._daemon", "run"])
    assert started == [
        [sys.executable, "-m", pages.__name__, "webserver", "--port", "1"],
        [sys.executable, "-m", "dagster._daemon", "run"],
    ]
