import { clientFaults } from './client-faults.ts'
import { crowd } from './crowd.ts'
import { endlessFrames } from './endless-frames.ts'
import type { Fault } from './fault.ts'
import { fileFaults } from './file-faults.ts'
import { flushAndKill } from './flush-and-kill.ts'
import { instanceFaults } from './instance-faults.ts'
import { pushFaults } from './lost-pushes.ts'
import { lostRights } from './lost-rights.ts'
import { poisonRow } from './poison-row.ts'
import { postgresFaults } from './postgres-faults.ts'
import { redisFaults } from './redis-faults.ts'
import { scarcePostgres } from './scarce-postgres.ts'
import { slowReaders } from './slow-readers.ts'
import { wokenDeaf } from './woken-deaf.ts'
import { wrongClock } from './wrong-clock.ts'

/** FAULTS is the matrix, by number; two faults at once stand after the first of them. */
export const FAULTS: readonly Fault[] = [
  ...[
    ...instanceFaults,
    flushAndKill,
    wokenDeaf,
    ...redisFaults,
    ...postgresFaults,
    ...scarcePostgres,
    poisonRow,
  ],
  ...[
    ...clientFaults,
    slowReaders,
    endlessFrames,
    crowd,
    lostRights,
    wrongClock,
    ...pushFaults,
    ...fileFaults,
  ],
].sort((a, b) => Number.parseInt(a.id.slice(1), 10) - Number.parseInt(b.id.slice(1), 10))

/** getFault finds a fault by its id. */
export function getFault(id: string): Fault {
  const fault = FAULTS.find((it) => it.id === id)
  if (!fault) throw new Error(`There is no ${id}: there are ${FAULTS.map((it) => it.id).join(', ')}`)
  return fault
}
