"""What every step stands on: endings of commands, the lock, durable files, the build database."""
