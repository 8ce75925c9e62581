"""Accounts and what proves them.

`lookup` finds one, `proofs` says what a right to write a credential is, `credentials` is the only writer,
`passwords` the rules, `sessions` who is signed in where, `lifecycle` what may be done *to* an account.
"""
