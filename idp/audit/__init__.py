"""What happened to accounts, kept so that a change to it is noticed.

`events` says what can happen, `record` writes it in the transaction of the act itself, `chain` proves that
nothing was altered since.
"""
