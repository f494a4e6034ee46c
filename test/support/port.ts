export { findPort } from '../../src/hosts/node/faults/servers/port.ts'
