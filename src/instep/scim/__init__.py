"""What a SCIM client needs, as values in and values out: paths, documents, PATCH, answers, abilities.

No I/O, clock, randomness or logging here; the requests are sent by `instep.targets.scim`.
"""
