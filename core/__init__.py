"""What every app needs and none owns: money, numbers, audit, errors, tasks, limits, logs. Imports no app."""
