#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <string>

#include "images/import_steps.h"
#include "images/qcow2_facts.h"

namespace veneer {
namespace {

constexpr std::string_view kPackage = "qemu-utils";
constexpr std::size_t kLongestAnswer = std::size_t{1} << 20U;

// The source is descriptor 0 and the output 1 of those that it inherits.
ChildProgram QemuImg(const ImportJob& job, std::vector<std::string> arguments) {
  ChildProgram program{.argv = {"qemu-img"}, .package = std::string(kPackage)};
  std::ranges::move(arguments, std::back_inserter(program.argv));
  program.files = {&job.source.fd(), &job.output.fd()};
  return program;
}

std::unexpected<Error> QemuFailed(const ChildEnd& end) {
  if (end.errors.contains("Failed to get") && end.errors.contains("lock")) {
    return Fail(ErrorKind::kConflict, "the qcow2 image is in use",
                "end the machine that runs on it");
  }
  return ToolFailed(end, {ErrorKind::kCorrupt, "qemu-img cannot read the qcow2 image",
                          "it may be truncated: restore it from a copy"});
}

struct Answer {
  ChildEnd end;
  std::string out;
};

Result<Answer> Ask(const ImportJob& job, std::vector<std::string> arguments) {
  Answer answer;
  ChildProgram program = QemuImg(job, std::move(arguments));
  program.output = [&](std::string_view text) -> Result<void> {
    answer.out += text;
    if (answer.out.size() <= kLongestAnswer) return {};
    return Fail(ErrorKind::kFailed, "qemu-img says too much");
  };
  answer.end = VENEER_TRY(RunChild(program));
  return answer;
}

Result<Qcow2Facts> FactsOf(const ImportJob& job) {
  std::array<std::byte, kQcow2Head.value()> head{};
  const Bytes size = VENEER_TRY(job.source.Size());
  const auto part = std::span(head).first(std::min(size, kQcow2Head).value());
  VENEER_TRY(job.source.ReadAt(ByteOffset(0), part));
  const Qcow2Facts facts = VENEER_TRY(JudgeQcow2Header(part));
  VENEER_TRY(job.RequireAllowed(facts.size));
  const Answer info =
      VENEER_TRY(Ask(job, {"info", "--output=json", "-f", "qcow2", InheritedPath(0)}));
  if (info.end.status != 0) return QemuFailed(info.end);
  VENEER_TRY(JudgeQcow2Info(info.out, facts));
  return facts;
}

// Of a truncated image qemu-img would convert what is missing to zeros, without a word.
Result<Bytes> CheckedDataOf(const ImportJob& job, const Qcow2Facts& facts) {
  constexpr int kCorruptions = 2;
  constexpr int kLeaks = 3;  // clusters that nobody uses: harmless
  const Answer check =
      VENEER_TRY(Ask(job, {"check", "--output=json", "-f", "qcow2", InheritedPath(0)}));
  const int status = check.end.status;
  if (status != 0 && status != kCorruptions && status != kLeaks) return QemuFailed(check.end);
  const Bytes data = VENEER_TRY(JudgeQcow2Check(check.out, facts));
  if (status == kCorruptions) return QemuFailed(check.end);
  return data;
}

// Reads "    (12.34/100%)\r", again and again, cut anywhere.
class PercentReader {
 public:
  // The last number that was complete, in hundredths of a percent; -1 where there is none.
  int Add(std::string_view text) {
    int last = -1;
    for (const char c : text) {
      if (c == '(') {
        number_.clear();
      } else if (c == '/') {
        last = Complete(last);
      } else if (number_.size() < 8) {
        number_ += c;
      }
    }
    return last;
  }

 private:
  int Complete(int otherwise) const {
    double percent = 0;
    const char* end = number_.data() + number_.size();
    const auto [stopped, error] = std::from_chars(number_.data(), end, percent);
    const bool complete = error == std::errc() && stopped == end;
    // No comparison holds for a NaN.
    const bool sensible = complete && percent >= 0 && percent <= 100;
    return sensible ? static_cast<int>(percent * 100) : otherwise;
  }

  std::string number_;
};

}  // namespace

Result<ImportReport> ImportQcow2(const ImportJob& job) {
  const Qcow2Facts facts = VENEER_TRY(FactsOf(job));
  const Bytes data = VENEER_TRY(CheckedDataOf(job, facts));
  VENEER_TRY(job.RequireRoomFor(data));
  VENEER_TRY(job.output.Resize(facts.size));
  ChildProgram convert = QemuImg(job, {"convert", "-p", "-n", "--target-is-zero", "-f", "qcow2",
                                       "-O", "raw", InheritedPath(0), InheritedPath(1)});
  PercentReader percent;
  convert.output = [&](std::string_view text) -> Result<void> {
    constexpr std::uint64_t kAll = 10'000;
    const int done = percent.Add(text);
    if (done >= 0) {
      job.Report(Bytes(facts.size.value() / kAll * static_cast<std::uint64_t>(done)), facts.size);
    }
    return {};
  };
  const ChildEnd end = VENEER_TRY(RunChild(convert));
  if (end.status != 0) return QemuFailed(end);
  job.Report(facts.size, facts.size);
  return ImportReport{.format = ImageFormat::kQcow2, .method = {}, .size = facts.size};
}

}  // namespace veneer
