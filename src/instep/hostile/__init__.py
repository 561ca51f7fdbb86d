"""Hostile peers, for testing one's own SCIM client: an app that misbehaves as real ones do, and broken exports.

`app` is a small, well-behaved SCIM 2.0 app in memory; `personas` are what makes it misbehave, `server` puts both on a
socket; `exports` and `spoiling` write a directory's export in the ways in which exports are broken. It is a system of
its own: it imports nothing of the rest, so that a client and the app that tests it share no mistake.
"""
