"""Somebody at a browser who reads pages, presses buttons and follows links, and waits for what comes of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Page
from playwright.sync_api import TimeoutError as TookTooLong


@dataclass
class Someone:
    """Somebody at a browser."""

    page: Page

    def press(self, button: str) -> None:
        """Press a button that leads to a page, and wait for the page."""
        with self.page.expect_navigation():
            self.page.locator("main").get_by_role("button", name=button, exact=True).first.click()

    def follow(self, link: str) -> None:
        """Follow a link whose name begins so, and wait for the page."""
        with self.page.expect_navigation():
            self.page.locator("main").get_by_role("link", name=link).first.click()

    def hand(self, name: str, content: bytes) -> None:
        """Choose a file."""
        files: Any = [{"name": name, "mimeType": "application/octet-stream", "buffer": content}]
        self.page.locator("main input[type=file]").first.set_input_files(files)

    def keep(self, button: str) -> bytes:
        """Press a button or follow a link that brings a file."""
        with self.page.expect_download() as begun:
            main = self.page.locator("main")
            main.get_by_role("button", name=button).or_(main.get_by_role("link", name=button)).first.click()
        return Path(begun.value.path()).read_bytes()

    def says(self, words: str) -> None:
        """Check that the page says something."""
        main = self.page.inner_text("main")
        assert words in main, main

    def waits_for(self, words: str) -> None:
        """Wait until the page says something by itself: half a minute, and then tell what it says instead."""
        try:
            self.page.wait_for_function(
                "words => document.body.innerText.includes(words)", arg=words, timeout=30_000
            )
        except TookTooLong:
            self.says(words)

    @property
    def title(self) -> str:
        """The heading of the page."""
        return self.page.locator("h1").first.inner_text()
