"""Somebody at the managers' pages, as their forms are sent and their answers come."""

import re
from dataclasses import dataclass
from html import unescape
from typing import Any

import httpx


@dataclass(frozen=True)
class Manager:
    """The pages are those of `http`; nobody has to sign in there."""

    http: httpx.AsyncClient

    async def sees(self, path: str, status: int = 200) -> str:
        answer = await self.http.get(path)
        assert answer.status_code == status, answer.text
        return unescape(answer.text)

    async def sends(self, path: str, form: dict[str, Any], status: int = 303) -> str:
        """Where it leads, or the page itself."""
        answer = await self.http.post(path, data=form)
        assert answer.status_code == status, answer.text
        return answer.headers["location"] if status == 303 else unescape(answer.text)


def values(page: str, name: str) -> list[str]:
    """Of the fields of that name, in their order."""
    return re.findall(rf'name="{name}" value="([^"]*)"', page)
