# PID 1 of the appliance: sets up what a Linux system needs, loads the channel's driver, then runs commands for the host.
#
# Plain Perl without modules: each `use` costs start-up on an emulated CPU. The numbers are system calls, ioctls and flags of x86-64
# Linux, the appliance's only architecture. The frames are described in channel/frames.ts and channel/messages.ts.
use strict;

my %SYS = (rt_sigprocmask => 14, ioctl => 16, dup2 => 33, setsid => 112, pivot_root => 155, sync => 162, mount => 165, umount2 => 166,
    reboot => 169, clock_settime => 227, exit_group => 231, signalfd4 => 289, finit_module => 313);
my ($O_RDWR, $O_CREATE_NEW, $O_NONBLOCK, $O_CLOEXEC) = (2, 0301, 04000, 02000000);
my ($CLOCK_REALTIME, $MNT_DETACH, $RNDADDENTROPY, $RNDRESEEDCRNG) = (0, 2, 0x40085203, 0x5207);
my ($F_SETFL, $F_SETPIPE_SZ, $FIONREAD, $SIG_SETMASK, $WNOHANG) = (4, 1031, 0x541B, 2, 1);
my ($ENOENT, $EINTR, $EAGAIN, $EEXIST, $EINVAL) = (2, 4, 11, 17, 22);

my $WINDOW = 1_048_576;     # bytes of a stream that may be on their way; the host counts with the same number
my $PIECE = 65_536;         # bytes of output in one frame
my $OUT_HIGH = 262_144;     # no more output is read from commands while this much waits for the host
my $PIPE_SIZE = 262_144;    # fewer switches between a command and this process than with the usual 64 KiB
my $FRAME_MAX = 4_194_304;
my $COMMANDS_MAX = 200;     # select() serves 1024 files; a command has up to three
my $KILL_WAIT = 2;          # seconds a killed survivor may take to go; after that its command is answered without it
my $GROUPS = '/sys/fs/cgroup';
my $GREETING = 'INSTAR-AGENT 1';

my ($RUN, $STDIN, $STDIN_END, $SIGNAL, $CANCEL, $CREDIT, $END_KEPT, $WAKE) = (1 .. 8);
my ($HELLO, $STDOUT, $STDERR, $STDIN_CREDIT, $EXIT, $KEPT) = (65 .. 70);

my ($channel, $children);   # file handles: the virtio-serial port, the signalfd of SIGCHLD
my ($in, $out) = ('', '');  # bytes from the host that are no whole frame yet, bytes for it
my (%commands, %by_pid, %kept, %stale);

# -- The system ------------------------------------------------------------------------------------------------------------------

# Perl gives the kernel the address of a string, so each must be a variable of its own.
sub sys { my ($name, @args) = @_; return syscall $SYS{$name}, @args }

