import type { ErrorEntry } from './entry.ts'

/** Of disk images and their replication. */
export const IMAGE_ERRORS = {
  'image.not-found': { exit: 3, status: 404, fault: 'user', hint: 'Check the path and that you may read it.' },
  'image.unsupported': {
    exit: 3,
    status: 422,
    fault: 'user',
    hint: 'Convert it with qemu-img (or unpack it) to raw, qcow2, vmdk, vhdx, vdi or vpc; a disk that is raw in truth is named format=raw.',
  },
  'image.backing-refused': {
    exit: 3,
    status: 422,
    fault: 'user',
    hint: 'Name the folder that the image may refer to with --allow-backing DIR, or flatten it: qemu-img convert -O qcow2 IMAGE NEW.',
  },
  'image.damaged': {
    exit: 3,
    status: 422,
    fault: 'user',
    hint: 'Copy the image again from its source; see what is wrong with: qemu-img check IMAGE.',
  },
  'image.in-use': {
    exit: 75,
    status: 409,
    fault: 'transient',
    hint: 'Shut the machine that uses the image down, or wait for the other run of Instar to end.',
  },
  'image.no-space': {
    exit: 1,
    status: 507,
    fault: 'user',
    hint: 'Free space there, or work on another file system (INSTAR_STATE_DIR, --output).',
  },
  'image.path-refused': { exit: 3, status: 422, fault: 'user', hint: 'Use a shorter path of plain UTF-8.' },
  'image.output-exists': { exit: 3, status: 409, fault: 'user', hint: 'Name another file for --output, or replace this one with --force.' },
  'image.not-in-place': {
    exit: 3,
    status: 422,
    fault: 'user',
    hint: 'Only raw and qcow2 images are changed in place, by whom may write them and their folder; make a new image with --output NEW.',
  },
  'image.changed': {
    exit: 3,
    status: 409,
    fault: 'user',
    hint: 'Something else wrote to the image meanwhile; make sure that nothing does, and run again from the start.',
  },
  'image.commit-refused': {
    exit: 3,
    status: 409,
    fault: 'user',
    hint: 'Put the image and the layer back that the journal names, and run again; or, to give the unfinished commit up, remove the journal.',
  },
  'image.commit-unfinished': {
    exit: 1,
    status: 500,
    fault: 'user',
    hint: 'Repair the cause; the next command on this image finishes the commit before anything else.',
  },
  'image.tool-missing': {
    exit: 1,
    status: 500,
    fault: 'user',
    hint: 'Install it: apt-get install qemu-utils qemu-system-x86 util-linux (instar doctor checks all).',
  },
  'image.tool-failed': {
    exit: 1,
    status: 500,
    fault: 'user',
    hint: 'The message of the tool tells why; the command line in the details repeats it.',
  },
  'nbd.lost': {
    exit: 1,
    status: 502,
    fault: 'transient',
    hint: 'The server of the disk went away; see that the source and the network to it are well, and run again: the copy goes on where it was.',
  },
  'nbd.refused': {
    exit: 3,
    status: 502,
    fault: 'user',
    hint: 'Check the name of the export; the server must speak NBD with structured replies (qemu-nbd, qemu-storage-daemon, nbdkit do).',
  },
  'nbd.failed': {
    exit: 1,
    status: 502,
    fault: 'user',
    hint: 'The disk of the source could not be read; look at the disk and the log of its host.',
  },
  'replication.damaged': {
    exit: 1,
    status: 500,
    fault: 'user',
    hint: 'Something else changed the folder of the replica. Delete the disks of the transfer and execute it again, which copies all.',
  },
  'replication.mismatch': {
    exit: 1,
    status: 422,
    fault: 'user',
    hint: 'Something wrote to the source while it was copied, or a disk of the host is failing. The generation was not taken; execute again.',
  },
} as const satisfies Record<string, ErrorEntry>
