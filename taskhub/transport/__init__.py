"""gRPC over HTTP/2 on asyncio: pure bookkeeping in `http2` and `framing`, sockets and calls around it."""
