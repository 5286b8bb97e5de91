"""ModelBundle to an endpoint that has given the golden answers."""
