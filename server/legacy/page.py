"""The demo's page, when it was built, and its configuration."""

from pathlib import Path

from fastapi import FastAPI, Response
from fastapi.responses import FileResponse, JSONResponse
from starlette.staticfiles import StaticFiles

from casework.permissions import Permission
from server.identity.declared import needs

CONFIG = "window.__CONFIG__ = window.__CONFIG__ || {};\n"
"""Empty on purpose: the page then uses the origin it came from."""


def mount_page(app: FastAPI, folder: Path) -> None:
    """Serve `folder`/index.html at / and its assets, or say what this is when there is no page."""
    index = folder / "index.html"

    @app.get("/", include_in_schema=False)
    @needs(Permission.PUBLIC)
    async def root() -> Response:
        if index.is_file():
            return FileResponse(index)
        about = {"message": "Durable Fraud Detection API", "version": "1.0.0", "docs": "/docs"}
        return JSONResponse(about)

    @app.get("/config.js", include_in_schema=False)
    @needs(Permission.PUBLIC)
    async def config() -> Response:
        return Response(CONFIG, media_type="text/javascript")

    if (folder / "assets").is_dir():
        app.mount("/assets", StaticFiles(directory=folder / "assets"), name="assets")
