"""The kserve target: a model behind an InferenceService, in Standard mode.

A push never changes what serves before a service of its own, the candidate, has served the same model from the same
storage with the same runtime and given the golden answers. What serves is then changed in one write, which also says
what served before; taking the candidate away is the last thing that a push does. So the cluster alone tells how far a
push got that was killed:

    candidate   carries the mark of   what happened              what the next push does
    none                              nothing, or all of it      nothing
    there       another push          killed before the switch   takes the candidate away
    there       the service's push    killed after the switch    waits for the rollout, or restores what served

Traffic is not moved by weights: KServe 0.20 routes none in Standard mode. Its HTTPRoute reconciler does not read
`spec.canary`, and `canaryTrafficPercent` is Knative's. Kubernetes' own rolling update, which takes no pod away before
another is ready, is the switch; a predictor is ready once it has answered its golden rows itself.
"""
