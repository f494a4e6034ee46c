/** Faults of one kind are told this far apart, at least, in milliseconds. */
const QUIET = 10_000

/** seldom makes an outage one fault, not one for each try. */
export function seldom<T>(onFault: (error: T) => void): (error: T) => void {
  let quietUntil = 0
  return (error) => {
    if (performance.now() < quietUntil) return
    quietUntil = performance.now() + QUIET
    onFault(error)
  }
}
