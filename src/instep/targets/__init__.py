"""The apps: adapters of the port `Target`, and the gallery of what is known about each app.

`scim` is the generic client, `memory` an app that lives in the process, `gallery` the templates.
"""
