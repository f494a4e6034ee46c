import { execFileSync } from 'node:child_process'

/** What goes with a file in a form. */
export interface Sample {
  readonly name: string
  readonly type: string
  readonly bytes: Uint8Array<ArrayBuffer>
}

/** Who sends which sample, and where to. */
export interface Upload {
  readonly port: number
  readonly token: string
  readonly chatId: string
  readonly sample: string
}

/**
 * The process of those who upload. As they would be on machines of their own, it is of the idle policy: whoever wakes up
 * takes the processor from it at once, where a low priority alone lets it end its slice. Told the samples first, it answers each upload with the milliseconds that it took, or with why it failed.
 */
execFileSync('chrt', ['--all-tasks', '--idle', '--pid', '0', String(process.pid)])
const samples = new Map<string, Sample>()

process.on(
  'message',
  async (message: readonly Sample[] | { readonly id: number; readonly upload: Upload }) => {
    if (!('id' in message)) {
      for (const sample of message) samples.set(sample.name, sample)
      return
    }
    const { id, upload } = message
    const answer = await send(upload).then(
      (milliseconds) => ({ milliseconds }),
      (error: unknown) => ({ error: String(error) }),
    )
    process.send?.({ id, ...answer })
  },
)

/** The bench is gone. */
process.once('disconnect', () => process.exit())

async function send({ port, token, chatId, sample: name }: Upload): Promise<number> {
  const sample = samples.get(name)
  if (!sample) throw new Error(`No sample ${name}`)
  const form = new FormData()
  form.set('chatId', chatId)
  form.set('files', new Blob([sample.bytes], { type: sample.type }), name)
  const begin = performance.now()
  const response = await fetch(`http://127.0.0.1:${port}/api/attachments/upload`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}` },
    body: form,
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${response.status} ${text}`)
  return performance.now() - begin
}
