"""What operators see of a running service: health, metrics, structured logs.

It is handed figures and knows neither engine nor stores; `cli/serve.py` puts them together.
"""
