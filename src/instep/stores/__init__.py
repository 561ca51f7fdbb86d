"""The stores: what Instep keeps, in databases. `directory` holds the people, `state` what jobs remember.

`database` opens a file and brings its schema up to date, `writer` gathers writes into few commits; the
engine sees none of it, only `instep.ports`.
"""
