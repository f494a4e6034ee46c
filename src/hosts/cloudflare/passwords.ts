import { compare, hash } from 'bcryptjs'
import type { Passwords } from '../../auth/ports.ts'
import { BCRYPT_COST, nobodysHash } from '../shared/bcrypt.ts'

/** passwords hashes with bcrypt in JavaScript, a piece at a time: there is no thread pool here, nor native code. */
export const passwords: Passwords = {
  hash: (password) => hash(password, BCRYPT_COST),
  matches: (password, hashed) => compare(password, hashed),
  nobodysHash: nobodysHash(BCRYPT_COST),
}
