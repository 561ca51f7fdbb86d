"""A job's rules as documents: text in, values out, and back. Nothing here reads a file or asks anybody.

`app_document` is the YAML document of one app that a person reads and keeps in git (`yaml_text` knows where in the
text each thing stands, `json_schema` what editors are told); `graph_reading` and `graph_writing` convert Microsoft
Graph's synchronization schema; `differences` says in words what sets two app documents apart.
"""
