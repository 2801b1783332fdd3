"""Energy communities over real meters: who gets which watt-hour, what it costs, and what each member is told."""
