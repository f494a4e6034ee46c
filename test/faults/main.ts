import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { CONTROLS, type Control, isRed, runControl } from './controls.ts'

/**
 * `npm run test:faults`: the matrix, and then the negative controls. It ends with 0 when every fault was clean and
 * every control red. `--only F1,N3` takes some; what else is given goes to `parley faults`.
 */
const CLI = fileURLToPath(new URL('../../src/hosts/node/cli.ts', import.meta.url))
const SIZE = { seconds: 12, instances: 3, clients: 20, chats: 6 }
const SHOWN = 2

const { values, tokens } = parseArgs({
  options: { only: { type: 'string' }, seed: { type: 'string' } },
  strict: false,
  tokens: true,
})
const only = typeof values.only === 'string' ? values.only.toUpperCase().split(',') : undefined
const seed = Number(values.seed ?? Date.now() % 2 ** 32)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

const isClean = runMatrix()
const isAllRed = await runControls()
process.exit(isClean && isAllRed ? 0 : 1)

function runMatrix(): boolean {
  const faults = only?.filter((id) => id.startsWith('F'))
  if (faults?.length === 0) return true
  const chosen = faults ? ['--only', faults.join(',')] : []
  const { status } = spawnSync(process.execPath, [CLI, 'faults', ...chosen, ...otherArguments()], {
    stdio: 'inherit',
  })
  return status === 0
}

/** Those that are not about which faults to run. */
function otherArguments(): string[] {
  const skipped = new Set(
    tokens.flatMap((token) =>
      token.kind === 'option' && token.name === 'only'
        ? [token.index, ...(token.inlineValue ? [] : [token.index + 1])]
        : [],
    ),
  )
  return process.argv.slice(2).filter((_, place) => !skipped.has(place))
}

async function runControls(): Promise<boolean> {
  const controls = CONTROLS.filter(({ id }) => only?.includes(id) ?? true)
  if (controls.length === 0) return true
  say(`\n${SIZE.clients} clients, ${SIZE.chats} chats, seed ${seed}: each of these has to be red\n`)
  say(
    '| control | fault | lost | doubled | reordered | other | |\n| --- | --- | --- | --- | --- | --- | --- |',
  )
  let isAllRed = true
  for (const control of controls) isAllRed = (await isFound(control)) && isAllRed
  return isAllRed
}

async function isFound(control: Control): Promise<boolean> {
  const result = await runControl(control, { ...SIZE, seed })
  const isFoundOut = isRed(control, result)
  const { lost, doubled, reordered, others, messages } = result
  const counts = [lost, doubled, reordered, others].join(' | ')
  say(
    `| ${control.id} ${control.title} | ${control.fault.id} | ${counts} | ${isFoundOut ? 'red' : 'NOT RED'} |`,
  )
  const proof = messages.filter((message) => control.rules.some((rule) => message.startsWith(rule)))
  for (const message of (isFoundOut ? proof : messages).slice(0, SHOWN)) say(`    ${message}`)
  return isFoundOut
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
