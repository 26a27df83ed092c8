"""What has to be built or fetched once before the servers can run, kept in a cache."""
