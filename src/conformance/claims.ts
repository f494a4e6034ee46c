/** Broken says how a service breaks a rule. */
export class Broken extends Error {
  override readonly name = 'Broken'
}

/** Skipped says why a rule could not be looked at here. */
export class Skipped extends Error {
  override readonly name = 'Skipped'
}

/** claim fails the rule unless the condition holds. */
export function claim(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Broken(message)
}

/** same fails the rule unless both are the same JSON, whatever the order of their keys. */
export function same(actual: unknown, expected: unknown, what: string): void {
  const [is, shouldBe] = [canonical(actual), canonical(expected)]
  if (is !== shouldBe) throw new Broken(`${what} is ${shorten(is)}, not ${shorten(shouldBe)}`)
}

/** present is the value, or fails the rule where there is none. */
export function present<T>(value: T | null | undefined, what: string): T {
  if (value === null || value === undefined) throw new Broken(`${what} is missing`)
  return value
}

function canonical(value: unknown): string {
  return String(
    JSON.stringify(value, (_, inner: unknown) =>
      typeof inner === 'object' && inner !== null && !Array.isArray(inner)
        ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
        : inner,
    ),
  )
}

/** shorten keeps a message readable that quotes what a service sent. */
export function shorten(text: string): string {
  return text.length > 400 ? `${text.slice(0, 400)}... (${text.length} characters)` : text
}
