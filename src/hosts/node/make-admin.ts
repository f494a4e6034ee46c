import { randomToken } from '../../auth/tokens.ts'
import type { Database } from '../../db/connect.ts'
import { insertAudit } from '../../db/queries/audit.ts'
import { changeUserType, findUserByName, insertLocalUser } from '../../db/queries/users.ts'
import { ids } from '../shared/clock.ts'
import { createPasswords } from './passwords.ts'

/** makeAdmin answers what to tell the operator. Tokens that the user has are an admin's within seconds. */
export async function makeAdmin(db: Database, username: string): Promise<string> {
  const found = await findUserByName(db, username)
  const password = `${randomToken().slice(0, 20)}aA1!`
  const account = found ?? (await createAccount(db, username, password))
  await changeUserType(db, account.id, 'admin')
  await insertAudit(db, { at: new Date(), action: 'admin.made', actorId: null, targetId: account.id })
  if (found) return `${account.username} is an administrator now.`
  return `Made ${account.username}, an administrator. Password, shown this once: ${password}`
}

async function createAccount(db: Database, username: string, password: string) {
  const passwordHash = await createPasswords().hash(password)
  const account = await insertLocalUser(db, {
    ...{ id: ids.uuid(), username, displayName: username },
    ...{ passwordHash, at: new Date() },
  })
  if (!account) throw new Error(`${username} is a disabled account: choose another name`)
  return account
}
