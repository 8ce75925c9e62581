"""What recovery *is*, in plain Python: facts, the step they lead to, codes, numbers, answers, events.

Nothing here knows Django, a database or a clock; everything can be tested as a table.
"""
