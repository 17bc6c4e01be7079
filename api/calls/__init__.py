"""Calls to Stripe: asking for them, making them, finding out what became of them."""
