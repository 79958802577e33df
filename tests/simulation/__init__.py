"""The real lease code against a simulated EC2, DynamoDB, clocks and network, under a seeded scheduler."""
