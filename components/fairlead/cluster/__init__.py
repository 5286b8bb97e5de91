"""A Kubernetes cluster: what is there, what may be done, and the words of its objects."""
