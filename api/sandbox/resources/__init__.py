"""What may be asked of the sandbox, one module a subject; `api.sandbox.subjects` lists them."""
