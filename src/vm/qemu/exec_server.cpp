#include "vm/qemu/exec_server.h"

#include <fmt/format.h>

namespace veneer {

std::string ExecPortName(unsigned number) { return fmt::format("veneer.exec.{}", number); }

// Sleeps until the kernel says that a port has something (SIGIO) or a session has ended. A session
// is a process of its own: it runs one command, and ends when the host lets go of the port.
std::string_view ExecServerScript() {  // NOLINT(readability-function-size): one text
  return R"PERL(
use strict;
use POSIX qw(:sys_wait_h :signal_h);
use Fcntl;
use constant SIGIO => 29;

exit 0 if fork;
POSIX::setsid();
$0 = 'veneer-exec';
chdir '/';
umask 022;
open STDIN, '<', '/dev/null';
open STDOUT, '>', '/dev/null';
open STDERR, '>', '/dev/null';

sub nonblocking { fcntl($_[0], F_SETFL, O_NONBLOCK | ($_[1] || 0)) }

sub wait_for {
  my ($reads, $writes, $patience) = @_;
  my ($r, $w) = ('', '');
  vec($r, fileno $_, 1) = 1 for @$reads;
  vec($w, fileno $_, 1) = 1 for @$writes;
  select($r, $w, undef, $patience);
}

# One command, from its request to the end of the host's interest in it.
package Session;
use Fcntl;
use POSIX ':sys_wait_h';

sub new { bless { port => $_[1], in => $_[2], out => '', stdin => '' }, $_[0] }

sub tell_host { my ($s, $type, $text) = @_; $s->{out} .= pack('a N/a*', $type, $text) }

sub finish {
  my ($s, @list) = @_;
  $s->tell_host('X', pack('(N/a*)*', @list));
  $s->{over} = 1;
}

sub give_up {
  my $s = shift;
  kill 9, -$s->{pid} if $s->{pid} && !$s->{ended};
  exit 0;
}

sub groups_of {
  my ($name, $gid) = @_;
  my @groups = ($gid);
  while (my (undef, undef, $id, $members) = getgrent) {
    push @groups, $id if grep { $_ eq $name } split ' ', $members;
  }
  return @groups;
}

# In the new process: becomes the command, or says what stands in the way.
sub become {
  my ($s, $pipes, $user, $dir, $argv, $env) = @_;
  setpgrp 0, 0;
  $SIG{$_} = 'DEFAULT' for qw(IO CHLD PIPE);
  my @who = $user eq '' ? getpwuid 0 : $user =~ /^\d+$/ ? getpwuid $user : getpwnam $user;
  return "no such user: $user" if !@who && $user !~ /^\d*$/;
  my ($name, $uid, $gid, $home, $shell) = @who ? @who[0, 2, 3, 7, 8] : ('', $user, $user, '/', '');
  $uid = $gid = 0 if $uid eq '';
  %ENV = (PATH => '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
          HOME => $home, USER => $name, LOGNAME => $name, SHELL => $shell || '/bin/sh',
          LANG => 'C.UTF-8');
  for (@$env) { my ($key, $value) = split /=/, $_, 2; $ENV{$key} = $value }
  POSIX::dup2(fileno $pipes->[$_], $_) for 0 .. 2;
  $) = join ' ', $gid, groups_of($name, $gid);
  POSIX::setgid($gid);
  POSIX::setuid($uid);
  return "cannot become user $user" if $> != $uid || $< != $uid;
  chdir($dir eq '' ? $home : $dir) or $dir eq '' && chdir '/' or return "cannot enter $dir: $!";
  exec { $argv->[0] } @$argv;
  return "cannot run $argv->[0]: $!";
}

sub put { my ($path, $text) = @_; open my $f, '>', $path or return; print $f $text; close $f }

# RNDADDENTROPY and RNDRESEEDCRNG (linux/random.h): from here on its numbers are its own. What
# stands in the way, or nothing.
sub become_another {
  my ($name, $id, $seed) = @_;
  open my $random, '+<', '/dev/urandom' or return "no /dev/urandom: $!";
  my $bytes = pack 'H*', $seed;
  ioctl $random, 0x40085203, pack('i i a*', 8 * length $bytes, length $bytes, $bytes)
    or return "the kernel takes no entropy: $!";
  ioctl $random, 0x5207, 0;
  put('/proc/sys/kernel/hostname', $name);
  put('/etc/hostname', "$name\n");
  put('/etc/machine-id', "$id\n");
  put('/var/lib/dbus/machine-id', "$id\n") if -f '/var/lib/dbus/machine-id' && !-l _;
  return '';
}

# settimeofday(2), and the identity where one is given; without a process of their own.
sub wake {
  my ($s, $time, @identity) = @_;
  my $failed = 0;
  my $value = pack 'q q', int($time / 1_000_000), $time % 1_000_000;
  if (syscall(164, $value, 0) != 0) {
    $s->tell_host('2', "$!\n");
    $failed |= 1;
  }
  my $why = @identity ? become_another(@identity) : '';
  if ($why ne '') {
    $s->tell_host('2', "$why\n");
    $failed |= 2;
  }
  $s->finish('exit', $failed, '');
}

sub start {
  my ($s, $text) = @_;
  # The host let go and came again before we saw it: this is another command.
  if ($s->{pid} || $s->{over}) {
    my $alive = $s->{pid} && !$s->{ended};
    kill 9, -$s->{pid} if $alive;
    waitpid $s->{pid}, 0 if $alive;
    %$s = (port => $s->{port}, in => $s->{in}, out => '', stdin => '');
  }
  my ($nonce, $user, $dir, $count, @rest) = unpack '(N/a*)*', $text;
  my @argv = splice @rest, 0, $count;
  $s->tell_host('S', $nonce);
  return $s->wake(@argv[1 .. $#argv]) if $argv[0] eq 'veneer:wake';
  pipe(my $in_read, my $in) && pipe(my $out, my $out_write) && pipe(my $err, my $err_write)
    && pipe(my $failure, my $failure_write) or return $s->finish('failed', 0, "no pipes: $!");
  my $pid = fork;
  return $s->finish('failed', 0, "no process: $!") if !defined $pid;
  if (!$pid) {
    my $why = $s->become([$in_read, $out_write, $err_write], $user, $dir, \@argv, \@rest);
    syswrite $failure_write, $why;
    POSIX::_exit(127);
  }
  close $_ for $in_read, $out_write, $err_write, $failure_write;
  my $why = '';
  1 while sysread $failure, $why, 4096, length $why;
  if ($why ne '') {
    waitpid $pid, 0;
    return $s->finish('failed', 0, $why);
  }
  main::nonblocking($_) for $in, $out, $err;
  @$s{qw(pid stdin_fh)} = ($pid, $in);
  $s->{from} = { 1 => $out, 2 => $err };
  # Readable once it has ended: pidfd_open(2). A signal could come a moment too early to wake us.
  my $number = syscall 434, $pid, 0;
  open $s->{watch}, '<&=', $number if $number >= 0;
}

sub hear {
  my $s = shift;
  my $n = sysread $s->{port}, $s->{in}, 65536, length $s->{in};
  $s->give_up if defined $n ? $n == 0 : !$!{EAGAIN} && !$!{EINTR};
  $s->understand;
}

sub understand {
  my $s = shift;
  while (1) {
    $s->{in} =~ s/^\0+//;
    return if length $s->{in} < 5;
    my ($type, $length) = unpack 'a N', $s->{in};
    $s->give_up if $length > 65536;
    return if length $s->{in} < 5 + $length;
    my $text = substr $s->{in}, 5, $length;
    substr($s->{in}, 0, 5 + $length) = '';
    if ($type eq 'R') { $s->start($text) }
    elsif ($type eq 'I') { $s->{stdin} .= $text }
    elsif ($type eq 'E') { $s->{no_more_input} = 1 }
    elsif ($type eq 'K') { kill $text + 0, -$s->{pid} if $s->{pid} }
  }
}

sub feed {
  my $s = shift;
  if (my $fh = $s->{stdin_fh}) {
    local $SIG{PIPE} = 'IGNORE';
    my $n = length $s->{stdin} ? syswrite $fh, $s->{stdin} : 0;
    if (defined $n) {
      substr($s->{stdin}, 0, $n) = '';
      $s->tell_host('A', $n) if $n;
    } elsif (!$!{EAGAIN} && !$!{EINTR}) {
      close $fh;
      delete $s->{stdin_fh};
    }
    if ($s->{no_more_input} && !length $s->{stdin} && $s->{stdin_fh}) {
      close $fh;
      delete $s->{stdin_fh};
    }
  } elsif (my $n = length $s->{stdin}) {
    $s->{stdin} = '';
    $s->tell_host('A', $n);
  }
}

# What the command says. Whether there was something.
sub listen_to {
  my ($s, $type) = @_;
  my $fh = $s->{from}{$type} or return 0;
  my $n = sysread $fh, my $text, 32768;
  return 0 if !defined $n && ($!{EAGAIN} || $!{EINTR});
  if (!$n) {
    close $fh;
    delete $s->{from}{$type};
    return 0;
  }
  $s->tell_host($type, $text);
  return 1;
}

sub look_for_end {
  my $s = shift;
  return if !$s->{pid} || $s->{ended};
  return if waitpid($s->{pid}, WNOHANG) != $s->{pid};
  $s->{ended} = 1;
  $s->{status} = $?;
  delete $s->{watch};
}

sub flush {
  my $s = shift;
  return if !length $s->{out};
  my $n = syswrite $s->{port}, $s->{out}, 32768;
  if (defined $n) { substr($s->{out}, 0, $n) = '' }
  elsif (!$!{EAGAIN} && !$!{EINTR}) { $s->give_up }
}

sub step {
  my $s = shift;
  my $room = length $s->{out} < 65536;
  my @reads = ($s->{port}, $s->{watch} || (), $room ? values %{ $s->{from} || {} } : ());
  my @writes = ((length $s->{out} ? $s->{port} : ()),
                (length $s->{stdin} && $s->{stdin_fh} ? $s->{stdin_fh} : ()));
  my $blind = $s->{pid} && !$s->{ended} && !$s->{watch};
  main::wait_for(\@reads, \@writes, $s->{ended} && !$s->{over} ? 0 : $blind ? 0.1 : undef);
  $s->hear;
  $s->feed;
  # What was said before the end is read after the end was seen: nothing can be missed.
  $s->look_for_end;
  my $said = 0;
  if (length $s->{out} < 65536) { $said += $s->listen_to($_) for 1, 2 }
  if ($s->{ended} && !$s->{over} && !$said && length $s->{out} < 65536) {
    my $status = $s->{status};
    $s->finish($status & 127 ? ('signal', $status & 127, '') : ('exit', $status >> 8, ''));
    $s->{from} = {};
  }
  $s->flush;
}

package main;

sub serve {
  my ($port, $bytes) = @_;
  $SIG{IO} = 'IGNORE';
  $SIG{CHLD} = 'DEFAULT';
  sigprocmask(SIG_SETMASK, POSIX::SigSet->new);
  nonblocking($port);
  my $session = Session->new($port, $bytes);
  $session->understand;
  $session->step while 1;
}

# Held back but while we sleep: none can come between a look and the sleep.
$SIG{IO} = $SIG{CHLD} = sub { };
sigprocmask(SIG_BLOCK, POSIX::SigSet->new(SIGIO, SIGCHLD));
my @ports;
for my $file (glob '/sys/class/virtio-ports/*/name') {
  open my $about, '<', $file or next;
  my $name = <$about> // '';
  next unless $name =~ /^veneer\.exec\.\d+$/;
  $file =~ m{([^/]+)/name$};
  sysopen my $port, "/dev/$1", O_RDWR | O_NONBLOCK or next;
  fcntl $port, F_SETOWN, $$ + 0;  # as a number: $$ itself would be taken for text
  nonblocking($port, O_ASYNC);
  push @ports, { port => $port };
}
while (@ports) {
  while ((my $pid = waitpid -1, WNOHANG) > 0) {
    for (grep { ($_->{pid} || 0) == $pid } @ports) {
      $_->{pid} = 0;
      nonblocking($_->{port}, O_ASYNC);
    }
  }
  for my $each (grep { !$_->{pid} } @ports) {
    next unless sysread $each->{port}, my $bytes, 65536;
    my $pid = fork;
    next if !defined $pid;
    serve($each->{port}, $bytes) if !$pid;
    $each->{pid} = $pid;
  }
  sigsuspend(POSIX::SigSet->new);
}
)PERL";
}

}  // namespace veneer
