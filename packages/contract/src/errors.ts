/**
 * Every error that Instar reports, with what the user can do about it. `docs/reference/errors.md` is made from this table.
 *
 * `exit` is the exit code of the CLI: 1 failed, 2 usage, 3 refused with nothing changed, 4 a user script failed, 5 time limit, 75 locked.
 * `fault` tells whose turn it is: `user` (the request or the guest), `transient` (the same may work later; the only one an engine retries), `bug` (ours).
 */
export const ERRORS = {
  'usage.bad-argument': { exit: 2, status: 400, fault: 'user', hint: "See the command's --help." },
  'usage.no-session': { exit: 2, status: 400, fault: 'user', hint: 'Set OS_AUTH_URL, OS_USERNAME, OS_PASSWORD and OS_PROJECT_NAME.' },
  'service.unreachable': {
    exit: 1,
    status: 502,
    fault: 'transient',
    hint: 'Check the address (OS_AUTH_URL, --endpoint) and that the service runs: instar serve.',
  },
  'service.not-authenticated': {
    exit: 3,
    status: 401,
    fault: 'user',
    hint: 'Check user, password, domain and project (OS_USERNAME, OS_PASSWORD, OS_PROJECT_NAME).',
  },
  'service.ambiguous': { exit: 3, status: 409, fault: 'user', hint: 'Use an id.' },
  'service.failed': { exit: 1, status: 500, fault: 'bug', hint: 'The log of the service tells more: instar log list.' },
  'service.unavailable': {
    exit: 1,
    status: 503,
    fault: 'transient',
    hint: 'No worker can do it now: see instar service list and instar provider list.',
  },
  'service.bad-answer': { exit: 1, status: 502, fault: 'user', hint: 'Something else than the service answers at this address.' },
  'config.invalid': { exit: 3, status: 400, fault: 'user', hint: 'See docs/reference/configuration.md and instar config show.' },
  'serve.cannot-listen': {
    exit: 3,
    status: 500,
    fault: 'user',
    hint: 'Give another address with --listen HOST:PORT, or end what uses this one.',
  },
  'execution.failed': {
    exit: 1,
    status: 422,
    fault: 'user',
    hint: 'Repair what the message names and run it again; what is copied already is not copied twice.',
  },
  'execution.cancelled': { exit: 1, status: 409, fault: 'user', hint: 'Start it again when it should be done after all.' },
  'endpoint.invalid': {
    exit: 1,
    status: 422,
    fault: 'user',
    hint: 'Repair the connection data: instar endpoint update ENDPOINT --connection ...',
  },
  'endpoint.no-key-manager': {
    exit: 3,
    status: 400,
    fault: 'user',
    hint: 'Set key_manager.url in the configuration of the service, or use a Keystone whose catalog has a key-manager; or store the connection data itself with --connection.',
  },
  'endpoint.secret-refused': {
    exit: 1,
    status: 422,
    fault: 'user',
    hint: 'Check the address (openstack secret list), that your user may read the secret, and that it is a JSON object stored as text/plain.',
  },
  'endpoint.secret-unread': {
    exit: 1,
    status: 422,
    fault: 'user',
    hint: 'Let it be read with your token: instar endpoint validate connection ENDPOINT; then start the work again.',
  },
  'endpoint.key-manager-away': {
    exit: 1,
    status: 502,
    fault: 'transient',
    hint: 'Check that the key manager runs and that the service reaches it.',
  },
  'phase.unknown': {
    exit: 2,
    status: 400,
    fault: 'user',
    hint: 'Use one of the phases named in the message; hyphens and underscores are alike.',
  },
  'usage.bad-script-flag': {
    exit: 2,
    status: 400,
    fault: 'user',
    hint: 'The forms are OS=PATH[,phase=NAME], NAME=PATH[,phase=NAME] and PATH[,key=value...]; write \\, \\= \\\\ for these characters themselves.',
  },
  'usage.bad-secret-flag': {
    exit: 2,
    status: 400,
    fault: 'user',
    hint: 'Put the value into a file that only you can read and give --secret NAME=@FILE.',
  },
  'script.empty': { exit: 2, status: 400, fault: 'user', hint: 'Leave the script out, or give one that does something.' },
  'script.not-text': {
    exit: 2,
    status: 400,
    fault: 'user',
    hint: 'A script is UTF-8 text. Convert the file, or start the program from a small script.',
  },
  'script.unreadable': { exit: 2, status: 400, fault: 'user', hint: 'Check the path and that you may read it.' },
  'script.failed': { exit: 4, status: 422, fault: 'user', hint: 'Read its output, repair the script or the guest, and run again.' },
  'script.timed-out': {
    exit: 5,
    status: 422,
    fault: 'user',
    hint: 'Give the script more time (timeout=SECONDS, 0 for no limit), or find out what it waits for in its output.',
  },
  'run.unknown': { exit: 2, status: 404, fault: 'user', hint: 'See instar run list.' },
  'run.not-resumable': {
    exit: 3,
    status: 409,
    fault: 'user',
    hint: 'Only a failed run that was started with --keep-on-error can go on; start a new one.',
  },
  'run.unwritable': {
    exit: 3,
    status: 500,
    fault: 'user',
    hint: 'Make the state folder writable for you, or name another one by INSTAR_STATE_DIR.',
  },
  'api.bad-request': {
    exit: 2,
    status: 400,
    fault: 'user',
    hint: 'The message names the key that is wrong; /openapi.json shows what each request takes.',
  },
  'api.malformed-body': {
    exit: 2,
    status: 400,
    fault: 'user',
    hint: 'Send one JSON object with Content-Type: application/json; an action is an object with one key.',
  },
  'api.malformed-url': { exit: 2, status: 400, fault: 'user', hint: 'Use the project of the token in the path, or leave the project out.' },
  'api.no-project': {
    exit: 2,
    status: 400,
    fault: 'user',
    hint: 'Log in with a project (OS_PROJECT_NAME); a token without one can only choose one.',
  },
  'api.unknown-action': { exit: 2, status: 400, fault: 'user', hint: 'Use one of the actions named in the message.' },
  'api.bad-query': { exit: 2, status: 400, fault: 'user', hint: 'The message names the parameter; env and options are base64 of JSON.' },
  'api.bad-user-scripts': {
    exit: 2,
    status: 400,
    fault: 'user',
    hint: 'The form is {"global": {OS: scripts}, "instances": {MACHINE: scripts}}; scripts are a text, a list of {payload, phase}, or null.',
  },
  'api.unauthorized': { exit: 3, status: 401, fault: 'user', hint: 'Log in and send the token in the header X-Auth-Token.' },
  'api.forbidden': {
    exit: 3,
    status: 403,
    fault: 'user',
    hint: 'Ask an administrator of the project for the role that the message names.',
  },
  'api.in-use': { exit: 3, status: 403, fault: 'user', hint: 'Delete what uses it first.' },
  'api.not-found': { exit: 3, status: 404, fault: 'user', hint: 'Check the id; only objects of your own project are visible.' },
  'api.no-route': { exit: 2, status: 404, fault: 'user', hint: 'See /openapi.json for the paths and methods that there are.' },
  'api.unknown-reference': {
    exit: 3,
    status: 400,
    fault: 'user',
    hint: 'Check the ids in the request; only objects of your own project count.',
  },
  'api.busy': { exit: 3, status: 400, fault: 'user', hint: 'Wait for what runs, or cancel it.' },
  'api.wrong-state': { exit: 3, status: 400, fault: 'user', hint: 'The message tells the state, and which ones allow this.' },
  'api.conflict': { exit: 3, status: 409, fault: 'user', hint: 'The message names what is there already.' },
  'api.too-large': { exit: 2, status: 413, fault: 'user', hint: 'Send less in one request.' },
  'api.bad-range': { exit: 2, status: 416, fault: 'user', hint: 'Ask for bytes that are there: Range: bytes=FROM-TO.' },
  'api.not-ready': {
    exit: 1,
    status: 503,
    fault: 'transient',
    hint: 'The database is away; the service goes on by itself when it is back.',
  },
  'identity.rate-limited': { exit: 75, status: 429, fault: 'transient', hint: 'Wait as long as the message says before the next log-in.' },
  'identity.upstream-failed': {
    exit: 1,
    status: 503,
    fault: 'transient',
    hint: 'Check that the Keystone of the configuration can be reached from here and is healthy.',
  },
  'usage.unreadable-file': { exit: 2, status: 400, fault: 'user', hint: 'Check the path and that you may read it.' },
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
  'host.no-access': {
    exit: 3,
    status: 500,
    fault: 'user',
    hint: 'Let this user read and write there, or name other folders: INSTAR_STATE_DIR (records, layers), INSTAR_CACHE_DIR (the appliance).',
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
  'replica.no-firmware': { exit: 3, status: 422, fault: 'user', hint: 'Install the UEFI firmware: apt-get install ovmf; or boot by BIOS.' },
  'replica.timeout': {
    exit: 5,
    status: 504,
    fault: 'user',
    hint: 'Look at the console; give a longer limit with --timeout, and a guest that speaks on its serial console (console=ttyS0).',
  },
  'replica.failed': { exit: 1, status: 422, fault: 'user', hint: 'Look at the console; `instar check IMAGE` tells what the boot needs.' },
  'replica.lost': {
    exit: 1,
    status: 500,
    fault: 'transient',
    hint: 'QEMU ended by itself; the message tells how. Try again, and see that the host has memory.',
  },
  'storage.missing-disk': {
    exit: 1,
    status: 422,
    fault: 'user',
    hint: 'Check that the disks named are attached to the minion and that it has util-linux.',
  },
  'storage.unreadable': {
    exit: 1,
    status: 500,
    fault: 'user',
    hint: 'Check that the minion has util-linux and lvm2, and see the message for what they said.',
  },
  'storage.in-use': {
    exit: 3,
    status: 422,
    fault: 'user',
    hint: "Give only disks of the guest; a disk of the minion's own is never touched.",
  },
  'storage.wrong-key': {
    exit: 3,
    status: 422,
    fault: 'user',
    hint: 'Give the right key with --key UUID:file:PATH or --key UUID:text:TEXT.',
  },
  'storage.locked': {
    exit: 3,
    status: 422,
    fault: 'user',
    hint: 'Give a key with --key UUID:file:PATH, or open the container in a pre-mount script.',
  },
  'storage.unsupported-luks': {
    exit: 3,
    status: 422,
    fault: 'user',
    hint: 'Let a reencryption end on the source; containers with integrity data or damaged headers can be opened by a pre-mount script.',
  },
  'storage.busy': {
    exit: 1,
    status: 500,
    fault: 'user',
    hint: 'Something on the minion still uses the disks, e.g. a process that a script left; end it and try again.',
  },
  'morph.no-root': {
    exit: 3,
    status: 422,
    fault: 'user',
    hint: 'Name the root with --root, or check that the disks hold an installed Linux.',
  },
  'morph.many-roots': {
    exit: 3,
    status: 422,
    fault: 'user',
    hint: 'Choose one of those in the message with --root DEVICE or --root DEVICE:SUBVOLUME.',
  },
  'morph.hibernated': {
    exit: 3,
    status: 422,
    fault: 'user',
    hint: 'Start the source machine, shut it down without hibernation, and copy it again.',
  },
  'morph.damaged-filesystem': {
    exit: 3,
    status: 422,
    fault: 'user',
    hint: 'Repair the filesystem on the source, or by a pre-mount script, and try again.',
  },
  'morph.mount-missing': {
    exit: 3,
    status: 422,
    fault: 'user',
    hint: 'Give all disks of the machine and the keys they need, or correct the line in the /etc/fstab of the guest.',
  },
  'morph.not-writable': { exit: 1, status: 422, fault: 'user', hint: 'The filesystem refuses writes; see the message for what it said.' },
  'morph.busy': { exit: 1, status: 500, fault: 'user', hint: 'End the processes that the message names; a script may have left them.' },
  'fixture.missing': {
    exit: 3,
    status: 422,
    fault: 'user',
    hint: 'Install what the message names (`./instar doctor` tells how), or leave out the tests that need it.',
  },
  'fixture.tool-failed': {
    exit: 1,
    status: 500,
    fault: 'user',
    hint: 'A program that builds test guests failed. Check the network and the free disk space, then try again.',
  },
  'ssh.bad-address': {
    exit: 2,
    status: 400,
    fault: 'user',
    hint: 'Give --minion ssh://[USER@]HOST[:PORT]; other settings belong into ~/.ssh/config.',
  },
  'ssh.unreachable': {
    exit: 1,
    status: 502,
    fault: 'transient',
    hint: 'Check that ssh logs in to it without asking anything (ssh -o BatchMode=yes), its address, port and firewall.',
  },
  'ssh.not-root': { exit: 1, status: 502, fault: 'user', hint: 'Log in as root, or let the user run sudo without a password.' },
  'ssh.bad-device': {
    exit: 3,
    status: 422,
    fault: 'user',
    hint: 'Name the disks of the guest as that machine sees them; nothing of them may be mounted there.',
  },
  'ssh.in-use': {
    exit: 75,
    status: 409,
    fault: 'transient',
    hint: 'A minion serves one run at a time: wait for the other run to end, or use another machine.',
  },
  'ssh.unfit': {
    exit: 1,
    status: 502,
    fault: 'user',
    hint: 'It needs sh, coreutils and util-linux; docs/guides/use-your-own-minion.md lists the packages.',
  },
  'ssh.file': { exit: 1, status: 502, fault: 'user', hint: 'Look at the file on that machine; is its disk full or read-only?' },
  'ssh.fixed-disks': { exit: 1, status: 500, fault: 'bug', hint: 'Report this; a minion over ssh keeps the disks that it has.' },
  'machine.unsupported-arch': {
    exit: 3,
    status: 422,
    fault: 'user',
    hint: 'The appliance runs on x86-64 hosts; elsewhere, give a machine that has the disks with --minion ssh://HOST.',
  },
  'machine.missing-tool': {
    exit: 3,
    status: 500,
    fault: 'user',
    hint: 'Install the package named in the details (instar doctor checks all).',
  },
  'machine.build-failed': {
    exit: 1,
    status: 500,
    fault: 'transient',
    hint: 'The appliance is made of Debian packages: check the network, the proxy and the space in the cache folder, and run again.',
  },
  'machine.start-failed': {
    exit: 1,
    status: 500,
    fault: 'transient',
    hint: 'The last lines of QEMU and of its console are in the message. With much load on the host, run again; --accel tcg avoids KVM.',
  },
  'machine.disk-refused': {
    exit: 3,
    status: 422,
    fault: 'user',
    hint: 'Check that the file exists, that you may use it and that no running machine has it open.',
  },
  'machine.disk-failed': {
    exit: 1,
    status: 502,
    fault: 'transient',
    hint: "Look at the host's own disk and its kernel log; the image is as it was.",
  },
  'machine.no-device': { exit: 1, status: 500, fault: 'bug', hint: 'Report this; a disk was named that the machine does not have.' },
  'machine.qmp': { exit: 1, status: 500, fault: 'bug', hint: 'Report this with the version of QEMU.' },
  'machine.bad-frame': { exit: 1, status: 500, fault: 'bug', hint: 'Report this; the appliance sent what its protocol does not have.' },
  'machine.bad-request': { exit: 1, status: 400, fault: 'bug', hint: 'Report this; a command was asked for that no system can run.' },
  'machine.request-too-big': {
    exit: 1,
    status: 413,
    fault: 'user',
    hint: 'Pass the data by a file or by standard input and not as an argument or variable.',
  },
  'machine.network-failed': {
    exit: 1,
    status: 502,
    fault: 'transient',
    hint: 'Run again; the last words of the appliance are in the message.',
  },
  'machine.file': { exit: 1, status: 500, fault: 'user', hint: 'The message tells what the machine said about the file.' },
  'machine.file-too-big': { exit: 1, status: 413, fault: 'user', hint: 'The file is larger than what Instar takes into memory.' },
  'machine.lost': {
    exit: 1,
    status: 502,
    fault: 'transient',
    hint: 'The minion ended in mid-work; the image is as it was. Run again, with --memory if the host has little.',
  },
  'machine.too-much-output': { exit: 1, status: 502, fault: 'bug', hint: 'Report this; a command printed more than Instar can take.' },
  'first-boot.bad-request': {
    exit: 2,
    status: 400,
    fault: 'user',
    hint: 'Change what the message names; a post-mount script has fewer limits.',
  },
  'first-boot.unsupported-init': {
    exit: 3,
    status: 422,
    fault: 'user',
    hint: 'First-boot scripts need systemd, OpenRC or SysV init in the guest; do their work in a post-mount script.',
  },
  'morph.scripts-skipped': {
    exit: 3,
    status: 400,
    fault: 'user',
    hint: 'Leave --skip-os-morphing out, or give these scripts for replica_first_boot. instar plan shows what would run.',
  },
  'guest.unsupported': {
    exit: 3,
    status: 422,
    fault: 'user',
    hint: 'Linux guests are morphed. With --skip-os-morphing and no scripts nothing needs to be done; boot the image as it is.',
  },
  'morph.will-not-boot': {
    exit: 1,
    status: 422,
    fault: 'user',
    hint: 'instar check IMAGE shows the whole verdict; mend it with a post-mount script.',
  },
  'internal.bug': {
    exit: 1,
    status: 500,
    fault: 'bug',
    hint: 'This is a defect of Instar. Report it with the output of the same command and --json.',
  },
  'internal.cancelled': {
    exit: 130,
    status: 409,
    fault: 'user',
    hint: 'The run was cancelled on request; nothing of it is kept unless the message says so.',
  },
  'guest.not-loaded': {
    exit: 1,
    status: 500,
    fault: 'bug',
    hint: 'This is a defect of Instar. Report it with the path named in the message.',
  },
  'guest.too-large': {
    exit: 1,
    status: 422,
    fault: 'user',
    hint: "The guest holds more, or larger, files than Instar reads. Remove what is not needed from the guest's /etc or /boot, or leave the OS as it is with --skip-os-morphing.",
  },
  'guest.bad-path': {
    exit: 1,
    status: 422,
    fault: 'user',
    hint: 'Something in the guest stands where a file or folder belongs. Repair it in the guest or with a post-mount script.',
  },
  'guest.load-failed': {
    exit: 1,
    status: 422,
    fault: 'user',
    hint: "The guest's files could not be read. Check its file systems; the minion's own words are in the message.",
  },
  'guest.write-failed': {
    exit: 1,
    status: 422,
    fault: 'user',
    hint: "The guest's files could not be written. Check the free space of its file systems; the minion's own words are in the message.",
  },
  'boot.grubenv-full': {
    exit: 1,
    status: 422,
    fault: 'user',
    hint: 'The environment block of GRUB holds 1024 bytes. Remove variables that are not needed from grubenv in the guest.',
  },
  'boot.no-space': {
    exit: 1,
    status: 422,
    fault: 'user',
    hint: 'Make room in the file system named, for example by removing old kernels with their initramfs images.',
  },
  'boot.rebuild-failed': {
    exit: 1,
    status: 422,
    fault: 'user',
    hint: "The guest's own tool could not build an initramfs that finds the disk. Its output is in the message; the old image is untouched.",
  },
  'boot.command-failed': {
    exit: 1,
    status: 422,
    fault: 'user',
    hint: "A command on the minion failed while the guest's boot files were handled; its own words are in the message.",
  },
  'boot.overlay-failed': {
    exit: 1,
    status: 422,
    fault: 'user',
    hint: "The drivers could not be added to the guest's initramfs, which is as it was. The cause is in the message.",
  },
  'packages.unsupported': {
    exit: 3,
    status: 422,
    fault: 'user',
    hint: 'Install or remove it by a first-boot script, or without --install and --remove.',
  },
  'packages.no-repository': {
    exit: 1,
    status: 502,
    fault: 'user',
    hint: 'The guest itself would fail the same way: correct its package sources by a post-mount script, or install at first boot.',
  },
  'packages.unknown-name': { exit: 1, status: 422, fault: 'user', hint: 'Name the package as the package manager of the guest knows it.' },
  'packages.no-space': {
    exit: 1,
    status: 422,
    fault: 'user',
    hint: 'Free some space in the guest (a post-mount script can), or make the disk larger.',
  },
  'packages.broken': {
    exit: 1,
    status: 422,
    fault: 'user',
    hint: 'Repair the package database of the guest on the source, or by a post-mount script, and run again.',
  },
  'packages.failed': {
    exit: 1,
    status: 422,
    fault: 'user',
    hint: 'The last lines of the package manager of the guest are in the message.',
  },
  'packages.timed-out': {
    exit: 5,
    status: 504,
    fault: 'user',
    hint: 'A package may be asking a question or waiting for a server; install it by a first-boot script.',
  },
  'provider.not-found': { exit: 1, status: 404, fault: 'user', hint: 'List what the endpoint has, and use a name or id from there.' },
  'provider.refused': { exit: 1, status: 400, fault: 'user', hint: 'Change the setting that the message names.' },
  'provider.unavailable': {
    exit: 1,
    status: 502,
    fault: 'transient',
    hint: 'The platform did not answer as it should; it is tried again. Check it if that goes on.',
  },
  'provider.failed': { exit: 1, status: 422, fault: 'user', hint: 'Repair on the platform what the message names, and run again.' },
  'provider.unsupported': { exit: 1, status: 400, fault: 'user', hint: 'See `instar provider list` for what each platform can do.' },
  'store.bad-user': {
    exit: 3,
    status: 500,
    fault: 'user',
    hint: 'PostgreSQL does not run as root. Name a system user that exists with --pg-user, or let Instar make the user instar (it needs useradd).',
  },
  'store.unreachable-folder': {
    exit: 3,
    status: 500,
    fault: 'user',
    hint: 'Every folder above the data folder must let other users pass (chmod o+x), because PostgreSQL does not run as root.',
  },
  'store.in-use': {
    exit: 75,
    status: 503,
    fault: 'user',
    hint: 'Another process of Instar has its PostgreSQL on this data folder. Stop it, or connect to that server with DATABASE_URL.',
  },
  'store.no-binaries': {
    exit: 3,
    status: 500,
    fault: 'user',
    hint: 'Run npm install without --omit=optional, or name a PostgreSQL server of yours with DATABASE_URL.',
  },
  'store.tool-missing': {
    exit: 3,
    status: 500,
    fault: 'user',
    hint: 'Install the package named, or use a server of yours with DATABASE_URL.',
  },
  'store.other-version': {
    exit: 3,
    status: 500,
    fault: 'user',
    hint: 'Start the version of Instar that made the data folder, and move the data to the new server with pg_dump.',
  },
  'store.start-failed': { exit: 1, status: 500, fault: 'user', hint: "The last lines of the server's log are in the message." },
  'store.unavailable': {
    exit: 1,
    status: 503,
    fault: 'transient',
    hint: 'PostgreSQL does not answer. Instar goes on by itself once it does.',
  },
  'store.newer-schema': {
    exit: 3,
    status: 500,
    fault: 'user',
    hint: 'A newer Instar has changed this database. Start that version or a later one.',
  },
  'store.bad-key': {
    exit: 3,
    status: 500,
    fault: 'user',
    hint: 'A key is 32 bytes in base64 or hex, one a line, the current one first: openssl rand -base64 32.',
  },
  'store.unknown-key': {
    exit: 1,
    status: 500,
    fault: 'user',
    hint: 'The value was encrypted with another key. Add that key to the key file, below the current one.',
  },
  'store.damaged-secret': {
    exit: 1,
    status: 500,
    fault: 'bug',
    hint: 'An encrypted value was changed or moved in the database. Restore the row.',
  },
  'engine.not-active': { exit: 3, status: 400, fault: 'user', hint: 'Only an execution that has not ended can be cancelled.' },
  'engine.already-cancelling': {
    exit: 3,
    status: 400,
    fault: 'user',
    hint: 'Wait for the running steps to end, or cancel with force, which stops them at once and leaves behind what they made.',
  },
  'engine.no-worker': {
    exit: 1,
    status: 503,
    fault: 'transient',
    hint: 'Start a worker that offers the platform, in one of the regions of the endpoint, or enable one: see `instar service list`.',
  },
  'engine.no-answer': {
    exit: 1,
    status: 503,
    fault: 'transient',
    hint: 'The platform or the worker is slow or gone. Ask again; the log of the worker tells more.',
  },
  'engine.unknown-step': {
    exit: 1,
    status: 500,
    fault: 'bug',
    hint: 'The worker is of another version than the server. Bring both to the same one.',
  },
  'engine.attempt-lost': {
    exit: 1,
    status: 409,
    fault: 'transient',
    hint: 'Another worker has taken the task over and does it; this one was cut off for too long. Nothing is to be done.',
  },
  'engine.step-stuck': {
    exit: 1,
    status: 500,
    fault: 'bug',
    hint: 'The worker process ends because a step did not stop; start it again. Its other steps go on elsewhere.',
  },
  'engine.step-crashed': {
    exit: 1,
    status: 500,
    fault: 'bug',
    hint: "The worker died under this step again and again. Look for the cause in the worker's log and in the memory of its host.",
  },
  'refresh.locked': {
    exit: 75,
    status: 409,
    fault: 'transient',
    hint: 'Wait for the other run to end: its process id is in the lock file.',
  },
  'refresh.lock-unusable': { exit: 3, status: 500, fault: 'user', hint: 'Name a lock file that you may write with --lockfile.' },
  'refresh.unreadable': { exit: 1, status: 500, fault: 'user', hint: 'Check the path, its permissions, and as whom you run.' },
  'refresh.bad-rule': {
    exit: 2,
    status: 400,
    fault: 'user',
    hint: 'RUN_PARTS_REGEX is an extended regular expression as grep -E takes it; unset it.',
  },
  'refresh.script-failed': {
    exit: 4,
    status: 422,
    fault: 'user',
    hint: 'Read its output, repair it, and go on: instar refresh --resume --again begins with it, --resume after it.',
  },
  'refresh.environment-failed': { exit: 4, status: 422, fault: 'user', hint: 'Read what it printed, repair the file, and run again.' },
  'refresh.timed-out': {
    exit: 5,
    status: 422,
    fault: 'user',
    hint: 'Find out in the output what it waits for, or give more time: --script-timeout, --timeout.',
  },
  'refresh.no-shell': { exit: 3, status: 500, fault: 'user', hint: 'Scripts and environment files need bash: install it, or check PATH.' },
  'refresh.no-cgroup': {
    exit: 3,
    status: 500,
    fault: 'user',
    hint: 'Leave --containment out: /proc is searched where no cgroup can be made.',
  },
  'refresh.unknown-script': { exit: 2, status: 404, fault: 'user', hint: 'See instar refresh --plan.' },
  'refresh.not-resumable': { exit: 3, status: 409, fault: 'user', hint: 'See instar refresh log; without --resume a run begins anew.' },
  'refresh.waits-for-reboot': {
    exit: 3,
    status: 409,
    fault: 'user',
    hint: 'Reboot: the run goes on after it. --resume goes on without a reboot, --new begins anew.',
  },
  'refresh.too-many-reboots': {
    exit: 1,
    status: 422,
    fault: 'user',
    hint: 'Find out which script asks each time; then go on with instar refresh --resume, or allow more: --max-reboots.',
  },
  'refresh.reboot-failed': { exit: 1, status: 500, fault: 'user', hint: 'Reboot by hand, then go on: instar refresh --resume.' },
  'refresh.journal-unwritable': {
    exit: 3,
    status: 500,
    fault: 'user',
    hint: 'Make the state folder writable for you, or name another one by INSTAR_STATE_DIR.',
  },
  'refresh.not-installable': {
    exit: 3,
    status: 500,
    fault: 'user',
    hint: 'The units need root, systemd, and an executable file: --program FILE.',
  },
} as const satisfies Record<string, ErrorEntry>

interface ErrorEntry {
  readonly exit: 1 | 2 | 3 | 4 | 5 | 75 | 130
  readonly status: number
  readonly fault: 'user' | 'transient' | 'bug'
  readonly hint: string
}

export type ErrorCode = keyof typeof ERRORS

interface InstarErrorOptions {
  /** Replaces the hint of the table where the place knows better. */
  readonly hint?: string
  /** Values for machines: numbers with their units in the name, paths, counts. */
  readonly details?: Readonly<Record<string, unknown>>
  readonly cause?: unknown
}

/** The one error class: a code of the table, what we tried on which thing, and the cause it came from. */
export class InstarError extends Error {
  override readonly name = 'InstarError'
  readonly code: ErrorCode
  readonly hint: string
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, options: InstarErrorOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.code = code
    this.hint = options.hint ?? ERRORS[code].hint
    this.details = options.details ?? {}
  }

  get exitCode(): number {
    return ERRORS[this.code].exit
  }
}

/** The messages of an error and all its causes, outermost first. */
export function errorChain(error: unknown): string[] {
  const chain: string[] = []
  for (let at: unknown = error; at !== undefined && at !== null && chain.length < 10; at = at instanceof Error ? at.cause : undefined) {
    chain.push(at instanceof Error ? at.message : JSON.stringify(at))
  }
  return chain
}
