// A machine that is paused again and again while something in it writes, and checks what it wrote.
#include <gmock/gmock.h>

#include <cstdlib>
#include <string>

#include "machine/machines.h"

namespace veneer::lifecycle {
namespace {

// Appends numbered records, each with a sum of its own and flushed; now and then it reads all of
// them back from the disk. What is wrong is in /root/broken.
constexpr const char* kWriter = R"PERL(
use strict;
use IO::Handle;
sub line { my $n = shift; sprintf "%d %08x\n", $n, ($n * 2654435761) % 4294967296 }
sub broken { open my $f, '>', '/root/broken'; print $f "$_[0]\n"; $f->flush; $f->sync; exit 1 }
open my $log, '>>', '/root/log' or die;
$log->autoflush(1);
open my $drop, '>', '/proc/sys/vm/drop_caches';
$drop->autoflush(1);
for (my $n = 0;; ++$n) {
  print $log line($n) or broken("record $n: $!");
  $log->sync or broken("sync of record $n: $!");
  next if $n % 50;
  print $drop "3\n";
  open my $read, '<', '/root/log' or broken("open: $!");
  my $at = 0;
  while (my $got = <$read>) {
    broken("record $at is $got") if $got ne line($at);
    ++$at;
  }
  broken("$at records of " . ($n + 1)) if $at != $n + 1;
}
)PERL";

class WriterTest : public MachinesTest {
 protected:
  // How many times it is paused: with VENEER_STORM a hundred.
  static int Rounds() { return std::getenv("VENEER_STORM") != nullptr ? 100 : 5; }

  [[nodiscard]] long Records(const std::string& name) const {
    return std::strtol(Said(name, "cat /root/log 2>/dev/null | wc -l").c_str(), nullptr, 10);
  }
};

TEST_F(WriterTest, NoRecordIsLostOrReorderedHoweverOftenItIsPaused) {
  Boot("one");
  ASSERT_EQ(Exec("one", {"sh", "-c", "perl -e \"$WRITER\" </dev/null >/dev/null 2>&1 &"},
                 {"--env", std::string("WRITER=") + kWriter})
                .status,
            0);
  long records = 0;
  for (int round = 0; round < Rounds(); ++round) {
    SCOPED_TRACE(round);
    ASSERT_TRUE(
        support::Eventually([&] { return Records("one") > records; }, std::chrono::minutes(1)));
    records = Records("one");
    Ok({"pause", "one"});
    Ok({"resume", "one"});
    ASSERT_EQ(Said("one", "[ ! -e /root/broken ] || cat /root/broken"), "");
    EXPECT_GE(Records("one"), records);
  }
  // It has read all of it back once more since the last resume.
  ASSERT_TRUE(
      support::Eventually([&] { return Records("one") > records + 51; }, std::chrono::minutes(5)));
  EXPECT_EQ(Said("one", "[ ! -e /root/broken ] || cat /root/broken"), "");
}

}  // namespace
}  // namespace veneer::lifecycle
