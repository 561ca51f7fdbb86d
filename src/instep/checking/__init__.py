"""A check of somebody's SCIM endpoint: it's driven as provisioning would drive it, and what comes is judged.

Each check is one function of `discovery`, `lookups`, `creation`, `reads`, `changes`, `leaving`, `groups`, `members`,
`listing` and `protocol`, gathered by `catalogue`. `visit` is what they work with, `run` runs them and tidies up;
`cost`, `grade` and `junit` say what came of it. Requests are of its own making (`wire`), since they're ones that the
engine would never send, and their answers are looked at as they came.
"""
