"""A client of the package websockets: says what was agreed on, then every event as it came, each as a line of JSON."""

import asyncio
import json
import sys

import websockets


def report(kind, text):
    print(json.dumps([kind, text]), flush=True)


async def main(url):
    async with websockets.connect(url) as socket:

        async def ask(ref):
            await socket.send(json.dumps({"event": "subscribe", "data": {"topics": ["news.a"], "ref": ref}}))

        report("WebSocket encoding", socket.response_headers.get("Sec-WebSocket-Extensions", ""))
        await ask("first")
        count = 0
        async for text in socket:
            if text.startswith('{"event":"message"'):
                report("WebSocket", text)
                count += 1
                # It is answered alone.
                if count % 3 == 0:
                    await ask("again")


asyncio.run(main(sys.argv[1]))
