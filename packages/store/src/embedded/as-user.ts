import type { SystemUser } from './system-user.ts'

/**
 * Program and arguments that run `argv` as `user`, with `deathSignal` from the kernel when this process dies, however it dies. setpriv(1) sets the
 * signal after it changed the user, as the kernel forgets it then. The shell closes a gap: who died before the kernel was told to watch is not
 * watched, so the program starts only if its parent is still us.
 */
export function asUser(argv: readonly string[], user: SystemUser, deathSignal: 'INT' | 'KILL'): [program: string, args: string[]] {
  const who = user.switching ? ['--reuid', String(user.uid), '--regid', String(user.gid), '--clear-groups'] : []
  const guarded = ['sh', '-c', '[ "$PPID" = "$0" ] && exec "$@"', String(process.pid), ...argv]
  return ['setpriv', [...who, '--pdeathsig', deathSignal, '--', ...guarded]]
}
