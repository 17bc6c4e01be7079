"""Hosting's jobs: accruing days, closing months, watching limits, taking cost events in. What they book is pure
(`commands.accruals`, `commands.hosting_prices`, `commands.hosting_invoices`); here is what reads, writes and knows the
time.
"""
