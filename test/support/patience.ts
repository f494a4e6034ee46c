/**
 * Milliseconds beyond a promise that are forgiven, where a host may give nearly all of the machine to others: a bound of
 * time tells here what happens from what never does. How fast it is, the bench and the harness of faults measure.
 */
export const BUSY = 30_000

/** For what is waited for that is no expectation; `expect.poll` has the same by the configuration. */
export const WAIT = { timeout: 120_000 }

/** In which test services have their commands committed, but for those whose test is of that deadline. */
export const COMMIT_DEADLINE_SECONDS = 20
