import type { Client } from '../../client/client.ts'
import { type ParleyError, toParleyError } from '../../client/error.ts'
import type { Me } from '../../protocol/model.ts'
import { patiently } from './patiently.ts'

export interface NewAccount {
  readonly username: string
  readonly password: string
  readonly displayName: string
}

/** enter registers the account, or logs in to it when it is there already, as from an earlier run. */
export async function enter(
  client: Client,
  account: NewAccount,
  onWait?: (error: ParleyError) => void,
): Promise<Me> {
  try {
    return await patiently(() => client.register(account), onWait)
  } catch (thrown) {
    if (toParleyError(thrown).code !== 'CONFLICT') throw thrown
    return patiently(() => client.login(account.username, account.password), onWait)
  }
}
