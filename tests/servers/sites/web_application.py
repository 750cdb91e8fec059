"""The same application for servers of WSGI and of ASGI."""

import asyncio
import os
import urllib.request


def fetch(path):
    with urllib.request.urlopen(os.environ["GATE"] + path, timeout=60) as response:
        return response.read()


def application(environ, start_response):
    body = fetch(environ["PATH_INFO"])
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


async def asgi(scope, receive, send):
    if scope["type"] == "http":
        body = await asyncio.to_thread(fetch, scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})
    elif scope["type"] == "lifespan":
        for phase in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{phase}.complete"})
