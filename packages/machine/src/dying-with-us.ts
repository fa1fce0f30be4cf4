/**
 * The arguments of setpriv(1) that run a program which the kernel kills when this process dies, however it dies. The shell between them closes
 * a gap: who died before the kernel was told to watch is not watched, so the program starts only if its parent is still us.
 */
export function dyingWithUs(argv: readonly string[]): string[] {
  return ['--pdeathsig', 'KILL', '--', 'sh', '-c', '[ "$PPID" = "$0" ] && exec "$@"', String(process.pid), ...argv]
}
