"""The rules of provisioning as pure functions: values in, values out.

`desire` says what the app should hold of a subject, `decide` what to do about it, `guard` whether that
much of it may happen at once. Nothing here does I/O or knows the time: whatever is needed is handed in.
The shell that feeds these functions is `instep.engine`.
"""
