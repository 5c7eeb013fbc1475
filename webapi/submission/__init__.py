"""From a validated submission to the queue, and from the queue to PostgreSQL."""
