"""The app's side: an app with organisations, claimed domains, members and teams, provisioned over SCIM 2.0.

It plays Mixpanel as its public documentation describes it, so that a directory can be provisioned into something
real on one machine. It is a system of its own: it imports nothing of the rest of Instep, and nothing there but the
command line imports it, so that no bug of one side can hide in the other. It offers no sign-in and no analytics.

Start with `app.py` (what runs), then `endpoint.py` (a request's way) and `storage.py` (what a request changes).
"""
