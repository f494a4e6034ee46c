import { parseArgs } from 'node:util'
import { createRandom } from './generator/words.ts'
import { createIds } from './scale/ids.ts'
import { createPopulation } from './scale/population.ts'
import { ratesOf } from './scale/rates.ts'
import { measureSizes } from './scale/sizes.ts'
import { spread } from './scale/spread.ts'
import { toTable } from './scale/table.ts'

const USAGE = `node bench/scale.ts [options]
The model of docs/scaling.md: people, chats, ring and channels are drawn and counted, and rates derived from them.
  --at 10x10000,...     instances x users, a column each
  --messages 0.05       of one user, a second
  --statuses 4          changes of one user's status, an hour
  --openings 2          of one user's list of chats, an hour
  --seed 1`

const { values: flags } = parseArgs({
  options: {
    at: { type: 'string', default: '10x10000,10x100000,100x100000,100x1000000,1000x1000000' },
    messages: { type: 'string', default: '0.05' },
    statuses: { type: 'string', default: '4' },
    openings: { type: 'string', default: '2' },
    seed: { type: 'string', default: '1' },
    help: { type: 'boolean', default: false },
  },
})
/** Bytes of a message: the mean of a real team chat of 190,233 messages. */
const CONTENT = 239
/** Of one user: ten times as many as users is the sizing that the service was asked for. */
const CONTACTS = 10

if (flags.help) console.log(USAGE)
else await main()

async function main(): Promise<void> {
  const load = {
    messages: Number(flags.messages),
    statuses: Number(flags.statuses),
    openings: Number(flags.openings),
  }
  const settings = []
  for (const at of flags.at.split(',')) {
    const [instances = 0, users = 0] = at.split('x').map(Number)
    const random = createRandom(Number(flags.seed))
    const counted = spread(createPopulation(users, random), instances, random)
    const chats = Math.round(counted.memberships / users)
    const uuid = createIds(random)
    const sizes = await measureSizes({ content: 'x'.repeat(CONTENT), chats, contacts: CONTACTS, uuid })
    settings.push({ spread: counted, rates: ratesOf(counted, sizes, load) })
  }
  console.log(toTable(settings))
}
