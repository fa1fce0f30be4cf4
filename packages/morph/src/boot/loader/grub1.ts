import { isFile, textOf } from '../guest-files.ts'
import type { GuestTree } from '../../tree/guest-tree.ts'
import { type LoaderEntry, type LoaderReading, findBootFile } from './entries.ts'

const PLACES = ['/boot/grub/grub.conf', '/boot/grub/menu.lst', '/boot/efi/EFI/redhat/grub.conf']

/** GRUB 0.97: `title` blocks, `default=N` from zero, or saved in /boot/grub/default. */
export function readGrub1(tree: GuestTree): LoaderReading | undefined {
  const source = PLACES.find(path => isFile(tree, path))
  if (source === undefined) return undefined
  const [head = '', ...blocks] = textOf(tree, source).split(/^[ \t]*title[ \t]+/m)
  const entries = blocks.flatMap((block, index) => readTitle(tree, source, { block, index }))
  const written = /^[ \t]*default[ \t=]+(\S+)/m.exec(head)?.[1] ?? '0'
  const number = written === 'saved' ? (textOf(tree, '/boot/grub/default') || '0').trim().split(/\s/)[0] : written
  const found = entries.find(entry => entry.id === number) ?? entries[0]
  return {
    kind: 'grub1',
    configFiles: [source],
    entries,
    defaultFrom: `default ${written}`,
    ...(found === undefined ? {} : { default: found }),
  }
}

function readTitle(tree: GuestTree, source: string, { block, index }: { block: string; index: number }): LoaderEntry[] {
  // Xen boots the hypervisor as kernel and Linux as its first module.
  const isXen = /^[ \t]*kernel[ \t]+\S*xen/m.test(block)
  const command = new RegExp(`^[ \\t]*${isXen ? 'module' : 'kernel'}[ \\t]+(?:--\\S+[ \\t]+)*(\\S+)[ \\t]*(.*)$`, 'm').exec(block)
  if (command === null) return []
  const initrds = [...block.matchAll(/^[ \t]*initrd[ \t]+(\S+)/gm)].map(match => findBootFile(tree, match[1] ?? ''))
  const title = (block.split('\n')[0] ?? '').trim()
  return [{ id: String(index), title, kernel: findBootFile(tree, command[1] ?? ''), initrds, cmdline: (command[2] ?? '').trim(), source }]
}
