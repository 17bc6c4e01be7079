"""What we decide: a pure decider a subject. Knows no clock, no database, no Stripe; time and ids come as arguments."""
