"""What a patient is told of: a change of a visit, or that it is near."""

from typing import TypeAlias

from domain.events import AppointmentEvent
from domain.reminders import Reminder

News: TypeAlias = AppointmentEvent | Reminder
"""Told apart by their fields where they travel: a reminder has a step, an event has a type."""
