#include "backend/user/messages.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <string>

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
    EXPECT_FALSE(DecodeRequest(line)) << line;
    EXPECT_FALSE(DecodeFill(line)) << line;
    EXPECT_FALSE(DecodeClone(line)) << line;
    EXPECT_FALSE(DecodeStatus(line)) << line;
  }
  EXPECT_FALSE(DecodeRecord("{}"));
}

TEST(MessagesTest, ARequestComesBackAsItWas) {
  for (const ControlOp op :
       {ControlOp::kDetach, ControlOp::kStatus, ControlOp::kFill, ControlOp::kGrow,
        ControlOp::kClone, ControlOp::kKeep, ControlOp::kLetGo}) {
    const ControlRequest sent{.op = op,
                              .max_change = GiB(3),
                              .clone = "/a b/\"ü\"",
                              .mark = MiB(7),
                              .term = std::chrono::seconds(30)};
    const bool has_term = op == ControlOp::kKeep || op == ControlOp::kLetGo;
    const ControlRequest received = DecodeRequest(EncodeRequest(sent)).value();
    EXPECT_EQ(received.op, op);
    EXPECT_EQ(received.max_change, op == ControlOp::kGrow ? GiB(3) : Bytes(0));
    EXPECT_EQ(received.clone, op == ControlOp::kClone ? sent.clone : "");
    EXPECT_EQ(received.mark, op == ControlOp::kKeep ? sent.mark : Bytes(0));
    EXPECT_EQ(received.term, has_term ? sent.term : std::chrono::milliseconds(0));
  }
}

TEST(MessagesTest, GrowingNeedsASize) {
  for (const char* size : {"0", "-1", "1.5", "\"1\"", "null", "99999999999999999999"}) {
    const std::string line = std::string(R"({"op":"grow","max_change":)") + size + "}";
    const auto request = DecodeRequest(line);
    ASSERT_FALSE(request) << line;
    EXPECT_EQ(request.error().kind, ErrorKind::kUsage) << line;
  }
  EXPECT_FALSE(DecodeRequest(R"({"op":"grow"})"));
}

TEST(MessagesTest, ALeaseNeedsAMarkAndAnEnd) {
  for (const char* rest : {R"("mark":1)", R"("term_ms":1)", R"("mark":-1,"term_ms":1)",
                           R"("mark":1,"term_ms":-1)", R"("mark":1,"term_ms":3600001)",
                           R"("mark":"1","term_ms":1)", R"("mark":1,"term_ms":null)"}) {
    const auto request = DecodeRequest(std::string(R"({"op":"keep",)") + rest + "}");
    ASSERT_FALSE(request) << rest;
    EXPECT_EQ(request.error().kind, ErrorKind::kUsage) << rest;
  }
}

TEST(MessagesTest, AStatusComesBackAsItWas) {
  const DiskActivity sent{.counters = {.reads = 1,
                                       .writes = 2,
                                       .flushes = 3,
                                       .errors = 4,
                                       .bytes_read = KiB(5),
                                       .bytes_written = KiB(6)},
                          .writers = Writers::kHeld,
                          .fill = {.used = MiB(1), .capacity = MiB(2)}};
  DiskRecord record;
  record.path = "/p";
  const DiskActivity received = DecodeStatus(EncodeStatus(record, sent)).value();
  EXPECT_EQ(EncodeStatus(record, received), EncodeStatus(record, sent));
  EXPECT_EQ(received.counters.errors, 4U);
  EXPECT_EQ(received.writers, Writers::kHeld);
  EXPECT_EQ(received.fill.used, MiB(1));
  EXPECT_EQ(DecodeStatus(EncodeDone(Fail(kBusy))).error().what, kBusy.what);
  EXPECT_FALSE(DecodeStatus(R"({"counters":{"reads":1}})"));
}

TEST(MessagesTest, ACloneNeedsAnAbsolutePath) {
  const std::string long_path = "\"/" + std::string(4095, 'x') + "\"";
  for (const std::string& path :
       {std::string("\"\""), std::string("\"clone\""), std::string(R"("/a\u0000b")"),
        std::string("7"), std::string("null"), long_path}) {
    const auto request = DecodeRequest(R"({"op":"clone","path":)" + path + "}");
    ASSERT_FALSE(request) << path;
    EXPECT_EQ(request.error().kind, ErrorKind::kUsage) << path;
  }
  EXPECT_FALSE(DecodeRequest(R"({"op":"clone"})"));
}

TEST(MessagesTest, AnAnswerToACloneComesBackAsItWas) {
  for (const CloneMethod method : {CloneMethod::kReflink, CloneMethod::kCopy}) {
    const StoreClone sent{.method = method, .held = std::chrono::microseconds(417)};
    const StoreClone received = DecodeClone(EncodeClone(sent)).value();
    EXPECT_EQ(received.method, method);
    EXPECT_EQ(received.held, sent.held);
  }
  EXPECT_EQ(DecodeClone(EncodeClone(Fail(kBusy))).error().what, kBusy.what);
  for (const char* held : {"-1", "1e999", "null", "\"1\""}) {
    const std::string line = std::string(R"({"method":"copy","held_ms":)") + held + "}";
    EXPECT_FALSE(DecodeClone(line)) << line;
  }
  EXPECT_FALSE(DecodeClone(R"({"method":"magic","held_ms":1})"));
}

TEST(MessagesTest, AFillComesBackAsItWas) {
  for (const StoreCondition condition :
       {StoreCondition::kGood, StoreCondition::kOverflow, StoreCondition::kInvalid}) {
    const StoreFill sent{.condition = condition, .used = MiB(3), .capacity = GiB(5)};
    const StoreFill received = DecodeFill(EncodeFill(sent)).value();
    EXPECT_EQ(received.condition, condition);
    EXPECT_EQ(received.used, sent.used);
    EXPECT_EQ(received.capacity, sent.capacity);
  }
  EXPECT_EQ(DecodeFill(EncodeFill(Fail(kBusy))).error().what, kBusy.what);
  EXPECT_FALSE(DecodeFill(R"({"condition":"so-so","used":1,"capacity":2})"));
  EXPECT_FALSE(DecodeFill(R"({"condition":"good","used":-1,"capacity":2})"));
}

TEST(MessagesTest, APathThatIsNoUtf8DoesNotThrow) {
  DiskRecord record;
  record.path = "/\xff";
  EXPECT_TRUE(DecodeRecord(EncodeRecord(record)));
}

}  // namespace
}  // namespace veneer
