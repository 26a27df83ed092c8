"""Counts what is pressed at the desks; docs/desks.md says the same numbers."""

from playwright.async_api import Page, expect

KEYS = {
    "find a patient by name, telephone or booking reference, and book the first free time": 4,
    "undo what was just booked by mistake": 3,
    "with a patient chosen, book any doctor of a specialty on a weekday's afternoon": 9,
    "cancel an appointment by its reference, with a reason": 7,
    "move an appointment": 9,
    "move it against a rule of the clinic": 12,
    "exchange two appointments": 10,
    "book on top of an appointment": 6,
    "mark the evening's appointments that nobody has marked": 5,
    "make a record for a caller who has none, and go on to the times": 5,
    "change a record, its messages, who else may act": 4,
    "close an hour of a doctor": 10,
    "call whom no message reaches, and move the appointment": 6,
    "from nothing to the first bookable time": 7,
    "change a doctor's hours": 5,
    "close a day for leave or illness": 16,
    "take a public holiday": 6,
    "change the rules for patients": 9,
    "look again at a mark that its patient says is wrong": 10,
    "merge a record into another one of the same patient (managers)": 28,
    "erase a record (managers)": 30,
    "watch the patients of a leave, and pause": 13,
    "set a rule of a specialty": 27,
    "try a file of the old system, and import it": 14,
}
"""By the row of the document. What is typed or chosen in a field is not counted."""

MOST_TABS = 40


class Keys:
    """Counts what is pressed; what is typed into a field counts as the letters it has."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.pressed = 0

    async def type(self, text: str) -> None:
        await self._page.keyboard.type(text)

    async def press(self, *keys: str) -> None:
        for key in keys:
            self.pressed += 1
            await self._page.keyboard.press(key)

    async def on_to(self, selector: str) -> None:
        """By Tab, however often it takes: a field of a date is several stops."""
        wanted = self._page.locator(f"{selector}:focus")
        for _ in range(MOST_TABS):
            await self.press("Tab")
            if await wanted.count():
                return
        await expect(self._page.locator(selector)).to_be_focused()

    async def fill(self, text: str) -> None:
        """What somebody types into the field that has the focus."""
        await self._page.locator(":focus").fill(text)
