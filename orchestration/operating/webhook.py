"""
Tell a web address how a run ended: `JOURNEY_WEBHOOK_URL`, with the body of `<home>/webhook.json`.

The template is JSON in which `$outcome`, `$home`, `$release`, `$as_of_at` and `$reasons` stand in
texts; without one the body is `{"text": …}`, as Slack, Mattermost and Teams workflows take it.
Reasons are those of `last_failure.txt`, masked like it. Nothing is sent without the variable.
"""

from __future__ import annotations

import json
import os
import ssl
import urllib.request
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import urlsplit

VARIABLE = "JOURNEY_WEBHOOK_URL"
TEMPLATE = "webhook.json"
DEFAULT: dict[str, Any] = {"text": "journey ($home): $outcome $release $reasons"}
SECONDS = 10.0
LONGEST = 3000  # characters of the reasons


class WebhookError(ValueError):
    """The message could not be made or sent; the text says why, without the address."""


def send(home: Path, values: dict[str, str]) -> None:
    """Send the message to the address, if there is one; raises `WebhookError`."""
    url = os.environ.get(VARIABLE, "").strip()
    if not url:
        return
    if urlsplit(url).scheme not in ("http", "https"):
        raise WebhookError("it is no http(s) address")
    request = urllib.request.Request(
        url,
        json.dumps(body(home, values), ensure_ascii=False).encode(),
        {"Content-Type": "application/json; charset=utf-8"},
    )
    try:
        # A redirect would carry the message to an address that nobody chose.
        opener = urllib.request.build_opener(
            _NoRedirect, urllib.request.HTTPSHandler(context=ssl.create_default_context())
        )
        with opener.open(request, timeout=SECONDS):
            pass
    except (OSError, ValueError) as error:
        # The address is a secret, and so is what an error quotes of it.
        status = getattr(error, "code", None) or type(getattr(error, "reason", error)).__name__
        raise WebhookError(f"the message was not taken ({status})") from None


def body(home: Path, values: dict[str, str]) -> Any:
    """The message: the template with the values in its texts."""
    path = home / TEMPLATE
    template: Any = DEFAULT
    if path.exists():
        try:
            template = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise WebhookError(f"{path} is no JSON ({error}); correct it") from None
    cut = {name: text[:LONGEST] for name, text in values.items()}
    return _filled(template, cut, path)


def _filled(part: Any, values: dict[str, str], path: Path) -> Any:
    if isinstance(part, dict):
        return {name: _filled(value, values, path) for name, value in part.items()}
    if isinstance(part, list):
        return [_filled(value, values, path) for value in part]
    if not isinstance(part, str):
        return part
    try:
        return Template(part).substitute(values).strip()
    except (KeyError, ValueError) as error:
        known = ", ".join(f"${name}" for name in values)
        raise WebhookError(f"{path}: {error} is none of {known}; correct it") from None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        """None: it is the end, with the status of the answer."""
