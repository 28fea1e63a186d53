"""Who may speak to the page: this machine's own browser, with the token, from the page itself."""

import hmac
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 256 << 20
_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # with none at all, a form would come from "null"
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class Guard:
    """Lets requests through that carry the token and come from the page's own address.

    Another host name (DNS rebinding) and another origin (a page of the web that posts here)
    are refused, also with the token. The token comes once in the address and then stands in a
    cookie that no script can read.

    Parameters
    ----------
    app : what is guarded.
    token : the secret of this run.
    port : the port, of 127.0.0.1.
    """

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        self.app, self.token = app, token
        self.hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self.cookie = f"tagger-{port}"  # cookies are shared by all ports of a host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                pairs = ((k.encode(), v.encode()) for k, v in _HEADERS.items())
                message["headers"] = [*message.get("headers", []), *pairs]
            await send(message)

        request = Request(scope)
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[-1]
        if refusal := self._refusal(request.headers, given):
            await refusal(scope, receive, guarded)
        elif given:
            # The token leaves the address, so that it stands in no history and no screenshot.
            response = RedirectResponse(scope["path"], 303)
            response.set_cookie(self.cookie, self.token, httponly=True, samesite="strict")
            await response(scope, receive, guarded)
        else:
            await self.app(scope, receive, guarded)

    def _refusal(self, headers: Mapping[str, str], given: str) -> PlainTextResponse | None:
        host, origin = headers.get("host", ""), headers.get("origin")
        if host not in self.hosts:
            return PlainTextResponse("another host name, expected 127.0.0.1\n", 421)
        if origin is not None and origin != f"http://{host}":
            return PlainTextResponse("a request from another site is refused\n", 403)
        shown = given or self._cookie(headers.get("cookie", ""))
        if not hmac.compare_digest(shown.encode("utf-8", "replace"), self.token.encode()):
            return PlainTextResponse(
                "the token is missing: open the address that tagger review has printed\n", 403
            )
        size = headers.get("content-length", "0")
        if not size.isdigit() or int(size) > MOST_BYTES:
            return PlainTextResponse(f"more than {MOST_BYTES >> 20} MB: name files on start\n", 413)
        return None

    def _cookie(self, header: str) -> str:
        try:
            found = SimpleCookie(header).get(self.cookie)
        except CookieError:
            return ""
        return found.value if found else ""
