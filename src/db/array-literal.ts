/** A value within an array that Postgres reads without quotes: a uuid, a number, a time, null. */
export type Plain = string | number | null

/**
 * toArray writes a Postgres array of values that need no quotes. By hand, because the driver's own way looks at each
 * character of each value, which is a tenth of the service's share of a commit.
 */
export function toArray(values: readonly Plain[]): string {
  return `{${values.map((value) => value ?? 'NULL').join(',')}}`
}

/** toTextArray writes a Postgres array of any text. */
export function toTextArray(values: readonly (string | null)[]): string {
  return `{${values.map((value) => (value === null ? 'NULL' : quote(value))).join(',')}}`
}

function quote(value: string): string {
  return `"${value.replace(/[\\"]/g, '\\$&')}"`
}
