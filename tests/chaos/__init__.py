"""`make chaos`: several replicas on a real Kafka and a real PostgreSQL on a bad day, and the verdict."""
