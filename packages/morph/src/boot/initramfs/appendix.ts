import { Buffer } from 'node:buffer'
import { storeAsLz4Legacy } from './lz4.ts'
import type { InitramfsReading } from './read.ts'

/** How an archive must be written to be unpacked after what an image ends with. */
export type AppendixForm = 'plain' | 'lz4'

/**
 * The kernel's lz4 decoder knows no end of its stream: what follows is taken for its next block, and kernels before 5.11 fail even on
 * padding ("Initramfs unpacking failed: Decoding failed"). Another stream with its magic is what it expects there. All else goes in plain.
 */
export function appendixForm(image: Pick<InitramfsReading, 'parts'>): AppendixForm {
  return image.parts.at(-1)?.compression === 'lz4' ? 'lz4' : 'plain'
}

/** The bytes to append to a file of that size: plain archives start at a multiple of 4. */
export function renderAppendix(archive: Buffer, form: AppendixForm, sizeBefore: number): Buffer {
  if (form === 'lz4') return storeAsLz4Legacy(archive)
  return Buffer.concat([Buffer.alloc((4 - (sizeBefore % 4)) % 4), archive])
}
