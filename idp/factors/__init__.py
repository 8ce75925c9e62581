"""Second factors: verifying one at sign-in, adding one by its owner. One file each; none knows another.

A factor is a `Credential` (sealed, written against a proof) with a `Factor` row for what changes with its use.
`strength` says what each is worth, `requirements` who has to have one.
"""
