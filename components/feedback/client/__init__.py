"""The client an application sends its interactions and feedback with. Imports httpx and nothing else, to start fast."""

from components.feedback.client.asynchronous import AsyncClient
from components.feedback.client.client import Client
from components.feedback.client.events import Kind
from components.feedback.client.outbox import Stats

__all__ = ["AsyncClient", "Client", "Kind", "Stats"]
