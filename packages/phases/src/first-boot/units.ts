import { QUEUE_DIR, RUNNER_PATH } from './layout.ts'

export const UNIT_PATH = '/etc/systemd/system/instar-firstboot.service'
export const UNIT_LINK = '/etc/systemd/system/multi-user.target.wants/instar-firstboot.service'
export const INIT_SCRIPT_PATH = '/etc/init.d/instar-firstboot'
export const OPENRC_LINK = '/etc/runlevels/default/instar-firstboot'

/**
 * The systemd unit. It is wanted by multi-user.target, yet nothing waits for it: `DefaultDependencies=no` takes away the order that a target
 * has with what it wants, so a script of an hour delays no log-in, and cloud-final.service (after multi-user.target) makes no ordering cycle.
 * `TimeoutStartSec=0` is "infinity" in the spelling that old versions know too.
 */
export const SYSTEMD_UNIT = `[Unit]
Description=First-boot scripts of Instar
Documentation=file://${RUNNER_PATH}
ConditionPathExists=${QUEUE_DIR}
RequiresMountsFor=${QUEUE_DIR}
DefaultDependencies=no
Requires=sysinit.target
Wants=network-online.target
After=sysinit.target basic.target network-online.target cloud-config.target
Conflicts=shutdown.target
Before=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh ${RUNNER_PATH}
TimeoutStartSec=0
TimeoutStopSec=20
KillMode=control-group
OOMPolicy=continue
IgnoreSIGPIPE=no
StandardInput=null
StandardOutput=journal
StandardError=journal

[Install]
WantedBy=multi-user.target
`

/** The OpenRC service. It starts the runner in the background: with busybox init the consoles come only after the default runlevel. */
export const OPENRC_SERVICE = `#!/sbin/openrc-run
description="First-boot scripts of Instar"

depend() {
  use net dns logger
  after bootmisc localmount firewall cloud-config
}

start() {
  [ -d ${QUEUE_DIR} ] || return 0
  ebegin "Starting the first-boot scripts of Instar"
  if command -v setsid >/dev/null; then
    setsid /bin/sh ${RUNNER_PATH} </dev/null >/dev/null 2>&1 &
  else
    /bin/sh ${RUNNER_PATH} </dev/null >/dev/null 2>&1 &
  fi
  eend 0
}
`

/** The service for SysV init, also as run by Upstart: an LSB header for insserv, a chkconfig line for Red Hat's. */
export const SYSV_SERVICE = `#!/bin/sh
# chkconfig: 2345 99 01
# description: First-boot scripts of Instar
### BEGIN INIT INFO
# Provides:          instar-firstboot
# Required-Start:    $all
# Required-Stop:
# Default-Start:     2 3 4 5
# Default-Stop:
# Short-Description: First-boot scripts of Instar
### END INIT INFO

case "$1" in
  start)
    [ -d ${QUEUE_DIR} ] || exit 0
    if command -v setsid >/dev/null; then
      setsid /bin/sh ${RUNNER_PATH} </dev/null >/dev/null 2>&1 &
    else
      /bin/sh ${RUNNER_PATH} </dev/null >/dev/null 2>&1 &
    fi
    ;;
  stop | restart | force-reload | status) ;;
  *) echo "usage: $0 start" >&2 && exit 2 ;;
esac
exit 0
`

/** Folders of start links, `N` standing for the runlevel: Debian's, Red Hat's, SUSE's. */
export const RC_DIRS = ['/etc/rcN.d', '/etc/rc.d/rcN.d', '/etc/init.d/rcN.d'] as const
export const RUNLEVELS = ['2', '3', '4', '5'] as const
export const START_LINK_NAME = 'S99instar-firstboot'