sub slurp { my ($path) = @_; open my $file, '<', $path or return ''; local $/; return scalar(<$file>) // '' }

sub spew { my ($path, $text) = @_; open my $file, '>', $path or return 0; return defined syswrite $file, $text }

sub names_in { my ($folder) = @_; opendir my $open, $folder or return; return grep { $_ ne '.' && $_ ne '..' } readdir $open }

sub mount_on {
    my ($folder, $type, $data) = @_;
    mkdir $folder;
    sys('mount', $type, $folder, $type, 0, $data) == 0 or syswrite STDERR, "agent: mount $type on $folder: $!\n";
}

sub set_up_system {
    mount_on('/dev', 'devtmpfs', 'mode=755');
    open STDIN, '<', '/dev/null';
    open STDOUT, '>', '/dev/console';
    open STDERR, '>&', \*STDOUT;
    mount_on('/proc', 'proc', '');
    mount_on('/sys', 'sysfs', '');
    # Without favordynmods each process that enters a group waits for an RCU grace period.
    mount_on($GROUPS, 'cgroup2', 'favordynmods');
    mount_on('/run', 'tmpfs', 'mode=755');
    mount_on('/tmp', 'tmpfs', 'mode=1777');
    mount_on('/dev/pts', 'devpts', 'mode=620,ptmxmode=666');
    mount_on('/dev/shm', 'tmpfs', 'mode=1777');
    symlink '/proc/self/fd', '/dev/fd';
    symlink "/proc/self/fd/$_->[0]", "/dev/$_->[1]" for [0, 'stdin'], [1, 'stdout'], [2, 'stderr'];
    mkdir "/run/$_" for 'lock', 'lvm', 'cryptsetup', 'mdadm', 'mount';
    spew('/proc/sys/kernel/hostname', 'appliance');
}

sub load_modules {
    for my $path (split /\n/, slurp('/etc/instar/modules')) {
        my $options = '';
        open my $file, '<', $path or die "agent: module $path: $!\n";
        sys('finit_module', fileno $file, $options, 0) == 0 or $! == $EEXIST or die "agent: load $path: $!\n";
    }
}

# For a snapshot of the machine, which QEMU makes of no NVMe disk: the root moves to the same files on a virtio disk, and this program, of
# which nothing may stay on the old one, starts anew from there.
sub move_root {
    mount_on('/dev', 'devtmpfs', 'mode=755');
    load_modules();
    my ($disk, $folder, $type, $old, $none) = ('/dev/vda1', '/mnt', 'ext4', '/mnt/mnt', '');
    for (1 .. 2000) { last if -b $disk; select undef, undef, undef, 0.005 }
    sys('mount', $disk, $folder, $type, 0, $none) == 0 or die "agent: mount $disk: $!\n";
    sys('pivot_root', $folder, $old) == 0 or die "agent: pivot_root: $!\n";
    chdir '/';
    exec '/usr/bin/perl', $0, 'moved';
}

sub leave_old_root {
    my ($devices, $folder) = ('/mnt/dev', '/mnt');
    sys('umount2', $devices, $MNT_DETACH);
    sys('umount2', $folder, 0) == 0 or die "agent: the old root is busy: $!\n";
}

# After a snapshot: the clock stands where it was made, and all machines that came out of it would draw the same random numbers.
sub wake {
    my ($seconds, $nanoseconds, $seed) = unpack 'QQa*', $_[0];
    my $time = pack 'QQ', $seconds, $nanoseconds;
    sys('clock_settime', $CLOCK_REALTIME, $time) == 0 or die "agent: set the clock: $!\n";
    open my $random, '>', '/dev/urandom' or die "agent: /dev/urandom: $!\n";
    my $entropy = pack 'iia*', 8 * length $seed, length $seed, $seed;
    sys('ioctl', fileno $random, $RNDADDENTROPY, $entropy) == 0 && sys('ioctl', fileno $random, $RNDRESEEDCRNG, 0) == 0
        or die "agent: seed the random numbers: $!\n";
    send_frame($HELLO, 0, $GREETING);
}

sub open_channel {
    for (1 .. 2000) {
        for my $name (grep { /^vport/ } names_in('/dev')) {
            return if sysopen $channel, "/dev/$name", $O_RDWR | $O_NONBLOCK | $O_CLOEXEC;
        }
        select undef, undef, undef, 0.005;
    }
    die "agent: no virtio-serial port\n";
}

sub watch_children {
    my $mask = pack 'Q', 1 << (17 - 1);
    sys('rt_sigprocmask', $SIG_SETMASK, $mask, 0, 8) == 0 or die "agent: sigprocmask: $!\n";
    my $fd = sys('signalfd4', -1, $mask, 8, $O_NONBLOCK | $O_CLOEXEC);
    open $children, '<&=', $fd or die "agent: signalfd: $!\n";
}

# -- Frames ----------------------------------------------------------------------------------------------------------------------

sub send_frame { my ($type, $id, $payload) = @_; $out .= pack('VCV', length $payload, $type, $id) . $payload }

sub flush_channel {
    while (length $out) {
        my $done = syswrite $channel, $out, 32_768;
        if (!defined $done) { return if $! == $EAGAIN || $! == $EINTR; die "agent: write to the host: $!\n" }
        substr $out, 0, $done, '';
    }
}

sub read_channel {
    for (1 .. 64) {
        my $done = sysread $channel, $in, $PIECE, length $in;
        if (!defined $done) { last if $! == $EAGAIN || $! == $EINTR; die "agent: read from the host: $!\n" }
        die "agent: the host has closed the channel\n" if $done == 0;
    }
    my $at = 0;
    while (length($in) - $at >= 9) {
        my ($length, $type, $id) = unpack 'VCV', substr $in, $at, 9;
        die "agent: a frame of $length bytes\n" if $length > $FRAME_MAX;
        last if length($in) - $at < 9 + $length;
        on_frame($type, $id, substr $in, $at + 9, $length);
        $at += 9 + $length;
    }
    substr $in, 0, $at, '' if $at;
}

sub on_frame {
    my ($type, $id, $payload) = @_;
    if ($type == $RUN) { return start($id, unpack '(V/a*)*', $payload) }
    if ($type == $END_KEPT) { return end_kept($id) }
    if ($type == $WAKE) { return wake($payload) }
    my $command = $commands{$id} or return; # it has just ended
    if ($type == $STDIN) { if ($command->{stdin}) { $command->{queue} .= $payload } }
    elsif ($type == $STDIN_END) { $command->{stdin_ended} = 1; close_stdin($command) if !length $command->{queue} }
    elsif ($type == $SIGNAL) { my $number = unpack 'V', $payload; kill($number, -$command->{pid}) || kill($number, $command->{pid}) }
    elsif ($type == $CANCEL) { cancel($command) }
    elsif ($type == $CREDIT) { my ($which, $bytes) = unpack 'CV', $payload; $command->{streams}{$which}{credit} += $bytes }
    else { die "agent: frame of type $type\n" }
}

# -- Commands --------------------------------------------------------------------------------------------------------------------

sub refuse { my ($id, $text) = @_; send_frame($STDERR, $id, "instar: $text\n"); send_frame($EXIT, $id, pack 'VV', 126, 0) }

sub start {
    my ($id, $cwd, $keep, $has_stdin, $variables, @words) = @_;
    return refuse($id, "more than $COMMANDS_MAX commands at once") if keys %commands >= $COMMANDS_MAX;
    my %environment = map { split /=/, $_, 2 } splice @words, 0, $variables;
    my ($stdout, $stdout_end, $stderr, $stderr_end, $stdin, $stdin_end);
    pipe $stdout, $stdout_end and pipe $stderr, $stderr_end or return refuse($id, "pipe: $!");
    if ($has_stdin) { pipe $stdin_end, $stdin or return refuse($id, "pipe: $!") }
    else { open $stdin_end, '<', '/dev/null' or return refuse($id, "/dev/null: $!") }
    my $group = "$GROUPS/run-$id";
    my $is_job = $words[0] eq ''; # starts no processes, so needs no group
    mkdir $group if !$is_job;
    my $pid = fork;
    return refuse($id, "fork: $!") if !defined $pid;
    if (!$pid) {
        # The agent's own jobs run without an exec, which would close these: a second holder of a pipe's end hides that it was closed.
        undef $_->{stdin} for values %commands;
        undef $stdin;
        sys('setsid');
        spew("$group/cgroup.procs", '0') if !$is_job;
        sys('dup2', fileno $stdin_end, 0);
        sys('dup2', fileno $stdout_end, 1);
        sys('dup2', fileno $stderr_end, 2);
        my $mask = pack 'Q', 0;
        sys('rt_sigprocmask', $SIG_SETMASK, $mask, 0, 8);
        become($cwd, \%environment, @words);
    }
    for ($stdout, $stderr, $stdin) { fcntl $_, $F_SETFL, $O_NONBLOCK and fcntl $_, $F_SETPIPE_SZ, $PIPE_SIZE if $_ }
    my $command = { id => $id, pid => $pid, group => $group, keep => $keep, stdin => $stdin, queue => '', survivors => [],
        streams => { $STDOUT => { file => $stdout, credit => $WINDOW }, $STDERR => { file => $stderr, credit => $WINDOW } } };
    $commands{$id} = $by_pid{$pid} = $command;
}

# In the child: turns into the program, or does one of the agent's own jobs.
sub become {
    my ($cwd, $environment, $name, @arguments) = @_;
    %ENV = %$environment;
    if (!chdir $cwd) { syswrite STDERR, "instar: folder $cwd: $!\n"; sys('exit_group', 126) }
    if ($name eq '') { sys('exit_group', job(@arguments)) }
    exec { $name } $name, @arguments;
    my $code = $! == $ENOENT ? 127 : 126;
    syswrite STDERR, "instar: $name: $!\n";
    sys('exit_group', $code);
}

# Moves what the process with this id wrote so far, and not what a survivor may write later, towards the host.
sub on_exit {
    my ($command, $status) = @_;
    delete $by_pid{ $command->{pid} };
    $command->{status} = $status;
    for my $stream (values %{ $command->{streams} }) {
        $stream->{left} = 0;
        next if !$stream->{file} || $command->{cancelled};
        my $waiting = pack 'i', 0;
        # Not by sys(): its copy of the argument would take the answer.
        if (syscall($SYS{ioctl}, fileno $stream->{file}, $FIONREAD, $waiting) == 0) { $stream->{left} = unpack 'i', $waiting }
    }
    close_stdin($command);
    $command->{survivors} = [processes_in($command->{group})];
    if (!$command->{keep} && @{ $command->{survivors} }) { kill_group($command) }
}

sub processes_in {
    my ($group) = @_;
    return map { my $line = slurp("/proc/$_/cmdline") || slurp("/proc/$_/comm"); $line =~ tr/\0\n/ /; [$_, substr $line =~ s/ +$//r, 0, 4096] }
        split /\n/, slurp("$group/cgroup.procs");
}

sub kill_group { my ($command) = @_; spew("$command->{group}/cgroup.kill", '1'); $command->{killed_until} = time + $KILL_WAIT }

sub cancel {
    my ($command) = @_;
    $command->{cancelled} = 1;
    $_->{left} = 0 for grep { defined $_->{left} } values %{ $command->{streams} };
    kill_group($command);
    kill 9, $command->{pid} if !defined $command->{status}; # it may not have entered its group yet
}

sub is_finished {
    my ($command) = @_;
    return 0 if !defined $command->{status} || grep { $_->{left} } values %{ $command->{streams} };
    return 1 if !$command->{killed_until} || time > $command->{killed_until};
    return slurp("$command->{group}/cgroup.procs") eq '';
}

sub finish {
    my ($command) = @_;
    my ($status, @survivors) = ($command->{status}, @{ $command->{survivors} });
    send_frame($EXIT, $command->{id}, pack 'VV(V/a*)*', $status >> 8, $status & 127, map { @$_ } @survivors);
    delete $commands{ $command->{id} };
    if ($command->{keep} && @survivors) { $kept{ $command->{id} } = $command } # its pipes stay open: a closed one would end it by SIGPIPE
    else { $stale{ $command->{group} } = 1 }
}

sub end_kept {
    my ($id) = @_;
    my @ended = map { processes_in($_->{group}) } values %kept;
    for my $command (values %kept) { kill_group($command); $stale{ $command->{group} } = 1 }
    my $until = time + $KILL_WAIT;
    while (time <= $until && grep { slurp("$_->{group}/cgroup.procs") ne '' } values %kept) { select undef, undef, undef, 0.005; reap() }
    %kept = ();
    send_frame($KEPT, $id, pack '(V/a*)*', map { @$_ } @ended);
}

sub reap {
    sysread $children, my $ignored, 16_384;
    while ((my $pid = waitpid -1, $WNOHANG) > 0) { my $status = $?; on_exit($by_pid{$pid}, $status) if $by_pid{$pid} }
    for my $group (keys %stale) { delete $stale{$group} if rmdir $group || $! == $ENOENT }
}

# -- Streams ---------------------------------------------------------------------------------------------------------------------

sub wants_output { my ($stream) = @_; return $stream->{file} && $stream->{credit} > 0 && (!defined $stream->{left} || $stream->{left} > 0) }

sub pump_output {
    my ($command, $type, $stream) = @_;
    my $most = $PIECE;
    for my $limit ($stream->{credit}, $stream->{left}) { $most = $limit if defined $limit && $limit < $most }
    my $done = sysread $stream->{file}, my $piece, $most;
    return if !defined $done;
    if ($done == 0) { undef $stream->{file}; $stream->{left} = 0 if defined $stream->{left}; return }
    $stream->{credit} -= $done;
    $stream->{left} -= $done if defined $stream->{left};
    send_frame($type, $command->{id}, $piece) if !$command->{cancelled};
}

sub pump_stdin {
    my ($command) = @_;
    my $done = syswrite $command->{stdin}, $command->{queue}, $PIECE;
    if (!defined $done) { return if $! == $EAGAIN || $! == $EINTR; return close_stdin($command) }
    substr $command->{queue}, 0, $done, '';
    send_frame($STDIN_CREDIT, $command->{id}, pack 'V', $done);
    close_stdin($command) if $command->{stdin_ended} && !length $command->{queue};
}

sub close_stdin { my ($command) = @_; undef $command->{stdin}; $command->{queue} = '' }

# What a kept process still writes is dropped, so that it neither stands still nor ends by SIGPIPE.
sub drop_output {
    my ($stream) = @_;
    my $done = sysread $stream->{file}, my $ignored, $PIECE;
    undef $stream->{file} if defined $done && $done == 0;
}

# -- Jobs of the agent itself, in a child: the exit code is 0, an errno, or 1 with a text on stderr -----------------------------------

sub job {
    my ($name, @arguments) = @_;
    return job_read(@arguments) if $name eq 'read';
    return job_write(@arguments) if $name eq 'write';
    return job_list(@arguments) if $name eq 'list';
    return job_disks(@arguments) if $name eq 'disks';
    if ($name eq 'sync') { sys('sync'); return 0 }
    return failed("no job $name");
}

# By syswrite as all that is said: what waits in a buffer is lost, since a child ends without a clean-up.
sub failed { my ($text) = @_; my $code = $! == $ENOENT ? $ENOENT : 1; syswrite STDERR, "$text: $!\n"; return $code }

sub put { my ($bytes) = @_; while (length $bytes) { my $done = syswrite STDOUT, $bytes, $PIECE; return 0 if !$done; substr $bytes, 0, $done, '' } return 1 }

sub job_read {
    my ($path) = @_;
    sysopen my $file, $path, $O_NONBLOCK or return failed($path); # a fifo must not hold us up
    if (!-f $file) { $! = $EINVAL; return failed("$path is no regular file") }
    while (1) {
        my $done = sysread $file, my $piece, $PIECE;
        return failed($path) if !defined $done;
        return 0 if $done == 0;
        put($piece) or return 1;
    }
}

sub job_write {
    my ($path, $mode) = @_;
    my $parent = '';
    while ($path =~ m{([^/]+)/+(?=[^/])}g) { $parent .= "/$1"; mkdir $parent, 0755 or $! == $EEXIST or return failed($parent) }
    my $draft = "$path.instar-$$";
    unlink $draft;
    sysopen my $file, $draft, $O_CREATE_NEW, 0600 or return failed($draft);
    while (1) {
        my $done = sysread STDIN, my $piece, $PIECE;
        last if !$done;
        while (length $piece) {
            my $written = syswrite $file, $piece;
            if (!$written) { my $why = $!; unlink $draft; $! = $why; return failed($path) }
            substr $piece, 0, $written, '';
        }
    }
    chmod $mode, $file;
    if (!close $file or !rename $draft, $path) { my $why = $!; unlink $draft; $! = $why; return failed($path) }
    return 0;
}

sub job_list {
    my ($folder) = @_;
    opendir my $open, $folder or return failed($folder);
    put(join '', map { "$_\0" } grep { $_ ne '.' && $_ ne '..' } readdir $open);
    return 0;
}

# Serial numbers of the NVMe disks with the names of their devices: the order of probing says nothing. Waits a second for the wanted ones; each
# question from the host would cost as much as a disk takes to appear.
sub job_disks {
    my @wanted = @_;
    my %devices;
    for (1 .. 200) {
        for my $name (grep { /^nvme\d+n\d+$/ } names_in('/sys/block')) {
            my $serial = slurp("/sys/block/$name/device/serial");
            $serial =~ s/\s+$//;
            $devices{$serial} = "/dev/$name" if -b "/dev/$name";
        }
        last if !grep { !$devices{$_} } @wanted;
        select undef, undef, undef, 0.005;
    }
    put("$_ $devices{$_}\0") for keys %devices;
    return 0;
}

# -- The loop --------------------------------------------------------------------------------------------------------------------

sub serve_once {
    my ($readable, $writable, @outputs, @drops) = ('', '');
    vec($readable, fileno $_, 1) = 1 for $channel, $children;
    vec($writable, fileno $channel, 1) = 1 if length $out;
    for my $command (values %commands) {
        if ($command->{stdin} && length $command->{queue}) { vec($writable, fileno $command->{stdin}, 1) = 1 }
        next if length $out >= $OUT_HIGH;
        for my $type (keys %{ $command->{streams} }) {
            my $stream = $command->{streams}{$type};
            if (wants_output($stream)) { vec($readable, fileno $stream->{file}, 1) = 1; push @outputs, [$command, $type, $stream] }
        }
    }
    for my $stream (map { values %{ $_->{streams} } } values %kept) {
        if ($stream->{file}) { vec($readable, fileno $stream->{file}, 1) = 1; push @drops, $stream }
    }
    my $waits = grep { $_->{killed_until} } values %commands;
    return if select($readable, $writable, undef, $waits || %stale ? 0.02 : undef) < 0;
    pump_output(@$_) for grep { vec $readable, fileno $_->[2]{file}, 1 } @outputs;
    drop_output($_) for grep { vec $readable, fileno $_->{file}, 1 } @drops;
    for my $command (values %commands) { pump_stdin($command) if $command->{stdin} && vec $writable, fileno $command->{stdin}, 1 }
    read_channel() if vec $readable, fileno $channel, 1;
    reap() if %stale || vec $readable, fileno $children, 1;
    finish($_) for grep { is_finished($_) } values %commands;
    flush_channel();
}

my $way = $ARGV[0] // '';
eval {
    move_root() if $way eq 'move-root';
    set_up_system();
    leave_old_root() if $way eq 'moved';
    load_modules();
    watch_children();
    open_channel();
    send_frame($HELLO, 0, $GREETING);
    serve_once() while 1;
};
syswrite STDERR, $@;
# An end of PID 1 would bury these words under a trace of the kernel.
sys('reboot', 0xfee1dead, 672274793, 0x4321fedc, 0);
