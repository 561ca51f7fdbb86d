"""The shell around the rules: it reads, asks `core` what to do, and does it.

A preview, an on-demand run and a cycle are the same loop: they differ in which subjects enter and in whether
the plan is applied. `cycle` tells the story from the lease to the watermark; start reading there. Nothing in
here knows an adapter: the world comes in through `world.World`.
"""
