#include "kernel/linux/isolated_thread.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "base/unique_fd.h"

namespace veneer {
namespace {

TEST(IsolatedThreadTest, DescriptorsDoNotCross) {
  const UniqueFd before(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const auto thread = IsolatedThread::Start().value();
  const UniqueFd after(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  for (const UniqueFd* fd : {&before, &after}) {
    EXPECT_EQ(thread->Run([&] { return ::fcntl(fd->get(), F_GETFD); }), -1);
    EXPECT_GE(::fcntl(fd->get(), F_GETFD), 0);
  }
  const int inside = thread->Run([&] { return ::dup(STDERR_FILENO); });
  EXPECT_EQ(inside, STDERR_FILENO + 1);
  EXPECT_EQ(thread->Run([&] { return ::close(inside); }), 0);
}

TEST(IsolatedThreadTest, TasksOfSeveralThreadsAllRun) {
  const auto isolated = IsolatedThread::Start().value();
  int count = 0;  // only tasks touch it, and those run one after the other
  {
    std::vector<std::jthread> threads;
    threads.reserve(4);
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int n = 0; n < 500; ++n) isolated->Run([&] { ++count; });
      });
    }
  }
  EXPECT_EQ(isolated->Run([&] { return count; }), 2000);
}

}  // namespace
}  // namespace veneer
