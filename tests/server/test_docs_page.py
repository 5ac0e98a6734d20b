"""The page about the API: complete, and readable without a script, a style or a font from elsewhere."""

import re
from pathlib import Path

from httpx import ASGITransport, AsyncClient

from server.app import create_app
from server.docs_page import page
from server.settings import ServerSettings


async def test_docs_is_one_page_that_loads_nothing_and_names_every_route(tmp_path: Path) -> None:
    app = create_app(ServerSettings(static_dir=tmp_path))
    async with AsyncClient(transport=ASGITransport(app), base_url="http://127.0.0.1") as web:
        answer = await web.get("/docs")
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert re.findall(r"<script|<link|<img|src=|https?://", answer.text) == []
    missing = [path for path in app.openapi()["paths"] if f"<code>{path}</code>" not in answer.text]
    assert missing == []
    assert "For: analyst, lead, senior." in answer.text
    assert "called back, no answer" in answer.text


def test_text_in_a_description_stays_text() -> None:
    operation = {"summary": "<b>bold</b>", "responses": {"200": {"description": "<i>"}}}
    told = page({"info": {"title": "<t>", "version": "1"}, "paths": {"/a<b>": {"get": operation}}})
    assert not re.findall(r"<b>|<i>|<t>", told)
