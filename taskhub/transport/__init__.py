"""gRPC over HTTP/2 on asyncio: the `h2` library keeps the protocol, these modules carry calls."""
