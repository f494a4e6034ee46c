import { hash, verify } from '@node-rs/bcrypt'
import type { Passwords } from '../../auth/ports.ts'

/** Rounds of bcrypt, as a power of two: about a quarter of a second of one core. */
const COST = 12

/** createPasswords hashes with bcrypt on the thread pool, so that the main loop does not wait. */
export function createPasswords(cost = COST): Passwords {
  return {
    hash: (password) => hash(password, cost),
    matches: (password, hashed) => verify(password, hashed),
  }
}
