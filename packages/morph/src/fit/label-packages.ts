import { InstarError } from '@instar/contract'
import type { PackageFile } from '../installer/manager.ts'
import { RESOLVE_IN } from '../mount/resolve-in-root.ts'
import { labelPaths } from '../selinux/labels.ts'
import type { MorphSession } from '../session.ts'
import type { GuestTree } from '../tree/guest-tree.ts'

/** Lines of `LABEL PATH`; the folder of a path is resolved inside the guest, its last part is not followed. */
const SET_LABELS = `${RESOLVE_IN}
root=$1
while IFS=' ' read -r label path; do
  resolve_in "$root" "\${path%/*}" || continue
  [ ! -e "$root$at/\${path##*/}" ] || setfattr -h -n security.selinux -v "$label" -- "$root$at/\${path##*/}" || exit 1
done
`

/** Labels the files of packages that were installed into a guest with SELinux: its package manager ran where no policy was loaded. */
export async function labelPackages(
  session: MorphSession,
  root: string,
  of: { tree: GuestTree; files: readonly PackageFile[] },
): Promise<void> {
  const plan = labelPaths(of.tree, of.files)
  for (const { path, message } of plan.warnings) session.warn(`${path}: ${message}`)
  const lines = plan.labels.filter(({ path }) => !path.includes('\n')).map(({ path, label }) => `${label} ${path}\n`)
  if (lines.length === 0) return
  const result = await session.machine.run(['sh', '-c', SET_LABELS, 'label', root], {
    signal: session.signal,
    stdin: Buffer.from(lines.join(''), 'latin1'),
  })
  if (result.exitCode !== 0)
    throw new InstarError('guest.write-failed', `the SELinux labels of new packages could not be set: ${result.stderrTail.trim()}`)
}
