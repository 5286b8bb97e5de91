"""The kserve target: a model behind an InferenceService, in Standard mode.

A push never changes what serves before a service of its own, the candidate, has served the same model from the same
storage with the same runtime and given the golden answers. What serves is then changed in one write, which also says
what served before; taking the candidate away is the last thing that a push does. So the cluster alone tells how far a
push got that was killed:

    candidate   its push        what happened                          what the next push does
    none        -               nothing, or all of it                  nothing
    there       not the service's  killed before the switch            takes the candidate away
    there       the service's   killed after the switch                waits for the rollout, or restores what served
"""
