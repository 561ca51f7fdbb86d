"""A check of somebody's SCIM endpoint: it's driven as provisioning would drive it, and what comes is judged.

Each check is one function of `discovery`, `lookups`, `creation`, `changes`, `leaving`, `groups`, `listing` and
`protocol`, listed in `catalogue`. `visit` is what they work with, `run` runs them and tidies up, `report`, `cost` and
`junit` say what came of it. It has requests of its own (`wire`): they are ones that the engine would never send, and
their answers are looked at as they came.
"""
