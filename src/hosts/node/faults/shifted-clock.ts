/**
 * A preload that sets the wall clock of its process wrong: by the milliseconds of its own address. Timers and
 * `performance.now`, which do not follow the wall clock, stay as they are.
 */
const shift = Number(new URL(import.meta.url).searchParams.get('milliseconds'))
const { now } = Date
const shifted = () => now() + shift

globalThis.Date = new Proxy(Date, {
  construct: (target, given, newTarget) =>
    Reflect.construct(target, given.length === 0 ? [shifted()] : given, newTarget),
  get: (target, name) => (name === 'now' ? shifted : Reflect.get(target, name)),
})
