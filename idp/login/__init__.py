"""The pages between an authorization request and its answer.

`dispatch` says what comes next, `views` show the pages. Each page
does one thing and returns to `/continue`; none knows another.
"""
