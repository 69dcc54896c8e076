"""What waits in the queue for a worker."""

import base64
import json
from typing import Any

from django.conf import settings
from redis import Redis


def queued(queue: str = "default") -> list[tuple[str, dict[str, Any]]]:
    """Tasks and their arguments, the next one first."""
    with Redis.from_url(settings.CELERY_BROKER_URL) as broker:
        messages = [json.loads(message) for message in reversed(broker.lrange(queue, 0, -1))]
    return [(message["headers"]["task"], json.loads(base64.b64decode(message["body"]))[1]) for message in messages]
