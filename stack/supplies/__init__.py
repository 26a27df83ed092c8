"""What must be built or fetched before the servers can run. A cache keeps it."""
