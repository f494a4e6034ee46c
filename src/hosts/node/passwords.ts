import { hash, verify } from '@node-rs/bcrypt'
import type { Passwords } from '../../auth/ports.ts'
import { BCRYPT_COST, nobodysHash } from '../shared/bcrypt.ts'

/** createPasswords hashes with bcrypt on the thread pool, so that the main loop does not wait. */
export function createPasswords(cost = BCRYPT_COST): Passwords {
  return {
    hash: (password) => hash(password, cost),
    matches: (password, hashed) => verify(password, hashed),
    nobodysHash: nobodysHash(cost),
  }
}
