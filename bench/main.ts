import { writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import { startPostgres } from './machine/postgres.ts'
import { measure, type Run, type Setting } from './measure.ts'
import { toReport } from './report.ts'
import { SCENARIOS, type Scenario } from './scenarios.ts'
import { createClassicTarget } from './targets/classic.ts'
import { createFleetTarget, createParleyTarget } from './targets/parley.ts'
import type { Target } from './targets/target.ts'
import { createWorkerdTarget } from './targets/workerd.ts'

const HELP = `npm run bench -- [options]
  --list               what can be measured
  --scenario a,b       only these; all of them when left out
  --target a,b         parley and classic, the comparison server: both when left out; fleet, two instances over Redis;
                       workerd, the Cloudflare host on this machine
  --rounds 3           runs of each; the report gives medians, and of what went wrong the worst
  --seconds 8          measured in each run, after the warm-up
  --warm-up 2          seconds of the same load before that
  --stolen-most 0.02   of a core: a run during which the host gave more of it to others is measured again, twice at most
  --seed 1             of texts and times
  --json FILE          all runs
  --statements         shows what took Postgres longest in each run, and slows it a little
`
/** The report gives the ratio of the first two that are measured, in this order. */
const TARGETS = {
  fleet: () => createFleetTarget(),
  parley: () => createParleyTarget(),
  workerd: createWorkerdTarget,
  classic: createClassicTarget,
}
/** How often a run is repeated during which too much was stolen. */
const AGAIN = 2
const USUAL = ['parley', 'classic']

const { values } = parseArgs({
  options: {
    help: { type: 'boolean' },
    list: { type: 'boolean' },
    scenario: { type: 'string' },
    target: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '8' },
    'warm-up': { type: 'string', default: '2' },
    'stolen-most': { type: 'string', default: 'Infinity' },
    seed: { type: 'string', default: '1' },
    json: { type: 'string' },
    statements: { type: 'boolean', default: false },
  },
})

if (values.help) console.log(HELP)
else if (values.list) for (const { name, about } of SCENARIOS) console.log(`${name.padEnd(14)}${about}`)
else await run()

async function run(): Promise<void> {
  const scenarios = choose(
    values.scenario,
    SCENARIOS.map(({ name }) => name),
  ).flatMap((name) => SCENARIOS.find((scenario) => scenario.name === name) ?? [])
  const names = choose(values.target ?? USUAL.join(), Object.keys(TARGETS))
  const postgres = await startPostgres({ countsStatements: values.statements })
  const targets = new Map<string, Target>()
  try {
    for (const [name, create] of Object.entries(TARGETS)) {
      if (names.includes(name)) targets.set(name, await create())
    }
    const results: Record<string, Record<string, Run[]>> = {}
    for (const scenario of scenarios) {
      const runs = await runScenario(scenario, targets, postgres)
      results[scenario.name] = runs
      console.log(toReport(scenario, runs))
    }
    if (values.json !== undefined)
      writeFileSync(values.json, JSON.stringify({ machine: machine(), results }, null, 1))
  } finally {
    for (const target of targets.values()) await target.close()
    await postgres.stop()
  }
}

/** The targets take turns, and who begins changes, so that a machine that slows down slows both. */
async function runScenario(
  scenario: Scenario,
  targets: ReadonlyMap<string, Target>,
  postgres: Awaited<ReturnType<typeof startPostgres>>,
): Promise<Record<string, Run[]>> {
  const [seconds, warmUp] = [Number(values.seconds), Number(values['warm-up'])]
  const runs: Record<string, Run[]> = Object.fromEntries([...targets.keys()].map((name) => [name, []]))
  for (let round = 0; round < Number(values.rounds); round++) {
    const turn = [...targets]
    if (round % 2 === 1) turn.reverse()
    for (const [name, target] of turn) {
      console.error(`${scenario.name}, round ${round + 1}: ${name}`)
      const seed = Number(values.seed) + round
      runs[name]?.push(await measureInPeace({ scenario, target, postgres, seconds, warmUp, seed }))
      if (values.statements) console.table(await postgres.listStatements())
    }
  }
  return runs
}

/** A neighbour on the same host says nothing of the target: the run of the fewest stolen moments counts. */
async function measureInPeace(setting: Setting): Promise<Run> {
  let best = await measure(setting)
  for (let again = 0; again < AGAIN && stolenIn(best) > Number(values['stolen-most']); again++) {
    console.error(`${stolenIn(best).toFixed(3)} of a core were stolen: once more`)
    const run = await measure(setting)
    if (stolenIn(run) < stolenIn(best)) best = run
  }
  return best
}

function stolenIn({ stolenShare = 0 }: Run): number {
  return stolenShare
}

function choose(list: string | undefined, all: readonly string[]): readonly string[] {
  const chosen = list?.split(',') ?? all
  const unknown = chosen.filter((name) => !all.includes(name))
  if (unknown.length > 0) throw new Error(`No ${unknown.join(', ')}: there is ${all.join(', ')}`)
  return chosen
}

function machine() {
  return { cores: cpus().length, processor: cpus()[0]?.model, memory: totalmem(), node: process.version }
}
