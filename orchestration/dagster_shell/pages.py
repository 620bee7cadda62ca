"""
Dagster's pages, for who sits at this machine alone: `python -m orchestration.dagster_shell.pages`.

Dagster asks nobody who they are, and answers whatever reaches its port: a page of the web that a
browser on this machine has open could start runs by a form, read records under a host name that it
lets point here, or lay the pages under its own. So what reaches it has to be addressed to this
machine by its own name, and what a browser says it asks on behalf of another site is refused.
"""

from __future__ import annotations

import runpy
import subprocess
import sys
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any
from urllib.parse import urlsplit

COMMAND = ("dev", "--host", "127.0.0.1", "--port", "3000")  # for this machine only
HOSTS = ("127.0.0.1", "localhost", "::1")

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]


class OwnPagesOnly:
    """Lets through what comes from these pages, or from the address line of the browser."""

    def __init__(self, app: Callable[[_Message, _Receive, _Send], Awaitable[None]]) -> None:
        """Guard an ASGI application."""
        self._app = app

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        """Answer 403 to everything else, without asking the application."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1")
                   for name, value in scope["headers"]}  # fmt: skip
        if reason := foreign(scope.get("method", "GET"), scope["path"], headers):
            await _refuse(scope["type"], reason, send)
            return

        async def framed(message: _Message) -> None:
            if message["type"] == "http.response.start":  # no other page may lay it under its own
                message["headers"] = [*message.get("headers", ()), (b"x-frame-options", b"DENY")]
            await send(message)

        await self._app(scope, receive, framed)


def foreign(method: str, path: str, headers: MutableMapping[str, str]) -> str | None:
    """Why a request is not one of these pages; None when it is."""
    host = headers.get("host", "")
    if _name(f"//{host}") not in HOSTS:
        return f"open the pages as http://{HOSTS[0]}, not under another name"
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != host:
        return "asked by a page of another site"
    is_opened = method == "GET" and headers.get("sec-fetch-mode") == "navigate"
    is_own = headers.get("sec-fetch-site", "none") in ("same-origin", "none")
    if not is_own and not (is_opened and not path.endswith("/graphql")):
        return "asked by a page of another site"
    is_page = "text/html" in headers.get("accept", "")
    if method == "GET" and path.endswith("/graphql") and not is_page and "upgrade" not in headers:
        return "ask by POST"  # a picture's address could ask by GET
    return None


def _name(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


async def _refuse(kind: str, reason: str, send: _Send) -> None:
    if kind == "websocket":
        await send({"type": "websocket.close", "code": 4403, "reason": reason})
        return
    text = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": 403, "headers": text})
    await send({"type": "http.response.body", "body": f"refused: {reason}\n".encode()})


def main() -> None:
    """Run a command of Dagster, with guarded pages; `webserver` is what `dev` starts of it."""
    if sys.argv[1:2] == ["webserver"]:
        from dagster_webserver.webserver import DagsterWebserver, Middleware

        unguarded = DagsterWebserver.build_middleware
        DagsterWebserver.build_middleware = lambda self: [  # type: ignore[method-assign]
            Middleware(OwnPagesOnly),
            *unguarded(self),
        ]
        del sys.argv[1]
        runpy.run_module("dagster_webserver", run_name="__main__", alter_sys=True)
        return
    from dagster._cli import dev

    start = dev.open_ipc_subprocess

    def guarded(parts: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
        if "dagster_webserver" in parts:
            place = parts.index("dagster_webserver")
            parts = [*parts[:place], __spec__.name, "webserver", *parts[place + 1 :]]
        return start(parts, **options)

    dev.open_ipc_subprocess = guarded
    runpy.run_module("dagster", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
