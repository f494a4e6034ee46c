import { execFileSync } from 'node:child_process'

/** install installs a package of Debian's where that may be done; otherwise whoever needs it says so. */
export function install(name: string): void {
  if (process.getuid?.() !== 0) return
  const options = { stdio: 'ignore', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } } as const
  try {
    execFileSync('apt-get', ['update'], options)
    execFileSync('apt-get', ['install', '-y', '--no-install-recommends', name], options)
  } catch {
    // It is not there, then.
  }
}
