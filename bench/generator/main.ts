import { Load, type Plan } from './load.ts'

/** The generator's process: does what the bench calls for, one call after another. */
let load: Load | undefined

export type Calls = Pick<Load, 'connect' | 'start' | 'stop' | 'mark' | 'leave' | 'drain' | 'judge'>
export type Call = { readonly [K in keyof Calls]: { name: K; args: Parameters<Calls[K]> } }[keyof Calls]

process.on('message', async (message: { plan: Plan } | Call) => {
  try {
    if ('plan' in message) {
      load = new Load(message.plan)
      process.send?.({ result: undefined })
    } else if (load) {
      process.send?.({ result: await run(load, message) })
    }
  } catch (error) {
    process.send?.({ error: error instanceof Error ? error.stack : String(error) })
  }
})

/** The bench is gone: so is the reason to load anything. */
process.once('disconnect', () => process.exit())

function run(on: Load, call: Call): unknown {
  switch (call.name) {
    case 'connect':
      return on.connect(...call.args)
    case 'judge':
      return on.judge(...call.args)
    default:
      return on[call.name]()
  }
}
