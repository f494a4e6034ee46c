import { setTimeout as sleep } from 'node:timers/promises'
import { v7 } from 'uuid'
import type { Scene } from './scene.ts'

const TRIES = 20
const TRY_PAUSE = 250

/** insist posts it again and again until it is done, once. Rejects when it never is. */
export async function insist<T>(
  scene: Scene,
  path: string,
  { token, json }: { readonly token: string; readonly json: object },
): Promise<T> {
  const url = new URL(path, `http://127.0.0.1:${scene.stage.front.port}`)
  const key = v7()
  for (let tries = 1; ; tries += 1) {
    const headers = {
      Authorization: `Bearer ${token}`,
      'Content-Type': 'application/json',
      'Idempotency-Key': key,
    }
    const answered = fetch(url, { method: 'POST', headers, body: JSON.stringify(json) })
    const response = await answered.catch(() => undefined)
    if (response?.ok) return (await response.json()) as T
    if (tries === TRIES) throw new Error(`${path} was answered ${response?.status} again and again`)
    await sleep(TRY_PAUSE)
  }
}
