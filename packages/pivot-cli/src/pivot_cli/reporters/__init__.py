"""Ways of showing a run. Each is an `EventSink` and reads nothing but events."""
