import { measureInstance } from './scale/instance-costs.ts'
import { measurePostgres } from './scale/postgres-costs.ts'
import { measureRedis } from './scale/redis-costs.ts'

/**
 * What the model of docs/scaling.md rests on, measured on this machine: processor time in microseconds, memory in
 * bytes. The commit has `bench/commit.ts`, and what a message costs an instance `bench/scale-check.ts`.
 */
console.log('instance', measureInstance())
console.log('Redis', await measureRedis())
console.log('Postgres', await measurePostgres())
