"""The doctor: looks at everything that a run and a push need, and says what mends what is wrong."""
