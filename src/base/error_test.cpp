#include "base/error.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "base/result.h"

namespace veneer {
namespace {

Result<int> Half(int n) {
  if (n % 2 != 0) return Fail(ErrorKind::kUsage, "odd");
  return n / 2;
}

Result<int> Quarter(int n) {
  const int half = VENEER_TRY(Half(n));
  return VENEER_TRY(Half(half));
}

TEST(ErrorTest, KindsAreTheDocumentedExitStatuses) {
  EXPECT_EQ(ExitStatus(ErrorKind::kFailed), 1);
  EXPECT_EQ(ExitStatus(ErrorKind::kUsage), 2);
  EXPECT_EQ(ExitStatus(ErrorKind::kNotFound), 3);
  EXPECT_EQ(ExitStatus(ErrorKind::kConflict), 4);
  EXPECT_EQ(ExitStatus(ErrorKind::kNoSpace), 5);
  EXPECT_EQ(ExitStatus(ErrorKind::kCorrupt), 6);
  EXPECT_EQ(ExitStatus(ErrorKind::kUnsupported), 7);
}

TEST(ErrorTest, AnErrnoErrorKeepsTheNumberAndSaysTheStep) {
  const Error error = ErrnoError(ENOSPC, "write x", "make room");
  EXPECT_EQ(error.kind, ErrorKind::kNoSpace);
  EXPECT_EQ(error.os_errno, ENOSPC);
  EXPECT_EQ(error.what, "write x: No space left on device");
  EXPECT_EQ(error.hint, "make room");
  EXPECT_EQ(ErrnoOf(error), ENOSPC);
}

TEST(ErrorTest, AnErrorWithoutErrnoStillHasOneForOthers) {
  EXPECT_EQ(ErrnoOf(Error{ErrorKind::kCorrupt, 0, "x", ""}), EIO);
  EXPECT_EQ(ErrnoOf(Error{ErrorKind::kNoSpace, 0, "x", ""}), ENOSPC);
  EXPECT_EQ(ErrnoOf(Error{ErrorKind::kUsage, 0, "x", ""}), EINVAL);
}

TEST(ErrorTest, ContextStandsBeforeTheCause) {
  EXPECT_EQ(InContext(Error{ErrorKind::kConflict, 0, "busy", "wait"}, "detach d").what,
            "detach d: busy");
}

TEST(ResultTest, TryPassesValuesOnAndErrorsUp) {
  EXPECT_EQ(Quarter(12).value(), 3);
  EXPECT_EQ(Quarter(6).error().what, "odd");
}

}  // namespace
}  // namespace veneer
