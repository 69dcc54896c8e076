"""What stands between the server and every app: middleware, limits, errors as problem+json."""
