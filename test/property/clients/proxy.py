"""Forwards a port of this machine, whose number it prints, to a Unix socket."""
import asyncio
import sys


async def copy(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def serve(reader, writer):
    upstream_reader, upstream_writer = await asyncio.open_unix_connection(sys.argv[1])
    await asyncio.gather(copy(reader, upstream_writer), copy(upstream_reader, writer))


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
