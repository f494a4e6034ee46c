#!/usr/bin/env node
import './module-cost.ts'
import { Command } from 'commander'
import { addAdmin } from './commands/admin.ts'
import { addConformance } from './commands/conformance.ts'
import { addDemo } from './commands/demo.ts'
import { addFaults } from './commands/faults.ts'
import { addJobs } from './commands/jobs.ts'
import { addMigrate } from './commands/migrate.ts'
import { addPushKeys } from './commands/push-keys.ts'
import { addReplay } from './commands/replay.ts'
import { addStart } from './commands/start.ts'

const program = new Command('parley')
  .description('Real-time chat: one total order per chat, nothing acknowledged is ever lost')
  .showHelpAfterError()
for (const add of [
  addStart,
  addMigrate,
  addAdmin,
  addJobs,
  addPushKeys,
  addDemo,
  addConformance,
  addReplay,
  addFaults,
])
  add(program)
await program.parseAsync()
