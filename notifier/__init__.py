"""Process 3: events from Kafka become delivery workflows, which tell patient and doctor."""
