"""What tests share: real brokers, captured traffic, fakes that behave."""
