"""Mail to people: an outbox, its templates and its carriers. Knows neither who asks nor why."""
