#include "backend/user/messages.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace veneer {
namespace {

const Error kBusy{.kind = ErrorKind::kConflict,
                  .os_errno = EBUSY,
                  .what = "held by pid 1 (\"init\")",
                  .hint = "end it\n"};

TEST(MessagesTest, AnAttachmentComesBackAsItWas) {
  const Attachment plain{.path = "/a b/\"c\"", .device = std::nullopt, .server = 42};
  const Attachment block{.path = "/d", .device = "/dev/loop3", .server = 43};
  for (const Attachment& sent : {plain, block}) {
    const std::string line = EncodeAttached(sent);
    EXPECT_EQ(line.find('\n'), std::string::npos);
    const auto received = DecodeAttached(line);
    ASSERT_TRUE(received);
    EXPECT_EQ(received->path, sent.path);
    EXPECT_EQ(received->device, sent.device);
    EXPECT_EQ(received->server, sent.server);
  }
}

TEST(MessagesTest, AnErrorComesBackAsItWas) {
  for (const Error& error : {DecodeAttached(EncodeAttached(Fail(kBusy))).error(),
                             DecodeDone(EncodeDone(Fail(kBusy))).error()}) {
    EXPECT_EQ(error.kind, kBusy.kind);
    EXPECT_EQ(error.os_errno, kBusy.os_errno);
    EXPECT_EQ(error.what, kBusy.what);
    EXPECT_EQ(error.hint, kBusy.hint);
  }
  EXPECT_TRUE(DecodeDone(EncodeDone({})));
}

TEST(MessagesTest, ARecordComesBackAsItWas) {
  const DiskRecord sent{.pid = 7,
                        .store = "/s",
                        .origin = "/o",
                        .path = "/p",
                        .device = "/dev/loop1",
                        .access = DiskAccess::kReadOnly,
                        .mount_point = DiskRecord::MountPoint::kMade};
  const DiskRecord received = DecodeRecord(EncodeRecord(sent)).value();
  EXPECT_EQ(EncodeRecord(received), EncodeRecord(sent));
  EXPECT_EQ(received.mount_point, sent.mount_point);
  EXPECT_EQ(received.access, sent.access);
}

TEST(MessagesTest, AnyBytesGiveAMessageOrAnError) {
  for (const char* line :
       {"", "{", "[]", "null", "7", "\xff\xfe", "{}", R"({"path":7,"pid":"x"})",
        R"({"path":"/p","pid":-1})", R"({"error":[]})", R"({"ok":"yes"})", R"({"op":{}})"}) {
    EXPECT_FALSE(DecodeAttached(line)) << line;
    EXPECT_FALSE(DecodeDone(line)) << line;
    EXPECT_FALSE(DecodeOp(line)) << line;
  }
  EXPECT_FALSE(DecodeRecord("{}"));
  EXPECT_EQ(DecodeOp(EncodeOp(ControlOp::kStatus)).value(), ControlOp::kStatus);
  EXPECT_EQ(DecodeOp(EncodeOp(ControlOp::kDetach)).value(), ControlOp::kDetach);
}

TEST(MessagesTest, APathThatIsNoUtf8DoesNotThrow) {
  DiskRecord record;
  record.path = "/\xff";
  EXPECT_TRUE(DecodeRecord(EncodeRecord(record)));
}

}  // namespace
}  // namespace veneer
