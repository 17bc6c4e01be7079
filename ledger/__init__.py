"""What happened and how it is kept: events, money, sealing, the log, and translations of Stripe's payloads.

Knows nothing of decisions, beliefs, HTTP or Stripe's network.
"""
