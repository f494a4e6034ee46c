/** Rounds of bcrypt, as a power of two: about a quarter of a second of one core. */
export const BCRYPT_COST = 12

/** Salt and digest of a password that was random and that nobody has kept. */
const NOBODYS = 'Pn1aTmGUJz/I6uSvW7w9Oeb0hol4Mjd55fF6LFxJ9jhznVYZM6mbS'

/** nobodysHash is what a password is compared with when the name is unknown: it takes as long, and never matches. */
export function nobodysHash(cost: number): string {
  return `$2b$${String(cost).padStart(2, '0')}$${NOBODYS}`
}
