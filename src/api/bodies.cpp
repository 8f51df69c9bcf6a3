#include "api/bodies.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "api/body_reader.h"

namespace veneer::api {
namespace {

// As in Lifecycle; checked here because a count is narrower there.
constexpr std::uint64_t kMostForks = 1000;
constexpr std::uint64_t kMostCpus = 64;

Result<std::optional<BackendChoice>> BackendIn(const BodyReader& body) {
  const auto name = VENEER_TRY(body.OptionalText("backend"));
  if (!name) return std::nullopt;
  return VENEER_TRY(BackendChoiceNamed(*name));
}

Result<ExportKind> ExportIn(const BodyReader& body) {
  const auto name = VENEER_TRY(body.OptionalText("export"));
  if (!name) return ExportKind::kFuse;
  if (const auto kind = ExportNamed(*name)) return *kind;
  return Fail(ErrorKind::kUsage, fmt::format("'{}' is no export", *name), "export is fuse or nbd");
}

// What belongs to a machine is refused where none is asked for.
Result<std::optional<MachineRecord>> MachineIn(const BodyReader& body) {
  const bool boots = VENEER_TRY(body.OptionalFlag("boot")).value_or(false);
  const auto memory = VENEER_TRY(body.OptionalSize("memory"));
  const auto cpus = VENEER_TRY(body.OptionalNumber("cpus"));
  const auto network = VENEER_TRY(body.OptionalText("net"));
  if (!boots && !memory && !cpus && !network) return std::nullopt;
  if (!boots) {
    return Fail(ErrorKind::kUsage, "memory, cpus and net are a machine's",
                "send \"boot\": true with them");
  }
  MachineRecord machine{.memory = kUsualMemory, .network = std::string(kUsualNetwork)};
  if (memory) machine.memory = *memory;
  // Checked by Lifecycle; here only that it fits.
  if (cpus) machine.cpus = static_cast<unsigned>(std::min<std::uint64_t>(*cpus, kMostCpus + 1));
  if (network) machine.network = *network;
  if (NetworkNamed(machine.network)) return machine;
  return Fail(ErrorKind::kUsage, fmt::format("'{}' is no network", machine.network),
              "net is none or user");
}

}  // namespace

Result<CreateRequest> DecodeCreate(std::string_view body) {
  const BodyReader reader = VENEER_TRY(BodyReader::Of(
      body, {"template", "name", "size", "backend", "export", "boot", "memory", "cpus", "net"}));
  CreateRequest request;
  request.template_reference = VENEER_TRY(reader.Text("template"));
  request.name = VENEER_TRY(reader.OptionalText("name")).value_or("");
  request.size = VENEER_TRY(reader.OptionalSize("size"));
  request.backend = VENEER_TRY(BackendIn(reader)).value_or(BackendChoice::kAuto);
  request.export_kind = VENEER_TRY(ExportIn(reader));
  request.machine = VENEER_TRY(MachineIn(reader));
  return request;
}

Result<std::optional<BackendChoice>> DecodeResume(std::string_view body) {
  const BodyReader reader = VENEER_TRY(BodyReader::Of(body, {"backend"}));
  return BackendIn(reader);
}

Result<unsigned> DecodeFork(std::string_view body) {
  const BodyReader reader = VENEER_TRY(BodyReader::Of(body, {"count"}));
  const std::uint64_t count = VENEER_TRY(reader.OptionalNumber("count")).value_or(1);
  if (count > kMostForks) {
    return Fail(ErrorKind::kUsage, fmt::format("cannot make {} forks", count),
                fmt::format("count is from 1 to {}", kMostForks));
  }
  return static_cast<unsigned>(count);
}

Result<std::string> DecodeSnapshot(std::string_view body) {
  const BodyReader reader = VENEER_TRY(BodyReader::Of(body, {"name"}));
  return reader.Text("name");
}

Result<ImportBody> DecodeImport(std::string_view body) {
  const BodyReader reader = VENEER_TRY(BodyReader::Of(body, {"name", "file", "size"}));
  ImportBody import;
  import.name = VENEER_TRY(reader.Text("name"));
  import.file = VENEER_TRY(reader.Text("file"));
  import.size = VENEER_TRY(reader.OptionalSize("size"));
  const bool is_name = !import.file.empty() && import.file.find('/') == std::string::npos &&
                       import.file != "." && import.file != "..";
  if (!is_name) {
    return Fail(ErrorKind::kUsage, "file is no name of a file",
                "name a file in the import directory, without any directory");
  }
  return import;
}

Result<void> DecodeNothing(std::string_view body) {
  VENEER_TRY(BodyReader::Of(body, {}));
  return {};
}

}  // namespace veneer::api
