import { isFile, textOf } from '../guest-files.ts'
import type { GuestTree } from '../../tree/guest-tree.ts'
import { type LoaderEntry, type LoaderReading, findBootFile } from './entries.ts'

export const EXTLINUX_PLACES = ['/boot/extlinux.conf', '/boot/extlinux/extlinux.conf', '/boot/syslinux/syslinux.cfg', '/extlinux.conf']

/** extlinux and syslinux: LABEL blocks, keywords in any case; DEFAULT, else MENU DEFAULT, else the first label. */
export function readExtlinux(tree: GuestTree): LoaderReading | undefined {
  const source = EXTLINUX_PLACES.find(path => isFile(tree, path))
  if (source === undefined) return undefined
  const [head = '', ...blocks] = textOf(tree, source).split(/^[ \t]*label[ \t]+/im)
  const entries = blocks.flatMap(block => readLabel(tree, source, block))
  const named = /^[ \t]*default[ \t]+(\S+)/im.exec(head)?.[1]
  const marked = blocks.find(block => /^[ \t]*menu[ \t]+default/im.test(block))?.split(/\s/)[0]
  const found = entries.find(entry => entry.id === named) ?? entries.find(entry => entry.id === marked) ?? entries[0]
  return {
    kind: 'extlinux',
    configFiles: [source],
    entries,
    defaultFrom: `default ${named ?? marked ?? 'first label'}`,
    ...(found === undefined ? {} : { default: found }),
  }
}

function readLabel(tree: GuestTree, source: string, block: string): LoaderEntry[] {
  const field = (name: string): string | undefined => new RegExp(`^[ \\t]*${name}[ \\t](.*)$`, 'im').exec(block)?.[1]?.trim()
  const id = block.split(/\s/)[0] ?? ''
  const kernel = field('linux') ?? field('kernel')
  if (kernel === undefined) return []
  const append = field('append') ?? ''
  const initrds = (field('initrd') ?? /(?:^|\s)initrd=(\S+)/.exec(append)?.[1] ?? '').split(',').filter(Boolean)
  const place = (path: string): string => (path.startsWith('/') ? path : `${source.replace(/[^/]*$/, '')}${path}`)
  const title = field('menu[ \\t]+label') ?? id
  return [
    {
      id,
      title,
      kernel: findBootFile(tree, place(kernel)),
      initrds: initrds.map(path => findBootFile(tree, place(path))),
      cmdline: append,
      source,
    },
  ]
}
